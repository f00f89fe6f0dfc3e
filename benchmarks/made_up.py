"""A sweep of any size, like sweeps/paper.py, and made-up records of its jobs, with all fields of real ones."""

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
    """A plan of about `trials` trials (at least one encoder's 603), and about three scoring jobs for every four trials: the
    paper's conditions and targets with five learning rates and seeds, for as many encoders as needed. The encoders do not
    exist."""
    per_encoder = sum(step.trials for step in _plan(1).steps if isinstance(step, Study))
    return _plan(max(1, round(trials / per_encoder)))


def _plan(encoders: int) -> Plan:
    paper = load(PAPER)
    names = [f"encoder-{number:02}" for number in range(encoders)]
    mixtures = [mixture.tasks for mixture in paper.mixtures if "ccg" not in mixture.tasks]
    sweep = Sweep(
        name="made-up",
        encoders=[Encoder(name=name, weights=Pretrained(source=f"owner/{name}")) for name in names],
        intermediates=[
            *mixtures,
            Mixture(tasks=tuple(sorted({name for mixture in mixtures for name in mixture})), name="all"),
        ],
        targets=paper.targets,
        recipe=paper.recipe,
        recipes={name: recipe for name, recipe in paper.recipes.items() if name != "ccg"},
        search=Search(learning_rates=[2e-6, 5e-6, 1e-5, 2e-5, 3e-5]),
        seeds=list(range(5)),
    )
    unresolved = make_plan(sweep, HubSource({})).unresolved
    return make_plan(sweep, HubSource({name: digest(name)[:40] for name in unresolved}))


def record(job: TrainJob | ScoreJob) -> TrainRecord | ScoreRecord:
    """The record that a successful run of a job would have written."""
    where = {"name": job.name, "digest": job.digest, "step": job.step, "identity": job.identity}
    where |= {"seconds": 600.0, "device": "NVIDIA H200", "finished_at": now(), **provenance()}
    if isinstance(job, ScoreJob):
        return ScoreRecord(**where, **_score(job))
    return TrainRecord(**where, **_trial(job))


def _chance(*names: object) -> float:
    """A number in [0, 1) that depends on the names alone."""
    return zlib.crc32("/".join(map(str, names)).encode()) / 2**32


def _trial(job: TrainJob) -> dict[str, Any]:
    evaluations = max(recipe.evaluations for recipe in job.recipes.values())
    trained = [tasks.get(name) for name in job.mixture.tasks]
    curve = [_entry(job, trained, number, evaluations) for number in range(1, evaluations + 1)]
    return {
        "score": curve[-1].score,
        "curve": curve,
        "steps": 1000 * evaluations,
        "tokens": 4_000_000 * evaluations,
        "collapsed": False,
        "learning_rate": job.learning_rate,
        "seed": job.seed,
        "files": {"weights.safetensors": digest(job.name)},
        "bytes": 1_200_000_000,
    }


def _entry(job: TrainJob, trained: list[tasks.Task], number: int, evaluations: int) -> CurvePoint:
    scores = {task.name: 40 + 40 * number / evaluations + 10 * _chance(job.name, task.name, number) for task in trained}
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
