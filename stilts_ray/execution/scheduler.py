"""The scheduler: which jobs of a plan can start, given the finished ones. Pure: no clock, no disk, no Ray."""

import heapq
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import singledispatch
from typing import Any

from stilts_ray.evaluation.averages import average, over_seeds
from stilts_ray.execution.jobs import Job, RankJob, TrainJob, pretrain_job, score_job
from stilts_ray.execution.run_index import Outcome, RunIndex, UpstreamFailure, path_of
from stilts_ray.identity import canonical
from stilts_ray.plan.build import Plan
from stilts_ray.plan.costs import critical_paths
from stilts_ray.plan.steps import Condition, Evaluation, Pretrain, Ranking, Step, Study
from stilts_ray.store.records import (
    AnyStepRecord,
    ConditionRecord,
    EvaluationRecord,
    PretrainRecord,
    RankingRecord,
    RankingRef,
    ScoredTrial,
    ScoreRecord,
    SearchedTrial,
    SelectedTrial,
    StudyRecord,
)


@dataclass
class Scheduler:
    """Schedules jobs once their inputs exist, and makes the records of steps from those of their jobs.

    Order: scoring first, since it is short and gives early results; then by critical path, longest first; ties in the order of
    the plan.

    outcomes: digest of a job -> outcome, initially the store's records. records: digest of a step -> record, likewise.
    completed: steps whose records are not stored yet. failed: digest of a step that cannot be completed -> reason.
    """

    plan: Plan
    outcomes: dict[str, Outcome]
    records: dict[str, AnyStepRecord]
    completed: list[tuple[Step, AnyStepRecord]] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    _queue: list[tuple[bool, int, int, int, Job]] = field(default_factory=list)
    _waiting: dict[str, list[Step]] = field(default_factory=dict)
    _index: RunIndex = field(init=False)
    _positions: dict[str, int] = field(init=False)
    _paths: dict[str, int] = field(init=False)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self._index = RunIndex(self.plan, self.outcomes, self.records, self.failed)
        self._positions = {step.digest: position for position, step in enumerate(self.plan.steps)}
        self._paths = critical_paths(self.plan)
        for step in self.plan.steps:
            self._examine(step)

    def next(self) -> Job | None:
        """Removes and returns the queued job with the highest priority; None if the queue is empty."""
        return heapq.heappop(self._queue)[-1] if self._queue else None

    def _enqueue(self, step: Step, job: Job) -> None:
        priority = (step.kind != "evaluation", -self._paths[step.digest], self._positions[step.digest])
        heapq.heappush(self._queue, (*priority, next(self._numbers), job))

    @property
    def running(self) -> int:
        """Number of jobs that are queued or running."""
        return len(self._waiting)

    def finish(self, job: Job, outcome: Outcome) -> None:
        """Registers a job's outcome and queues the jobs that can start now."""
        self.outcomes[job.digest] = outcome
        affected = {s.digest for step in self._waiting.pop(job.digest, []) for s in self._downstream(step)}
        # In topological order: one outcome may complete several steps.
        for digest in sorted(affected, key=self._positions.__getitem__):
            self._examine(self.plan.by_digest[digest])

    def _downstream(self, step: Step) -> Iterator[Step]:
        """The step and all steps that depend on it. Recursive, since a plan is only a few steps deep."""
        yield step
        for dependant in self.plan.dependants[step.digest]:
            yield from self._downstream(dependant)

    def _examine(self, step: Step) -> None:
        if step.digest in self.records or step.digest in self.failed:
            return
        progress = examine(step, self._index)
        for job in progress.jobs:
            if job.digest not in self._waiting:
                self._enqueue(step, job)
            steps = self._waiting.setdefault(job.digest, [])
            if all(step.digest != other.digest for other in steps):
                steps.append(step)
        if progress.failure is not None:
            self.failed[step.digest] = progress.failure
        elif progress.record is not None:
            self.records[step.digest] = progress.record
            self.completed.append((step, progress.record))


@dataclass(frozen=True)
class StepProgress:
    """Progress of a step: its next jobs, its record once it is complete, or why it cannot be completed."""

    jobs: Sequence[Job] = ()
    record: AnyStepRecord | None = None
    failure: str | None = None


WAITING = StepProgress()
"""The inputs of the step do not exist yet."""


@singledispatch
def examine(step: Step, index: RunIndex) -> StepProgress:
    """The progress of a step."""
    raise TypeError(f"no rule for a step of kind {step.kind}")


@examine.register
def _(step: Pretrain, index: RunIndex) -> StepProgress:
    outcome = index.outcomes.get(step.digest)
    if outcome is None:
        return StepProgress(jobs=[pretrain_job(step)])
    if isinstance(outcome, PretrainRecord):
        return StepProgress(record=outcome)
    return StepProgress(failure=str(outcome))


