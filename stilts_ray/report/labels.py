"""Tags, parameters and metrics by which MLflow runs are found and compared. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stilts_ray import tasks
from stilts_ray.config import LogUniform, Pretraining, Recipe, Spec
from stilts_ray.identity import JSON, digest
from stilts_ray.plan.build import Plan
from stilts_ray.plan.steps import Condition, Evaluation, Pretrain, Step, Study
from stilts_ray.report.cells import Cell, TableRow
from stilts_ray.report.table import intermediate_name
from stilts_ray.store.records import AnyJobRecord, CurvePoint, PretrainRecord, Record, TrainRecord

Texts = dict[str, str]


@dataclass(frozen=True, slots=True)
class Point:
    """A metric's value; time in milliseconds."""

    name: str
    value: float
    time: int
    step: int = 0


def ended_at(record: Record) -> int:
    """When a job or step ended, in milliseconds."""
    return round(datetime.fromisoformat(record.finished_at).timestamp() * 1000)


def started_at(job: AnyJobRecord) -> int:
    """When a job began, in milliseconds."""
    return ended_at(job) - round(1000 * job.seconds)


# Metrics


def curve(job: PretrainRecord | TrainRecord) -> Iterator[Point]:
    """Training loss and dev metrics, with the updates after which they were measured."""
    start, end, steps = started_at(job), ended_at(job), max(job.steps, 1)
    for point in job.curve:
        time = start + (end - start) * point.step // steps
        values = {"train/loss": point.loss, **_dev_metrics(point), "dev/score": point.score}
        for name, value in values.items():
            # MLflow allows no @ in names.
            yield Point(name.replace("@", "_at_"), value, time, point.step)


def _dev_metrics(point: CurvePoint) -> dict[str, float]:
    # The score of a single task is that of the trial.
    scores = [name for name in point.metrics if name.endswith("/score")]
    left_out = scores if len(scores) == 1 else []
    return {f"dev/{name}": value for name, value in point.metrics.items() if name not in left_out}


def cost(jobs: Sequence[PretrainRecord | TrainRecord], time: int) -> list[Point]:
    """Seconds and tokens of training."""
    seconds, tokens = sum(job.seconds for job in jobs), sum(job.tokens for job in jobs)
    return [Point("cost/seconds", float(seconds), time), Point("cost/tokens", float(tokens), time)]


def languages(cells: Mapping[str, Cell | None]) -> dict[str, Any]:
    """The per-language scores of a row of the result table; metrics that a target does not have are null.

    Comparing tables, MLflow first shows the second column for each value of the first.
    """
    found = [(t, code, values) for t, cell in cells.items() if cell for code, values in cell.languages.items()]
    metrics = sorted({name for *_, values in found for name in values} - {"score"})
    rows = [
        [f"{target} {code}", *(_rounded(values.get(name)) for name in ("score", *metrics)), target, code]
        for target, code, values in found
    ]
    return {"columns": ["test", "score", *metrics, "target", "language"], "data": rows}


def headlines(row: TableRow, average: str) -> dict[str, float]:
    """A row of the result table as metrics, with two decimals. average: the name of its average."""
    found = {average: row.average, "delta/avg": row.delta}
    cells = {target: cell for target, cell in row.cells.items() if cell is not None}
    found |= {f"target/{target}": cell.score for target, cell in cells.items()}
    found |= {f"delta/{target}": cell.delta for target, cell in cells.items()}
    found |= {f"sd/{target}": cell.sd for target, cell in cells.items()}
    if cells:
        found["collapsed"] = sum(cell.collapsed for cell in cells.values())
    return {name: rounded for name, value in found.items() if (rounded := _rounded(value)) is not None}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 2)


# Parameters


def search(plan: Plan) -> Texts:
    """The search for a learning rate, and the seeds."""
    config = plan.sweep.search
    space = config.learning_rates
    rates = f"{space.low:g} to {space.high:g}" if isinstance(space, LogUniform) else ", ".join(f"{r:g}" for r in space)
    return {
        "learning_rates": rates,
        "trials": str(config.trials),
        "trials_per_round": str(config.trials_per_round),
        "reduction_factor": f"{config.reduction_factor:g}",
        "seeds": ", ".join(map(str, plan.sweep.seeds)),
    }


