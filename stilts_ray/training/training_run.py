"""The specification of a training run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stilts_ray.config import Optimizer
from stilts_ray.data.batches import Batch, Items
from stilts_ray.models.model import Model
from stilts_ray.tasks.base import Kind

Metrics = dict[str, float]

MakeBatch = Callable[[int, str, Items], Batch]
"""(step, task, items) -> batch, on the host."""


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """Everything that determines a training run besides the model.

    order: the batches, as (task, items). kinds: the kind of each task. evaluate: dev metrics; "score" among them is
    maximised. evaluations: number of dev evaluations, evenly spaced; the last one follows the last step.
    pruning_thresholds: for each evaluation the score below which the run is pruned there, or None.
    """

    order: Sequence[tuple[str, Items]]
    make_batch: MakeBatch
    kinds: dict[str, Kind]
    evaluate: Callable[[Model], Metrics]
    evaluations: int
    learning_rate: float
    optimizer: Optimizer
    seed: int
    pruning_thresholds: tuple[float | None, ...] = ()