@examine.register
def _(study: Study, index: RunIndex) -> StepProgress:
    parent = index.parent(study, study.seeds[0])
    if parent is None:
        return WAITING
    if isinstance(parent, UpstreamFailure):
        return StepProgress(failure=parent.reason)
    pending, observed = index.searched(study, parent)
    if pending:
        return StepProgress(jobs=pending)
    jobs = {seed: index.selected_job(study, seed) for seed in study.seeds}
    known = {seed: index.selected(study, seed) for seed in study.seeds}
    pending_seeds = [job for seed, job in jobs.items() if isinstance(job, TrainJob) and known[seed] is None]
    if any(trial is None for trial in known.values()):
        return StepProgress(jobs=pending_seeds)
    failures = [(seed, trial.reason) for seed, trial in known.items() if isinstance(trial, UpstreamFailure)]
    if failures:
        return StepProgress(failure=f"seed {failures[0][0]}: {failures[0][1]}")
    selected = {seed: trial for seed, trial in known.items() if isinstance(trial, SelectedTrial)}
    record = StudyRecord(
        **_common(study),
        learning_rate=selected[study.seeds[0]].learning_rate,
        trials=tuple(
            SearchedTrial(
                learning_rate=trial.learning_rate,
                digest=job.digest,
                score=trial.score,
                end=trial.record.end if trial.record else "failed",
            )
            for job, trial in observed
        ),
        selected=selected,
    )
    return StepProgress(record=record)


@examine.register
def _(ranking: Ranking, index: RunIndex) -> StepProgress:
    jobs = {seed: index.rank_job(ranking, seed) for seed in ranking.seeds}
    known = {seed: index.ranked(ranking.digest, seed) for seed in ranking.seeds}
    if any(each is None for each in known.values()):
        pending = [job for seed, job in jobs.items() if isinstance(job, RankJob) and known[seed] is None]
        return StepProgress(jobs=pending)
    failures = [each for each in known.values() if isinstance(each, UpstreamFailure) and not each.diverged]
    if failures:
        return StepProgress(failure=failures[0].reason)
    # A diverged trial ranks nothing.
    rankings = {seed: each if isinstance(each, RankingRef) else None for seed, each in known.items()}
    return StepProgress(record=RankingRecord(**_common(ranking), rankings=rankings))


@examine.register
def _(evaluation: Evaluation, index: RunIndex) -> StepProgress:
    pending: list[Job] = []
    trials: list[ScoredTrial] = []
    failure, waiting, signature = "", False, ""
    for seed in evaluation.seeds:
        parent = index.checkpoint(evaluation, evaluation.of, seed)
        if parent is None:
            waiting = True
            continue
        if isinstance(parent, UpstreamFailure):
            failure = failure or ("" if parent.diverged else parent.reason)
            trials.append(_scored(evaluation, index, seed))
            continue
        job = score_job(evaluation, parent, seed)
        outcome = index.outcomes.get(job.digest)
        if outcome is None:
            pending.append(job)
        elif isinstance(outcome, ScoreRecord):
            trials.append(_scored(evaluation, index, seed, outcome, path_of(job, outcome)))
            signature = outcome.signature
        else:
            failure = failure or str(outcome)
    if pending or waiting:
        return StepProgress(jobs=pending)
    if failure:
        return StepProgress(failure=failure)
    means = over_seeds(trials)
    return StepProgress(
        record=EvaluationRecord(
            **_common(evaluation),
            score=means.score,
            sd=means.sd,
            collapsed=means.collapsed,
            languages=means.languages,
            trials=tuple(trials),
            signature=signature,
        )
    )


def _scored(
    evaluation: Evaluation, index: RunIndex, seed: int, scored: ScoreRecord | None = None, path: str | None = None
) -> ScoredTrial:
    study = index.plan.by_digest.get(evaluation.of)
    trial = index.selected(study, seed) if isinstance(study, Study) else None
    selected = trial if isinstance(trial, SelectedTrial) else None
    return ScoredTrial(
        seed=seed,
        learning_rate=selected.learning_rate if selected else None,
        collapsed=scored is None or (selected is not None and selected.collapsed),
        score=scored.score if scored else None,
        languages=scored.languages if scored else {},
        layer=scored.layer if scored else None,
        layers=scored.layers if scored else None,
        path=path,
    )


@examine.register
def _(condition: Condition, index: RunIndex) -> StepProgress:
    failures = [index.failed[digest] for digest in condition.cells.values() if digest in index.failed]
    if failures:
        return StepProgress(failure=failures[0])
    scores: dict[str, float | None] = {}
    for target, digest in condition.cells.items():
        record = index.records.get(digest)
        if not isinstance(record, EvaluationRecord):
            return WAITING
        scores[target] = record.score
    return StepProgress(
        record=ConditionRecord(
            **_common(condition),
            encoder=condition.encoder.name,
            intermediate=condition.intermediate,
            average=average(scores),
            cells=dict(condition.cells),
        )
    )


def _common(step: Step) -> dict[str, Any]:
    return {"name": step.name, "digest": step.digest, "identity": canonical(step.identity)}
