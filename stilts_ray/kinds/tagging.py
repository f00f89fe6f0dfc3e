"""Tagging: a tag for each word of a sentence.

The tag stands on the first token of a word. A sentence that is too long is split between words into several sequences. Logits
per token, as in RobertaForTokenClassification; the loss is the mean cross-entropy over words, the score seqeval's F1 over
spans.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F
from transformers import PretrainedConfig

from stilts_ray.data.batches import Batch, Items
from stilts_ray.data.encoded import IGNORE, Encoded, TokenizationConfig, from_sequences
from stilts_ray.kinds.spec import KindSpec, Objective, Scoring, mean_per_sequence
from stilts_ray.kinds.submission import SubmissionFormat
from stilts_ray.metrics import formats
from stilts_ray.metrics.scores import Scores
from stilts_ray.metrics.tagging import tagging
from stilts_ray.models.heads import Head, classifier_dropout
from stilts_ray.models.hf_folders import TransformersHead
from stilts_ray.models.inference import gathered
from stilts_ray.models.model import Model
from stilts_ray.tasks.base import Kind, Task
from stilts_ray.tasks.examples import Tagged

# Sequences


def encode(task: Task, examples: Sequence[Tagged], tokenizer: Any, tokenization: TokenizationConfig) -> Encoded:
    """One or several sequences per sentence. "tags" [total]: the index of the tag among the task's labels on the first token of
    a word, IGNORE on all others."""
    ids = tokenizer([list(e.words) for e in examples], is_split_into_words=True, add_special_tokens=False)
    before, after = _special_tokens(tokenizer)
    room = tokenization.max_length - len(before) - len(after)
    index = {label: number for number, label in enumerate(task.labels)}
    sequences, tags, sources = [], [], []
    for number, example in enumerate(examples):
        words = _by_word(ids["input_ids"][number], ids.word_ids(number), len(example.words), tokenizer.unk_token_id)
        for chunk in _chunks(list(zip(words, example.tags, strict=True)), room):
            sequences.append(before + [token for word, _ in chunk for token in word] + after)
            tags += [IGNORE] * len(before)
            for word, tag in chunk:
                tags += [index[tag], *[IGNORE] * (len(word) - 1)]
            tags += [IGNORE] * len(after)
            sources.append(number)
    return from_sequences(sequences, tags=tags, example=sources)


def _special_tokens(tokenizer: Any) -> tuple[list[int], list[int]]:
    """The special tokens before and after a single text."""
    probe = tokenizer("a", return_special_tokens_mask=True)
    special = probe["special_tokens_mask"]
    first, last = special.index(0), len(special) - special[::-1].index(0)
    return list(probe["input_ids"][:first]), list(probe["input_ids"][last:])


def _by_word(ids: list[int], word_ids: list[int | None], count: int, unknown: int) -> list[list[int]]:
    words: list[list[int]] = [[] for _ in range(count)]
    for token, word in zip(ids, word_ids, strict=True):
        if word is not None:
            words[word].append(token)
    # A word whose characters the tokenizer drops still has to be tagged.
    return [word or [unknown] for word in words]


def _chunks(words: list[tuple[list[int], str]], room: int) -> list[list[tuple[list[int], str]]]:
    """The words in as few chunks of at most `room` tokens as possible; a longer word is truncated."""
    chunks: list[list[tuple[list[int], str]]] = [[]]
    used = 0
    for tokens, tag in words:
        tokens = tokens[:room]
        if used + len(tokens) > room:
            chunks.append([])
            used = 0
        chunks[-1].append((tokens, tag))
        used += len(tokens)
    return chunks


# Head and loss


class TaggingHead(Head):
    """As RobertaForTokenClassification: logits [total, labels]."""

    def __init__(self, config: PretrainedConfig, labels: int) -> None:
        super().__init__()
        self.dropout = nn.Dropout(classifier_dropout(config))
        self.classifier = nn.Linear(config.hidden_size, labels)

    def forward(self, states: torch.Tensor, batch: Batch) -> torch.Tensor:
        return self.classifier(self.dropout(states))  # type: ignore[no-any-return]


def tag_terms(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    """The cross-entropy of each token's tag, 0 where none is scored: [total]."""
    return F.cross_entropy(logits, batch.fields["tags"], ignore_index=IGNORE, reduction="none")


def item_losses(terms: torch.Tensor, batch: Batch) -> torch.Tensor:
    """The mean over the words of each sequence: [items]."""
    return mean_per_sequence(terms, batch.fields["tags"] != IGNORE, batch.sequence, len(batch.lengths))


# Predictions and scores


def predict(model: Model, task: Task, examples: Sequence[Tagged], encoded: Encoded, max_answer: int) -> list[list[str]]:
    """The tags of each sentence's words."""
    items, (best,) = gathered(model, encoded, lambda batch: (model(task.name, batch).argmax(-1),))
    chosen = np.empty_like(best)
    chosen[_token_indices(encoded, items)] = best
    scored = encoded.fields["tags"] != IGNORE
    words = np.bincount(np.repeat(encoded.fields["example"], encoded.lengths)[scored], minlength=len(examples))
    tags = iter([task.labels[label] for label in chosen[scored].tolist()])
    return [list(islice(tags, count)) for count in words.tolist()]


def _token_indices(encoded: Encoded, items: Items) -> NDArray[np.int64]:
    """Indices of the items' tokens, for one sequence per item."""
    lengths = encoded.lengths[items]
    shifts = encoded.offsets[items] - (np.cumsum(lengths) - lengths)
    indices: NDArray[np.int64] = np.repeat(shifts, lengths) + np.arange(lengths.sum())
    return indices


def metrics(task: Task, examples: Sequence[Tagged], predictions: Sequence[Sequence[str]], language: str) -> Scores:
    """F1 over spans, and accuracy over words."""
    return tagging([example.tags for example in examples], predictions)


def constant(task: Task, examples: Sequence[Tagged]) -> Iterable[list[list[str]]]:
    """The most frequent tag for every word."""
    common = Counter(tag for example in examples for tag in example.tags).most_common(1)[0][0]
    return [[[common] * len(example.tags) for example in examples]]


def submission(task: Task) -> SubmissionFormat:
    """A tag per line, an empty line between sentences."""

    def parse(text: str) -> list[list[str]]:
        return formats.sentences(text, task.labels)

    return SubmissionFormat(
        suffix="tsv",
        predictions=parse,
        labels=parse,
        text=lambda sentences: "\n".join(formats.lines(tags) for tags in sentences),
        score=lambda gold, predicted, language: tagging(gold, predicted),
        gold=lambda examples, language, pool: [list(example.tags) for example in examples],
    )


TAGGING: KindSpec[Tagged, list[str]] = KindSpec(
    kind=Kind.TAGGING,
    encode=encode,
    objective=Objective(
        head=lambda encoder, task: TaggingHead(encoder.config, len(task.labels)),
        loss_terms=tag_terms,
        count=lambda batch: int((batch.fields["tags"] != IGNORE).sum()),
        item_losses=item_losses,
    ),
    scoring=Scoring(metrics=metrics, rule="seqeval-f1-of-runs", predict=predict, constant=constant),
    transformers=TransformersHead("ForTokenClassification"),
    submission=submission,
)
