"""The training loop."""

import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from stilts_ray.data.batches import Batch, Items
from stilts_ray.models.heads import INSEPARABLE, LOSSES
from stilts_ray.models.model import Model
from stilts_ray.spec import Optimizer
from stilts_ray.tasks.base import Kind
from stilts_ray.timing import part
from stilts_ray.training.checkpoint import Checkpoints, Progress
from stilts_ray.training.optimizer import make_optimizer, schedule

MakeBatch = Callable[[int, str, Items], Batch]
"""(step, task, items) -> their batch."""
Metrics = dict[str, float]


CPU = torch.device("cpu")


@dataclass(frozen=True)
class Team:
    """The processes that train one model together; torch.distributed is set up if there are several."""

    rank: int = 0
    size: int = 1
    device: torch.device = CPU


ALONE = Team()


@dataclass(frozen=True, kw_only=True)
class Run:
    """All that a run of the loop depends on besides the model.

    order: every batch, as (task, items). kinds: kind of each task. evaluate: dev metrics, among them "score", which is
    maximised; called after `evaluations` evenly spaced steps, the last one being the last step.
    stop_below: for each evaluation a score below which the run ends there, or None.
    """

    order: Sequence[tuple[str, Items]]
    make_batch: MakeBatch
    kinds: dict[str, Kind]
    evaluate: Callable[[Model], Metrics]
    evaluations: int
    learning_rate: float
    optimizer: Optimizer
    seed: int
    stop_below: tuple[float | None, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """How a run ended: "finished", "stopped" (by `stop_below`) or "diverged" (a loss or a dev metric was not finite)."""

    end: str
    progress: Progress


def train(
    model: Model,
    run: Run,
    checkpoints: Checkpoints,
    report: Callable[[dict[str, Any]], None] = lambda entry: None,
    team: Team = ALONE,
) -> Outcome:
    """Trains `model` in place, continuing from the last committed checkpoint; on the CPU the result is that of an
    uninterrupted run, to the last bit. `report` gets each entry of the curve as it is made, on every process of the team."""
    optimizer = make_optimizer(model, run.learning_rate, run.optimizer)
    progress = checkpoints.load(model, optimizer)
    module = _joined(model, team)
    steps = len(run.order)
    stops = evaluation_steps(steps, run.evaluations)
    while progress.step < steps:
        loss, tokens = _step(module, optimizer, run, progress.step, team)
        progress.step += 1
        progress.tokens += tokens
        progress.loss_sum += loss
        progress.loss_steps += 1
        if not math.isfinite(loss):
            return Outcome("diverged", progress)
        if progress.step in stops:
            entry = _evaluated(model, run, progress, team)
            if not all(math.isfinite(value) for value in entry.values()):
                return Outcome("diverged", progress)
            progress.curve.append(entry)
            report(entry)
            if _below(entry["score"], run.stop_below, stops.index(progress.step)):
                return Outcome("stopped", progress)
        if progress.step < steps and team.rank == 0 and checkpoints.due():
            checkpoints.save(model, optimizer, progress)
    return Outcome("finished", progress)


def evaluation_steps(steps: int, evaluations: int) -> list[int]:
    """The steps after which a run of `steps` is evaluated."""
    return sorted({max(1, steps * (number + 1) // evaluations) for number in range(evaluations)})


def _below(score: float, thresholds: tuple[float | None, ...], number: int) -> bool:
    threshold = thresholds[number] if number < len(thresholds) else None
    return threshold is not None and score < threshold


@part("evaluate")
def _evaluated(model: Model, run: Run, progress: Progress, team: Team) -> dict[str, Any]:
    model.eval()
    with torch.inference_mode(), precision(model.device):
        metrics = run.evaluate(model)
    entry = {"step": progress.step, "loss": progress.loss_sum / progress.loss_steps, **metrics}
    if team.size > 1:
        # All must end where one does; scores may differ in their last digits between unlike devices.
        values = torch.tensor(list(entry.values()), dtype=torch.float64, device=team.device)
        torch.distributed.broadcast(values, src=0)
        entry |= dict(zip(entry, values.tolist(), strict=True)) | {"step": progress.step}
    progress.loss_sum, progress.loss_steps = 0.0, 0
    return entry


def _step(module: nn.Module, optimizer: torch.optim.Optimizer, run: Run, step: int, team: Team) -> tuple[float, int]:
    """One update; returns the mean loss and the tokens of the whole batch."""
    task, items = run.order[step]
    mine = _part(items, run.kinds[task], team)
    # A last batch smaller than the team leaves some without work; they take part with a loss that does not count.
    idle = len(mine) == 0
    with part("wait"):
        batch = run.make_batch(step, task, items[:1] if idle else mine).to(team.device)
    factor = schedule(step, len(run.order), run.optimizer.warmup)
    for group in optimizer.param_groups:
        group["lr"] = run.learning_rate * factor
    # Each step seeds its own dropout, so that a resumed run needs no random state from before.
    torch.manual_seed((run.seed * 1_000_003 + step) * 1_009 + team.rank)
    module.train()
    optimizer.zero_grad(set_to_none=True)
    with part("forward"), precision(team.device):
        total, count = LOSSES[run.kinds[task]](module(task, batch), batch)
    share = torch.tensor([0.0, 0.0, 0.0] if idle else [total.item(), count, len(batch.tokens)], dtype=torch.float64)
    whole = _summed(share, team)
    # DDP averages gradients over the team; the factor makes of it the mean over the batch.
    with part("backward"):
        (total * (0.0 if idle else team.size / whole[1].item())).backward()  # type: ignore[no-untyped-call]
    with part("optimizer"):
        torch.nn.utils.clip_grad_norm_(module.parameters(), run.optimizer.clip)
        optimizer.step()
    return (whole[0] / whole[1]).item(), int(whole[2].item())


def _part(items: Items, kind: Kind, team: Team) -> Items:
    """This process's part of a batch. One that cannot be shared is the first one's: what is computed must not depend on how
    many there are."""
    if kind in INSEPARABLE:
        return items if team.rank == 0 else items[:0]
    return items[team.rank :: team.size]


def _summed(share: torch.Tensor, team: Team) -> torch.Tensor:
    if team.size > 1:
        share = share.to(team.device)
        torch.distributed.all_reduce(share)
    return share


def _joined(model: Model, team: Team) -> nn.Module:
    if team.size == 1:
        return model
    devices = [team.device] if team.device.type == "cuda" else None
    # In a mixture each batch uses one head; the others have no gradient in that step.
    several = len(model.heads) > 1
    return nn.parallel.DistributedDataParallel(model, device_ids=devices, find_unused_parameters=several)


def precision(device: torch.device) -> contextlib.AbstractContextManager[Any]:
    """bf16 autocast over float32 weights on a GPU, plain float32 on a CPU."""
    return torch.autocast("cuda", dtype=torch.bfloat16) if device.type == "cuda" else contextlib.nullcontext()
