"""Execution of a plan. Only `launch`, `trainable`, `tune_searcher` and `worker` import Ray."""
