"""Sentence mining: the pairs of sentences in two corpora that are translations of each other.

Nothing is trained: pairs are found by the ratio margin of mean-pooled states, layer by layer, and kept above the threshold that
is best on dev. The score is F1 of the pairs (XTREME's rule for BUCC, `stilts_ray.metrics.mining`).
"""

from collections.abc import Iterator, Sequence
from statistics import mean
from typing import Any

import torch

from stilts_ray.data.encoded import Encoded, TokenizationConfig, encode_texts
from stilts_ray.kinds.spec import KindSpec, Scoring, by_layer
from stilts_ray.kinds.submission import SubmissionFormat
from stilts_ray.metrics import formats
from stilts_ray.metrics.mining import Mined, Pair, mine, mining
from stilts_ray.metrics.scores import Scores, set_f1
from stilts_ray.models.inference import layer_vectors
from stilts_ray.models.model import Model
from stilts_ray.tasks.base import Kind, Task
from stilts_ray.tasks.examples import Comparable


def encode(task: Task, examples: Sequence[Comparable], tokenizer: Any, tokenization: TokenizationConfig) -> Encoded:
    """One sequence per sentence, in the order of `Comparable.sides`."""
    return encode_texts([text for e in examples for side in e.sides for text in side], tokenizer, tokenization)


def mined(model: Model, examples: Sequence[Comparable], encoded: Encoded) -> Iterator[list[Mined]]:
    """For each layer the pairs that are mined from each example."""
    sizes = [len(side) for example in examples for side in example.sides]
    for layer in layer_vectors(model, encoded):
        sides = torch.split(layer.to(model.device), sizes)
        yield [mine(example, *sides[4 * number : 4 * number + 4]) for number, example in enumerate(examples)]


def metrics(task: Task, examples: Sequence[Comparable], predictions: Sequence[Mined], language: str) -> Scores:
    """Means over the examples; BUCC has one per language."""
    scored = [mining(example.test.gold, found) for example, found in zip(examples, predictions, strict=True)]
    return {name: mean(scores[name] for scores in scored) for name in scored[0]}


def sentence_ids(pairs: frozenset[Pair], language: str) -> list[tuple[str, str]]:
    """Sentences are named by language and number, from 1 (`de-7`)."""
    return [(f"{language}-{i + 1}", f"en-{j + 1}") for i, j in sorted(pairs)]


def submission(task: Task) -> SubmissionFormat:
    """A pair of ids per line, foreign and English."""
    return SubmissionFormat(
        suffix="tsv",
        predictions=formats.pairs,
        labels=formats.pairs,
        text=lambda pairs: formats.lines("\t".join(pair) for pair in pairs),
        score=lambda gold, predicted, language: set_f1(set(gold), set(predicted)),
        predicted=lambda examples, found, language: [
            pair for each in found for pair in sentence_ids(each.pairs, language)
        ],
        gold=lambda examples, language, pool: [
            pair for example in examples for pair in sentence_ids(example.test.gold, language)
        ],
    )


MINING: KindSpec[Comparable, Mined] = KindSpec(
    kind=Kind.MINING,
    encode=encode,
    scoring=Scoring(
        metrics=metrics,
        rule="f1-by-ratio-margin-of-4-neighbours",
        signature=lambda task, pool: {"threshold": "best-on-dev"},
        zero_shot=by_layer(mined),
    ),
    submission=submission,
)
