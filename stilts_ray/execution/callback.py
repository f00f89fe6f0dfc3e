"""Who hears of what happens during a sweep: the progress display, tracking, a benchmark's clock."""

from typing import Any, Protocol

from stilts_ray.execution.jobs import Job
from stilts_ray.execution.run_index import Outcome


class SweepCallback(Protocol):
    """Hears of what happens during a sweep; every call comes from the driver's main thread."""

    def on_job_start(self, job: Job) -> None:
        """A job was handed out; again, if its process died."""

    def on_evaluation(self, job: Job, entry: dict[str, Any]) -> None:
        """A training run was evaluated on its dev data."""

    def on_job_end(self, job: Job, outcome: Outcome) -> None:
        """A job is done, or has failed for good."""
