"""Who hears of what happens during a sweep: the progress display, tracking, a benchmark's clock."""

from typing import Any, Protocol

from stilts_ray.sweep.jobs import Job
from stilts_ray.sweep.ledger import Outcome


class Watcher(Protocol):
    """Hears of what happens during a sweep; every call comes from the driver's main thread."""

    def begun(self, job: Job) -> None:
        """A job was handed out; again, if its process died."""

    def progressed(self, job: Job, entry: dict[str, Any]) -> None:
        """A training run was evaluated on its dev data."""

    def ended(self, job: Job, outcome: Outcome) -> None:
        """A job is done, or has failed for good."""
