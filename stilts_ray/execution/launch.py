"""Runs the unfinished steps of a plan in a single Ray Tune run."""

import contextlib
import logging
import os
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from stilts_ray.config import Runtime
from stilts_ray.errors import RequestError, first_line
from stilts_ray.execution.callback import SweepCallback
from stilts_ray.execution.scheduler import Scheduler
from stilts_ray.execution.worker_settings import ExecuteJob, WorkerSettings
from stilts_ray.plan.build import Plan
from stilts_ray.store.lock import HEARTBEAT_SECONDS, StoreLock
from stilts_ray.store.records import Failure
from stilts_ray.store.state import StoreState
from stilts_ray.store.store import Store, now


@dataclass(frozen=True)
class Result:
    """Result of an invocation. failed: digest -> reason, of steps that failed or were skipped. jobs: number that ended."""

    failed: dict[str, str]
    jobs: int


@contextlib.contextmanager
def locked(store: Store) -> Iterator[None]:
    """Holds the store lock; a thread sends its heartbeats. Raises RequestError if another driver holds it."""
    lock, released = StoreLock(store), threading.Event()

    def beat() -> None:
        while not released.wait(HEARTBEAT_SECONDS):
            # One missed heartbeat is harmless. If the store stays unavailable, the jobs themselves fail.
            with contextlib.suppress(Exception):
                lock.beat()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        released.set()
        thread.join()
        lock.release()


def run_plan(plan: Plan, store: Store, state: StoreState, runtime: Runtime, callbacks: list[SweepCallback]) -> Result:
    """Executes the unfinished steps of `plan`. The caller holds the store lock and has read the store's state. Failures of
    steps are in the result.

    Raises RequestError if the cluster cannot be reached.
    """
    scheduler = Scheduler(plan, dict(state.jobs), dict(state.steps))
    commit_completed_steps(scheduler, store)
    count = 0
    if scheduler.running:
        # Ray is started only if a job is pending.
        from stilts_ray.execution.trainable import execute_job

        count = tune(scheduler, store, plan, runtime, callbacks, execute_job)
    if scheduler.running:
        raise RequestError("Ray ended before the sweep; finished jobs are stored, run the same command again")
    for digest, reason in scheduler.failed.items():
        step = plan.by_digest[digest]
        failure = Failure(kind=step.kind, name=step.name, digest=digest, reason=reason, at=now())
        store.write_failure(failure, step.path)
    return Result(dict(scheduler.failed), count)


def commit_completed_steps(scheduler: Scheduler, store: Store) -> None:
    """Writes the records of completed steps to the store."""
    while scheduler.completed:
        step, record = scheduler.completed[0]
        # A pretrain step is a single job, which has written the record.
        if step.kind != "pretrain":
            store.write_record(record.model_copy(update={"finished_at": now()}), step.path)
        else:
            store.delete(step.path, "failure.json")
        scheduler.completed.pop(0)


def tune(
    scheduler: Scheduler,
    store: Store,
    plan: Plan,
    runtime: Runtime,
    callbacks: list[SweepCallback],
    execute: ExecuteJob,
) -> int:
    """Executes all jobs of a scheduler with `execute` in one Ray Tune run; returns how many ended.

    Raises RequestError if the cluster cannot be reached.
    """
    import ray.tune

    from stilts_ray.execution.trainable import trainable
    from stilts_ray.execution.tune_searcher import ClearTrialStats, TuneSearcher

    settings = WorkerSettings(
        store=store.url,
        data_source=plan.data_source.address(),
        checkpoint_seconds=runtime.checkpoint_seconds,
        gpus=runtime.gpus_per_trial,
        workers=runtime.workers_per_trial,
        data_parallel=runtime.data_parallel,
    )
    commit = partial(commit_completed_steps, scheduler, store)
    searcher = TuneSearcher(scheduler, store, commit, callbacks, runtime.max_failures)
    with tempfile.TemporaryDirectory(prefix="stilts-tune-", ignore_cleanup_errors=True) as scratch, _ray(runtime):
        tuner = ray.tune.Tuner(
            trainable(settings, execute),
            tune_config=ray.tune.TuneConfig(
                search_alg=searcher,
                num_samples=-1,
                max_concurrent_trials=concurrency(runtime),
                # A reused actor keeps its GPU, for which the workers of a process group may wait.
                reuse_actors=runtime.workers_per_trial == 1,
            ),
            run_config=ray.tune.RunConfig(
                name=plan.sweep.name,
                storage_path=scratch if store.local else f"{store.url}/ray",
                verbose=0,
                # In a notebook Tune's default reporter clears the cell's output even at verbosity 0.
                progress_reporter=ray.tune.CLIReporter(),
                callbacks=[ClearTrialStats()],
            ),
        )
        tuner.fit()
    if searcher.problem is not None:
        raise searcher.problem
    return searcher.finished


