"""Runs what is left of a plan: one Ray Tune run for all of it."""

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
    """What an invocation did. failed: steps that failed or were skipped, by digest, with reasons. jobs: how many ended."""

    failed: dict[str, str]
    jobs: int


@contextlib.contextmanager
def locked(store: Store) -> Iterator[None]:
    """Holds the store lock; a thread sends its heartbeats. Raises RequestError if another driver holds it."""
    lock, over = StoreLock(store), threading.Event()

    def beat() -> None:
        while not over.wait(HEARTBEAT_SECONDS):
            # One missed heartbeat does no harm. If the store is gone for good, the jobs themselves fail.
            with contextlib.suppress(Exception):
                lock.beat()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        lock.release()


def run_plan(plan: Plan, store: Store, state: StoreState, runtime: Runtime, callbacks: list[SweepCallback]) -> Result:
    """Executes what is left of `plan`. The caller holds the store lock and has read its state. Failures of single steps are in
    the result.

    Raises RequestError if the cluster cannot be reached.
    """
    scheduler = Scheduler(plan, dict(state.jobs), dict(state.steps))
    commit_completed_steps(scheduler, store)
    count = 0
    if scheduler.running:
        # Without anything left to do, Ray is not started.
        from stilts_ray.execution.trainable import execute_job

        count = tune(scheduler, store, plan, runtime, callbacks, execute_job)
    if scheduler.running:
        raise RequestError("Ray ended before the sweep did; what is finished is kept, run the same command again")
    for digest, reason in scheduler.failed.items():
        step = plan.by_digest[digest]
        failure = Failure(kind=step.kind, name=step.name, digest=digest, reason=reason, at=now())
        store.write_failure(failure, step.path)
    return Result(dict(scheduler.failed), count)


def commit_completed_steps(scheduler: Scheduler, store: Store) -> None:
    """Stores the records of steps that are complete."""
    while scheduler.completed:
        step, record = scheduler.completed[0]
        # A pretrain step is one job, which has written the record already.
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
    """Executes by `execute` all jobs of a scheduler in one Ray Tune run; returns how many ended.

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
                # A reused actor keeps its GPU, which the workers of a process group may be waiting for.
                reuse_actors=runtime.workers_per_trial == 1,
            ),
            run_config=ray.tune.RunConfig(
                name=plan.sweep.name,
                storage_path=scratch if store.local else f"{store.url}/ray",
                verbose=0,
                # In a notebook Tune's default reporter clears what the cell has shown, silent as it is.
                progress_reporter=ray.tune.CLIReporter(),
                callbacks=[ClearTrialStats()],
            ),
        )
        tuner.fit()
    if searcher.problem is not None:
        raise searcher.problem
    return searcher.finished


# Tune writes a log file, a CSV and a TensorBoard file for each trial unless told not to.
ENVIRONMENT = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    # Nor does anyone read its state of all trials, which it would write again and again.
    "TUNE_GLOBAL_CHECKPOINT_S": "1e9",
    # Ctrl-C ends the run at once: checkpoints are ours, and Tune has no state that it could still save.
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "RAY_AIR_NEW_OUTPUT": "0",
    # Tune runs each trial in a thread of its own; without a bound, each leaves a memory arena behind.
    "MALLOC_ARENA_MAX": "2",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "RAY_TRAIN_COLLECTIVE_TIMEOUT_S": "1800",
}


def _check_resources(runtime: Runtime, there: dict[str, float]) -> None:
    """Raises RequestError for what would wait for ever on a single machine."""
    workers, gpus = runtime.workers_per_trial, runtime.gpus_per_trial
    if workers * gpus > there.get("GPU", 0):
        raise RequestError(f"a trial asks for {workers * gpus:g} GPUs; this machine has {there.get('GPU', 0):g}")
    if workers > there["CPU"]:
        raise RequestError(f"a trial asks for {workers} workers; this machine has {there['CPU']:g} CPUs")


def concurrency(runtime: Runtime) -> int | None:
    """Trials at a time. With one process each, resources are the bound; a trial that only starts workers holds next to
    nothing, and without a bound all of them would start at once."""
    if runtime.max_concurrent or runtime.workers_per_trial == 1:
        return runtime.max_concurrent
    return 8 if runtime.address else max(1, (os.cpu_count() or 1) // runtime.workers_per_trial)


def waiting(runtime: Runtime, there: dict[str, float]) -> int:
    """Trials that may wait for resources at a time, of which `there` are so many. With a search algorithm of one's own Tune
    keeps a single one: processes would start one after the other, none of them before the one ahead has its first job, and
    a cluster would grow by one machine at a time."""
    if runtime.address is not None:
        return 16
    fit = there.get("GPU", 0) / runtime.gpus_per_trial if runtime.gpus_per_trial else there["CPU"]
    return max(1, int(min(fit, there["CPU"]) / runtime.workers_per_trial))


@contextlib.contextmanager
def _ray(runtime: Runtime) -> Iterator[None]:
    """Ray: the one that this process has joined already, which is left running; else one that is started on this machine or
    joined at `address`, and left at the end."""
    import ray

    joined = ray.is_initialized()
    with _environment(ENVIRONMENT), _quiet():
        if not joined:
            _init(runtime)
        try:
            there = ray.cluster_resources()
            if runtime.address is None:
                _check_resources(runtime, there)
            with _environment({"TUNE_MAX_PENDING_TRIALS_PG": str(waiting(runtime, there))}):
                yield
        finally:
            if not joined:
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
    """Sets environment variables that are not set, and unsets them at the end: a notebook may use Ray for more than this."""
    added = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silences Ray's loggers. Of a trial that crashed Tune logs the whole trace; the searcher restarts it, and the display says
    so."""
    levels = {"ray.train": logging.ERROR, "ray.tune": logging.CRITICAL}
    before = {name: logging.getLogger(name).level for name in levels}
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
