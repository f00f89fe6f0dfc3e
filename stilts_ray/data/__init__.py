"""Rows of a task -> checked examples -> token sequences, made once a machine -> packed batches."""
