"""Execution of a job in its worker processes, through Ray Train."""

import gc
import tempfile
import time
import traceback

import ray.train
import ray.train.torch
import ray.tune
import torch

from stilts_ray.data.sources import from_address
from stilts_ray.errors import RequestError, Unavailable, first_line
from stilts_ray.execution.context import Report, WorkerContext
from stilts_ray.execution.jobs import Job
from stilts_ray.execution.worker_settings import ExecuteJob, WorkerSettings
from stilts_ray.store.records import CurvePoint, Failure
from stilts_ray.store.store import Store, now
from stilts_ray.training.process_group import ProcessGroup


def run_trial(job: Job, settings: WorkerSettings, execute: ExecuteJob, handed_out: float) -> None:
    """Executes a job in the process of its Tune trial, through Ray Train, whose local mode takes some hundredths of a second.
    If the job fails, writes the failure to the store. handed_out: when it was suggested, in seconds since the epoch.

    Raises errors after which the job may be retried.
    """
    store = Store(settings.store)
    try:
        with tempfile.TemporaryDirectory(prefix="stilts-train-") as scratch:
            _trainer(job, settings, execute, scratch, handed_out).fit()
    except Exception as error:
        request_error = _request_error(error)
        if request_error is None:
            _write_failure(store, job, f"{type(error).__name__}: {first_line(error)}", traceback.format_exc())
            raise
        _write_failure(store, job, str(request_error), "")
        # Any other request error is deterministic: no retry, and the sweep continues without the job.
        if isinstance(request_error, Unavailable):
            raise
    ray.tune.report({"ended": True})


def _report_to_tune(point: CurvePoint) -> None:
    ray.tune.report(point.model_dump())


def _trainer(
    job: Job, settings: WorkerSettings, execute: ExecuteJob, scratch: str, handed_out: float
) -> ray.train.torch.TorchTrainer:
    single, use_gpu = settings.single_process(job.kind), settings.gpus > 0
    report = _report_to_tune if single else None
    resources = {"CPU": 1.0, "GPU": settings.gpus} if use_gpu else {"CPU": 1.0}
    scaling = ray.train.ScalingConfig(
        num_workers=0 if single else settings.workers,
        use_gpu=use_gpu,
        **({} if single else {"resources_per_worker": resources}),
    )
    remote = "://" in settings.store
    run_config = ray.train.RunConfig(
        name=job.digest[:16],
        storage_path=f"{settings.store}/ray" if remote else scratch,
        # The searcher retries failed jobs. Retries of both would multiply.
        failure_config=ray.train.FailureConfig(max_failures=0),
    )
    return ray.train.torch.TorchTrainer(
        lambda: _execute(job, settings, execute, report, handed_out), scaling_config=scaling, run_config=run_config
    )


_idle_since = 0.0
"""When this process ended its last job, in seconds since the epoch."""


def _execute(
    job: Job,
    settings: WorkerSettings,
    execute: ExecuteJob,
    report: Report | None,
    handed_out: float,
) -> None:
    """Executes the job in one process of its group."""
    global _idle_since
    if settings.gpus == 0:
        # Floating-point sums depend on the number of threads. Parallelism is over processes.
        torch.set_num_threads(1)
    context = WorkerContext(
        store=Store(settings.store),
        data_source=from_address(settings.data_source),
        checkpoint_seconds=settings.checkpoint_seconds,
        process_group=_process_group(job, settings),
        report=report or (lambda point: None),
        # The driver's clock may be ahead of this machine's.
        waited=max(0.0, time.time() - max(handed_out, _idle_since)),
    )
    try:
        execute(job, context)
    finally:
        if settings.gpus > 0:
            # Models have reference cycles, and other processes may share the device.
            gc.collect()
            torch.cuda.empty_cache()
        _idle_since = time.time()


def _process_group(job: Job, settings: WorkerSettings) -> ProcessGroup:
    if settings.single_process(job.kind):
        return ProcessGroup(device=torch.device("cuda" if settings.gpus > 0 else "cpu"))
    context = ray.train.get_context()
    device = ray.train.torch.get_device() if settings.gpus > 0 else torch.device("cpu")
    return ProcessGroup(context.get_world_rank(), context.get_world_size(), device, settings.data_parallel)


def _request_error(error: BaseException | None) -> RequestError | None:
    """The RequestError in the causes of an error, or reported by a worker group; None if there is none."""
    while error is not None:
        if isinstance(error, RequestError):
            return error
        for failure in getattr(error, "worker_failures", {}).values():
            if isinstance(failure, RequestError):
                return failure
        error = error.__cause__ or error.__context__
    return None


def _write_failure(store: Store, job: Job, reason: str, trace: str) -> None:
    failure = Failure(kind=job.kind, name=job.name, digest=job.digest, reason=reason, at=now(), trace=trace)
    store.write_failure(failure, job.path)
