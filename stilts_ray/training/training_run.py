"""What a run of the training loop is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stilts_ray.config import Optimizer
from stilts_ray.data.batches import Batch, Items
from stilts_ray.models.model import Model
from stilts_ray.tasks.base import Kind

Metrics = dict[str, float]

MakeBatch = Callable[[int, str, Items], Batch]
"""(step, task, items) -> their batch, on the host."""


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """All that a run of the loop depends on besides the model.

    order: every batch, as (task, items). kinds: kind of each task. evaluate: dev metrics, among them "score", which is
    maximised; called after `evaluations` evenly spaced steps, the last one being the last step.
    pruning_thresholds: for each evaluation a score below which the run ends there, or None.
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
