"""A sweep of any size, like sweeps/paper.py, and records of jobs that nobody did, with all that real ones have."""

import zlib
from pathlib import Path
from typing import Any

from stilts_ray import Encoder, Mixture, Pretrained, Search, Sweep, tasks
from stilts_ray.config.sweep_file import load
from stilts_ray.data.sources import HubSource
from stilts_ray.execution.jobs import ScoreJob, TrainJob
from stilts_ray.identity import digest
from stilts_ray.plan.build import Plan, make_plan
from stilts_ray.plan.steps import Study
from stilts_ray.store.provenance import provenance
from stilts_ray.store.records import CurvePoint, ScoreRecord, TrainRecord
from stilts_ray.store.store import now
from stilts_ray.tasks import Kind

PAPER = Path(__file__).resolve().parents[1] / "sweeps" / "paper.py"
METRICS = {
    Kind.SEQUENCE_CLASSIFICATION: ("accuracy",),
    Kind.CHOICE: ("accuracy",),
    Kind.SPAN: ("em", "f1"),
    Kind.SPAN_OR_NONE: ("em", "f1", "has_answer", "no_answer"),
    Kind.TAGGING: ("accuracy", "f1"),
    Kind.RETRIEVAL: ("accuracy",),
    Kind.MINING: ("f1", "precision", "recall", "threshold"),
}


def plan_of(trials: int) -> Plan:
    """About so many trials (at least one encoder's 603, and for each some three scorings for four trials): the paper's rows
    and targets with five learning rates and seeds, for as many encoders as that takes. Nothing of it exists anywhere."""
    one = _plan(1)
    return _plan(max(1, round(trials / sum(step.trials for step in one.steps if isinstance(step, Study)))))


def _plan(encoders: int) -> Plan:
    paper = load(PAPER)
    names = [f"encoder-{number:02}" for number in range(encoders)]
    rows = [row.tasks for row in paper.mixtures if "ccg" not in row.tasks]
    sweep = Sweep(
        name="made-up",
        encoders=[Encoder(name=name, weights=Pretrained(source=f"owner/{name}")) for name in names],
        intermediates=[*rows, Mixture(tasks=tuple(sorted({name for row in rows for name in row})), name="all")],
        targets=paper.targets,
        recipe=paper.recipe,
        recipes={name: recipe for name, recipe in paper.recipes.items() if name != "ccg"},
        search=Search(learning_rates=[2e-6, 5e-6, 1e-5, 2e-5, 3e-5]),
        seeds=list(range(5)),
    )
    unknown = make_plan(sweep, HubSource({})).unresolved
    return make_plan(sweep, HubSource({name: digest(name)[:40] for name in unknown}))


def record(job: TrainJob | ScoreJob) -> TrainRecord | ScoreRecord:
    """What a job would have left in the store, had it gone well."""
    where = {"name": job.name, "digest": job.digest, "step": job.step, "identity": job.identity}
    where |= {"seconds": 600.0, "device": "NVIDIA H200", "finished_at": now(), **provenance()}
    if isinstance(job, ScoreJob):
        return ScoreRecord(**where, **_score(job))
    return TrainRecord(**where, **_trial(job))


def _chance(*names: object) -> float:
    """In 0-1, from the names alone."""
    return zlib.crc32("/".join(map(str, names)).encode()) / 2**32


def _trial(job: TrainJob) -> dict[str, Any]:
    points = max(recipe.evaluations for recipe in job.recipes.values())
    trained = [tasks.get(name) for name in job.mixture.tasks]
    curve = [_point(job, trained, number, points) for number in range(1, points + 1)]
    return {
        "score": curve[-1].score,
        "curve": curve,
        "steps": 1000 * points,
        "tokens": 4_000_000 * points,
        "collapsed": False,
        "learning_rate": job.learning_rate,
        "seed": job.seed,
        "files": {"weights.safetensors": digest(job.name)},
        "bytes": 1_200_000_000,
    }


def _point(job: TrainJob, trained: list[tasks.Task], number: int, points: int) -> CurvePoint:
    scores = {task.name: 40 + 40 * number / points + 10 * _chance(job.name, task.name, number) for task in trained}
    metrics = {
        f"{task.name}/{metric}": scores[task.name] for task in trained for metric in ("score", *METRICS[task.kind])
    }
    score = sum(scores.values()) / len(scores)
    return CurvePoint(step=1000 * number, loss=3.0 / number, score=score, metrics=metrics)


def _score(job: ScoreJob) -> dict[str, Any]:
    task = tasks.get(job.input.task)
    languages = {
        code: {name: 60 + 20 * _chance(code) + 5 * _chance(job.name, code) for name in ("score", *METRICS[task.kind])}
        for code in job.input.languages
    }
    score = sum(metrics["score"] for metrics in languages.values()) / len(languages)
    return {"score": score, "languages": languages, "signature": f"{task.name}|made up", "layer": 14}
