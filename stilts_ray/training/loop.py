"""The training loop."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch

from stilts_ray.models.inference import inference
from stilts_ray.models.model import Model
from stilts_ray.models.vocabulary import set_pruned_decay
from stilts_ray.store.records import CurvePoint
from stilts_ray.timing import part
from stilts_ray.training.checkpoint import Checkpoints, Progress
from stilts_ray.training.optimizer import decay_product, make_optimizer, make_scheduler
from stilts_ray.training.process_group import SINGLE_PROCESS, ProcessGroup, wrap
from stilts_ray.training.step import Stepper, Update
from stilts_ray.training.training_run import TrainingRun

HOST_SYNC_INTERVAL = 16
"""Steps between two reads of the losses: on a GPU each read waits for all kernels launched so far."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended. pruned: a dev score was below its pruning threshold. diverged: a loss or a dev metric was not finite."""

    end: Literal["finished", "pruned", "diverged"]
    progress: Progress


def train(
    model: Model,
    run: TrainingRun,
    checkpoints: Checkpoints,
    report: Callable[[CurvePoint], None] = lambda point: None,
    process_group: ProcessGroup = SINGLE_PROCESS,
) -> Outcome:
    """Trains `model` in place and resumes from the last committed checkpoint. On the CPU, a resumed run is bit-identical to an
    uninterrupted one. `report` receives each point of the dev curve, on every process.

    Raises RequestError if a single item does not fit in device memory.
    """
    stepper, progress = _restore(model, run, checkpoints, process_group)
    steps, evaluated = len(run.order), evaluation_steps(len(run.order), run.evaluations)
    scheduler = make_scheduler(stepper.optimizer, steps, run.optimizer.warmup, progress.step)
    pending: list[Update] = []
    for step in range(progress.step, steps):
        pending.append(stepper.update(step))
        scheduler.step()
        done = step + 1
        save = done < steps and _checkpoint_due(done, checkpoints, process_group)
        if not (save or done in evaluated or done % HOST_SYNC_INTERVAL == 0):
            continue
        if not _synchronise(pending, progress, process_group):
            return Outcome("diverged", progress)
        if done in evaluated:
            point = _evaluate(model, run, progress, process_group)
            if not point.finite:
                return Outcome("diverged", progress)
            progress.curve.append(point)
            report(point)
            if _below_threshold(point.score, run.pruning_thresholds, evaluated.index(done)):
                return Outcome("pruned", progress)
        if save:
            checkpoints.save(model, stepper.optimizer, progress, process_group)
    set_pruned_decay(model.encoder, decay_product(scheduler, steps, run.optimizer.weight_decay))
    return Outcome("finished", progress)


def _restore(
    model: Model, run: TrainingRun, checkpoints: Checkpoints, process_group: ProcessGroup
) -> tuple[Stepper, Progress]:
    """The run at its last checkpoint."""
    module = wrap(model.train(), process_group)
    # After wrap: the optimizer of a sharded model holds the moments of this process's shard.
    optimizer = make_optimizer(model, run.learning_rate, run.optimizer)
    progress = checkpoints.load(model, optimizer)
    return Stepper(
        run, model, module, optimizer, process_group, checkpoints.memory_budget(), checkpoints.save_memory_budget
    ), progress


def _checkpoint_due(done: int, checkpoints: Checkpoints, process_group: ProcessGroup) -> bool:
    """Whether to save a checkpoint. Rank 0 decides; with several processes only every HOST_SYNC_INTERVAL steps."""
    if process_group.size > 1 and done % HOST_SYNC_INTERVAL:
        return False
    return bool(process_group.broadcast([float(checkpoints.due())])[0])


def _synchronise(pending: list[Update], progress: Progress, process_group: ProcessGroup) -> bool:
    """Adds the pending updates to the progress, up to the first non-finite loss; returns whether all losses are finite."""
    losses = process_group.all_reduce(torch.stack([update.loss for update in pending]).tolist())
    for loss, update in zip(losses, pending, strict=True):
        progress.step += 1
        progress.tokens += update.tokens
        progress.loss_sum += loss
        progress.loss_steps += 1
        if not math.isfinite(loss):
            return False
    pending.clear()
    return True


def evaluation_steps(steps: int, evaluations: int) -> list[int]:
    """The steps (from 1) after which a run of `steps` is evaluated."""
    return sorted({max(1, steps * (number + 1) // evaluations) for number in range(evaluations)})


def _below_threshold(score: float, pruning_thresholds: tuple[float | None, ...], evaluation: int) -> bool:
    threshold = pruning_thresholds[evaluation] if evaluation < len(pruning_thresholds) else None
    return threshold is not None and score < threshold


@part("evaluate")
def _evaluate(model: Model, run: TrainingRun, progress: Progress, process_group: ProcessGroup) -> CurvePoint:
    """The next point of the dev curve: the mean training loss since the last point, and the dev metrics."""
    model.eval()
    with inference(model):
        metrics = run.evaluate(model)
    model.train()
    values = {"loss": progress.loss_sum / progress.loss_steps, **metrics}
    # Scores may differ in the last digits between devices, but all processes must end at the same step.
    values = dict(zip(values, process_group.broadcast(list(values.values())), strict=True))
    progress.loss_sum, progress.loss_steps = 0.0, 0
    loss, score = values.pop("loss"), values.pop("score")
    return CurvePoint(step=progress.step, loss=loss, score=score, metrics=values)
