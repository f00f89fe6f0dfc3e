"""Sentence retrieval: for each English sentence its translation among all foreign ones.

Nothing is trained: the nearest foreign sentence is the one whose mean-pooled states have the largest cosine, layer by layer.
The metric is accuracy.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from stilts_ray.data.encoded import Encoded, TokenizationConfig, from_sequences
from stilts_ray.kinds.spec import KindSpec, Scoring, by_layer
from stilts_ray.kinds.submission import SubmissionFormat, accuracy_of_lines
from stilts_ray.metrics import formats
from stilts_ray.metrics.nearest import nearest_by_cosine
from stilts_ray.metrics.scores import Scores, accuracy_scores
from stilts_ray.models.inference import layer_vectors
from stilts_ray.models.model import Model
from stilts_ray.tasks.base import Kind, Task
from stilts_ray.tasks.examples import Parallel


def encode(task: Task, examples: Sequence[Parallel], tokenizer: Any, tokenization: TokenizationConfig) -> Encoded:
    """Two sequences per item: the foreign sentence, then its translation."""
    texts = [text for e in examples for text in (e.foreign, e.english)]
    tokenized = tokenizer(texts, truncation=True, max_length=tokenization.max_length)
    return from_sequences(tokenized["input_ids"], group=2)


def translations(model: Model, examples: Sequence[Parallel], encoded: Encoded) -> Iterator[list[int]]:
    """For each layer and each English sentence the index of the nearest foreign one."""
    for layer in layer_vectors(model, encoded):
        yield nearest_by_cosine(queries=layer[1::2], index=layer[0::2])


def metrics(task: Task, examples: Sequence[Parallel], predictions: Sequence[int], language: str) -> Scores:
    """Accuracy: the translation of a sentence has its own index."""
    return accuracy_scores(range(len(examples)), predictions)


def submission(task: Task) -> SubmissionFormat:
    """An index per English sentence."""
    return SubmissionFormat(
        suffix="tsv",
        predictions=formats.indices,
        labels=formats.indices,
        text=formats.lines,
        score=accuracy_of_lines,
        gold=lambda examples, language, pool: list(range(len(examples))),
    )


RETRIEVAL: KindSpec[Parallel, int] = KindSpec(
    kind=Kind.RETRIEVAL,
    encode=encode,
    scoring=Scoring(
        metrics=metrics,
        rule="accuracy-of-nearest-by-cosine-for-english-queries",
        zero_shot=by_layer(translations),
    ),
    submission=submission,
)