def recipes(used: Mapping[str, Recipe]) -> Texts:
    """Values of recipes: "name" where it is the same for all tasks, else "name/task"."""
    flat = {task: settings(recipe) for task, recipe in used.items()}
    params: Texts = {}
    for name in {name: None for values in flat.values() for name in values}:
        values = {task: values[name] for task, values in flat.items()}
        same = len(set(values.values())) == 1
        params |= {name: next(iter(values.values()))} if same else {f"{name}/{t}": value for t, value in values.items()}
    return params


def settings(spec: Spec) -> Texts:
    """Fields of a configuration and of those nested in it."""
    params: Texts = {}
    for name in type(spec).model_fields:
        value = getattr(spec, name)
        if isinstance(value, Spec):
            params |= settings(value)
        else:
            params[name] = _text(value)
    return params


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return "all" if value is None else str(value)


# Tags


def condition(row: Condition | None) -> Texts:
    """The row of the result table that an MLflow run belongs to."""
    return {"encoder": row.encoder.name, "intermediate": intermediate_name(row.intermediate)} if row is not None else {}


def roles(study: Study, plan: Plan) -> Texts:
    """The roles of a study: the fine-tuning of a target may be an intermediate too."""
    users = plan.dependants[study.digest]
    tests = [step for step in users if isinstance(step, Evaluation)]
    targets = [test.task for test in tests if tasks.get(test.task).trained]
    # A target without training is tested on the intermediate itself.
    is_parent = any(isinstance(step, Study) and step.parent == study.digest for step in users)
    intermediate = is_parent or not targets or len(tests) > len(targets)
    phases = [name for name, has in (("intermediate", intermediate), ("target", targets)) if has]
    found = {"phase": ", ".join(phases), "tasks": ", ".join(study.mixture.parts)}
    return found | ({"target": ", ".join(targets)} if targets else {})


def pinned(steps: Iterable[Step]) -> Texts:
    """The data that steps read: repositories at their commits, or digests of files."""
    found: dict[str, set[str]] = {}
    for name, pins in (pair for step in steps for pair in _pins(step)):
        found.setdefault(f"data.{name}", set()).update(_revisions(pins))
    return {name: ", ".join(sorted(revisions)) for name, revisions in sorted(found.items())}


def _pins(step: Step) -> list[tuple[str, JSON]]:
    """(task, what pins a split of it) for all that a step reads."""
    match step:
        case Study():
            return [(each.task, pins) for each in step.inputs for pins in each.data.values()]
        case Evaluation():
            return [(step.task, step.input.data)]
        case Pretrain(weights=Pretraining()):
            return list(step.pins.items())
    return []


def _revisions(pins: JSON) -> set[str]:
    """A split's repository at its commit, the version of mini, or a digest of its files; for each part of the split."""
    match pins:
        case {"hub": repository, "revision": revision}:
            return {f"{repository}@{revision}"}
        case {"mini": version}:
            return {f"mini {version}"}
        case [*parts]:
            return {revision for part in parts for revision in _revisions(part)}
    return {f"files {digest(pins)[:12]}"}


def provenance(job: AnyJobRecord) -> Texts:
    """Code, host and device of a job."""
    versions = ", ".join(f"{name} {version}" for name, version in job.versions.items() if version)
    found = {"git_commit": job.git_commit, "host": job.host, "device": job.device, "versions": versions}
    return {f"stilts.{name}": value for name, value in found.items() if value}


def checkpoint(job: PretrainRecord | TrainRecord, folder: str) -> Texts:
    """Path and sha256 of the weights that a job left in the store."""
    found: Texts = {}
    for name, sha256 in job.files.items():
        if name.endswith(".safetensors"):
            found |= {"checkpoint": f"{folder}/{name}", "checkpoint.sha256": sha256}
    return found
