"""Which jobs can be done now: the plan's steps, held against what is finished. Pure: no clock, no disk, no Ray."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from stilts_ray.evaluation.averages import average, cell
from stilts_ray.plan import Plan
from stilts_ray.steps import Evaluation, Pretrain, Ranking, Row, Step, Study
from stilts_ray.store import Record
from stilts_ray.sweep.jobs import Job, Start, pretrain_job, rank_job, score_job, trial_job
from stilts_ray.sweep.search import Tried, best, propose, thresholds

Outcome = Record | str
"""Of a job: its record, or why it failed."""


@dataclass
class Frontier:
    """Hands out jobs as what they need gets done, and makes the records of steps from those of their jobs.

    outcomes: of jobs, by digest; begins as the store's records. records: of steps, by digest; likewise.
    completed: steps whose records were made and are to be stored. failed: steps that cannot be completed, and why.
    """

    plan: Plan
    outcomes: dict[str, Outcome]
    records: dict[str, Record]
    completed: list[tuple[Step, Record]] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    _queue: deque[Job] = field(default_factory=deque)
    _waiting: dict[str, list[Step]] = field(default_factory=dict)
    _dependants: dict[str, list[Step]] = field(default_factory=dict)
    _trials: dict[tuple[Any, ...], Job] = field(default_factory=dict)
    _places: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self._places = {step.digest: place for place, step in enumerate(self.plan.steps)}
        for step in self.plan.steps:
            for digest in step.depends_on:
                self._dependants.setdefault(digest, []).append(step)
        for step in self.plan.steps:
            self._look(step)

    def next(self) -> Job | None:
        """A job that can be done now, each only once; None if there is none at the moment."""
        return self._queue.popleft() if self._queue else None

    @property
    def running(self) -> int:
        """Jobs handed out or queued, and not finished."""
        return len(self._waiting)

    def finish(self, job: Job, outcome: Outcome) -> None:
        """Takes note of a job's outcome; what becomes possible by it joins the queue."""
        self.outcomes[job.digest] = outcome
        concerned = {s.digest for step in self._waiting.pop(job.digest, []) for s in self._reach(step)}
        # In the plan's order: one outcome may complete several steps, each after those it needs.
        for digest in sorted(concerned, key=self._places.__getitem__):
            self._look(self.plan.by_digest[digest])

    def _reach(self, step: Step) -> Iterator[Step]:
        """The step and all that depend on it; a plan is a few steps deep."""
        yield step
        for later in self._dependants.get(step.digest, []):
            yield from self._reach(later)

    def _look(self, step: Step) -> None:
        if step.digest in self.records or step.digest in self.failed:
            return
        wanted, record = _LOOK[type(step)](step, self)
        for job in wanted:
            if job.digest not in self._waiting:
                self._queue.append(job)
            steps = self._waiting.setdefault(job.digest, [])
            if step not in steps:
                steps.append(step)
        if isinstance(record, str):
            self.failed[step.digest] = record
        elif record is not None:
            whole = {"kind": step.kind, "name": step.name, "digest": step.digest, **record}
            self.records[step.digest] = whole
            self.completed.append((step, whole))

    # What runs start from

    def encoder(self, step: Study | Ranking | Evaluation) -> Start | None:
        """The encoder of a step; None until it is made."""
        checkpoint = step.encoder
        if checkpoint.location is not None:
            where = {"location": checkpoint.location, "revision": checkpoint.revision}
            return Start(checkpoint.digest, where)
        made = self.plan.by_digest[checkpoint.digest]
        outcome = self.outcomes.get(checkpoint.digest)
        if not isinstance(outcome, dict):
            return None
        # A record from the store says where it lies: a sweep that calls the encoder otherwise may have made it.
        return Start(checkpoint.digest, {"path": outcome.get("path", f"pretrain/{made.slug}")})

    def start(self, step: Study | Ranking | Evaluation, digest: str, seed: int) -> "Start | Missing | None":
        """What a step starts from at a seed: the encoder or a study's selected run; None until it is known."""
        if step.encoder.digest in self.failed:
            return Missing(self.failed[step.encoder.digest])
        encoder = self.encoder(step)
        if encoder is None or digest == encoder.digest:
            return encoder
        if digest in self.failed:
            return Missing(self.failed[digest])
        study = self.plan.by_digest[digest]
        assert isinstance(study, Study)
        run = self.run(study, seed)
        if run is None or isinstance(run, Missing):
            return run
        if not run["kept"]:
            return Missing(f"{study.name}: the run with seed {seed} diverged", diverged=True)
        return Start(run["digest"], encoder.encoder, run["path"])

    def searched(self, study: Study, start: Start) -> tuple[list[Job], list[tuple[Job, Tried]]]:
        """The search as far as it has come: jobs it waits for (none: it is over), and what was tried."""
        tried: list[tuple[Job, Tried]] = []
        while rates := propose(study.search, [t for _, t in tried], int(study.digest[:8], 16)):
            bars = thresholds(study.search.keep, [t for _, t in tried])
            jobs = [self.trial(study, start, rate, study.seeds[0], bars) for rate in rates]
            pending = [job for job in jobs if job.digest not in self.outcomes]
            if pending:
                return pending, tried
            for job, rate in zip(jobs, rates, strict=True):
                outcome = self.outcomes[job.digest]
                tried.append((job, Tried(rate, outcome if isinstance(outcome, dict) else None)))
        return [], tried

    def run(self, study: Study, seed: int) -> "dict[str, Any] | Missing | None":
        """The selected run of a study at a seed, as in its record; None until it is done."""
        if study.digest in self.records:
            recorded: dict[str, Any] | None = self.records[study.digest]["runs"].get(str(seed))
            return recorded
        job = self.run_job(study, seed)
        if isinstance(job, Missing) and job.diverged:
            return _never_begun(self.chosen_rate(study))
        if job is None or isinstance(job, Missing):
            return job
        outcome = self.outcomes.get(job.digest)
        if isinstance(outcome, str):
            return Missing(outcome)
        return None if outcome is None else _as_run(job, outcome)

    def run_job(self, study: Study, seed: int) -> "Job | Missing | None":
        """The job that makes the selected run of a study at a seed; None until the search is over."""
        start = _begin(study, self, study.seeds[0])
        if not isinstance(start, Start):
            return start
        pending, tried = self.searched(study, start)
        if pending:
            return None
        # Choosing among the rest would make the result depend on which machine had trouble.
        reasons = [reason for job, _ in tried if isinstance(reason := self.outcomes[job.digest], str)]
        if reasons:
            return Missing(reasons[0])
        chosen = best([t for _, t in tried])
        if chosen is None:
            return Missing("every trial of the search diverged")
        if seed == study.seeds[0]:
            return next(job for job, t in tried if t is chosen)
        own = _begin(study, self, seed)
        return self.trial(study, own, chosen.rate, seed, ()) if isinstance(own, Start) else own

    def trial(self, study: Study, start: Start, rate: float, seed: int, bars: tuple[float | None, ...]) -> Job:
        """The job of a trial; a study is looked at many times, and its digests are made once."""
        key = (study.digest, start.digest, rate, seed, bars)
        if key not in self._trials:
            self._trials[key] = trial_job(study, start, rate, seed, bars)
        return self._trials[key]

    def chosen_rate(self, study: Study) -> float:
        """The learning rate of a study whose search is over."""
        first = self.run(study, study.seeds[0])
        assert isinstance(first, dict)
        return float(first["learning_rate"])


