"""A sweep callback that records when jobs end."""

import time
from collections.abc import Callable

from stilts_ray.execution.jobs import Job
from stilts_ray.execution.run_index import Outcome
from stilts_ray.store.records import CurvePoint, JobRecord


class Ends:
    """For each job that ended, the time (in seconds, from an arbitrary origin) and `measure` of its record."""

    def __init__(self, measure: Callable[[JobRecord], float]) -> None:
        self.measure, self.seen = measure, list[tuple[float, float]]()

    def on_job_start(self, job: Job) -> None:
        """Nothing."""

    def on_evaluation(self, job: Job, point: CurvePoint) -> None:
        """Nothing."""

    def on_job_end(self, job: Job, outcome: Outcome) -> None:
        """Records the time."""
        assert isinstance(outcome, JobRecord), outcome
        self.seen.append((time.perf_counter(), self.measure(outcome)))
