"""What a job does, from its description to its record in the store. Runs with or without Ray."""

import time
from collections.abc import Callable

import torch

from stilts_ray.provenance import provenance
from stilts_ray.store import Record, now
from stilts_ray.sweep.encoders import make_encoder
from stilts_ray.sweep.jobs import Job
from stilts_ray.sweep.place import Place, quiet
from stilts_ray.sweep.ranking import rank_rows
from stilts_ray.sweep.scoring import score_run
from stilts_ray.sweep.trial import train_trial
from stilts_ray.timing import Clock, HostClock, measured
from stilts_ray.training.stream import StreamClock

WORK: dict[str, Callable[[Job, Place], Record]] = {
    "pretrain": make_encoder,
    "trial": train_trial,
    "rank": rank_rows,
    "score": score_run,
}


def carry_out(job: Job, place: Place) -> Record:
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
    with measured(_clock(place.team.device)) as stopwatch:
        result = WORK[job.kind](job, place)
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
        "device": torch.cuda.get_device_name() if place.team.device.type == "cuda" else "cpu",
        "finished_at": now(),
        **provenance(),
    }
    if place.team.rank == 0:
        place.store.write_json(record, job.path, "record.json")
        place.store.delete(job.path, "checkpoint")
    return record


def _clock(device: torch.device) -> Clock:
    return StreamClock(device) if device.type == "cuda" else HostClock()
