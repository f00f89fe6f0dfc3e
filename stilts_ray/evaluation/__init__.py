"""What predictions become: averages, prediction files, scores of submission trees, signatures."""
