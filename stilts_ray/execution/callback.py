"""Callbacks of a sweep: the progress display, tracking, a benchmark's clock."""

from typing import Protocol

from stilts_ray.execution.jobs import Job
from stilts_ray.execution.run_index import Outcome
from stilts_ray.store.records import CurvePoint


class SweepCallback(Protocol):
    """Called during a sweep, always from the driver's main thread."""

    def on_job_start(self, job: Job) -> None:
        """A job was handed out; again, if its worker crashed."""

    def on_evaluation(self, job: Job, point: CurvePoint) -> None:
        """A trial was evaluated on its dev data."""

    def on_job_end(self, job: Job, outcome: Outcome) -> None:
        """A job has finished, or has failed for good."""
