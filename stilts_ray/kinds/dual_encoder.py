"""Dual-encoder retrieval: questions, and the candidates that answer them, ranked by the dot product of their vectors.

Questions and candidates are sequences of their own, and both go through one encoder and one pooler, as in XTREME-R's model for
LAReQA. Trained on pairs of a question and its right candidate, with the other candidates of the batch as negatives; the metric
is mAP@20 among the candidates of all languages. Candidates may be separate from the questions (`Kind.CANDIDATES`,
`Task.candidates`).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from transformers import PretrainedConfig

from stilts_ray.data.batches import Batch
from stilts_ray.data.encoded import (
    Encoded,
    TokenizationConfig,
    concatenate,
    encode_texts,
    from_sequences,
    segments,
    sequence_tokens,
)
from stilts_ray.kinds.spec import KindSpec, LanguageResult, Objective, Scoring, ZeroShotTest
from stilts_ray.kinds.submission import SubmissionFormat
from stilts_ray.metrics import formats
from stilts_ray.metrics.nearest import nearest_by_product
from stilts_ray.metrics.pool import Pool
from stilts_ray.metrics.scores import DEPTH, Scores, map_at_20
from stilts_ray.models.families import pooling_of
from stilts_ray.models.heads import Head
from stilts_ray.models.inference import computed, inference
from stilts_ray.models.model import Model
from stilts_ray.tasks.base import Kind, Task
from stilts_ray.tasks.examples import Asked, Entity, Passage, Query, passages

# Sequences

QUESTION = 96
"""Tokens of the longest question, as in XTREME-R's script; `max_length` is that of candidates."""

APART = -1
"""In the field "answer": the right candidate is not among the sequences."""


def encode(task: Task, examples: Sequence[Query], tokenizer: Any, tokenization: TokenizationConfig) -> Encoded:
    """For each example its question, then all candidates of its passage (sentences with the whole passage as second text),
    unless an earlier example has the same passage.

    "answer" [sequences]: of a question the distance in sequences to its right candidate (negative: it comes before), APART if
    it is not there; 0 for candidates.
    """
    limit = min(QUESTION, tokenization.max_length)
    questions = tokenizer([e.question for e in examples], truncation=True, max_length=limit)
    candidates = _candidates(examples, tokenizer, tokenization)
    order: list[tuple[Any, int]] = []
    first: dict[Passage | Entity, int] = {}
    distances, sources, used = [], [], 0
    for number, example in enumerate(examples):
        here, new, answer = len(order), 0, APART
        if isinstance(example, Asked):
            new = 0 if example.passage in first else len(example.passage.candidates)
            answer = first.setdefault(example.passage, here + 1) + example.answer - here
        order += [(questions, number), *((candidates, used + n) for n in range(new))]
        distances += [answer, *[0] * new]
        sources += [number] * (1 + new)
        used += new
    tokenized = {name: [side[name][n] for side, n in order] for name in questions}
    return from_sequences(tokenized["input_ids"], example=sources, answer=distances, **segments(tokenized))


def _candidates(examples: Sequence[Query], tokenizer: Any, tokenization: TokenizationConfig) -> Any:
    """The tokenized candidates of all passages; empty if there are none."""
    read = [texts for passage in passages(examples) for texts in passage.candidates]
    if not read:
        return {}
    # Of a sentence and its passage the passage is the longer one, and truncated.
    columns = map(list, zip(*read, strict=True))
    return tokenizer(*columns, truncation="longest_first", max_length=tokenization.max_length)


def pairs_with_answers(encoded: Encoded) -> Encoded:
    """The training items: each question and its right candidate, an item of two sequences."""
    distances = encoded.fields["answer"]
    questions = np.flatnonzero(distances)
    sequences = np.stack([questions, questions + distances[questions]], axis=1).reshape(-1)
    offsets, tokens = sequence_tokens(encoded, sequences)
    fields = {name: values[tokens] for name, values in encoded.fields.items() if name == "segments"}
    return Encoded(encoded.tokens[tokens], offsets, 2, fields)


BLOCK = 10_000
"""Texts that are tokenized at once: a tokenizer's output takes far more memory than the token ids."""


def encode_entities(
    task: Task, examples: Sequence[Entity], tokenizer: Any, tokenization: TokenizationConfig
) -> Encoded:
    """One sequence per description."""
    texts = [e.description for e in examples]
    blocks = [texts[start : start + BLOCK] for start in range(0, len(texts), BLOCK)]
    return concatenate([encode_texts(block, tokenizer, tokenization) for block in blocks])


# Head and loss


