"""What a tracking server shows of a sweep, made from records: a run per line of the result table, below it one per study
that the line uses, below that one per trial. Values only; sending them is the business of `stilts_ray.tracking`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from statistics import mean
from typing import Any

from stilts_ray.fingerprint import SHORT, canonical_json, digest
from stilts_ray.plan import Evaluation, Plan, Pretrain, Row, Step, Study
from stilts_ray.report.table import intermediate_name, results
from stilts_ray.spec import Recipe
from stilts_ray.store import Record

WEIGHTS = "weights.safetensors"


@dataclass(frozen=True)
class State:
    """How far a sweep has come: records of steps and outcomes of jobs (a record, or why it failed), by digest; steps that
    failed or cannot be run, and why. store: where checkpoints are."""

    records: Mapping[str, Record]
    outcomes: Mapping[str, Record | str]
    failed: Mapping[str, str]
    store: str


@dataclass(frozen=True)
class Point:
    """A metric's value; time in milliseconds."""

    name: str
    value: float
    time: int
    step: int = 0


@dataclass(frozen=True, kw_only=True)
class TrackedRun:
    """A run as the server is to have it, found again by its digest.

    parent: digest of the run it is shown below. table: columns and rows of its per-language results. model: name and
    source under which its checkpoint is registered.
    """

    digest: str
    kind: str
    name: str
    status: str
    start: int
    end: int | None
    parent: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    metrics: tuple[Point, ...] = ()
    table: dict[str, Any] | None = None
    model: tuple[str, str] | None = None

    @property
    def state(self) -> str:
        """Changes whenever there is something new to send. A run's start is fixed when it is made."""
        return digest({name: value for name, value in asdict(self).items() if name not in {"start", "table", "model"}})


def tracked_runs(plan: Plan, state: State) -> list[TrackedRun]:
    """All runs there are to show, each after its parent. Lines of the table are there from the beginning; a study or an
    encoder appears with its first trial, under the first line that uses it."""
    begin = min((begun(job) for job in _jobs(plan, state)), default=None)
    if begin is None:
        return []
    runs = [_row(row, plan, state, begin + len(plan.rows) - place) for place, row in enumerate(plan.rows)]
    seen = set()
    for row in plan.rows:
        for step in _used(row, plan):
            if step.digest not in seen:
                seen.add(step.digest)
                runs += _pretrain(step, row, state) if isinstance(step, Pretrain) else _study(step, row, plan, state)
    return runs


# Times


def ended(record: Record) -> int:
    """When a job ended, in milliseconds."""
    return round(datetime.fromisoformat(record["finished_at"]).timestamp() * 1000)


def begun(record: Record) -> int:
    """When a job began, in milliseconds."""
    return ended(record) - round(record["seconds"] * 1000)


def _jobs(plan: Plan, state: State) -> Iterator[Record]:
    for record in state.outcomes.values():
        if isinstance(record, dict) and record.get("step", record["digest"]) in plan.by_digest:
            yield record


# Lines of the result table


def _row(row: Row, plan: Plan, state: State, start: int) -> TrackedRun:
    document = results(plan, state.records)
    line = document["rows"][plan.rows.index(row)]
    done = {target: cell for target, cell in line["cells"].items() if cell is not None}
    end = max((ended(job) for job in _jobs(plan, state) if job.get("step") in row.cells.values()), default=start)
    values = {document["average_name"]: line["average"], "delta/avg": line["delta"]}
    for target, cell in done.items():
        values |= {f"target/{target}": cell["score"], f"delta/{target}": cell["delta"], f"sd/{target}": cell["sd"]}
    if done:
        values["collapsed"] = sum(cell["collapsed"] for cell in done.values())
    steps = [plan.by_digest[digest] for digest in row.cells.values()]
    trained = [step for step in _used(row, plan) if isinstance(step, Study)]
    return TrackedRun(
        digest=row.digest,
        kind="row",
        name=row.name,
        status=_status(row, state),
        # The server lists the newest first: a line above another begins a millisecond later.
        start=start,
        end=end if _status(row, state) != "RUNNING" else None,
        tags=_place(row) | _reason(row, state) | _data(steps),
        params=_settings(plan) | _recipes({name: r for study in trained for name, r in study.recipes.items()}),
        metrics=tuple(Point(name, float(value), end) for name, value in values.items() if value is not None),
        table=_languages(done) if done else None,
    )


