"""A transformers encoder with one head per task, run on packed batches."""
