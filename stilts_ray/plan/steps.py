"""The steps of a plan. A step is a frozen value. Its digest is over its identity, which includes the digests of its inputs."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from stilts_ray import tasks
from stilts_ray.config import Mixture, Pretraining, Recipe, Retrieval, Search, Untrained
from stilts_ray.identity import JSON, SHORT, canonical, digest

StepKind = Literal["pretrain", "study", "ranking", "evaluation", "condition"]
JobKind = Literal["pretrain", "train", "rank", "score"]

VERSION: dict[StepKind | JobKind | Literal["encoder"], int] = {
    "encoder": 1, "pretrain": 1, "study": 1, "train": 1, "ranking": 1, "rank": 1, "evaluation": 1, "score": 1, "condition": 1,
}  # fmt: skip
"""Bumped when a change of the code changes the result of a kind of step or job for the same configuration."""


def folder_of(kind: StepKind | JobKind, name: str, digest: str) -> str:
    """The folder of a step or job in a store: `<kind>/<name>-<first digits of its digest>`."""
    return f"{kind}/{name}-{digest[:SHORT]}"


class Value(BaseModel):
    """A frozen value that travels between processes as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TaskInput(Value):
    """A task as a training input. data: split -> pin of its rows."""

    task: str
    recipe: Recipe
    data: dict[str, JSON]

    @property
    def identity(self) -> dict[str, Any]:
        """What of it can change a number."""
        return {"task": tasks.get(self.task).identity(), "recipe": self.recipe, "data": self.data}


class InferenceConfig(Value):
    """Tokenization of a target's examples, and the maximum answer length; fields as in `Recipe`."""

    max_length: int
    stride: int
    max_answer_length: int


class EvaluationInput(Value):
    """A target as an evaluation input. data: pin of its test rows. candidates: pin of the rows of `Task.candidates`. retrieval:
    for targets that compare sentence vectors."""

    task: str
    languages: tuple[str, ...]
    data: JSON
    candidates: JSON = None
    inference: InferenceConfig
    retrieval: Retrieval | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """What of it can change a number."""
        task = tasks.get(self.task)
        identity: dict[str, Any] = {
            "task": task.identity(),
            "data": self.data,
            "inference": self.inference.model_dump(exclude_defaults=True),
        }
        if task.candidates:
            identity["candidates"] = {"task": tasks.get(task.candidates).identity(), "data": self.candidates}
        return identity | ({"retrieval": self.retrieval} if self.retrieval else {})


@dataclass(frozen=True, kw_only=True)
class EncoderRef:
    """The encoder of a step. location: its folder or hub id; None for an encoder that a pretrain step makes."""

    name: str
    digest: str
    location: str | None
    revision: str | None = None


@dataclass(frozen=True, kw_only=True)
class Step:
    """Base of all steps. depends_on: digests of its upstream steps."""

    kind: ClassVar[StepKind]
    name: str
    depends_on: tuple[str, ...] = ()

    @property
    def identity(self) -> dict[str, Any]:
        """Everything that can change the step's result, including the digests of its inputs."""
        raise NotImplementedError

    @cached_property
    def digest(self) -> str:
        """sha256 over the identity."""
        return digest(self.identity)

    @property
    def slug(self) -> str:
        """Name and short digest, as in paths."""
        return f"{self.name}-{self.digest[:SHORT]}"

    @property
    def path(self) -> str:
        """Its folder in the store."""
        return folder_of(self.kind, self.name, self.digest)


@dataclass(frozen=True, kw_only=True)
class Pretrain(Step):
    """Makes an encoder, by pretraining or with random weights. pins: task -> pin of its raw text, or "like" -> pin of the
    encoder whose architecture is copied. like: that encoder, for random weights."""

    kind = "pretrain"
    weights: Pretraining | Untrained
    pins: dict[str, JSON]
    like: EncoderRef | None = None

    @property
    def identity(self) -> dict[str, Any]:
        return {"kind": self.kind, "version": VERSION["pretrain"], "weights": self.weights, "pins": self.pins}


@dataclass(frozen=True, kw_only=True)
class Study(Step):
    """Trains a mixture (or one task) from `parent`: once per learning rate of the search, then with all seeds.

    parent: digest of an encoder, or of a study whose selected trials it continues, seed by seed. inputs: its training data.
    ranking: digest of the ranking that restricts the examples of a mixture with difficulty quantiles, seed by seed. tokens:
    estimated training tokens of one trial; padded_tokens: with every sequence padded to its recipe's `max_length`.
    """

    kind = "study"
    encoder: EncoderRef
    parent: str
    mixture: Mixture
    inputs: tuple[TaskInput, ...]
    search: Search
    seeds: tuple[int, ...]
    tokens: int
    padded_tokens: int
    ranking: str | None = None

    @property
    def identity(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "version": VERSION["study"],
            "parent": self.parent,
            "training": training_identity(self.inputs, self.mixture),
            "search": self.search,
            "seeds": self.seeds,
            **({"ranking": self.ranking} if self.ranking else {}),
        }

    @property
    def recipes(self) -> dict[str, Recipe]:
        """Recipe of each task that is trained, raw text included."""
        return {each.task: each.recipe for each in self.inputs}

    @property
    def trials(self) -> int:
        """Number of trials if none is pruned."""
        return self.search.trials + len(self.seeds) - 1


def training_identity(inputs: tuple[TaskInput, ...], mixture: Mixture) -> list[Any]:
    """The identity of training on a mixture, without parent, learning rate and seed."""
    # Tasks and languages are in the inputs; a name is only for tables. A mixture without other options adds nothing.
    options: Any = canonical(mixture)
    rest = {name: value for name, value in options.items() if name not in {"is", "tasks", "languages", "name"}}
    return [*(each.identity for each in inputs), *([{"mixture": rest}] if rest else [])]


@dataclass(frozen=True, kw_only=True)
class Ranking(Step):
    """The loss of every training example under each selected trial of `of`, the digest of a study of a single task."""

    kind = "ranking"
    encoder: EncoderRef
    of: str
    mixture: Mixture
    recipe: Recipe
    seeds: tuple[int, ...]

    @property
    def identity(self) -> dict[str, Any]:
        return {"kind": self.kind, "version": VERSION["ranking"], "of": self.of}


@dataclass(frozen=True, kw_only=True)
class Evaluation(Step):
    """Zero-shot scores of the selected trials of `of`: the digest of a study, or of an encoder for a target that is not
    trained."""

    kind = "evaluation"
    encoder: EncoderRef
    of: str
    input: EvaluationInput
    seeds: tuple[int, ...]

    @property
    def identity(self) -> dict[str, Any]:
        return {"kind": self.kind, "version": VERSION["evaluation"], "of": self.of, **self.input.identity}

    @property
    def task(self) -> str:
        """The target."""
        return self.input.task

    @property
    def languages(self) -> tuple[str, ...]:
        """The target's test languages."""
        return self.input.languages


@dataclass(frozen=True, kw_only=True)
class Condition(Step):
    """A row of the result table: an encoder and an intermediate, with the evaluation of each target. cells: target -> digest
    of its evaluation."""

    kind = "condition"
    encoder: EncoderRef
    mixture: Mixture
    cells: dict[str, str]

    @property
    def identity(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "version": VERSION["condition"],
            "encoder": self.encoder.digest,
            "intermediate": self.intermediate,
            "cells": self.cells,
        }

    @property
    def intermediate(self) -> tuple[str, ...]:
        """The parts of the intermediate, as in tables; () for the baseline."""
        return self.mixture.parts
