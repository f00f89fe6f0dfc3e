"""Predictions, and what they score by the published rules."""
