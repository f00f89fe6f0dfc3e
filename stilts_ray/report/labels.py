"""Tags, parameters and metrics by which runs are found and compared on a tracking server. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stilts_ray import tasks
from stilts_ray.config import LogUniform, Recipe, Spec
from stilts_ray.identity import digest
from stilts_ray.plan.build import Plan
from stilts_ray.plan.steps import Condition, Evaluation, Pretrain, Step, Study
from stilts_ray.report.table import intermediate_name
from stilts_ray.store.store import Record

Texts = dict[str, str]


@dataclass(frozen=True, slots=True)
class Point:
    """A metric's value; time in milliseconds."""

    name: str
    value: float
    time: int
    step: int = 0


def ended(record: Record) -> int:
    """When a job or step ended, in milliseconds."""
    return round(datetime.fromisoformat(str(record["finished_at"])).timestamp() * 1000)


def begun(job: Record) -> int:
    """When a job began, in milliseconds."""
    return ended(job) - round(1000 * float(job["seconds"]))


# Metrics


def curve(job: Record) -> Iterator[Point]:
    """Training loss and dev metrics of a run, with the steps at which they were taken."""
    start, end, steps = begun(job), ended(job), max(job["steps"], 1)
    for entry in job.get("curve", []):
        time = start + (end - start) * entry["step"] // steps
        parts = [name for name in entry if name.endswith("/score")]
        # The score of a lone task is the score of the run.
        left_out = {"step", *(parts if len(parts) == 1 else ())}
        for name, value in entry.items():
            if name not in left_out:
                # A tracking server's names have no such sign.
                name = name.replace("@", "_at_")
                yield Point("train/loss" if name == "loss" else f"dev/{name}", value, time, entry["step"])


def cost(jobs: Iterable[Record], time: int) -> Iterator[Point]:
    """What training took."""
    for name in ("seconds", "tokens"):
        yield Point(f"cost/{name}", float(sum(job[name] for job in jobs)), time)


def languages(cells: Mapping[str, Any]) -> dict[str, Any]:
    """The per-language results of a line of the result table; metrics that a target does not have are null.

    Comparing tables, MLflow starts with the second column for each value of the first.
    """
    found = [(t, code, values) for t, cell in cells.items() if cell for code, values in cell["languages"].items()]
    metrics = sorted({name for *_, values in found for name in values} - {"score"})
    rows = [
        [f"{target} {code}", *(_rounded(values.get(name)) for name in ("score", *metrics)), target, code]
        for target, code, values in found
    ]
    return {"columns": ["test", "score", *metrics, "target", "language"], "data": rows}


def headlines(line: Mapping[str, Any], average: str) -> dict[str, float]:
    """A line of the result table as metrics, rounded to be read."""
    found = {average: line["average"], "delta/avg": line["delta"]}
    cells = {target: cell for target, cell in line["cells"].items() if cell is not None}
    for name, key in (("target", "score"), ("delta", "delta"), ("sd", "sd")):
        found |= {f"{name}/{target}": cell[key] for target, cell in cells.items()}
    if cells:
        found["collapsed"] = sum(cell["collapsed"] for cell in cells.values())
    return {name: rounded for name, value in found.items() if (rounded := _rounded(value)) is not None}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 2)


# Parameters


def asked(plan: Plan) -> Texts:
    """How learning rates and seeds are tried."""
    search = plan.sweep.search
    space = search.learning_rates
    rates = f"{space.low:g} to {space.high:g}" if isinstance(space, LogUniform) else ", ".join(f"{r:g}" for r in space)
    return {
        "learning_rates": rates,
        "trials": str(search.trials),
        "trials_per_round": str(search.trials_per_round),
        "reduction_factor": f"{search.reduction_factor:g}",
        "seeds": ", ".join(map(str, plan.sweep.seeds)),
    }


def recipes(used: Mapping[str, Recipe]) -> Texts:
    """Values of recipes: "name" where all tasks have the same, else "name/task"."""
    flat = {task: settings(recipe) for task, recipe in used.items()}
    params: Texts = {}
    for name in {name: None for values in flat.values() for name in values}:
        values = {task: values[name] for task, values in flat.items()}
        same = len(set(values.values())) == 1
        params |= {name: next(iter(values.values()))} if same else {f"{name}/{t}": value for t, value in values.items()}
    return params


def settings(spec: Spec) -> Texts:
    """Fields of a specification and of those within it."""
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


def place(row: Condition | None) -> Texts:
    """Which line of the table a run belongs to."""
    return {"encoder": row.encoder, "intermediate": intermediate_name(row.intermediate)} if row is not None else {}


def roles(study: Study, plan: Plan) -> Texts:
    """What a study is for: the fine-tuning of a target may serve as an intermediate as well."""
    users = plan.dependants[study.digest]
    tests = [step for step in users if isinstance(step, Evaluation)]
    targets = [test.task for test in tests if tasks.get(test.task).trained]
    # A target that needs no training is tested on the intermediate run itself.
    begun_from = any(isinstance(step, Study) and step.start == study.digest for step in users)
    intermediate = begun_from or not targets or len(tests) > len(targets)
    phases = [name for name, has in (("intermediate", intermediate), ("target", targets)) if has]
    found = {"phase": ", ".join(phases), "tasks": ", ".join(study.mixture.parts)}
    return found | ({"target": ", ".join(targets)} if targets else {})


def pinned(steps: Iterable[Step]) -> Texts:
    """The data that steps read: repositories at their commits, or digests of files."""
    found: dict[str, set[str]] = {}
    for step in steps:
        if isinstance(step, Study):
            # Behind the tasks may stand what else the mixture asks for.
            for entry in (entry for entry in step.identity["training"] if "task" in entry):
                found.setdefault(f"data.{entry['task']['name']}", set()).update(
                    *map(_revisions, entry["data"].values())
                )
        elif isinstance(step, Evaluation):
            found.setdefault(f"data.{step.task}", set()).update(_revisions(step.identity["data"]))
        elif isinstance(step, Pretrain):
            for name, identity in step.identity.get("data", {}).items():
                found.setdefault(f"data.{name}", set()).update(_revisions(identity))
    return {name: ", ".join(sorted(revisions)) for name, revisions in sorted(found.items())}


def _revisions(identity: Any) -> set[str]:
    """What pins a split: one place, or one of each of its parts."""
    match identity:
        case {"hub": repository, "revision": revision}:
            return {f"{repository}@{revision}"}
        case {"mini": version}:
            return {f"mini {version}"}
        case [*parts]:
            return {revision for part in parts for revision in _revisions(part)}
    return {f"files {digest(identity)[:12]}"}


def made(job: Record) -> Texts:
    """With what and where a job was done."""
    versions = ", ".join(f"{name} {version}" for name, version in job["versions"].items() if version)
    found = {"git_commit": job["git_commit"], "host": job["host"], "device": job["device"], "versions": versions}
    return {f"stilts.{name}": value for name, value in found.items() if value}


def checkpoint(job: Record, folder: str) -> Texts:
    """Where the weights that a job kept are, and their sha256."""
    found: Texts = {}
    for name, sha256 in job["files"].items():
        if name.endswith(".safetensors"):
            found |= {"checkpoint": f"{folder}/{name}", "checkpoint.sha256": sha256}
    return found
