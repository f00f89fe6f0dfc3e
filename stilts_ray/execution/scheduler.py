"""Which jobs can be done now: the plan's steps, held against what is finished. Pure: no clock, no disk, no Ray."""

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from stilts_ray.evaluation.averages import average, cell
from stilts_ray.execution.jobs import Job, pretrain_job, score_job
from stilts_ray.execution.run_index import Outcome, RunIndex, UpstreamFailure
from stilts_ray.plan.build import Plan
from stilts_ray.plan.costs import longest_paths
from stilts_ray.plan.steps import Condition, Evaluation, Pretrain, Ranking, Step, Study
from stilts_ray.store.store import Record


@dataclass
class Scheduler:
    """Hands out jobs as what they need gets done, and makes the records of steps from those of their jobs.

    Of the jobs that are ready, scoring goes first: it is short, and what it finds can be looked at. Then comes the step with
    the longest way to the end of the plan, so that no such way is left over when there is little else to do; of equals the
    first one in the plan.

    outcomes: of jobs, by digest; begins as the store's records. records: of steps, by digest; likewise.
    completed: steps whose records were made and are to be stored. failed: steps that cannot be completed, and why.
    """

    plan: Plan
    outcomes: dict[str, Outcome]
    records: dict[str, Record]
    completed: list[tuple[Step, Record]] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    _queue: list[tuple[bool, int, int, int, Job]] = field(default_factory=list)
    _waiting: dict[str, list[Step]] = field(default_factory=dict)
    _ledger: RunIndex = field(init=False)
    _places: dict[str, int] = field(init=False)
    _paths: dict[str, int] = field(init=False)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self._ledger = RunIndex(self.plan, self.outcomes, self.records, self.failed)
        self._places = {step.digest: place for place, step in enumerate(self.plan.steps)}
        self._paths = longest_paths(self.plan)
        for step in self.plan.steps:
            self._look(step)

    def next(self) -> Job | None:
        """A job that can be done now, each only once; None if there is none at the moment."""
        return heapq.heappop(self._queue)[-1] if self._queue else None

    def _enqueue(self, step: Step, job: Job) -> None:
        line = (step.kind != "evaluation", -self._paths[step.digest], self._places[step.digest], next(self._numbers))
        heapq.heappush(self._queue, (*line, job))

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
        for later in self.plan.dependants[step.digest]:
            yield from self._reach(later)

    def _look(self, step: Step) -> None:
        if step.digest in self.records or step.digest in self.failed:
            return
        wanted, record = _LOOK[type(step)](step, self._ledger)
        for job in wanted:
            if job.digest not in self._waiting:
                self._enqueue(step, job)
            steps = self._waiting.setdefault(job.digest, [])
            if step not in steps:
                steps.append(step)
        if isinstance(record, str):
            self.failed[step.digest] = record
        elif record is not None:
            whole = {"kind": step.kind, "name": step.name, "digest": step.digest, **record}
            self.records[step.digest] = whole
            self.completed.append((step, whole))


Look = tuple[list[Job], Record | str | None]
"""What looking at a step gives: jobs it wants done, and its record, or why there will be none, once that is known."""


def _pretrain(step: Pretrain, now: RunIndex) -> Look:
    outcome = now.outcomes.get(step.digest)
    return ([pretrain_job(step)], None) if outcome is None else ([], outcome)


def _study(study: Study, now: RunIndex) -> Look:
    start = now.begin(study, study.seeds[0])
    if start is None:
        return [], None
    if isinstance(start, UpstreamFailure):
        return [], start.reason
    pending, tried = now.searched(study, start)
    if pending:
        return pending, None
    jobs = {seed: now.run_job(study, seed) for seed in study.seeds}
    known = {seed: now.run(study, seed) for seed in study.seeds}
    wanted = [job for seed, job in jobs.items() if isinstance(job, Job) and known[seed] is None]
    if any(run is None for run in known.values()):
        return wanted, None
    lost = [(seed, run.reason) for seed, run in known.items() if isinstance(run, UpstreamFailure)]
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


def _ranking(ranking: Ranking, now: RunIndex) -> Look:
    jobs = {seed: now.rank_job(ranking, seed) for seed in ranking.seeds}
    found = {seed: now.ranked(ranking.digest, seed) for seed in ranking.seeds}
    wanted = [job for seed, job in jobs.items() if isinstance(job, Job) and found[seed] is None]
    if any(each is None for each in found.values()):
        return wanted, None
    lost = [each.reason for each in found.values() if isinstance(each, UpstreamFailure) and not each.diverged]
    # A run that diverged ranks nothing.
    kept = {str(seed): each if isinstance(each, dict) else None for seed, each in found.items()}
    return [], lost[0] if lost else {"rankings": kept}


def _evaluation(evaluation: Evaluation, now: RunIndex) -> Look:
    wanted, entries, lost, waiting = [], [], "", False
    signature = ""
    for seed in evaluation.seeds:
        start = now.start(evaluation, evaluation.of, seed)
        if start is None:
            waiting = True
            continue
        if isinstance(start, UpstreamFailure):
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


def _entry(evaluation: Evaluation, now: RunIndex, seed: int, scored: Record) -> dict[str, Any]:
    study = now.plan.by_digest.get(evaluation.of)
    run: Any = {"learning_rate": None, "collapsed": False}
    if isinstance(study, Study):
        run = now.run(study, seed)
    names = ("score", "languages", "layer", "layers")
    result: dict[str, Any] = {name: scored[name] for name in names if name in scored}
    collapsed = scored["score"] is None or (isinstance(run, dict) and run["collapsed"])
    rate = run["learning_rate"] if isinstance(run, dict) else None
    return {"seed": seed, "learning_rate": rate, "collapsed": collapsed, **result}


def _row(row: Condition, now: RunIndex) -> Look:
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
    Condition: _row,
}
