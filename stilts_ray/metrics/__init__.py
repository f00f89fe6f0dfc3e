"""Metrics by the published scorers' rules, and the formats of their files. Pure functions of predictions."""
