"""Span QA: a question on a context, and the answer as a span of it, with or without unanswerable questions.

A context that is too long is read in overlapping windows, each a sequence with the question before it. Two logits per token, as
in RobertaForQuestionAnswering, score the first and the last token of the answer; where a window does not hold the whole answer,
both are its first special token. The loss of a window is the mean of both cross-entropies over its tokens. The predicted answer
is the best span of all windows; where there may be none, the null odds compare it with the first token's logits. The metrics
are EM and F1 of answers, by SQuAD's or MLQA's rules.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from transformers import PretrainedConfig

from stilts_ray.data.batches import Batch
from stilts_ray.data.encoded import Encoded, TokenizationConfig, from_sequences, segments
from stilts_ray.kinds.spec import KindSpec, Objective, Scoring, one_term_per_item
from stilts_ray.kinds.submission import SubmissionFormat
from stilts_ray.metrics import answers, formats
from stilts_ray.metrics.answers import Answer, squad_v2
from stilts_ray.metrics.scores import Scores
from stilts_ray.models.attention import Layout
from stilts_ray.models.families import first_tokens
from stilts_ray.models.heads import Head
from stilts_ray.models.hf_folders import TransformersHead
from stilts_ray.models.inference import gathered
from stilts_ray.models.model import Model
from stilts_ray.tasks.base import Kind, Task
from stilts_ray.tasks.examples import Span

# Sequences


def encode(task: Task, examples: Sequence[Span], tokenizer: Any, tokenization: TokenizationConfig) -> Encoded:
    """One sequence per window. "begin", "stop" [total]: a token's characters in the context, -1 outside of it. "start", "end"
    [items]: the first gold answer's tokens in the window; 0 (the first special token) if it is not wholly inside."""
    by_example = _windows(examples, tokenizer, tokenization)
    windows = [window for own in by_example for window in own]
    sources = [number for number, own in enumerate(by_example) for _ in own]
    gold = [examples[source].answers[0] if examples[source].answers else None for source in sources]
    marked = [_answer_tokens(w.begin, w.stop, answer) for w, answer in zip(windows, gold, strict=True)]
    return from_sequences(
        [window.tokens for window in windows],
        begin=[character for window in windows for character in window.begin],
        stop=[character for window in windows for character in window.stop],
        **segments({"token_type_ids": [window.segments for window in windows]}),
        start=[start for start, _ in marked],
        end=[end for _, end in marked],
        example=sources,
    )


@dataclass(frozen=True, slots=True)
class _Window:
    """A question and a part of its context, each list [tokens]. begin, stop: as in `encode`."""

    tokens: list[int]
    segments: list[int]
    begin: list[int]
    stop: list[int]


