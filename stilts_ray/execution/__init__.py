"""Running a plan. Only `searcher`, `launch` and `worker` know Ray."""
