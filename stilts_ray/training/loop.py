"""The training loop."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from stilts_ray.models.inference import inference
from stilts_ray.models.model import Model
from stilts_ray.models.vocabulary import set_decay
from stilts_ray.timing import part
from stilts_ray.training.checkpoint import Checkpoints, Progress
from stilts_ray.training.optimizer import decay, make_optimizer, schedule, set_rate
from stilts_ray.training.process_group import SINGLE_PROCESS, ProcessGroup, wrap
from stilts_ray.training.step import Stepper, Update
from stilts_ray.training.training_run import TrainingRun

HOST_SYNC_INTERVAL = 16
"""Steps after which losses are looked at: on a GPU a look waits for all that was asked of it."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended: "finished", "pruned" (by `pruning_thresholds`) or "diverged" (a loss or a dev metric was not finite)."""

    end: str
    progress: Progress


def train(
    model: Model,
    run: TrainingRun,
    checkpoints: Checkpoints,
    report: Callable[[dict[str, Any]], None] = lambda entry: None,
    process_group: ProcessGroup = SINGLE_PROCESS,
) -> Outcome:
    """Trains `model` in place, continuing from the last committed checkpoint; on the CPU the result is that of an
    uninterrupted run, to the last bit. `report` gets each entry of the curve as it is made, on every process of the team.

    Raises RequestError if a single item does not fit the device.
    """
    stepper, progress = _begun(model, run, checkpoints, process_group)
    steps, stops = len(run.order), evaluation_steps(len(run.order), run.evaluations)
    pending: list[Update] = []
    for step in range(progress.step, steps):
        set_rate(stepper.optimizer, run.learning_rate * schedule(step, steps, run.optimizer.warmup))
        pending.append(stepper.take(step))
        done = step + 1
        due = done < steps and _due(done, checkpoints, process_group)
        if not (due or done in stops or done % HOST_SYNC_INTERVAL == 0):
            continue
        if not _synchronise(pending, progress, process_group):
            return Outcome("diverged", progress)
        if done in stops:
            entry = _evaluated(model, run, progress, process_group)
            if not all(math.isfinite(value) for value in entry.values()):
                return Outcome("diverged", progress)
            progress.curve.append(entry)
            report(entry)
            if _below(entry["score"], run.pruning_thresholds, stops.index(done)):
                return Outcome("pruned", progress)
        if due:
            checkpoints.save(model, stepper.optimizer, progress, process_group)
    set_decay(model.encoder, decay(steps, run.learning_rate, run.optimizer))
    return Outcome("finished", progress)


def _begun(
    model: Model, run: TrainingRun, checkpoints: Checkpoints, process_group: ProcessGroup
) -> tuple[Stepper, Progress]:
    """The run where its last checkpoint left it."""
    module = wrap(model.train(), process_group)
    # Of a sharded model, each process has the moments of its part.
    optimizer = make_optimizer(model, run.learning_rate, run.optimizer)
    progress = checkpoints.load(model, optimizer)
    return Stepper(
        run, model, module, optimizer, process_group, checkpoints.memory_budget(), checkpoints.save_memory_budget
    ), progress


def _due(done: int, checkpoints: Checkpoints, process_group: ProcessGroup) -> bool:
    """Whether it is time for a checkpoint. A team asks its first process, and not after every step."""
    if process_group.size > 1 and done % HOST_SYNC_INTERVAL:
        return False
    return bool(process_group.broadcast([float(checkpoints.due())])[0])


def _synchronise(pending: list[Update], progress: Progress, process_group: ProcessGroup) -> bool:
    """Adds the last steps to the progress, up to one whose loss is not finite; returns whether there was none."""
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
    """The steps after which a run of `steps` is evaluated."""
    return sorted({max(1, steps * (number + 1) // evaluations) for number in range(evaluations)})


def _below(score: float, pruning_thresholds: tuple[float | None, ...], number: int) -> bool:
    threshold = pruning_thresholds[number] if number < len(pruning_thresholds) else None
    return threshold is not None and score < threshold


@part("evaluate")
def _evaluated(model: Model, run: TrainingRun, progress: Progress, process_group: ProcessGroup) -> dict[str, Any]:
    model.eval()
    with inference(model):
        metrics = run.evaluate(model)
    model.train()
    entry = {"step": progress.step, "loss": progress.loss_sum / progress.loss_steps, **metrics}
    # All must end where one does; scores may differ in their last digits between unlike devices.
    broadcast = dict(zip(entry, process_group.broadcast(list(entry.values())), strict=True))
    progress.loss_sum, progress.loss_steps = 0.0, 0
    return broadcast | {"step": progress.step}
