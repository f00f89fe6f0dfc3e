"""Records of jobs that nobody did, with all that real ones have: what they score follows from their names alone."""

import zlib
from typing import Any

from stilts_ray import tasks
from stilts_ray.fingerprint import digest
from stilts_ray.provenance import provenance
from stilts_ray.spec import Mixture, Recipe
from stilts_ray.store import Record, now
from stilts_ray.sweep.jobs import Job
from stilts_ray.tasks import Kind

METRICS = {
    Kind.PAIR: ("accuracy",),
    Kind.CHOICE: ("accuracy",),
    Kind.SPAN: ("em", "f1"),
    Kind.SPAN_OR_NONE: ("em", "f1", "has_answer", "no_answer"),
    Kind.TAGGING: ("accuracy", "f1"),
    Kind.RETRIEVAL: ("accuracy",),
    Kind.MINING: ("f1", "precision", "recall", "threshold"),
}


def record(job: Job) -> Record:
    """What a job would have left in the store, had it gone well."""
    return {
        "kind": job.kind,
        "name": job.name,
        "digest": job.digest,
        "step": job.step,
        "identity": job.identity,
        **{"trial": _trial, "score": _score}[job.kind](job),
        "seconds": 600.0,
        "device": "NVIDIA H200",
        "finished_at": now(),
        **provenance(),
    }


def _chance(*names: object) -> float:
    """In 0-1, from the names alone."""
    return zlib.crc32("/".join(map(str, names)).encode()) / 2**32


def _trial(job: Job) -> dict[str, Any]:
    recipes = [Recipe.model_validate_json(recipe) for recipe in job.details["recipes"].values()]
    points = max(recipe.evaluations for recipe in recipes)
    trained = [tasks.get(name) for name in Mixture.model_validate_json(job.details["mixture"]).tasks]
    curve = [_point(job, trained, number, points) for number in range(1, points + 1)]
    return {
        "end": "finished",
        "score": curve[-1]["score"],
        "curve": curve,
        "steps": 1000 * points,
        "tokens": 4_000_000 * points,
        "collapsed": False,
        "learning_rate": job.details["learning_rate"],
        "seed": job.details["seed"],
        "files": {"weights.safetensors": digest(job.name)},
        "bytes": 1_200_000_000,
    }


def _point(job: Job, trained: list[tasks.Task], number: int, points: int) -> dict[str, float]:
    scores = {task.name: 40 + 40 * number / points + 10 * _chance(job.name, task.name, number) for task in trained}
    metrics = {
        f"{task.name}/{metric}": scores[task.name] for task in trained for metric in ("score", *METRICS[task.kind])
    }
    return {"step": 1000 * number, "loss": 3.0 / number, **metrics, "score": sum(scores.values()) / len(scores)}


def _score(job: Job) -> dict[str, Any]:
    task = tasks.get(job.details["task"])
    languages = {
        code: {name: 60 + 20 * _chance(code) + 5 * _chance(job.name, code) for name in ("score", *METRICS[task.kind])}
        for code in job.details["languages"]
    }
    score = sum(metrics["score"] for metrics in languages.values()) / len(languages)
    return {"score": score, "languages": languages, "signature": f"{task.name}|made up", "layer": 14}
