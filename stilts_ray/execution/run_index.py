"""The lineage of a plan's trials: outcomes of its jobs, and the parent checkpoint of each step. Pure."""

from dataclasses import dataclass, field
from typing import Any

from stilts_ray.execution.jobs import (
    ExistingEncoder,
    Job,
    ParentCheckpoint,
    RankJob,
    StoredEncoder,
    TrainJob,
    rank_job,
    train_job,
)
from stilts_ray.execution.search import ObservedTrial, best, propose, pruning_thresholds
from stilts_ray.plan.build import Plan
from stilts_ray.plan.steps import Evaluation, Ranking, Study
from stilts_ray.store.records import (
    AnyJobRecord,
    AnyStepRecord,
    RankingRecord,
    RankingRef,
    RankRecord,
    SelectedTrial,
    StudyRecord,
    TrainRecord,
)

Outcome = AnyJobRecord | str
"""The outcome of a job: its record, or why it failed."""


@dataclass(frozen=True)
class UpstreamFailure:
    """Why an upstream checkpoint or ranking will never exist. A diverged trial is a result; a failed trial is not."""

    reason: str
    diverged: bool = False


@dataclass
class RunIndex:
    """Lookups over the results of a plan. outcomes: digest of a job -> outcome. records: digest of a step -> record. failed:
    digest of a step that cannot be completed -> reason."""

    plan: Plan
    outcomes: dict[str, Outcome]
    records: dict[str, AnyStepRecord]
    failed: dict[str, str] = field(default_factory=dict)
    _trials: dict[tuple[Any, ...], TrainJob] = field(default_factory=dict)
    _rounds: dict[tuple[Any, ...], list[TrainJob]] = field(default_factory=dict)
    _observed: dict[tuple[str, str], list[tuple[TrainJob, ObservedTrial]]] = field(default_factory=dict)

    def encoder(self, step: Study | Ranking | Evaluation) -> ParentCheckpoint | None:
        """The encoder of a step; None until it exists."""
        ref = step.encoder
        if ref.location is not None:
            existing = ExistingEncoder(location=ref.location, revision=ref.revision)
            return ParentCheckpoint(digest=ref.digest, encoder=existing)
        outcome = self.outcomes.get(ref.digest)
        if outcome is None or isinstance(outcome, str):
            return None
        # Use the path of the record: a sweep with another name for the encoder may have written it.
        path = outcome.path or self.plan.by_digest[ref.digest].path
        return ParentCheckpoint(digest=ref.digest, encoder=StoredEncoder(path=path))

    def checkpoint(
        self, step: Study | Ranking | Evaluation, digest: str, seed: int
    ) -> ParentCheckpoint | UpstreamFailure | None:
        """The checkpoint that `digest` denotes at a seed: the encoder, or a study's selected trial; None until it is known."""
        if step.encoder.digest in self.failed:
            return UpstreamFailure(self.failed[step.encoder.digest])
        encoder = self.encoder(step)
        if encoder is None or digest == encoder.digest:
            return encoder
        if digest in self.failed:
            return UpstreamFailure(self.failed[digest])
        study = self.plan.by_digest[digest]
        assert isinstance(study, Study)
        trial = self.selected(study, seed)
        if trial is None or isinstance(trial, UpstreamFailure):
            return trial
        if not trial.kept or trial.digest is None:
            return UpstreamFailure(f"{study.name}: the trial with seed {seed} diverged", diverged=True)
        # A trial's weights file needs that of its parent, which may have to be trained again.
        parent = self.checkpoint(study, study.parent, seed)
        if not isinstance(parent, ParentCheckpoint):
            return parent
        return ParentCheckpoint(digest=trial.digest, encoder=encoder.encoder, trial=trial.path)

    def searched(
        self, study: Study, parent: ParentCheckpoint
    ) -> tuple[list[TrainJob], list[tuple[TrainJob, ObservedTrial]]]:
        """The search so far: pending jobs (empty once it has ended), and all observed trials with their jobs."""
        observed = self._observed.setdefault((study.digest, parent.digest), [])
        while jobs := self._round(study, parent, observed):
            pending = [job for job in jobs if job.digest not in self.outcomes]
            if pending:
                return pending, observed
            observed += [(job, ObservedTrial(job.learning_rate, self._trained(job))) for job in jobs]
        return [], observed

    def _trained(self, job: TrainJob) -> TrainRecord | None:
        outcome = self.outcomes[job.digest]
        return outcome if isinstance(outcome, TrainRecord) else None

    def _round(
        self, study: Study, parent: ParentCheckpoint, observed: list[tuple[TrainJob, ObservedTrial]]
    ) -> list[TrainJob]:
        """The next round of trials. Cached, since a study is examined after each of its trials."""
        key = (study.digest, parent.digest, len(observed))
        if key not in self._rounds:
            history = [trial for _, trial in observed]
            rates = propose(study.search, history, int(study.digest[:8], 16))
            thresholds = pruning_thresholds(study.search.reduction_factor, history)
            self._rounds[key] = [self.trial(study, parent, rate, study.seeds[0], thresholds) for rate in rates]
        return self._rounds[key]

    def selected(self, study: Study, seed: int) -> SelectedTrial | UpstreamFailure | None:
        """The trial of a study at the selected learning rate and a seed, as in its record; None until it has ended."""
        record = self.records.get(study.digest)
        if isinstance(record, StudyRecord):
            return record.selected.get(seed)
        job = self.selected_job(study, seed)
        if isinstance(job, UpstreamFailure) and job.diverged:
            first = self.selected(study, study.seeds[0])
            assert isinstance(first, SelectedTrial)
            return _skipped(first.learning_rate)
        if job is None or isinstance(job, UpstreamFailure):
            return job
        outcome = self.outcomes.get(job.digest)
        if isinstance(outcome, str):
            return UpstreamFailure(outcome)
        return _as_selected(job, outcome) if isinstance(outcome, TrainRecord) else None

    def selected_job(self, study: Study, seed: int) -> TrainJob | UpstreamFailure | None:
        """The job of a study at the selected learning rate and a seed; None until the search has ended."""
        parent = self.parent(study, study.seeds[0])
        if not isinstance(parent, ParentCheckpoint):
            return parent
        pending, observed = self.searched(study, parent)
        if pending:
            return None
        # Selection among the others would make the result depend on which machine failed.
        reasons = [reason for job, _ in observed if isinstance(reason := self.outcomes[job.digest], str)]
        if reasons:
            return UpstreamFailure(reasons[0])
        chosen = best([trial for _, trial in observed])
        if chosen is None:
            return UpstreamFailure("every trial of the search diverged")
        if seed == study.seeds[0]:
            return next(job for job, trial in observed if trial is chosen)
        seed_parent = self.parent(study, seed)
        if not isinstance(seed_parent, ParentCheckpoint):
            return seed_parent
        return self.trial(study, seed_parent, chosen.learning_rate, seed, ())

    def trial(
        self, study: Study, parent: ParentCheckpoint, rate: float, seed: int, thresholds: tuple[float | None, ...]
    ) -> TrainJob:
        """The job of a trial. Cached, since a study is examined many times."""
        key = (study.digest, parent.digest, rate, seed, thresholds)
        if key not in self._trials:
            self._trials[key] = train_job(study, parent, rate, seed, thresholds)
        return self._trials[key]

    def parent(self, study: Study, seed: int) -> ParentCheckpoint | UpstreamFailure | None:
        """The parent checkpoint of a study's trial at a seed, with the ranking of its examples for difficulty quantiles; None
        until both are known."""
        parent = self.checkpoint(study, study.parent, seed)
        if study.ranking is None or not isinstance(parent, ParentCheckpoint):
            return parent
        ranking = self.ranked(study.ranking, seed)
        return parent.model_copy(update={"ranking": ranking}) if isinstance(ranking, RankingRef) else ranking

    def rank_job(self, ranking: Ranking, seed: int) -> RankJob | UpstreamFailure | None:
        """The job that ranks the examples of a seed; None until the trial that ranks them exists."""
        parent = self.checkpoint(ranking, ranking.of, seed)
        return rank_job(ranking, parent, seed) if isinstance(parent, ParentCheckpoint) else parent

    def ranked(self, digest: str, seed: int) -> RankingRef | UpstreamFailure | None:
        """The finished job that ranked the examples of a seed; None until it has ended."""
        record = self.records.get(digest)
        if isinstance(record, RankingRecord):
            return record.rankings[seed] or UpstreamFailure("the trial that ranks its examples diverged", diverged=True)
        ranking = self.plan.by_digest[digest]
        assert isinstance(ranking, Ranking)
        job = self.rank_job(ranking, seed)
        if not isinstance(job, RankJob):
            return job
        outcome = self.outcomes.get(job.digest)
        if isinstance(outcome, str):
            return UpstreamFailure(outcome)
        return RankingRef(digest=job.digest, path=outcome.path or job.path) if isinstance(outcome, RankRecord) else None


def path_of(job: Job, record: AnyJobRecord) -> str:
    """The path of a job's result in the store: a sweep in which the job had another name may have written it."""
    return record.path or job.path


def _as_selected(job: TrainJob, record: TrainRecord) -> SelectedTrial:
    return SelectedTrial(
        learning_rate=record.learning_rate,
        digest=job.digest,
        path=path_of(job, record),
        kept=record.end == "finished",
        score=record.score,
        collapsed=record.collapsed,
        end=record.end,
    )


def _skipped(rate: float) -> SelectedTrial:
    """A trial that was skipped because its parent diverged. It counts as a collapsed seed."""
    return SelectedTrial(
        learning_rate=rate, digest=None, path=None, kept=False, score=None, collapsed=True, end="diverged"
    )