def _languages(cells: Mapping[str, Any]) -> dict[str, Any]:
    """A line per target and language; metrics that a target does not have are null."""
    found = [(target, code, values) for target, cell in cells.items() for code, values in cell["languages"].items()]
    metrics = ["score", *sorted({name for *_, values in found for name in values} - {"score"})]
    data = [[target, code, *(values.get(name) for name in metrics)] for target, code, values in found]
    return {"columns": ["target", "language", *metrics], "data": data}


# Studies, trials, encoders


def _study(study: Study, row: Row, plan: Plan, state: State) -> list[TrackedRun]:
    record = state.records.get(study.digest)
    own = [o for o in state.outcomes.values() if isinstance(o, dict) and o.get("step") == study.digest]
    if record is not None:  # which also knows of trials that another study began
        names = {trial["digest"] for trial in [*record["trials"], *record["runs"].values()]}
        own = [o for d, o in state.outcomes.items() if isinstance(o, dict) and d in names]
    trials = sorted((o for o in own if o["kind"] == "trial"), key=begun)
    if not trials:
        return []
    chosen = {run["digest"]: seed for seed, run in record["runs"].items()} if record is not None else {}
    phases, targets = _roles(study, plan)
    tags = {**_place(row), "phase": phases, "target": targets, "tasks": "+".join(study.tasks), **_data([study])}
    params = _settings(plan) | _recipes(study.recipes)
    scores = [r["score"] for r in record["runs"].values() if r["score"] is not None] if record is not None else []
    last = max(ended(trial) for trial in trials)
    values = {**({"dev/score": mean(scores)} if scores else {}), **_cost(trials)}
    rate = {"learning_rate": f"{record['learning_rate']:g}"} if record is not None else {}
    whole = TrackedRun(
        digest=study.digest,
        kind="study",
        name=study.name,
        status=_status(study, state),
        start=begun(trials[0]),
        end=last if _status(study, state) != "RUNNING" else None,
        parent=row.digest,
        tags={**tags, **rate, **_reason(study, state)},
        params=params,
        metrics=tuple(Point(name, value, last) for name, value in values.items()),
    )
    name = f"{plan.sweep.name}.{study.name}" if "target" in phases else None
    return [whole, *(_trial(t, study, tags, params, chosen.get(t["digest"]) and name, state) for t in trials)]


def _trial(
    record: Record, study: Study, tags: dict[str, str], params: dict[str, str], model: str | None, state: State
) -> TrackedRun:
    """`model`: the name of a selected run's model."""
    own = {"learning_rate": f"{record['learning_rate']:g}", "seed": str(record["seed"])}
    folder = f"{state.store}/trial/{record['name']}-{record['digest'][:SHORT]}"
    kept = {f"checkpoint.{WEIGHTS}": f"{folder}/{WEIGHTS}", "checkpoint.sha256": record["files"].get(WEIGHTS, "")}
    notes = {"selected": str(model is not None), "end": record["end"], "collapsed": str(record["collapsed"])}
    return TrackedRun(
        digest=record["digest"],
        kind="trial",
        name=record["name"],
        status="FAILED" if record["end"] == "diverged" else "FINISHED",
        start=begun(record),
        end=ended(record),
        parent=study.digest,
        tags={**tags, **own, **notes, **_made(record), **(kept if record["files"] else {})},
        params=params | own,
        metrics=(*_curve(record), *(Point(name, value, ended(record)) for name, value in _cost([record]).items())),
        model=(model, folder) if model and record["files"] else None,
    )
