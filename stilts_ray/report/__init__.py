"""Records -> what is shown: tables, files, and the runs of a tracking server. Nothing here trains or draws on MLflow."""
