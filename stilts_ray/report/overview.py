"""A plan held against what a store knows: what is done, what is left, and what that will cost."""

from typing import Any

from stilts_ray.config import Pretraining
from stilts_ray.plan.build import Plan
from stilts_ray.plan.calibration import CPU, Calibration
from stilts_ray.plan.costs import compared, packed_tokens
from stilts_ray.plan.steps import Pretrain, Step, Study
from stilts_ray.store.state import StoreState
from stilts_ray.store.store import Record


def overview(plan: Plan, state: StoreState, calibration: Calibration | None = None) -> dict[str, Any]:
    """The document of `stilts plan --json`. Totals of trials, tokens, hours and bytes are of what is left to do.

    gpu_hours and disk_bytes are estimated from the trials that the store holds, and None while it holds none (for hours:
    none made on a GPU, and the calibration is not of a GPU, or not of each encoder). comparison: `costs.compared`.
    """
    steps = [_step(step, _status(step, state)) for step in plan.steps]
    left = [step for step in steps if step["status"] != "done"]
    trials, tokens = sum(step["trials"] for step in left), sum(step["train_tokens"] for step in left)
    made = [job for job in state.jobs.values() if job["kind"] == "trial"]
    hours = _gpu_hours(tokens, made) if tokens else 0.0
    if hours is None and calibration is not None and calibration.device != CPU:
        studies = [step for step in plan.steps if isinstance(step, Study) and step.digest not in state.steps]
        hours = calibration.packed_hours(packed_tokens(plan.sweep, studies))
    return {
        "sweep": plan.sweep.name,
        "store": state.store,
        "steps": steps,
        "totals": {
            "steps": len(steps),
            "new": sum(step["status"] == "new" for step in steps),
            "trials": trials,
            "train_tokens": tokens,
            "gpu_hours": hours,
            "disk_bytes": _disk_bytes(trials, made) if trials else 0,
        },
        "comparison": compared(plan, calibration),
    }


def _status(step: Step, state: StoreState) -> str:
    if step.digest in state.steps:
        return "done"
    return "failed" if step.digest in state.failed else "new"


def _step(step: Step, status: str) -> dict[str, Any]:
    trials = step.trials if isinstance(step, Study) else 0
    tokens = step.tokens * trials if isinstance(step, Study) else 0
    if isinstance(step, Pretrain) and isinstance(step.weights, Pretraining):
        tokens = step.weights.tokens
    return {
        "kind": step.kind,
        "name": step.name,
        "digest": step.digest,
        "depends_on": list(step.depends_on),
        "status": status,
        "trials": trials,
        "train_tokens": tokens,
    }


def _gpu_hours(tokens: int, made: list[Record]) -> float | None:
    on_gpu = [record for record in made if record["device"] != "cpu" and record["tokens"]]
    if not on_gpu:
        return None
    seconds, seen = sum(r["seconds"] for r in on_gpu), sum(r["tokens"] for r in on_gpu)
    return float(round(tokens * seconds / seen / 3600, 2))


def _disk_bytes(trials: int, made: list[Record]) -> int | None:
    sizes = [record["bytes"] for record in made if record.get("bytes")]
    return round(trials * sum(sizes) / len(sizes)) if sizes else None


def summary(document: dict[str, Any]) -> str:
    """One line on what is left to do."""
    totals, done = document["totals"], sum(step["status"] == "done" for step in document["steps"])
    hours, size = totals["gpu_hours"], totals["disk_bytes"]
    return (
        f"{totals['steps']} steps, {done} done; to do: {totals['trials']} trials,"
        f" {totals['train_tokens']:,} training tokens,"
        f" {'GPU-hours unknown (no trial on a GPU yet)' if hours is None else f'{hours} GPU-hours'},"
        f" {'disk unknown (no trial yet)' if size is None else f'{size / 1e6:,.0f} MB of checkpoints'}"
    )
