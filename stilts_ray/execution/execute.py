"""Execution of a job, up to its record in the store; with or without Ray."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import torch

from stilts_ray.execution.context import WorkerContext, quiet
from stilts_ray.execution.jobs import Job
from stilts_ray.execution.pretraining import make_encoder
from stilts_ray.execution.ranking import rank_examples
from stilts_ray.execution.scoring import score_trial
from stilts_ray.execution.trial import train_trial
from stilts_ray.plan.steps import JobKind
from stilts_ray.store.provenance import provenance
from stilts_ray.store.records import AnyJobRecord, JobRecord
from stilts_ray.store.store import now
from stilts_ray.timing import Clock, HostClock, measured
from stilts_ray.training.cuda_clock import StreamClock

EXECUTORS: Mapping[JobKind, Callable[[Any, WorkerContext], AnyJobRecord]] = {
    "pretrain": make_encoder,
    "train": train_trial,
    "rank": rank_examples,
    "score": score_trial,
}


def execute_job(job: Job, context: WorkerContext) -> AnyJobRecord:
    """Executes a job, writes its record to the store and returns it. A finished job is not executed again.

    Raises RequestError for an invalid request.
    """
    quiet()
    done = context.store.record(job.path)
    if isinstance(done, JobRecord) and done.digest == job.digest:
        return done
    # A failure of an earlier attempt does not apply to this one.
    context.store.delete(job.path, "failure.json")
    started = time.monotonic()
    with measured(_clock(context.process_group.device)) as stopwatch:
        result = EXECUTORS[job.kind](job, context)
        profile = stopwatch.read()
    measurements = {
        "seconds": round(time.monotonic() - started, 3),
        "profile": profile | {"wait": round(context.waited + profile.get("wait", 0.0), 3)},
        "device": torch.cuda.get_device_name() if context.process_group.device.type == "cuda" else "cpu",
        "finished_at": now(),
        **provenance(),
    }
    record = result.model_copy(update=measurements)
    if context.process_group.rank == 0:
        context.store.write_record(record, job.path)
        context.store.delete(job.path, "checkpoint")
    return record


def _clock(device: torch.device) -> Clock:
    return StreamClock(device) if device.type == "cuda" else HostClock()
