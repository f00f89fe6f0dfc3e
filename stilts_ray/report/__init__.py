"""From records to tables, files, and MLflow runs as values. Nothing here trains or imports MLflow."""