ENVIRONMENT = {
    # No log, CSV and TensorBoard file per trial.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    # No periodic checkpoints of Tune's own state, which is never restored.
    "TUNE_GLOBAL_CHECKPOINT_S": "1e9",
    # Ctrl-C ends the run at once: Tune has no state to save, and trials have checkpoints of their own.
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "RAY_AIR_NEW_OUTPUT": "0",
    # Tune runs each trial in its own thread; without a limit, each leaks a memory arena.
    "MALLOC_ARENA_MAX": "2",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "RAY_TRAIN_COLLECTIVE_TIMEOUT_S": "1800",
}


def _check_resources(runtime: Runtime, resources: dict[str, float]) -> None:
    """Raises RequestError for requests that this machine can never satisfy."""
    workers, gpus = runtime.workers_per_trial, runtime.gpus_per_trial
    if workers * gpus > resources.get("GPU", 0):
        raise RequestError(f"a trial asks for {workers * gpus:g} GPUs; this machine has {resources.get('GPU', 0):g}")
    if workers > resources["CPU"]:
        raise RequestError(f"a trial asks for {workers} workers; this machine has {resources['CPU']:g} CPUs")


def concurrency(runtime: Runtime) -> int | None:
    """Maximum number of concurrent trials; None for no limit besides resources. A trial with several workers holds almost no
    resources itself, so without a limit all such trials would start at once."""
    if runtime.max_concurrent or runtime.workers_per_trial == 1:
        return runtime.max_concurrent
    return 8 if runtime.address else max(1, (os.cpu_count() or 1) // runtime.workers_per_trial)


def max_pending_trials(runtime: Runtime, resources: dict[str, float]) -> int:
    """Maximum number of trials that wait for resources. resources: of the cluster. For custom search algorithms Tune's default
    is 1: processes would start one after the other, and a cluster would grow by one machine at a time."""
    if runtime.address is not None:
        return 16
    fit = resources.get("GPU", 0) / runtime.gpus_per_trial if runtime.gpus_per_trial else resources["CPU"]
    return max(1, int(min(fit, resources["CPU"]) / runtime.workers_per_trial))


@contextlib.contextmanager
def _ray(runtime: Runtime) -> Iterator[None]:
    """A Ray session. If this process is connected to Ray, that connection is used and stays open; else Ray is started on this
    machine or connected to at `address`, and shut down at the end."""
    import ray

    connected = ray.is_initialized()
    with _environment(ENVIRONMENT), _quiet():
        if not connected:
            _init(runtime)
        try:
            resources = ray.cluster_resources()
            if runtime.address is None:
                _check_resources(runtime, resources)
            with _environment({"TUNE_MAX_PENDING_TRIALS_PG": str(max_pending_trials(runtime, resources))}):
                yield
        finally:
            if not connected:
                ray.shutdown()


def _init(runtime: Runtime) -> None:
    import ray

    options: dict[str, Any] = {
        "log_to_driver": False,
        "logging_level": logging.ERROR,
        "runtime_env": {"env_vars": {name: os.environ[name] for name in ENVIRONMENT}},
    }
    if runtime.address is None:
        options |= {"include_dashboard": False, "object_store_memory": 256 * 2**20}
    try:
        ray.init(address=runtime.address, **options)
    except (ConnectionError, ValueError, RuntimeError) as error:
        where = runtime.address or "this machine"
        raise RequestError(f"cannot use Ray on {where}: {first_line(error)}") from None


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Sets environment variables that are not set, and unsets them at the end: a notebook may use Ray for other work."""
    added = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silences Ray's loggers. Tune logs the full traceback of a crashed trial; the searcher restarts it, and the display
    reports that."""
    levels = {"ray.train": logging.ERROR, "ray.tune": logging.CRITICAL}
    before = {name: logging.getLogger(name).level for name in levels}
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
