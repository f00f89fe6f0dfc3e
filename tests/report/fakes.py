"""Sweeps whose jobs are made up: records with all that real ones have, in no time, always the same."""

import zlib
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from stilts_ray import Encoder, Pretraining, Recipe, Search, Shape, Sweep, tasks
from stilts_ray.data.sources import MiniSource
from stilts_ray.execution.jobs import Job, PretrainJob, RankJob, ScoreJob, TrainJob
from stilts_ray.execution.run_index import Outcome
from stilts_ray.execution.scheduler import Scheduler
from stilts_ray.identity import digest
from stilts_ray.plan.build import Plan, make_plan
from stilts_ray.store.records import (
    AnyJobRecord,
    CurvePoint,
    Failure,
    PretrainRecord,
    RankRecord,
    ScoreRecord,
    TrainRecord,
)
from stilts_ray.store.state import state_of
from stilts_ray.store.store import Store
from tests.benchmarks.script import script

BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)
JOB_SECONDS = 10
METRICS = script("made_up").METRICS


def encoder(name: str, hidden: int = 64) -> Encoder:
    """An encoder that the sweep makes."""
    shape = Shape(layers=2, hidden=hidden, heads=4, feed_forward=128)
    start = Pretraining(languages=("qaa", "qab"), vocabulary=500, shape=shape, tokens=1000)
    return Encoder(name=name, weights=start)


def small(**changes: Any) -> Plan:
    """Three lines on three targets, two seeds: 7 studies, 21 trials."""
    asked: dict[str, Any] = {
        "name": "small",
        "encoders": [encoder("mini")],
        "intermediates": [(), ("squad",), ("hellaswag", "squad")],
        "targets": ["udpos", "xquad", "tatoeba"],
        "languages": dict.fromkeys(("udpos", "xquad", "tatoeba"), ("qab", "qba")),
        "data": "mini",
        "recipes": {"squad": Recipe(epochs=2)},
        "search": Search(learning_rates=(1e-3, 3e-4)),
        "seeds": (0, 1),
    }
    return make_plan(Sweep(**{**asked, **changes}), MiniSource())


def execute_job(
    plan: Plan, store: Store, jobs: int | None = None, failing: str = "?", diverging: str = "?", collapsing: str = "?"
) -> Scheduler:
    """Does (the next) `jobs` jobs of a plan. Those with the given texts in their names fail, diverge or collapse."""
    state = state_of(store)
    outcomes: dict[str, Outcome] = dict(state.jobs)
    known = {digest: record for digest, record in state.steps.items() if record.kind != "pretrain"}
    scheduler = Scheduler(plan, outcomes, known)
    _settle(scheduler, store, BEGIN + timedelta(seconds=JOB_SECONDS * len(outcomes)))
    for job in islice(iter(scheduler.next, None), jobs):
        if failing in job.name:
            scheduler.finish(job, f"{job.name}: out of memory")
            continue
        end = BEGIN + timedelta(seconds=JOB_SECONDS * (1 + len(scheduler.outcomes)))
        record = _record(job, diverging in job.name, collapsing in job.name, end)
        store.write_record(record, job.path)
        scheduler.finish(job, record)
        _settle(scheduler, store, end)
    for key, reason in scheduler.failed.items():
        step = plan.by_digest[key]
        store.write_failure(Failure(kind=step.kind, name=step.name, digest=key, reason=reason, at=""), step.path)
    return scheduler


def _settle(scheduler: Scheduler, store: Store, end: datetime) -> None:
    while scheduler.completed:
        step, record = scheduler.completed.pop(0)
        if step.kind != "pretrain":
            store.write_record(record.model_copy(update={"finished_at": end.isoformat()}), step.path)


def _record(job: Job, diverged: bool, collapsed: bool, time: datetime) -> AnyJobRecord:
    where = {
        "name": job.name,
        "digest": job.digest,
        "step": job.step,
        "identity": job.identity,
        "seconds": JOB_SECONDS - 2.5,
        "profile": {"load": 0.5, "wait": 0.5, "forward": 2.0, "backward": 4.0, "other": 1.0},
        "device": "cpu",
        "finished_at": time.isoformat(),
        "versions": {"python": "3.11.0", "torch": "2.13.0", "stilts_ray": None},
        "git_commit": "0123456789abcdef0123456789abcdef01234567",
        "host": "laboratory",
    }
    match job:
        case PretrainJob():
            return PretrainRecord(**where, **_pretrain(job))
        case RankJob():
            return RankRecord(**where, **_rank(job))
        case ScoreJob():
            return ScoreRecord(**where, **_score(job))
    lost = {"end": "diverged", "score": None, "files": {}} if diverged else {}
    return TrainRecord(**where, collapsed=collapsed or diverged, **_trial(job) | lost)


def _chance(*names: object) -> float:
    """In 0-1, from the names alone."""
    return zlib.crc32("/".join(map(str, names)).encode()) % 1000 / 1000


def _pretrain(job: Job) -> dict[str, Any]:
    curve = [CurvePoint(step=10 * n, loss=8.0 - n, score=9.0 * n, metrics={"accuracy": 9.0 * n}) for n in (1, 2, 3)]
    files = {"model.safetensors": digest(job.name)}
    return {"score": 27.0, "curve": curve, "steps": 30, "tokens": 1000, "files": files}


def _trial(job: TrainJob) -> dict[str, Any]:
    curve = []
    for number in (1, 2, 3, 4):
        metrics: dict[str, float] = {}
        for name in job.mixture.tasks:
            value = 40 + 8 * number + (4 if job.learning_rate > 5e-4 else 0) + 3 * _chance(job.name, name)
            metrics |= {f"{name}/{metric}": value for metric in ("score", *METRICS[tasks.get(name).kind])}
        curve.append(CurvePoint(step=25 * number, loss=3.0 / number, score=value, metrics=metrics))
    return {
        "curve": curve,
        "learning_rate": job.learning_rate,
        "seed": job.seed,
        "files": {"weights.safetensors": digest(job.name)},
        "score": curve[-1].score,
        "steps": 100,
        "tokens": 50_000,
        "bytes": 1_000_000,
    }


def _rank(job: Job) -> dict[str, Any]:
    files = {"losses.safetensors": digest(job.name)}
    return {"rows": 300, "loss": _chance(job.name), "deciles": [], "files": files}


def _score(job: ScoreJob) -> dict[str, Any]:
    task, line = tasks.get(job.input.task), job.name.rsplit("-s", 1)[0].rsplit(".", 2)[0]
    names = ("score", *METRICS[task.kind])
    level = 35 + 40 * _chance(task.name) + 4 * _chance(task.name, line) + 1.5 * _chance(job.name)
    found = {code: level - 20 * _chance(code) for code in job.input.languages}
    languages = {code: {name: value + place for place, name in enumerate(names)} for code, value in found.items()}
    signature = f"{task.name}|rule:made-up"
    return {"score": sum(found.values()) / len(found), "languages": languages, "signature": signature}
