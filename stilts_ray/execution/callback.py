"""The callback interface of a sweep, for the progress display, tracking and benchmarks."""

from typing import Protocol

from stilts_ray.execution.jobs import Job
from stilts_ray.execution.run_index import Outcome
from stilts_ray.store.records import CurvePoint


class SweepCallback(Protocol):
    """Called during a sweep, always from the driver's main thread."""

    def on_job_start(self, job: Job) -> None:
        """A job starts, or restarts after its worker crashed."""

    def on_evaluation(self, job: Job, point: CurvePoint) -> None:
        """A trial was evaluated on its dev data."""

    def on_job_end(self, job: Job, outcome: Outcome) -> None:
        """A job has finished, or has failed without a further restart."""
