"""A watcher of a run that notes when jobs end."""

import time
from collections.abc import Callable
from typing import Any

from stilts_ray.execution.jobs import Job
from stilts_ray.execution.run_index import Outcome
from stilts_ray.store.records import JobRecord


class Ends:
    """For each job that ended, in seconds since some point in time when it did, and what `note` says of its record."""

    def __init__(self, note: Callable[[JobRecord], float]) -> None:
        self.note, self.seen = note, list[tuple[float, float]]()

    def on_job_start(self, job: Job) -> None:
        """Nothing."""

    def on_evaluation(self, job: Job, entry: dict[str, Any]) -> None:
        """Nothing."""

    def on_job_end(self, job: Job, outcome: Outcome) -> None:
        """Notes the time."""
        assert isinstance(outcome, JobRecord), outcome
        self.seen.append((time.perf_counter(), self.note(outcome)))
