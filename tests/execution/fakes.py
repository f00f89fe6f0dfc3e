"""Outcomes of jobs without doing them: what a job scores follows from its digest alone."""

from collections.abc import Callable
from typing import Any

from stilts_ray.config import Encoder, Pretrained, Sweep, Untrained
from stilts_ray.data.sources import HubSource
from stilts_ray.execution.jobs import Job
from stilts_ray.execution.run_index import Outcome
from stilts_ray.execution.scheduler import Scheduler
from stilts_ray.plan.build import Plan, make_plan
from stilts_ray.store.store import Record
from tests.pins import at_commits

REVISIONS = {
    "nyu-mll/glue": "1" * 40,
    "rajpurkar/squad": "2" * 40,
    "Rowan/hellaswag": "3" * 40,
    "facebook/xnli": "4" * 40,
    "google/xtreme": "5" * 40,
    "google/xquad": "6" * 40,
    "owner/xlmr": "7" * 40,
}
ORIGIN = HubSource(at_commits(REVISIONS))
XLMR = Encoder(name="xlmr", weights=Pretrained(source="owner/xlmr"))
RANDOM = Encoder(name="random", weights=Untrained(like="owner/xlmr"))
LANGUAGES = {"xnli": ("en", "de"), "xquad": ("en", "zh"), "udpos": ("en", "de"), "tatoeba": ("de",)}

Act = Callable[[Job], Outcome]


def planned(**changes: Any) -> Plan:
    """A plan of real tasks that needs no file."""
    request: dict[str, Any] = {"name": "test", "encoders": [XLMR], "targets": ["xnli"], **changes}
    request.setdefault("languages", {name: LANGUAGES[name] for name in request["targets"]})
    return make_plan(Sweep(**request), ORIGIN)


def number(job: Job, place: int = 0) -> float:
    """A number from 0 to 100 that is fixed for a job."""
    return int(job.digest[8 * place : 8 * place + 8], 16) % 10_000 / 100


def succeed(job: Job) -> Record:
    """The record of a job that goes well; a trial is stopped by its thresholds, as in training."""
    if job.kind == "pretrain":
        return {"kind": "pretrain", "name": job.name, "digest": job.digest, "score": None}
    if job.kind == "rank":
        return {"digest": job.digest, "rows": 9, "loss": 1.0}
    if job.kind == "score":
        languages = {code: {"score": number(job)} for code in job.details["languages"]}
        return {"digest": job.digest, "score": number(job), "languages": languages, "signature": "made up"}
    scores, end = [number(job, place) for place in range(4)], "finished"
    for place, bar in enumerate(job.details["stop_below"]):
        if bar is not None and scores[place] < bar:
            scores, end = scores[: place + 1], "pruned"
            break
    return {
        "digest": job.digest,
        "end": end,
        "score": scores[-1],
        "collapsed": False,
        "learning_rate": job.details["learning_rate"],
        "seed": job.details["seed"],
        "curve": [{"step": place, "score": score} for place, score in enumerate(scores)],
    }


def diverged(job: Job) -> Record:
    """The record of a trial whose loss was not finite."""
    return succeed(job) | {"end": "diverged", "score": None, "collapsed": True, "curve": []}


def scoring(score: float, **changes: Any) -> Act:
    """A trial that ends with that score."""
    return lambda job: succeed(job) | {"end": "finished", "score": score, "curve": [{"score": score}]} | changes


def run(scheduler: Scheduler, act: Act = succeed, choose: Callable[[int], int] = lambda waiting: 0) -> list[Job]:
    """Does all that can be done; `choose` says which of so many running jobs ends next. Returns jobs as handed out."""
    handed: list[Job] = []
    running: list[Job] = []
    while True:
        while (job := scheduler.next()) is not None:
            running.append(job)
            handed.append(job)
        if not running:
            return handed
        job = running.pop(choose(len(running)))
        scheduler.finish(job, act(job))


def drained(scheduler: Scheduler) -> list[Job]:
    """All jobs that are ready now."""
    jobs = []
    while (job := scheduler.next()) is not None:
        jobs.append(job)
    return jobs
