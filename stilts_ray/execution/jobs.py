"""A job: one piece of work that one process does, as plain data that travels between processes.

A job's digest names its result by content: the digest of what it starts from is that of the very run, known once a
learning rate has been selected. Two studies that come to the same run therefore share it.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

from stilts_ray import tasks
from stilts_ray.identity import SHORT, canonical, digest
from stilts_ray.plan.steps import VERSION, Evaluation, Pretrain, Ranking, Study

JobKind = Literal["pretrain", "trial", "rank", "score"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """kind, name and digest give its place in the store.

    step: digest of the plan's step it belongs to. identity: what the digest is of. details: what the worker needs.
    """

    kind: JobKind
    name: str
    digest: str
    step: str
    identity: dict[str, Any]
    details: dict[str, Any]

    @property
    def path(self) -> str:
        """Its folder in the store."""
        return f"{self.kind}/{self.name}-{self.digest[:SHORT]}"

    def to_json(self) -> str:
        """As text; `from_json` makes the job of it again."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Job":
        """The job that `to_json` wrote."""
        return cls(**json.loads(text))


@dataclass(frozen=True)
class ParentCheckpoint:
    """What a run continues: an encoder, or the weights of a finished run on top of it.

    digest: of the encoder or of the run. encoder: {"location", "revision"} or {"path"} of a pretrain step in the store.
    run: path of the run in the store, None for the encoder itself. ranking: {"digest", "path"} of the job that ranked the
    rows, for a run on a band of them.
    """

    digest: str
    encoder: dict[str, Any]
    run: str | None = None
    ranking: dict[str, str] | None = None


def pretrain_job(step: Pretrain) -> Job:
    """The one job of a pretrain step."""
    details = {"is": type(step.weights).__name__, "start": step.weights.model_dump_json()}
    return _job("pretrain", step.name, step.digest, step.identity, details, known=step.digest)


def trial_job(
    study: Study, start: ParentCheckpoint, rate: float, seed: int, pruning_thresholds: tuple[float | None, ...]
) -> Job:
    """One training run of a study."""
    identity = {
        "kind": "trial",
        "version": VERSION["trial"],
        "start": start.digest,
        "training": study.identity["training"],
        "learning_rate": rate,
        "seed": seed,
        "stop_below": pruning_thresholds,
        **({"ranking": start.ranking["digest"]} if start.ranking else {}),
    }
    details = {
        "start": asdict(start),
        "mixture": study.mixture.model_dump_json(),
        "recipes": {name: recipe.model_dump_json() for name, recipe in study.recipes.items()},
        "learning_rate": rate,
        "seed": seed,
        "stop_below": pruning_thresholds,
    }
    return _job("trial", f"{study.name}-lr{rate:.3g}-s{seed}", study.digest, identity, details)


def rank_job(ranking: Ranking, start: ParentCheckpoint, seed: int) -> Job:
    """The losses of one run on its training rows."""
    identity = {"kind": "rank", "version": VERSION["rank"], "of": start.digest}
    details = {
        "start": asdict(start),
        "mixture": ranking.mixture.model_dump_json(),
        "recipe": ranking.recipe.model_dump_json(),
        "seed": seed,
    }
    return _job("rank", f"{ranking.name}-s{seed}", ranking.digest, identity, details)


def score_job(evaluation: Evaluation, start: ParentCheckpoint, seed: int) -> Job:
    """Zero-shot scoring of one run on all languages of a target."""
    task = tasks.get(evaluation.task)
    rest = {name: value for name, value in evaluation.identity.items() if name not in {"kind", "version", "of"}}
    identity = {"kind": "score", "version": VERSION["score"], "of": start.digest, **rest}
    details = {
        "start": asdict(start),
        # The task whose head predicts.
        "trained": task.trained,
        "task": evaluation.task,
        "languages": evaluation.languages,
        "read": evaluation.identity["read"],
        "layer": evaluation.identity["retrieval"].layer if "retrieval" in evaluation.identity else None,
    }
    return _job("score", f"{evaluation.name}-s{seed}", evaluation.digest, identity, details)


def _job(
    kind: JobKind, name: str, step: str, identity: dict[str, Any], details: dict[str, Any], known: str | None = None
) -> Job:
    plain: Any = canonical(identity)
    listed: Any = canonical(details)
    return Job(kind=kind, name=name, digest=known or digest(plain), step=step, identity=plain, details=listed)
