"""The MLflow runs of a sweep, made from records. Values only; `stilts_ray.tracking` sends them.

There is one per row of the result table, nested in it one per study that the row uses, nested in that one per trial.
"""

from dataclasses import dataclass, field
from functools import cached_property
from statistics import mean
from typing import Any

from stilts_ray.identity import digest
from stilts_ray.plan.build import Plan
from stilts_ray.plan.steps import Condition, Pretrain, Step, Study
from stilts_ray.report import labels
from stilts_ray.report.cells import TableRow
from stilts_ray.report.labels import Point, Texts, ended_at, started_at
from stilts_ray.report.table import results
from stilts_ray.store.records import AnyJobRecord, PretrainRecord, StudyRecord, TrainRecord
from stilts_ray.store.state import StoreState, status_of, trials_of

VERSION = 1
"""Bumped when a change of the code changes the MLflow runs made from the same records."""


@dataclass(frozen=True, kw_only=True)
class TrackedRun:
    """An MLflow run as the server is to have it, found again by its digest.

    parent: digest of the run it is nested in. table: columns and data of its per-language scores. model: name and source under
    which its checkpoint is registered. start, end: in milliseconds.
    """

    digest: str
    kind: str
    name: str
    status: str
    start: int
    end: int | None
    parent: str | None = None
    tags: Texts = field(default_factory=dict)
    params: Texts = field(default_factory=dict)
    metrics: tuple[Point, ...] = ()
    table: dict[str, Any] | None = None
    model: tuple[str, str] | None = None

    @property
    def state(self) -> str:
        """Digest of what can change after the run is created, which start and parent cannot."""
        sent = {"status": self.status, "end": self.end, "tags": self.tags, "params": self.params}
        metrics = [{"name": p.name, "value": p.value, "time": p.time, "step": p.step} for p in self.metrics]
        return digest({**sent, "metrics": metrics})


def tracked_runs(plan: Plan, state: StoreState) -> list[TrackedRun]:
    """All MLflow runs of a sweep, each after its parent.

    Rows of the table are there from the first job on; a study or an encoder comes with its first job, nested in the first row
    that uses it.
    """
    return _Runs(plan, state).all()


def made_of(plan: Plan, state: StoreState) -> str:
    """Digest of all that `tracked_runs` depends on, faster to compute than the runs: the sweep, the store, its records and
    failures. No record is written twice, so its time stands for its contents."""
    steps = [state.steps[step.digest] for step in plan.steps if step.digest in state.steps]
    times = [(record.digest, record.finished_at) for record in (*steps, *state.jobs_of(plan))]
    failed = {step.digest: state.failed[step.digest] for step in plan.steps if step.digest in state.failed}
    return digest([VERSION, plan.sweep, [step.digest for step in plan.steps], times, failed, state.store])


