"""Ray Tune's view of a plan: a search algorithm that suggests whatever job can be done now."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from ray.tune import Callback
from ray.tune.search import Searcher

from stilts_ray.execution.callback import SweepCallback
from stilts_ray.execution.jobs import Job
from stilts_ray.execution.run_index import Outcome
from stilts_ray.execution.scheduler import Scheduler
from stilts_ray.store.store import Store


class ClearTrialStats(Callback):  # type: ignore[misc]
    """Tune keeps statistics of every metric of every trial to the end of the run, 2 KB each; nobody asks for them."""

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Lets them go."""
        trial.run_metadata.metric_analysis.clear()
        trial.run_metadata.metric_n_steps.clear()


class TuneSearcher(Searcher):  # type: ignore[misc]
    """Adapts a Frontier. What a job left in the store is its outcome; Tune's results only say that it ended.

    A job that breaks off is suggested again, up to `retries` times. Tune's own retries are not used: it gives up at once
    on a trial whose process dies between being taken for it and beginning.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        store: Store,
        commit_completed_steps: Callable[[], None],
        callbacks: list[SweepCallback],
        retries: int,
    ) -> None:
        """`settle` is called after each outcome, to store the steps that it completed."""
        super().__init__()
        self.scheduler, self.store, self.commit_completed_steps, self.callbacks = (
            scheduler,
            store,
            commit_completed_steps,
            callbacks,
        )
        self.retries, self.ended = retries, 0
        self.jobs: dict[str, Job] = {}
        self.again: list[Job] = []
        self.broken: Counter[tuple[str, str]] = Counter()
        self.problem: Exception | None = None

    def suggest(self, trial_id: str) -> Any:
        """A job's description; None while nothing can begin; FINISHED when all is done. Raises what went wrong when an
        outcome was to be taken in."""
        if self.problem is not None:
            raise self.problem
        job = self.again.pop(0) if self.again else self.scheduler.next()
        if job is None:
            return None if self.scheduler.running else Searcher.FINISHED
        self.jobs[trial_id] = job
        for callback in self.callbacks:
            callback.on_job_start(job)
        # Tune keeps several copies of every configuration to the end of the run; of a text they are one.
        return {"kind": job.kind, "job": job.to_json(), "handed_out": time.time()}

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Passes dev evaluations on."""
        if "step" in result and trial_id in self.jobs:
            for callback in self.callbacks:
                callback.on_evaluation(self.jobs[trial_id], result)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Reads the outcome from the store and lets the plan go on."""
        job = self.jobs.pop(trial_id, None)
        if job is None:
            return
        try:
            self._take_in(job, error)
        except Exception as problem:
            # Tune would say nothing of it, and wait for a job that is in nobody's hands.
            self.problem = problem

    def _take_in(self, job: Job, error: bool) -> None:
        if error and self._retry(job):
            return
        outcome = self._outcome(job)
        self.ended += 1
        self.scheduler.finish(job, outcome)
        for callback in self.callbacks:
            callback.on_job_end(job, outcome)
        self.commit_completed_steps()

    def _retry(self, job: Job) -> bool:
        """Puts a job that broke off in line again, unless that was its last time or its work was done. Times are counted
        from when it last came further: in training, or in what it knows of the device's memory."""
        state = [self.store.read_json(job.path, "checkpoint", name) for name in ("latest.json", "memory_budget.json")]
        tried = (job.digest, repr(state))
        self.broken[tried] += 1
        if self.broken[tried] > self.retries or self.store.read_json(job.path, "record.json"):
            return False
        self.again.append(job)
        return True

    def _outcome(self, job: Job) -> Outcome:
        record = self.store.read_json(job.path, "record.json")
        if record is not None:
            return dict(record)
        failure = self.store.read_json(job.path, "failure.json") or {}
        return str(failure.get("reason", "its process died again and again"))

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune writes its search algorithm to disk for a restore that is never asked for."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the store is the only state."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: a sweep is resumed by running it again."""
