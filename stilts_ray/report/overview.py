"""A plan compared with its store: what is done, what is left, and what that will cost."""

from collections.abc import Sequence
from typing import Any, Literal

from stilts_ray.config import Pretraining
from stilts_ray.identity import canonical
from stilts_ray.plan.build import Plan
from stilts_ray.plan.calibration import CPU, Calibration
from stilts_ray.plan.changes import changes
from stilts_ray.plan.costs import CostComparison, compare_costs, packed_tokens
from stilts_ray.plan.steps import Condition, Evaluation, Pretrain, Ranking, Step, StepKind, Study
from stilts_ray.store.records import AnyStepRecord, TrainRecord, Value
from stilts_ray.store.state import StoreState, status_of


class PlannedStep(Value):
    """A step of a plan. trials, train_tokens: of the whole step, whatever of it is done. changed: for a new step, what differs
    from the latest step of the same kind and name in the store (`stilts_ray.plan.changes`)."""

    kind: StepKind
    name: str
    digest: str
    depends_on: tuple[str, ...]
    status: Literal["done", "failed", "new"]
    trials: int
    train_tokens: int
    changed: tuple[str, ...] = ()


class Totals(Value):
    """steps: of the plan. trials, train_tokens, gpu_hours, disk_bytes: of what is left to do. The last two are estimated from
    the trials in the store, and None while it has none (for hours: none trained on a GPU, and the calibration is not of a GPU
    or lacks an encoder)."""

    steps: int
    new: int
    trials: int
    train_tokens: int
    gpu_hours: float | None
    disk_bytes: int | None


class Overview(Value):
    """What `stilts plan` shows. comparison: None if the sweep trains nothing."""

    sweep: str
    store: str
    steps: tuple[PlannedStep, ...]
    totals: Totals
    comparison: CostComparison | None


def overview(plan: Plan, state: StoreState, calibration: Calibration | None = None) -> Overview:
    """The steps of a plan with their status, and the costs of what is left."""
    latest = {(r.kind, r.name): r for r in sorted(state.steps.values(), key=lambda record: record.finished_at)}
    steps = tuple(_planned(step, plan, state, latest.get((step.kind, step.name))) for step in plan.steps)
    left = [step for step in steps if step.status != "done"]
    trials, tokens = sum(step.trials for step in left), sum(step.train_tokens for step in left)
    trained = [job for job in state.jobs.values() if isinstance(job, TrainRecord)]
    hours = _gpu_hours(tokens, trained) if tokens else 0.0
    if hours is None and calibration is not None and calibration.device != CPU:
        studies = [step for step in plan.steps if isinstance(step, Study) and step.digest not in state.steps]
        hours = calibration.packed_hours(packed_tokens(plan.sweep, studies))
    totals = Totals(
        steps=len(steps),
        new=sum(step.status == "new" for step in steps),
        trials=trials,
        train_tokens=tokens,
        gpu_hours=hours,
        disk_bytes=_disk_bytes(trials, trained) if trials else 0,
    )
    comparison = compare_costs(plan, calibration)
    return Overview(sweep=plan.sweep.name, store=state.store, steps=steps, totals=totals, comparison=comparison)


def summary(document: Overview) -> str:
    """One line on what is left to do."""
    totals, done = document.totals, sum(step.status == "done" for step in document.steps)
    hours, size = totals.gpu_hours, totals.disk_bytes
    return (
        f"{totals.steps} steps, {done} done; to do: {totals.trials} trials,"
        f" {totals.train_tokens:,} training tokens,"
        f" {'GPU-hours unknown (no trial on a GPU yet)' if hours is None else f'{hours} GPU-hours'},"
        f" {'disk unknown (no trial yet)' if size is None else f'{size / 1e6:,.0f} MB of checkpoints'}"
    )


def _planned(step: Step, plan: Plan, state: StoreState, earlier: AnyStepRecord | None) -> PlannedStep:
    """earlier: the latest record of a step of the same kind and name."""
    status = status_of(step, plan, state).state
    shown: Literal["done", "failed", "new"] = status if status == "done" or status == "failed" else "new"
    trials = step.trials if isinstance(step, Study) else 0
    tokens = step.tokens * trials if isinstance(step, Study) else 0
    if isinstance(step, Pretrain) and isinstance(step.weights, Pretraining):
        tokens = step.weights.tokens
    return PlannedStep(
        kind=step.kind,
        name=step.name,
        digest=step.digest,
        depends_on=step.depends_on,
        status=shown,
        trials=trials,
        train_tokens=tokens,
        changed=_changed(step, plan, earlier) if shown == "new" and earlier is not None else (),
    )


def _changed(step: Step, plan: Plan, earlier: AnyStepRecord) -> tuple[str, ...]:
    names = {digest: plan.by_digest[digest].name for digest in step.depends_on}
    if isinstance(step, Study | Ranking | Evaluation | Condition):
        names |= {step.encoder.digest: step.encoder.name}
    identity: Any = canonical(step.identity)
    return tuple(changes(earlier.identity, identity, names))


def _gpu_hours(tokens: int, trained: Sequence[TrainRecord]) -> float | None:
    on_gpu = [record for record in trained if record.device != "cpu" and record.tokens]
    if not on_gpu:
        return None
    seconds, seen = sum(record.seconds for record in on_gpu), sum(record.tokens for record in on_gpu)
    return round(tokens * seconds / seen / 3600, 2)


def _disk_bytes(trials: int, trained: Sequence[TrainRecord]) -> int | None:
    sizes = [record.bytes for record in trained if record.bytes]
    return round(trials * sum(sizes) / len(sizes)) if sizes else None
