"""Where and how fast a sweep runs."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from stilts_ray.config.values import Positive, Share, Spec

DataParallel = Literal["ddp", "fsdp"]
"""Each of several workers has the whole model (DDP), or a part of every layer (FSDP2)."""


class Runtime(Spec, tag="runtime"):
    """Where and how fast, and therefore no part of any identity. On CPUs none of it changes a number, with one exception:
    several workers draw dropout each for their part of a batch. GPUs add rounding of their own, and where a batch is more
    than one has memory for, it is computed in parts, each with its own dropout."""

    mlflow: str | None = None
    address: str | None = None
    gpus_per_trial: Share = 0.0
    """Of each process: a whole one, or a share that several trials fill."""
    workers_per_trial: Positive = 1
    data_parallel: DataParallel = "ddp"
    max_concurrent: Positive | None = None
    checkpoint_seconds: Annotated[float, Field(ge=0)] = 60.0
    """Time between two checkpoints of a training run; work lost to a crash is at most this."""
    max_failures: Annotated[int, Field(ge=0)] = 3
    """How often a crashed trial is started again."""
    flawed_rows: Literal["repair", "refuse"] = "repair"
    """What becomes of rows with flaws that their source has rules for. If none is refused, none was repaired."""

    @model_validator(mode="after")
    def _whole_devices(self) -> "Runtime":
        if self.workers_per_trial > 1 and self.gpus_per_trial not in (0, 1):
            raise ValueError("gpus_per_trial must be 0 or 1 where several workers train one model")
        return self
