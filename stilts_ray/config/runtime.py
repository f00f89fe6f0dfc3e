"""Where and how fast a sweep runs: tracking, resources, concurrency, fault tolerance."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from stilts_ray.config.values import Positive, Share, Spec

DataParallel = Literal["ddp", "fsdp"]
"""With several workers per trial: a full replica each (DDP), or every layer sharded over them (FSDP2)."""


class Runtime(Spec, tag="runtime"):
    """Execution settings; part of no identity. On CPUs they change no number, with one exception: with several workers, each
    draws dropout for its own shard of a batch. GPUs add rounding of their own, and a batch that exceeds GPU memory is split
    into micro-batches, each with its own dropout."""

    mlflow: str | None = None
    """MLflow tracking URI; None: the default that belongs to the store (`stilts_ray.tracking.default_uri`)."""
    address: str | None = None
    """Address of a Ray cluster; None: Ray on this machine."""
    gpus_per_trial: Share = 0.0
    """GPUs per worker process: 1, or a fraction that lets several trials share a GPU."""
    workers_per_trial: Positive = 1
    """Data-parallel worker processes per trial."""
    data_parallel: DataParallel = "ddp"
    max_concurrent: Positive | None = None
    """Maximum number of concurrent trials; None: as many as the resources allow."""
    checkpoint_seconds: Annotated[float, Field(ge=0)] = 60.0
    """Seconds between two checkpoints of a trial: the most training time that a crash costs."""
    max_failures: Annotated[int, Field(ge=0)] = 3
    """Restarts of a crashed trial before it counts as failed."""
    flawed_rows: Literal["repair", "refuse"] = "repair"
    """Rows with known flaws (`Source.repairs`): repair them, or refuse the whole sweep at the first one."""

    @model_validator(mode="after")
    def _whole_devices(self) -> "Runtime":
        if self.workers_per_trial > 1 and self.gpus_per_trial not in (0, 1):
            raise ValueError("gpus_per_trial must be 0 or 1 when workers_per_trial is above 1")
        return self