def _windows(examples: Sequence[Span], tokenizer: Any, tokenization: TokenizationConfig) -> list[list[_Window]]:
    """The windows of each example, from the start of its context to the end."""
    space = tokenization.max_length - tokenizer.num_special_tokens_to_add(pair=True)
    # A question takes at most half of a window.
    questions = _truncated([e.question for e in examples], tokenizer, space // 2)
    found: list[list[_Window]] = [[] for _ in examples]
    for length, numbers in _by_token_count(questions, tokenizer).items():
        room = space - length
        tokenized = tokenizer(
            [questions[number] for number in numbers],
            [examples[number].context for number in numbers],
            truncation="only_second",
            max_length=tokenization.max_length,
            # A tokenizer's stride is the overlap, which for a given advance depends on the question's length.
            stride=room - _advance(tokenization.stride, room),
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        for window, source in enumerate(tokenized["overflow_to_sample_mapping"]):
            found[numbers[source]].append(_window(tokenized, window))
    return found


def _by_token_count(texts: Sequence[str], tokenizer: Any) -> dict[int, list[int]]:
    """Number of tokens -> indices of the texts that have so many."""
    indices: dict[int, list[int]] = {}
    for index, ids in enumerate(tokenizer(texts, add_special_tokens=False)["input_ids"]):
        indices.setdefault(len(ids), []).append(index)
    return indices


def _advance(stride: int, room: int) -> int:
    """Context tokens from the start of a window to that of the next one. room: context tokens in a window.

    Window k starts at k * doc_stride in nyu-mll/jiant (squad_style/core.py, "start") and google-research/xtreme
    (third_party/processors/squad.py). There an advance of more than the room skips tokens. Here windows overlap by at least a
    third of it: with an advance as large as the room, an answer across a border would be whole in no window.
    """
    return min(stride, room - room // 3)


def _window(tokenized: Any, number: int) -> _Window:
    """The window `number` of those that a tokenizer returned."""
    inside = [part == 1 for part in tokenized.sequence_ids(number)]
    characters = tokenized["offset_mapping"][number]
    return _Window(
        tokens=tokenized["input_ids"][number],
        segments=tokenized["token_type_ids"][number] if "token_type_ids" in tokenized else [],
        begin=[span[0] if here else -1 for span, here in zip(characters, inside, strict=True)],
        stop=[span[1] if here else -1 for span, here in zip(characters, inside, strict=True)],
    )


def _truncated(texts: list[str], tokenizer: Any, limit: int) -> list[str]:
    """The texts, each with at most `limit` tokens."""
    offsets = tokenizer(texts, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    return [t[: o[limit - 1][1]] if len(o) > limit else t for t, o in zip(texts, offsets, strict=True)]


def _answer_tokens(begin: list[int], stop: list[int], answer: tuple[str, int | None] | None) -> tuple[int, int]:
    """The first and last token of an answer in a window; (0, 0) if it is not wholly inside."""
    if answer is None or answer[1] is None:
        return 0, 0
    text, at = answer[0], answer[1]
    covered = [i for i, (a, b) in enumerate(zip(begin, stop, strict=True)) if a < at + len(text) and b > at and a >= 0]
    if not covered or begin[covered[0]] > at or stop[covered[-1]] < at + len(text):
        return 0, 0
    return covered[0], covered[-1]


# Head and loss


class SpanHead(Head):
    """As RobertaForQuestionAnswering: logits [total, 2], start and end."""

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__()
        self.qa_outputs = nn.Linear(config.hidden_size, 2)

    def forward(self, states: torch.Tensor, batch: Batch) -> torch.Tensor:
        return self.qa_outputs(states)  # type: ignore[no-any-return]


def span_terms(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    """The mean cross-entropy of both ends, over the tokens of each window: [items]."""
    grid = Layout.of(batch).pad(logits, fill=float("-inf"))
    ends = (F.cross_entropy(grid[..., n], batch.fields[name], reduction="none") for n, name in enumerate(_ENDS))
    start, end = ends
    return (start + end) / 2


_ENDS = ("start", "end")


# Predictions


def predict(model: Model, task: Task, examples: Sequence[Span], encoded: Encoded, max_answer: int) -> list[str]:
    """The text of the best span of each example."""
    return [text for text, _ in _best_answers(model, task, examples, encoded, max_answer)]


def predict_or_none(
    model: Model, task: Task, examples: Sequence[Span], encoded: Encoded, max_answer: int
) -> list[Answer]:
    """The best span of each example, and BERT's null odds: no answer scores the least sum of the first token's logits in any
    window."""
    return [Answer(text, odds) for text, odds in _best_answers(model, task, examples, encoded, max_answer)]


def _best_answers(
    model: Model, task: Task, examples: Sequence[Span], encoded: Encoded, max_answer: int
) -> Iterator[tuple[str, float]]:
    """For each example the text of its best span over all windows, of equal ones the first, and by how much the least sum of
    any window's first token's logits exceeds that span's. A window whose logits are not numbers has no span."""

    def compute(batch: Batch) -> tuple[torch.Tensor, ...]:
        logits = model(task.name, batch)
        return *best_spans(logits, batch, max_answer), first_tokens(logits, batch).float().sum(-1)

    items, (values, starts, ends, nulls) = gathered(model, encoded, compute)
    values = np.where(np.isnan(values), -np.inf, values)
    sources = encoded.fields["example"][items].astype(np.intp)
    null = np.full(len(examples), np.inf)
    np.fmin.at(null, sources, nulls)
    ranked = np.lexsort((items, -values, sources))
    best = ranked[np.searchsorted(sources[ranked], np.arange(len(examples)))]
    offsets = encoded.offsets[items[best]]
    begins, stops = encoded.fields["begin"][offsets + starts[best]], encoded.fields["stop"][offsets + ends[best]]
    odds = null - values[best]
    for example, found, begin, stop, odd in zip(examples, values[best], begins, stops, odds.tolist(), strict=True):
        yield example.context[begin:stop] if found > -np.inf else "", odd


def best_spans(logits: torch.Tensor, batch: Batch, max_answer: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The span of at most `max_answer` context tokens with the largest sum of start and end logits, for each sequence: its sum
    (minus infinity if there is no span), first and last token, each [sequences]. logits: [total, 2].

    The search is exhaustive, not among the 20 best starts and ends: the best end of a start is the maximum over a window.
    """
    layout = Layout.of(batch)
    outside = (batch.fields["begin"] < 0)[:, None]
    start, end = layout.pad(logits.float().masked_fill(outside, float("-inf")), fill=float("-inf")).unbind(-1)
    window = min(max_answer, layout.longest)
    ends, extra = F.pad(end, (0, window - 1), value=float("-inf")).unfold(1, window, 1).max(-1)
    values, first = (start + ends).max(-1)
    return values, first, first + extra.gather(1, first[:, None])[:, 0]


# Scores


def metrics(task: Task, examples: Sequence[Span], predictions: Sequence[str], language: str) -> Scores:
    """EM, F1 and their mean, by the task's rule."""
    # By index, not by id: a duplicate id would count once.
    gold = {str(index): [text for text, _ in example.answers] for index, example in enumerate(examples)}
    return answers.RULES[task.answers](gold, dict(zip(gold, predictions, strict=True)), language)


def metrics_or_none(task: Task, examples: Sequence[Span], predictions: Sequence[Answer], language: str) -> Scores:
    """SQuAD 2.0's."""
    return squad_v2([[text for text, _ in example.answers] for example in examples], predictions)


def submission(task: Task) -> SubmissionFormat:
    """{question: answer}; the labels are SQuAD's JSON."""
    return SubmissionFormat(
        suffix="json",
        predictions=formats.answers,
        labels=formats.questions,
        text=formats.document,
        label_text=formats.squad_document,
        score=answers.RULES[task.answers],
        predicted=lambda examples, found, language: {e.id: text for e, text in zip(examples, found, strict=True)},
        gold=lambda examples, language, pool: {e.id: [text for text, _ in e.answers] for e in examples},
    )


OBJECTIVE = Objective(
    head=lambda encoder, task: SpanHead(encoder.config),
    loss_terms=span_terms,
    count=lambda batch: len(batch.lengths),
    item_losses=one_term_per_item,
)

SPAN: KindSpec[Span, str] = KindSpec(
    kind=Kind.SPAN,
    encode=encode,
    objective=OBJECTIVE,
    scoring=Scoring(
        metrics=metrics,
        rule="mean-of-em-and-f1",
        signature=lambda task, pool: {"answers": task.answers},
        predict=predict,
    ),
    transformers=TransformersHead("ForQuestionAnswering"),
    submission=submission,
)

SPAN_OR_NONE: KindSpec[Span, Answer] = KindSpec(
    kind=Kind.SPAN_OR_NONE,
    encode=encode,
    objective=OBJECTIVE,
    scoring=Scoring(
        metrics=metrics_or_none,
        rule="mean-of-em-and-f1-at-their-best-thresholds",
        signature=lambda task, pool: {"answers": task.answers},
        predict=predict_or_none,
        constant=lambda task, examples: [[Answer("", 0.0)] * len(examples)],
    ),
    transformers=TransformersHead("ForQuestionAnswering"),
)
