"""Jobs: units of work for one process or process group, as frozen values that are sent as JSON.

A job's digest identifies its result by content. The digest of its parent is that of the trial that it continues, which is
known once a learning rate has been selected. Two studies with an equal trial therefore share it.
"""

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from stilts_ray import tasks
from stilts_ray.config import Mixture, Pretraining, Recipe, Untrained
from stilts_ray.identity import JSON, canonical, digest
from stilts_ray.plan.steps import (
    VERSION,
    Evaluation,
    EvaluationInput,
    JobKind,
    Pretrain,
    Ranking,
    Study,
    TaskInput,
    Value,
    folder_of,
    training_identity,
)
from stilts_ray.store.records import RankingRef


class ExistingEncoder(Value):
    """An encoder in a folder, or on the hub at a commit. location: folder or hub id."""

    location: str
    revision: str | None = None


class StoredEncoder(Value):
    """An encoder from a pretrain job. path: of the job in the store."""

    path: str


class ParentCheckpoint(Value):
    """The checkpoint that a job loads: an encoder, or a finished trial of it.

    digest: of the encoder or the trial. trial: path of the trial in the store, None for the encoder itself. ranking: for a
    trial on difficulty quantiles, the job that ranked its examples.
    """

    digest: str
    encoder: ExistingEncoder | StoredEncoder
    trial: str | None = None
    ranking: RankingRef | None = None


class JobBase(Value):
    """Base of all jobs. step: digest of the plan's step that the job belongs to."""

    kind: JobKind
    name: str
    step: str

    @property
    def hashed(self) -> dict[str, Any]:
        """Everything that can change the job's result."""
        raise NotImplementedError

    @cached_property
    def identity(self) -> dict[str, Any]:
        """`hashed` in canonical form, as in records."""
        plain: Any = canonical(self.hashed)
        return plain  # type: ignore[no-any-return]

    @cached_property
    def digest(self) -> str:
        """sha256 over the identity."""
        return digest(self.identity)

    @property
    def path(self) -> str:
        """Its folder in the store."""
        return folder_of(self.kind, self.name, self.digest)


class PretrainJob(JobBase):
    """Makes an encoder; fields as in `stilts_ray.plan.steps.Pretrain`. like: for random weights, the encoder whose architecture
    is copied."""

    kind: Literal["pretrain"] = "pretrain"
    weights: Pretraining | Untrained
    pins: dict[str, JSON]
    like: ExistingEncoder | None = None

    @property
    def hashed(self) -> dict[str, Any]:
        return {"kind": self.kind, "version": VERSION["pretrain"], "weights": self.weights, "pins": self.pins}


class TrainJob(JobBase):
    """A trial: training on a mixture from a parent checkpoint, at one learning rate and one seed. pruning_thresholds: for each
    dev evaluation, the score below which the trial is pruned, or None."""

    kind: Literal["train"] = "train"
    parent: ParentCheckpoint
    mixture: Mixture
    inputs: tuple[TaskInput, ...]
    learning_rate: float
    seed: int
    pruning_thresholds: tuple[float | None, ...] = ()

    @property
    def hashed(self) -> dict[str, Any]:
        ranking = self.parent.ranking
        return {
            "kind": self.kind,
            "version": VERSION["train"],
            "parent": self.parent.digest,
            "training": training_identity(self.inputs, self.mixture),
            "learning_rate": self.learning_rate,
            "seed": self.seed,
            **({"pruning_thresholds": self.pruning_thresholds} if self.pruning_thresholds else {}),
            **({"ranking": ranking.digest} if ranking else {}),
        }

    @property
    def recipes(self) -> dict[str, Recipe]:
        """Recipe of each task that is trained, raw text included."""
        return {each.task: each.recipe for each in self.inputs}


class RankJob(JobBase):
    """The loss of a trial on each of its training examples."""

    kind: Literal["rank"] = "rank"
    parent: ParentCheckpoint
    mixture: Mixture
    recipe: Recipe
    seed: int

    @property
    def hashed(self) -> dict[str, Any]:
        return {"kind": self.kind, "version": VERSION["rank"], "of": self.parent.digest}


class ScoreJob(JobBase):
    """Zero-shot scores of a trial, or of an encoder, on all languages of a target."""

    kind: Literal["score"] = "score"
    parent: ParentCheckpoint
    input: EvaluationInput

    @property
    def hashed(self) -> dict[str, Any]:
        return {"kind": self.kind, "version": VERSION["score"], "of": self.parent.digest, **self.input.identity}

    @property
    def trained(self) -> str | None:
        """The task whose head predicts; None if sentence vectors are compared."""
        return tasks.get(self.input.task).trained


Job = PretrainJob | TrainJob | RankJob | ScoreJob

_ADAPTER: TypeAdapter[Job] = TypeAdapter(Annotated[Job, Field(discriminator="kind")])


def to_json(job: Job) -> str:
    """A job as JSON, for `from_json`."""
    return _ADAPTER.dump_json(job).decode()


def from_json(text: str) -> Job:
    """The job in the JSON of `to_json`."""
    return _ADAPTER.validate_json(text)


def pretrain_job(step: Pretrain) -> PretrainJob:
    """The one job of a pretrain step; its digest is the step's."""
    like = step.like
    assert like is None or like.location is not None
    existing = ExistingEncoder(location=like.location, revision=like.revision) if like and like.location else None
    return PretrainJob(name=step.name, step=step.digest, weights=step.weights, pins=step.pins, like=existing)


def train_job(
    study: Study, parent: ParentCheckpoint, learning_rate: float, seed: int, thresholds: tuple[float | None, ...]
) -> TrainJob:
    """A trial of a study. thresholds: see `TrainJob.pruning_thresholds`."""
    return TrainJob(
        name=f"{study.name}-lr{learning_rate:.3g}-s{seed}",
        step=study.digest,
        parent=parent,
        mixture=study.mixture,
        inputs=study.inputs,
        learning_rate=learning_rate,
        seed=seed,
        pruning_thresholds=thresholds,
    )


def rank_job(ranking: Ranking, parent: ParentCheckpoint, seed: int) -> RankJob:
    """The job that ranks the training examples of one seed."""
    name, recipe = f"{ranking.name}-s{seed}", ranking.recipe
    return RankJob(name=name, step=ranking.digest, parent=parent, mixture=ranking.mixture, recipe=recipe, seed=seed)


def score_job(evaluation: Evaluation, parent: ParentCheckpoint, seed: int) -> ScoreJob:
    """The job that scores the trial of one seed."""
    name = f"{evaluation.name}-s{seed}"
    return ScoreJob(name=name, step=evaluation.digest, parent=parent, input=evaluation.input)