@dataclass(frozen=True)
class Missing:
    """Something that will not come, and why. A run that diverged is a result; one that failed is not."""

    reason: str
    diverged: bool = False


def _as_run(job: Job, record: Record) -> dict[str, Any]:
    kept = record["end"] == "finished"
    names = ("learning_rate", "score", "collapsed", "end")
    path = record.get("path", job.path)
    return {"digest": job.digest, "path": path, "kept": kept, **{name: record[name] for name in names}}


def _never_begun(rate: float) -> dict[str, Any]:
    """A run whose starting point diverged: it would have been one more seed, and counts as collapsed."""
    state = {"score": None, "collapsed": True, "end": "diverged"}
    return {"digest": None, "path": None, "kept": False, "learning_rate": rate, **state}


Look = tuple[list[Job], Record | str | None]
"""What looking at a step gives: jobs it wants done, and its record, or why there will be none, once that is known."""


def _pretrain(step: Pretrain, now: Frontier) -> Look:
    outcome = now.outcomes.get(step.digest)
    return ([pretrain_job(step)], None) if outcome is None else ([], outcome)


def _study(study: Study, now: Frontier) -> Look:
    start = _begin(study, now, study.seeds[0])
    if start is None:
        return [], None
    if isinstance(start, Missing):
        return [], start.reason
    pending, tried = now.searched(study, start)
    if pending:
        return pending, None
    jobs = {seed: now.run_job(study, seed) for seed in study.seeds}
    known = {seed: now.run(study, seed) for seed in study.seeds}
    wanted = [job for seed, job in jobs.items() if isinstance(job, Job) and known[seed] is None]
    if any(run is None for run in known.values()):
        return wanted, None
    lost = [(seed, run.reason) for seed, run in known.items() if isinstance(run, Missing)]
    if lost:
        return [], f"seed {lost[0][0]}: {lost[0][1]}"
    runs = {str(seed): run for seed, run in known.items() if isinstance(run, dict)}
    trials = [
        {
            "learning_rate": t.rate,
            "digest": job.digest,
            "score": t.score,
            "end": t.record["end"] if t.record else "failed",
        }
        for job, t in tried
    ]
    return [], {"learning_rate": runs[str(study.seeds[0])]["learning_rate"], "trials": trials, "runs": runs}


