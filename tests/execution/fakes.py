"""Made-up outcomes of jobs, determined by the digests of the jobs."""

from collections.abc import Callable, Iterable
from typing import Any

from stilts_ray.config import Encoder, Pretrained, Sweep, Untrained
from stilts_ray.data.sources import HubSource
from stilts_ray.execution.jobs import Job, PretrainJob, RankJob, ScoreJob
from stilts_ray.execution.run_index import Outcome
from stilts_ray.execution.scheduler import Scheduler
from stilts_ray.plan.build import Plan, make_plan
from stilts_ray.store.records import AnyJobRecord, CurvePoint, PretrainRecord, RankRecord, ScoreRecord, TrainRecord
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
DATA_SOURCE = HubSource(at_commits(REVISIONS))
XLMR = Encoder(name="xlmr", weights=Pretrained(source="owner/xlmr"))
RANDOM = Encoder(name="random", weights=Untrained(like="owner/xlmr"))
LANGUAGES = {"xnli": ("en", "de"), "xquad": ("en", "zh"), "udpos": ("en", "de"), "tatoeba": ("de",)}

Act = Callable[[Job], Outcome]


def planned(**changes: Any) -> Plan:
    """A plan of real tasks that needs no file."""
    request: dict[str, Any] = {"name": "test", "encoders": [XLMR], "targets": ["xnli"], **changes}
    request.setdefault("languages", {name: LANGUAGES[name] for name in request["targets"]})
    return make_plan(Sweep(**request), DATA_SOURCE)


def number(job: Job, index: int = 0) -> float:
    """A number from 0 to 100 that is fixed for a job."""
    return int(job.digest[8 * index : 8 * index + 8], 16) % 10_000 / 100


def record_fields(job: Job) -> dict[str, Any]:
    """The fields of a job's record that the job determines."""
    return {"name": job.name, "digest": job.digest, "step": job.step}


def curve(scores: Iterable[float]) -> tuple[CurvePoint, ...]:
    """Dev evaluations with these scores."""
    return tuple(CurvePoint(step=step, loss=1.0, score=score) for step, score in enumerate(scores))


def succeed(job: Job) -> AnyJobRecord:
    """The record of a successful job; a trial is pruned by its thresholds, as in training."""
    if isinstance(job, PretrainJob):
        return PretrainRecord(**record_fields(job))
    if isinstance(job, RankJob):
        return RankRecord(**record_fields(job), rows=9, loss=1.0, deciles=())
    if isinstance(job, ScoreJob):
        languages = {code: {"score": number(job)} for code in job.input.languages}
        return ScoreRecord(**record_fields(job), score=number(job), languages=languages, signature="made up")
    scores, end = [number(job, index) for index in range(4)], "finished"
    for index, threshold in enumerate(job.pruning_thresholds):
        if threshold is not None and scores[index] < threshold:
            scores, end = scores[: index + 1], "pruned"
            break
    return TrainRecord(
        **record_fields(job),
        end=end,  # type: ignore[arg-type]
        score=scores[-1],
        collapsed=False,
        learning_rate=job.learning_rate,
        seed=job.seed,
        curve=curve(scores),
    )


def diverged(job: Job) -> AnyJobRecord:
    """The record of a trial whose loss was not finite."""
    return succeed(job).model_copy(update={"end": "diverged", "score": None, "collapsed": True, "curve": ()})


def scoring(score: float, **changes: Any) -> Act:
    """A trial with that final score."""
    fixed = {"end": "finished", "score": score, "curve": curve([score]), **changes}
    return lambda job: succeed(job).model_copy(update=fixed)


def run(scheduler: Scheduler, act: Act = succeed, choose: Callable[[int], int] = lambda waiting: 0) -> list[Job]:
    """Runs all jobs; `choose` maps the number of running jobs to the index of the next one to end. Returns the jobs in order of
    their start."""
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