class DualEncoderHead(Head):
    """Logits [questions, candidates] of a batch whose items are (question, right candidate): their cosines, times a learnt
    scale. As in XTREME-R's LAReQA model (google-research/xtreme, third_party/bert.py): one encoder and one pooler for both."""

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__()
        self.pooled = pooling_of(config)
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.logit_scale = nn.Parameter(torch.tensor([100.0]))

    def vectors(self, states: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Unit vectors: [sequences, hidden]."""
        pooled = self.pooled(states, batch).to(self.dense.weight.dtype)
        # The scale magnifies small differences between cosines: from here on nothing is rounded to bf16.
        with torch.autocast(pooled.device.type, enabled=False):
            return F.normalize(torch.tanh(self.dense(pooled)), dim=-1)

    def forward(self, states: torch.Tensor, batch: Batch) -> torch.Tensor:
        vectors = self.vectors(states, batch)
        with torch.autocast(vectors.device.type, enabled=False):
            return vectors[0::2] @ vectors[1::2].T * self.logit_scale


def in_batch_terms(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    """The cross-entropy of each question's right candidate among all candidates of the batch: [items]. A candidate that answers
    two questions counts as wrong for the other one, as in the published code."""
    return F.cross_entropy(logits, torch.arange(len(logits), device=logits.device), reduction="none")


# Predictions and scores


def predict(model: Model, task: Task, examples: Sequence[Query], encoded: Encoded, max_answer: int) -> list[list[int]]:
    """For each question the indices of the nearest candidates in the examples' own pool, best first."""
    return rankings(*dual_vectors(model, task, encoded))


def dual_vectors(model: Model, task: Task, encoded: Encoded) -> tuple[torch.Tensor, torch.Tensor]:
    """The vectors of all questions and of all candidates, in their order, each [number, hidden]."""
    vectors = head_vectors(model, task, encoded)
    asked = torch.from_numpy(encoded.fields["answer"] != 0).to(model.device)
    return vectors[asked], vectors[~asked]


def head_vectors(model: Model, task: Task, encoded: Encoded) -> torch.Tensor:
    """The vectors of all sequences by the head of `task`: [sequences, hidden]."""
    vectors = torch.empty(0, device=model.device)
    for items, found in computed(model, encoded, lambda batch: model.vectors(task.name, batch)):
        if not len(vectors):
            # Written in place: the vectors of a million candidates fit into memory once.
            vectors = found.new_empty(encoded.items, found.shape[-1])
        vectors[torch.from_numpy(items).to(model.device)] = found
    return vectors


def rankings(questions: torch.Tensor, candidates: torch.Tensor) -> list[list[int]]:
    """For each question [n, hidden] the indices of its DEPTH nearest candidates [m, hidden] by dot product, best first:
    exact."""
    _, indices = nearest_by_product(questions, candidates, DEPTH)
    found: list[list[int]] = indices.tolist()
    return found


def in_one_pool(scoring: Scoring[Any, Any], test: ZeroShotTest) -> Iterator[LanguageResult]:
    """Each language's questions rank the candidates of all languages, or the separate ones. Predictions are names."""
    data = {language: test.read(language) for language in test.languages}
    pool = Pool.of({language: examples for language, (examples, _) in data.items()})
    with inference(test.model):
        vectors = {code: dual_vectors(test.model, test.trained, encoded) for code, (_, encoded) in data.items()}
        if test.candidates:
            entities, separate = test.candidates()
            pool, candidates = pool.among(entities), head_vectors(test.model, test.trained, separate)
        else:
            candidates = torch.cat([own for _, own in vectors.values()])
        found = {code: rankings(questions, candidates) for code, (questions, _) in vectors.items()}
    for language, (examples, _) in data.items():
        named = pool.named(examples, found[language])
        scores = map_at_20(pool.answers(examples), named)
        yield LanguageResult(language, [named[example.id] for example in examples], [scores])


def metrics(task: Task, examples: Sequence[Query], predictions: Sequence[Sequence[int]], language: str) -> Scores:
    """mAP@20 in the examples' own pool."""
    pool = Pool.of({language: examples})
    return map_at_20(pool.answers(examples), pool.named(examples, predictions))


def constant(task: Task, examples: Sequence[Query]) -> Iterable[list[list[int]]]:
    """For all questions the candidates that are right for most of them."""
    pool = Pool.of({"": examples})
    right = Counter(name for example in examples for name in pool.right[example.id])
    same = [pool.names.index(name) for name, _ in right.most_common(DEPTH)]
    return [[same] * len(examples)]


def submission(task: Task) -> SubmissionFormat:
    """{question: [at most 20 candidates, best first]}; the labels are {question: [right ones]}."""
    return SubmissionFormat(
        suffix="json",
        predictions=formats.rankings,
        labels=formats.right_candidates,
        text=formats.document,
        # Parsed labels are sets, which JSON has not.
        label_text=lambda right: formats.document({question: sorted(names) for question, names in right.items()}),
        score=lambda gold, predicted, language: map_at_20(gold, predicted),
        predicted=lambda examples, found, language: {e.id: names for e, names in zip(examples, found, strict=True)},
        gold=lambda examples, language, pool: {e.id: pool.right[e.id] for e in examples},
    )


DUAL_ENCODER: KindSpec[Query, list[int]] = KindSpec(
    kind=Kind.DUAL,
    encode=encode,
    objective=Objective(
        head=lambda encoder, task: DualEncoderHead(encoder.config),
        loss_terms=in_batch_terms,
        count=lambda batch: len(batch.lengths) // batch.group,
        item_losses=None,
        training_items=pairs_with_answers,
    ),
    scoring=Scoring(
        metrics=metrics,
        rule="map@20-by-dot-product-of-the-head",
        signature=lambda task, pool: {"pool": pool},
        predict=predict,
        zero_shot=in_one_pool,
        constant=constant,
    ),
    submission=submission,
)

CANDIDATES: KindSpec[Entity, None] = KindSpec(kind=Kind.CANDIDATES, encode=encode_entities)
