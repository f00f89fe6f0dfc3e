"""What a job does, from its description to its record in the store. Runs with or without Ray."""

import time
from collections.abc import Callable

import torch

from stilts_ray.execution.context import WorkerContext, quiet
from stilts_ray.execution.jobs import Job
from stilts_ray.execution.pretraining import make_encoder
from stilts_ray.execution.ranking import rank_rows
from stilts_ray.execution.scoring import score_run
from stilts_ray.execution.trial import train_trial
from stilts_ray.store.provenance import provenance
from stilts_ray.store.store import Record, now
from stilts_ray.timing import Clock, HostClock, measured
from stilts_ray.training.cuda_clock import StreamClock

EXECUTORS: dict[str, Callable[[Job, WorkerContext], Record]] = {
    "pretrain": make_encoder,
    "trial": train_trial,
    "rank": rank_rows,
    "score": score_run,
}


def execute_job(job: Job, place: WorkerContext) -> Record:
    """Does a job and returns its record, which is in the store by then. A job that is done already is not done again.

    Raises RequestError for what cannot be carried out.
    """
    quiet()
    done = place.store.read_json(job.path, "record.json")
    if done is not None and done.get("digest") == job.digest:
        return dict(done)
    # A failure noted by an earlier try says nothing about this one.
    place.store.delete(job.path, "failure.json")
    started = time.monotonic()
    with measured(_clock(place.process_group.device)) as stopwatch:
        result = EXECUTORS[job.kind](job, place)
        spent = stopwatch.read()
    record = {
        "kind": job.kind,
        "name": job.name,
        "digest": job.digest,
        "step": job.step,
        "identity": job.identity,
        **result,
        "seconds": round(time.monotonic() - started, 3),
        "profile": spent | {"wait": round(place.waited + spent.get("wait", 0.0), 3)},
        "device": torch.cuda.get_device_name() if place.process_group.device.type == "cuda" else "cpu",
        "finished_at": now(),
        **provenance(),
    }
    if place.process_group.rank == 0:
        place.store.write_json(record, job.path, "record.json")
        place.store.delete(job.path, "checkpoint")
    return record


def _clock(device: torch.device) -> Clock:
    return StreamClock(device) if device.type == "cuda" else HostClock()
