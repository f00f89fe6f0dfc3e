"""A job in its process, with Ray Train around the work."""

import gc
import tempfile
import time
import traceback
from collections.abc import Callable
from typing import Any

import ray.train
import ray.train.torch
import ray.tune
import torch

from stilts_ray.data import sources as origins
from stilts_ray.errors import RequestError, Unavailable, first_line
from stilts_ray.execution.context import WorkerContext
from stilts_ray.execution.jobs import Job
from stilts_ray.execution.trainable import ExecuteJob, Setting
from stilts_ray.store.store import Store, now
from stilts_ray.training.process_group import ProcessGroup


def carry(job: Job, setting: Setting, work: ExecuteJob, handed_out: float) -> None:
    """A job in the process of its trial, through Ray Train, whose local mode costs some hundredths of a second; and a note in
    the store of why it failed, if it does. handed_out: when, in seconds since the epoch.

    Raises what is worth another try.
    """
    store = Store(setting.store)
    try:
        with tempfile.TemporaryDirectory(prefix="stilts-train-") as scratch:
            _trainer(job, setting, work, scratch, handed_out).fit()
    except Exception as error:
        refused = _request_error(error)
        if refused is None:
            _note_failure(store, job, f"{type(error).__name__}: {first_line(error)}", traceback.format_exc())
            raise
        _note_failure(store, job, str(refused), "")
        # Anything else would fail again: no retry, and the sweep goes on without it.
        if isinstance(refused, Unavailable):
            raise
    ray.tune.report({"ended": True})


def _trainer(
    job: Job, setting: Setting, work: ExecuteJob, scratch: str, handed_out: float
) -> ray.train.torch.TorchTrainer:
    alone, use_gpu = setting.alone(job.kind), setting.gpus > 0
    report = ray.tune.report if alone else None
    each = {"CPU": 1.0, "GPU": setting.gpus} if use_gpu else {"CPU": 1.0}
    scaling = ray.train.ScalingConfig(
        num_workers=0 if alone else setting.workers,
        use_gpu=use_gpu,
        **({} if alone else {"resources_per_worker": each}),
    )
    remote = "://" in setting.store
    run_config = ray.train.RunConfig(
        name=job.digest[:16],
        storage_path=f"{setting.store}/ray" if remote else scratch,
        # The searcher suggests the job again; both doing so would multiply.
        failure_config=ray.train.FailureConfig(max_failures=0),
    )
    return ray.train.torch.TorchTrainer(
        lambda: _work(job, setting, work, report, handed_out), scaling_config=scaling, run_config=run_config
    )


_idle_since = 0.0
"""When this process ended its last job, in seconds since the epoch."""


def _work(
    job: Job, setting: Setting, work: ExecuteJob, report: Callable[[dict[str, Any]], None] | None, handed_out: float
) -> None:
    """The job, in one process of its team."""
    global _idle_since
    if setting.gpus == 0:
        # Sums come out differently with another number of threads; processes, not threads, use the cores.
        torch.set_num_threads(1)
    place = WorkerContext(
        store=Store(setting.store),
        data_source=origins.from_address(setting.data_source),
        checkpoint_seconds=setting.checkpoint_seconds,
        process_group=_process_group(job, setting),
        report=report or (lambda entry: None),
        # The clock of the machine that handed it out may be ahead.
        waited=max(0.0, time.time() - max(handed_out, _idle_since)),
    )
    try:
        work(job, place)
    finally:
        if setting.gpus > 0:
            # Parts of a model refer to each other in circles, and other processes may share the device.
            gc.collect()
            torch.cuda.empty_cache()
        _idle_since = time.time()


def _process_group(job: Job, setting: Setting) -> ProcessGroup:
    if setting.alone(job.kind):
        return ProcessGroup(device=torch.device("cuda" if setting.gpus > 0 else "cpu"))
    context = ray.train.get_context()
    device = ray.train.torch.get_device() if setting.gpus > 0 else torch.device("cpu")
    return ProcessGroup(context.get_world_rank(), context.get_world_size(), device, setting.data_parallel)


def _request_error(error: BaseException | None) -> RequestError | None:
    """The RequestError that another error was raised from, or that a worker group reports."""
    while error is not None:
        if isinstance(error, RequestError):
            return error
        for failure in getattr(error, "worker_failures", {}).values():
            if isinstance(failure, RequestError):
                return failure
        error = error.__cause__ or error.__context__
    return None


def _note_failure(store: Store, job: Job, reason: str, trace: str) -> None:
    failure = {"kind": job.kind, "name": job.name, "digest": job.digest, "reason": reason, "at": now(), "trace": trace}
    store.write_json(failure, job.path, "failure.json")
