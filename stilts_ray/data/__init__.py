"""The data pipeline: rows -> validated examples -> token sequences, cached once per machine -> packed batches."""
