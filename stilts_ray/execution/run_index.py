"""What is known of a plan's jobs, and what follows from it: which run each step starts from. Pure."""

from dataclasses import dataclass, field, replace
from typing import Any

from stilts_ray.execution.jobs import Job, ParentCheckpoint, rank_job, trial_job
from stilts_ray.execution.search import ObservedTrial, best, propose, pruning_thresholds
from stilts_ray.plan.build import Plan
from stilts_ray.plan.steps import Evaluation, Ranking, Study
from stilts_ray.store.store import Record

Outcome = Record | str
"""Of a job: its record, or why it failed."""


@dataclass(frozen=True)
class UpstreamFailure:
    """Something that will not come, and why. A run that diverged is a result; one that failed is not."""

    reason: str
    diverged: bool = False


@dataclass
class RunIndex:
    """outcomes: of jobs, by digest. records: of steps, by digest. failed: steps that cannot be completed, and why."""

    plan: Plan
    outcomes: dict[str, Outcome]
    records: dict[str, Record]
    failed: dict[str, str] = field(default_factory=dict)
    _trials: dict[tuple[Any, ...], Job] = field(default_factory=dict)
    _rounds: dict[tuple[Any, ...], list[Job]] = field(default_factory=dict)
    _tried: dict[tuple[str, str], list[tuple[Job, ObservedTrial]]] = field(default_factory=dict)

    def encoder(self, step: Study | Ranking | Evaluation) -> ParentCheckpoint | None:
        """The encoder of a step; None until it is made."""
        checkpoint = step.encoder
        if checkpoint.location is not None:
            where = {"location": checkpoint.location, "revision": checkpoint.revision}
            return ParentCheckpoint(checkpoint.digest, where)
        made = self.plan.by_digest[checkpoint.digest]
        outcome = self.outcomes.get(checkpoint.digest)
        if not isinstance(outcome, dict):
            return None
        # A record from the store says where it lies: a sweep that calls the encoder otherwise may have made it.
        return ParentCheckpoint(checkpoint.digest, {"path": outcome.get("path", f"pretrain/{made.slug}")})

    def start(
        self, step: Study | Ranking | Evaluation, digest: str, seed: int
    ) -> ParentCheckpoint | UpstreamFailure | None:
        """What a step starts from at a seed: the encoder or a study's selected run; None until it is known."""
        if step.encoder.digest in self.failed:
            return UpstreamFailure(self.failed[step.encoder.digest])
        encoder = self.encoder(step)
        if encoder is None or digest == encoder.digest:
            return encoder
        if digest in self.failed:
            return UpstreamFailure(self.failed[digest])
        study = self.plan.by_digest[digest]
        assert isinstance(study, Study)
        run = self.run(study, seed)
        if run is None or isinstance(run, UpstreamFailure):
            return run
        if not run["kept"]:
            return UpstreamFailure(f"{study.name}: the run with seed {seed} diverged", diverged=True)
        # Its file holds what it changed of the run that it began from, which may have to be made again.
        base = self.start(study, study.start, seed)
        if not isinstance(base, ParentCheckpoint):
            return base
        return ParentCheckpoint(run["digest"], encoder.encoder, run["path"])

    def searched(self, study: Study, start: ParentCheckpoint) -> tuple[list[Job], list[tuple[Job, ObservedTrial]]]:
        """The search as far as it has come: jobs it waits for (none: it is over), and what was tried."""
        tried = self._tried.setdefault((study.digest, start.digest), [])
        while jobs := self._round(study, start, tried):
            pending = [job for job in jobs if job.digest not in self.outcomes]
            if pending:
                return pending, tried
            outcomes = [self.outcomes[job.digest] for job in jobs]
            records = [outcome if isinstance(outcome, dict) else None for outcome in outcomes]
            tried += [
                (job, ObservedTrial(job.details["learning_rate"], record))
                for job, record in zip(jobs, records, strict=True)
            ]
        return [], tried

    def _round(self, study: Study, start: ParentCheckpoint, tried: list[tuple[Job, ObservedTrial]]) -> list[Job]:
        """The trials after those that were tried; proposed once, for a study is looked at after each of them."""
        key = (study.digest, start.digest, len(tried))
        if key not in self._rounds:
            history = [each for _, each in tried]
            rates = propose(study.search, history, int(study.digest[:8], 16))
            bars = pruning_thresholds(study.search.reduction_factor, history)
            self._rounds[key] = [self.trial(study, start, rate, study.seeds[0], bars) for rate in rates]
        return self._rounds[key]

    def run(self, study: Study, seed: int) -> dict[str, Any] | UpstreamFailure | None:
        """The selected run of a study at a seed, as in its record; None until it is done."""
        if study.digest in self.records:
            recorded: dict[str, Any] | None = self.records[study.digest]["runs"].get(str(seed))
            return recorded
        job = self.run_job(study, seed)
        if isinstance(job, UpstreamFailure) and job.diverged:
            return _never_begun(self.chosen_rate(study))
        if job is None or isinstance(job, UpstreamFailure):
            return job
        outcome = self.outcomes.get(job.digest)
        if isinstance(outcome, str):
            return UpstreamFailure(outcome)
        return None if outcome is None else _as_run(job, outcome)

    def run_job(self, study: Study, seed: int) -> Job | UpstreamFailure | None:
        """The job that makes the selected run of a study at a seed; None until the search is over."""
        start = self.begin(study, study.seeds[0])
        if not isinstance(start, ParentCheckpoint):
            return start
        pending, tried = self.searched(study, start)
        if pending:
            return None
        # Choosing among the rest would make the result depend on which machine had trouble.
        reasons = [reason for job, _ in tried if isinstance(reason := self.outcomes[job.digest], str)]
        if reasons:
            return UpstreamFailure(reasons[0])
        chosen = best([t for _, t in tried])
        if chosen is None:
            return UpstreamFailure("every trial of the search diverged")
        if seed == study.seeds[0]:
            return next(job for job, t in tried if t is chosen)
        own = self.begin(study, seed)
        return self.trial(study, own, chosen.rate, seed, ()) if isinstance(own, ParentCheckpoint) else own

    def trial(
        self, study: Study, start: ParentCheckpoint, rate: float, seed: int, bars: tuple[float | None, ...]
    ) -> Job:
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

    def begin(self, study: Study, seed: int) -> ParentCheckpoint | UpstreamFailure | None:
        """What a run of a study starts from and, on a band, what ranked its rows; None until both are known."""
        start = self.start(study, study.start, seed)
        if study.ranking is None or not isinstance(start, ParentCheckpoint):
            return start
        ranked = self.ranked(study.ranking, seed)
        return replace(start, ranking=ranked) if isinstance(ranked, dict) else ranked

    def rank_job(self, ranking: Ranking, seed: int) -> Job | UpstreamFailure | None:
        """The job that ranks the rows of a seed; None until the run is there whose losses rank them."""
        start = self.start(ranking, ranking.of, seed)
        return rank_job(ranking, start, seed) if isinstance(start, ParentCheckpoint) else start

    def ranked(self, digest: str, seed: int) -> dict[str, str] | UpstreamFailure | None:
        """Digest and path of the job that ranked the rows of a seed; None until it is done."""
        if digest in self.records:
            recorded: dict[str, str] | None = self.records[digest]["rankings"][str(seed)]
            return recorded or UpstreamFailure("the run that was to rank its rows diverged", diverged=True)
        ranking = self.plan.by_digest[digest]
        assert isinstance(ranking, Ranking)
        job = self.rank_job(ranking, seed)
        if not isinstance(job, Job):
            return job
        outcome = self.outcomes.get(job.digest)
        if isinstance(outcome, str):
            return UpstreamFailure(outcome)
        return None if outcome is None else {"digest": job.digest, "path": outcome.get("path", job.path)}


def _as_run(job: Job, record: Record) -> dict[str, Any]:
    kept = record["end"] == "finished"
    names = ("learning_rate", "score", "collapsed", "end")
    path = record.get("path", job.path)
    return {"digest": job.digest, "path": path, "kept": kept, **{name: record[name] for name in names}}


def _never_begun(rate: float) -> dict[str, Any]:
    """A run whose starting point diverged: it would have been one more seed, and counts as collapsed."""
    state = {"score": None, "collapsed": True, "end": "diverged"}
    return {"digest": None, "path": None, "kept": False, "learning_rate": rate, **state}
