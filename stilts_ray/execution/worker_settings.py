"""Settings that the driver sends to the workers of a sweep."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stilts_ray.config.runtime import DataParallel
from stilts_ray.data.sources import SourceAddress
from stilts_ray.execution.jobs import Job
from stilts_ray.plan.steps import JobKind
from stilts_ray.store.records import AnyJobRecord


@dataclass(frozen=True)
class WorkerSettings:
    """Store, data source and resources of a sweep's workers, as plain data. gpus: per worker. workers: per trial."""

    store: str
    data_source: SourceAddress
    checkpoint_seconds: float
    gpus: float
    workers: int
    data_parallel: DataParallel

    def single_process(self, kind: JobKind) -> bool:
        """Whether one process executes jobs of that kind. Only training uses several workers."""
        return self.workers == 1 or kind in {"score", "rank"}


ExecuteJob = Callable[[Job, Any], AnyJobRecord]
"""Executes a job in a worker context and writes its record to the store."""