def _begin(study: Study, now: Frontier, seed: int) -> Start | Missing | None:
    """What a run of a study starts from and, on a band, what ranked its rows; None until both are known."""
    start = now.start(study, study.start, seed)
    if study.ranking is None or not isinstance(start, Start):
        return start
    ranked = _ranked(study.ranking, now, seed)
    return replace(start, ranking=ranked) if isinstance(ranked, dict) else ranked


def _ranking(ranking: Ranking, now: Frontier) -> Look:
    jobs = {seed: _rank_job(ranking, now, seed) for seed in ranking.seeds}
    found = {seed: _ranked(ranking.digest, now, seed) for seed in ranking.seeds}
    wanted = [job for seed, job in jobs.items() if isinstance(job, Job) and found[seed] is None]
    if any(each is None for each in found.values()):
        return wanted, None
    lost = [each.reason for each in found.values() if isinstance(each, Missing) and not each.diverged]
    # A run that diverged ranks nothing.
    kept = {str(seed): each if isinstance(each, dict) else None for seed, each in found.items()}
    return [], lost[0] if lost else {"rankings": kept}


def _rank_job(ranking: Ranking, now: Frontier, seed: int) -> Job | Missing | None:
    """The job that ranks the rows of a seed; None until the run is there whose losses rank them."""
    start = now.start(ranking, ranking.of, seed)
    return rank_job(ranking, start, seed) if isinstance(start, Start) else start


def _ranked(digest: str, now: Frontier, seed: int) -> dict[str, str] | Missing | None:
    """Digest and path of the job that ranked the rows of a seed; None until it is done."""
    if digest in now.records:
        recorded: dict[str, str] | None = now.records[digest]["rankings"][str(seed)]
        return recorded or Missing("the run that was to rank its rows diverged", diverged=True)
    ranking = now.plan.by_digest[digest]
    assert isinstance(ranking, Ranking)
    job = _rank_job(ranking, now, seed)
    if not isinstance(job, Job):
        return job
    outcome = now.outcomes.get(job.digest)
    if isinstance(outcome, str):
        return Missing(outcome)
    return None if outcome is None else {"digest": job.digest, "path": outcome.get("path", job.path)}


def _evaluation(evaluation: Evaluation, now: Frontier) -> Look:
    wanted, entries, lost, waiting = [], [], "", False
    signature = ""
    for seed in evaluation.seeds:
        start = now.start(evaluation, evaluation.of, seed)
        if start is None:
            waiting = True
            continue
        if isinstance(start, Missing):
            lost = lost or ("" if start.diverged else start.reason)
            entries.append(_entry(evaluation, now, seed, {"score": None, "languages": {}}))
            continue
        job = score_job(evaluation, start, seed)
        outcome = now.outcomes.get(job.digest)
        if outcome is None:
            wanted.append(job)
        elif isinstance(outcome, str):
            lost = lost or outcome
        else:
            entries.append(_entry(evaluation, now, seed, outcome) | {"scored": outcome.get("path", job.path)})
            signature = outcome["signature"]
    if wanted or waiting:
        return wanted, None
    return [], lost or {**cell(entries), "signature": signature}


def _entry(evaluation: Evaluation, now: Frontier, seed: int, scored: Record) -> dict[str, Any]:
    study = now.plan.by_digest.get(evaluation.of)
    run: Any = {"learning_rate": None, "collapsed": False}
    if isinstance(study, Study):
        run = now.run(study, seed)
    names = ("score", "languages", "layer", "layers")
    result: dict[str, Any] = {name: scored[name] for name in names if name in scored}
    collapsed = scored["score"] is None or (isinstance(run, dict) and run["collapsed"])
    rate = run["learning_rate"] if isinstance(run, dict) else None
    return {"seed": seed, "learning_rate": rate, "collapsed": collapsed, **result}


def _row(row: Row, now: Frontier) -> Look:
    missing = [digest for digest in row.cells.values() if digest in now.failed]
    if missing:
        return [], now.failed[missing[0]]
    if any(digest not in now.records for digest in row.cells.values()):
        return [], None
    overall = average({name: now.records[digest]["score"] for name, digest in row.cells.items()})
    cells = dict(row.cells)
    return [], {"encoder": row.encoder, "intermediate": list(row.intermediate), "average": overall, "cells": cells}


_LOOK: dict[type[Step], Any] = {
    Pretrain: _pretrain,
    Study: _study,
    Ranking: _ranking,
    Evaluation: _evaluation,
    Row: _row,
}