@dataclass(frozen=True)
class _Runs:
    plan: Plan
    state: StoreState

    @cached_property
    def jobs(self) -> list[AnyJobRecord]:
        return self.state.jobs_of(self.plan)

    @cached_property
    def trials(self) -> dict[str, list[TrainRecord]]:
        """By study, in the order of their end: its own, and those in its record that another study ran."""
        users: dict[str | None, set[str]] = {}
        for study, record in self.state.steps.items():
            for trial in trials_of(record):
                users.setdefault(trial.digest, set()).add(study)
        found: dict[str, list[TrainRecord]] = {}
        for job in (job for job in self.jobs if isinstance(job, TrainRecord)):
            for study in {job.step, *users.get(job.digest, ())}:
                found.setdefault(study, []).append(job)
        return found

    def all(self) -> list[TrackedRun]:
        users: dict[str, Condition] = {}
        for row in self.plan.conditions:
            for step in self._used(row):
                users.setdefault(step.digest, row)
        below: list[TrackedRun] = []
        for step in self.plan.steps:
            if isinstance(step, Pretrain):
                job = self.state.jobs.get(step.digest)
                if isinstance(job, PretrainRecord):
                    below.append(_pretrain(step, job, users.get(step.digest), self.state.store))
            elif isinstance(step, Study):
                below += self._study(step, users.get(step.digest))
        return self._rows(min(map(started_at, self.jobs))) + below if self.jobs else []

    def _used(self, row: Condition) -> list[Step]:
        """The steps that a row depends on."""
        steps, waiting = {}, list(row.cells.values())
        while waiting:
            step = self.plan.by_digest[waiting.pop(0)]
            steps[step.digest] = step
            waiting += step.depends_on
        return list(steps.values())

    def _rows(self, begin: int) -> list[TrackedRun]:
        # The server lists the newest first, so a row starts a millisecond after the one that is to stand below it.
        document, count = results(self.plan, self.state.steps), len(self.plan.conditions)
        return [
            self._row(row, line, document.average_name, begin + count - place)
            for place, (row, line) in enumerate(zip(self.plan.conditions, document.rows, strict=True))
        ]

    def _row(self, row: Condition, line: TableRow, average: str, start: int) -> TrackedRun:
        used = self._used(row)
        done = [self._time(digest, start) for digest in row.cells.values() if digest in self.state.steps]
        end = self._time(row.digest, max(done, default=start))
        recipes = {name: recipe for step in used if isinstance(step, Study) for name, recipe in step.recipes.items()}
        return TrackedRun(
            digest=row.digest,
            kind="condition",
            name=row.name,
            **self._ending(row, end),
            start=start,
            tags={**labels.condition(row), **labels.pinned(used), **self._reason(row)},
            params={**labels.condition(row), **labels.search(self.plan), **labels.recipes(recipes)},
            metrics=tuple(Point(name, value, end) for name, value in labels.headlines(line, average).items()),
            table=labels.languages(line.cells) if row.digest in self.state.steps else None,
        )

    def _study(self, study: Study, row: Condition | None) -> list[TrackedRun]:
        record = self.state.steps.get(study.digest)
        record = record if isinstance(record, StudyRecord) else None
        selected = {trial.digest: trial for trial in record.selected.values()} if record is not None else {}
        trials = self.trials.get(study.digest, [])
        if not trials:
            return []
        tags = {**labels.condition(row), **labels.roles(study, self.plan), **labels.pinned([study])}
        params = {**labels.search(self.plan), **labels.recipes(study.recipes)}
        last = ended_at(trials[-1])
        scores = [trial.score for trial in selected.values() if trial.score is not None]
        rate = {"learning_rate": f"{record.learning_rate:g}"} if record is not None else {}
        whole = TrackedRun(
            digest=study.digest,
            kind="study",
            name=study.name,
            **self._ending(study, last),
            start=min(map(started_at, trials)),
            parent=row.digest if row is not None else None,
            tags={**tags, **rate, **self._reason(study)},
            params=params,
            metrics=(*([Point("dev/score", mean(scores), last)] if scores else []), *labels.cost(trials, last)),
        )
        model = f"{self.plan.sweep.name}.{study.name}" if "target" in tags else None
        store = self.state.store
        return [whole, *(_trial(trial, whole, tags, trial.digest in selected, model, store) for trial in trials)]

    def _time(self, step: str, otherwise: int) -> int:
        """When a step was completed, in milliseconds."""
        record = self.state.steps.get(step)
        return ended_at(record) if record is not None and record.finished_at else otherwise

    def _ending(self, step: Step, end: int) -> dict[str, Any]:
        match status_of(step, self.plan, self.state).state:
            case "done":
                return {"status": "FINISHED", "end": end}
            case "failed":
                return {"status": "FAILED", "end": end}
        return {"status": "RUNNING", "end": None}

    def _reason(self, step: Step) -> Texts:
        status = status_of(step, self.plan, self.state)
        return {"stilts.reason": status.reason} if status.state == "failed" and status.reason else {}


def _trial(
    job: TrainRecord, study: TrackedRun, tags: Texts, selected: bool, model: str | None, store: str
) -> TrackedRun:
    """tags: of the study. model: the name under which the trial is registered if it is selected."""
    own = {"learning_rate": f"{job.learning_rate:g}", "seed": str(job.seed)}
    notes = {"selected": str(selected).lower(), "collapsed": str(job.collapsed).lower(), "end": job.end}
    folder = f"{store}/{job.path}"
    return TrackedRun(
        digest=job.digest,
        kind="trial",
        name=job.name,
        status="FAILED" if job.end == "diverged" else "FINISHED",
        start=started_at(job),
        end=ended_at(job),
        parent=study.digest,
        tags={**tags, **own, **notes, **labels.provenance(job), **labels.checkpoint(job, folder)},
        params={**study.params, **own},
        metrics=(*labels.curve(job), *labels.cost([job], ended_at(job))),
        model=(model, folder) if model and selected and job.files else None,
    )


def _pretrain(step: Pretrain, job: PretrainRecord, row: Condition | None, store: str) -> TrackedRun:
    made = {**labels.provenance(job), **labels.pinned([step]), **labels.checkpoint(job, f"{store}/{job.path}/model")}
    return TrackedRun(
        digest=step.digest,
        kind="pretrain",
        name=f"{step.name}.encoder",
        status="FINISHED",
        start=started_at(job),
        end=ended_at(job),
        parent=row.digest if row is not None else None,
        tags={"encoder": step.name, "phase": "pretraining", **made},
        params=labels.settings(step.weights),
        metrics=(*labels.curve(job), *labels.cost([job], ended_at(job))),
    )
