"""What describes a kind of task: `KindSpec`. Each kind has one, in a file of its own."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from stilts_ray.data.batches import Batch
from stilts_ray.data.encoded import Encode, Encoded
from stilts_ray.kinds.submission import SubmissionFormat
from stilts_ray.metrics.scores import Scores
from stilts_ray.models.heads import Head
from stilts_ray.models.hf_folders import TransformersHead
from stilts_ray.models.inference import inference
from stilts_ray.models.model import Model
from stilts_ray.tasks.base import Kind, Task

E = TypeVar("E")
P = TypeVar("P")

Predict = Callable[[Model, Task, Sequence[E], Encoded, int], list[P]]
"""(model, trained task, examples, their sequences, tokens of the longest answer) -> a prediction per example, by the task's
head."""


# Training


def _as_encoded(encoded: Encoded) -> Encoded:
    return encoded


def _one_stratum(encoded: Encoded) -> NDArray[Any]:
    return np.zeros(encoded.items)


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """The head that is trained for a kind, and its loss.

    The loss of a batch is the mean over all predictions in it, in however many micro-batches and on however many devices it is
    computed: `loss` is a sum, `count` needs no model, and the training loop divides.

    head: encoder and task -> a new head.
    loss_terms: logits and batch -> the losses that sum up to the batch's; 0 where nothing is predicted.
    count: the number of predictions in a batch.
    item_losses: loss terms and batch -> the mean loss of each item, [items]. None: an item's loss depends on the other items of
    its batch, which is then neither split into micro-batches nor shared between devices.
    training_items: the sequences of a split -> the items to train on.
    strata: the class of each item, [items], within which difficulty quantiles are taken.
    """

    head: Callable[[Any, Task], Head]
    loss_terms: Callable[[torch.Tensor, Batch], torch.Tensor]
    count: Callable[[Batch], int]
    item_losses: Callable[[torch.Tensor, Batch], torch.Tensor] | None
    training_items: Callable[[Encoded], Encoded] = _as_encoded
    strata: Callable[[Encoded], NDArray[Any]] = _one_stratum

    @property
    def separable(self) -> bool:
        """Whether each item has a loss of its own."""
        return self.item_losses is not None

    def loss(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        """The sum of a batch's losses: []."""
        return self.loss_terms(logits, batch).sum()


def one_term_per_item(terms: torch.Tensor, batch: Batch) -> torch.Tensor:
    """The item losses of a kind with one loss term per item."""
    return terms


def mean_per_sequence(terms: torch.Tensor, predicted: torch.Tensor, sequence: torch.Tensor, count: int) -> torch.Tensor:
    """The means of loss terms over each of `count` sequences; 0 for one without predictions. terms, predicted (whether a term
    is one of a prediction), sequence (index of the sequence): [terms]."""
    sums, counts = (
        terms.new_zeros(count).index_add(0, sequence, values) for values in (terms, predicted.to(terms.dtype))
    )
    return sums / counts.clamp(min=1)


# Scoring


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroShotTest:
    """A model and the test data of a target.

    trained: the task whose head predicts. layer: the one whose vectors count, for kinds that compare vectors. max_answer:
    tokens of the longest answer. read: language -> its examples and their sequences. candidates: likewise of a separate set of
    candidates; None if the examples bring theirs.
    """

    model: Model
    trained: Task
    target: Task
    languages: tuple[str, ...]
    layer: int | None
    max_answer: int
    read: Callable[[str], tuple[list[Any], Encoded]]
    candidates: Callable[[], tuple[list[Any], Encoded]] | None = None


@dataclass(frozen=True, slots=True)
class LanguageResult:
    """A language's predictions, in the order of its examples, and its scores: one, or those of every layer."""

    language: str
    predictions: Sequence[Any]
    scores: list[Scores]


def by_head(scoring: "Scoring[Any, Any]", test: ZeroShotTest) -> Iterator[LanguageResult]:
    """The head predicts, one language after the other."""
    for language in test.languages:
        examples, encoded = test.read(language)
        with inference(test.model):
            found = scoring.predict(test.model, test.trained, examples, encoded, test.max_answer)
        yield LanguageResult(language, found, [scoring.score(test.target, examples, found, language)])


Search = Callable[[Model, Sequence[E], Encoded], Iterable[list[P]]]
"""(model, examples, their sequences) -> for each layer, the embeddings first, a prediction per example."""


def by_layer(search: Search[Any, Any]) -> "ZeroShot":
    """A search predicts from the sentence vectors of each layer, one language after the other."""

    def test_languages(scoring: "Scoring[Any, Any]", test: ZeroShotTest) -> Iterator[LanguageResult]:
        for language in test.languages:
            examples, encoded = test.read(language)
            with inference(test.model):
                found = list(search(test.model, examples, encoded))
            scores = [scoring.score(test.target, examples, each, language) for each in found]
            yield LanguageResult(language, found[test.layer or 0], scores)

    return test_languages


ZeroShot = Callable[["Scoring[Any, Any]", ZeroShotTest], Iterator[LanguageResult]]


def _no_head(*arguments: Any) -> list[Any]:
    raise TypeError("this kind has no head that predicts")


def _no_constant(task: Task, examples: Sequence[Any]) -> Iterable[list[Any]]:
    return ()


def _no_parts(task: Task, pool: str) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring(Generic[E, P]):
    """How examples (E) are predicted (P) and scored.

    metrics: task, examples, predictions in their order, language -> metrics by name, "score" among them.
    rule: the name of the metric that is the score, in signatures, if the task names no other.
    signature: task and the pool of candidates, in words -> what else belongs into a signature.
    predict: by the trained head; kinds that compare sentence vectors have none.
    zero_shot: predicts and scores the test sets of all languages.
    constant: predictions that are the same for every example; the best of them scores what a collapsed model does. Without any
    that is 0.
    """

    metrics: Callable[[Task, Sequence[E], Sequence[P], str], Scores]
    rule: str
    signature: Callable[[Task, str], Mapping[str, str]] = _no_parts
    predict: Predict[E, P] = _no_head
    zero_shot: ZeroShot = by_head
    constant: Callable[[Task, Sequence[E]], Iterable[list[P]]] = _no_constant

    def score(self, task: Task, examples: Sequence[E], predictions: Sequence[P], language: str = "en") -> Scores:
        """The metrics of predictions; "score" is the one that the task names, else the kind's own. language: of the
        examples."""
        scores = self.metrics(task, examples, predictions, language)
        return scores | {"score": scores[task.metric]} if task.metric else scores

    def majority(self, task: Task, examples: Sequence[E]) -> float:
        """The best score of a constant prediction."""
        constant = self.constant(task, examples)
        return max((self.score(task, examples, same)["score"] for same in constant), default=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class KindSpec(Generic[E, P]):
    """A kind of task.

    encode: examples (E) -> token sequences, and the fields that head, loss and prediction read.
    version: bumped when `encode` makes other sequences of the same examples.
    objective: the head and its loss; None: nothing is trained.
    scoring: predictions (P) and their metrics; None: nothing is scored.
    transformers: the class that an exported model loads into; None: there is none.
    submission: task -> its files in XTREME's submission tree; None: the tree has no such tasks.
    """

    kind: Kind
    encode: Encode
    version: int = 1
    objective: Objective | None = None
    scoring: Scoring[E, P] | None = None
    transformers: TransformersHead | None = None
    submission: Callable[[Task], SubmissionFormat] | None = None
