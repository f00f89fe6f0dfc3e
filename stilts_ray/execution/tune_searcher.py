"""A search algorithm for Ray Tune that suggests the jobs of a plan."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from ray.tune import Callback
from ray.tune.search import Searcher

from stilts_ray.execution.callback import SweepCallback
from stilts_ray.execution.jobs import Job, to_json
from stilts_ray.execution.run_index import Outcome
from stilts_ray.execution.scheduler import Scheduler
from stilts_ray.store.records import CurvePoint, JobRecord
from stilts_ray.store.store import Store


class ClearTrialStats(Callback):  # type: ignore[misc]
    """Clears Tune's statistics of every metric of every trial: 2 KB each, kept to the end of the run, and unused."""

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Clears them."""
        trial.run_metadata.metric_analysis.clear()
        trial.run_metadata.metric_n_steps.clear()


class TuneSearcher(Searcher):  # type: ignore[misc]
    """Adapts a Scheduler to Tune. The outcome of a job is read from the store; Tune only signals that the job ended.

    A crashed job is suggested again, up to `max_restarts` times. Tune's own retries are not used: Tune drops a trial whose
    process dies after it was reserved and before it has started.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        store: Store,
        commit: Callable[[], None],
        callbacks: list[SweepCallback],
        max_restarts: int,
    ) -> None:
        """commit: called after each outcome; stores the records of completed steps."""
        super().__init__()
        self.scheduler, self.store, self.commit, self.callbacks = scheduler, store, commit, callbacks
        self.max_restarts, self.finished = max_restarts, 0
        self.jobs: dict[str, Job] = {}
        self.restarts: list[Job] = []
        self.crashes: Counter[tuple[str, str]] = Counter()
        self.problem: Exception | None = None

    def suggest(self, trial_id: str) -> Any:
        """The configuration of the next job; None while no job can start; FINISHED when all have ended. Raises an error that
        occurred while an earlier outcome was processed."""
        if self.problem is not None:
            raise self.problem
        job = self.restarts.pop(0) if self.restarts else self.scheduler.next()
        if job is None:
            return None if self.scheduler.running else Searcher.FINISHED
        self.jobs[trial_id] = job
        for callback in self.callbacks:
            callback.on_job_start(job)
        # Tune keeps several copies of each configuration to the end of the run. Copies of a string are one object.
        return {"kind": job.kind, "job": to_json(job), "handed_out": time.time()}

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Passes dev evaluations to the callbacks."""
        if "step" in result and trial_id in self.jobs:
            point = CurvePoint.model_validate(result)
            for callback in self.callbacks:
                callback.on_evaluation(self.jobs[trial_id], point)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Reads the outcome from the store and reports it to the scheduler."""
        job = self.jobs.pop(trial_id, None)
        if job is None:
            return
        try:
            self._process(job, error)
        except Exception as problem:
            # Tune would swallow it, and wait forever for a job that is never suggested.
            self.problem = problem

    def _process(self, job: Job, crashed: bool) -> None:
        if crashed and self._restart(job):
            return
        outcome = self._outcome(job)
        self.finished += 1
        self.scheduler.finish(job, outcome)
        for callback in self.callbacks:
            callback.on_job_end(job, outcome)
        self.commit()

    def _restart(self, job: Job) -> bool:
        """Queues a crashed job again, unless it has used up its restarts or its record exists. Restarts are counted since its
        last progress: a checkpoint, or a smaller memory budget."""
        state = [self.store.read_json(job.path, "checkpoint", name) for name in ("latest.json", "memory_budget.json")]
        attempt = (job.digest, repr(state))
        self.crashes[attempt] += 1
        if self.crashes[attempt] > self.max_restarts or self.store.record(job.path) is not None:
            return False
        self.restarts.append(job)
        return True

    def _outcome(self, job: Job) -> Outcome:
        record = self.store.record(job.path)
        if isinstance(record, JobRecord):
            return record
        failure = self.store.failure(job.path)
        return failure.reason if failure else f"its worker crashed ({self.max_restarts} restarts)"

    def __getstate__(self) -> dict[str, Any]:
        """Empty: Tune saves its search algorithm for a restore that is never requested."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Does nothing: the store is the only state."""

    def restore(self, checkpoint_path: str) -> None:
        """Does nothing: a sweep is resumed by running it again."""
