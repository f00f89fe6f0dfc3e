"""Predictions of a model, per kind, in the order of the examples."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from stilts_ray.data.batches import Batch, Items, by_tokens, collate
from stilts_ray.data.encode import IGNORE, Encoded
from stilts_ray.evaluation.answers import Answer
from stilts_ray.evaluation.metrics import DEPTH
from stilts_ray.evaluation.nearest import nearest_by_product
from stilts_ray.models.attention import Layout
from stilts_ray.models.families import first_tokens
from stilts_ray.models.model import Model
from stilts_ray.tasks.base import Kind as TaskKind
from stilts_ray.tasks.base import Task
from stilts_ray.tasks.examples import Example, Span

BUDGET = 16_384
"""Tokens a batch."""


def predict(model: Model, task: Task, examples: Sequence[Example], encoded: Encoded, max_answer: int) -> list[object]:
    """What the head of `task`, the task that was trained, predicts for each example: a label, a choice's index, the tags,
    the answer's text, an `Answer` where there may be none, or the places of the nearest candidates in the examples' pool."""
    return _PREDICTORS[task.kind](model, task, examples, encoded, max_answer)


def batches(model: Model, encoded: Encoded) -> Iterator[tuple[Items, Batch]]:
    """All items in batches of at most BUDGET tokens, on the model's device, with their indices."""
    for items in by_tokens(encoded.item_lengths, BUDGET):
        yield items, collate(encoded, items).to(model.device)


def _labels(model: Model, task: Task, examples: Sequence[Example], encoded: Encoded, _: int) -> list[object]:
    best: list[object] = [None] * encoded.items
    for items, batch in batches(model, encoded):
        for item, label in zip(items, model(task.name, batch).argmax(-1).tolist(), strict=True):
            best[item] = task.labels[label] if task.labels else label
    return best


def _tags(model: Model, task: Task, examples: Sequence[Example], encoded: Encoded, _: int) -> list[object]:
    chosen = np.empty(len(encoded.tokens), dtype=np.int64)
    for items, batch in batches(model, encoded):
        labels = model(task.name, batch).argmax(-1).cpu().numpy()
        chosen[_places(encoded, items)] = labels
    tags: list[list[str]] = [[] for _ in examples]
    scored = np.flatnonzero(encoded.fields["tags"] != IGNORE)
    source = np.repeat(encoded.fields["example"], encoded.lengths)
    for example, label in zip(source[scored], chosen[scored], strict=True):
        tags[example].append(task.labels[label])
    return list(tags)


def _places(encoded: Encoded, items: Items) -> NDArray[np.int64]:
    """Indices of the items' tokens, for one sequence an item."""
    return np.concatenate([np.arange(encoded.offsets[item], encoded.offsets[item + 1]) for item in items])


def _answers(model: Model, task: Task, examples: Sequence[Span], encoded: Encoded, max_answer: int) -> list[object]:
    return [text for text, _, _ in _best_answers(model, task, examples, encoded, max_answer)]


def _answers_or_none(
    model: Model, task: Task, examples: Sequence[Span], encoded: Encoded, max_answer: int
) -> list[object]:
    """The null odds are BERT's: no answer is worth the least sum of the first token's logits in any window."""
    best = _best_answers(model, task, examples, encoded, max_answer)
    return [Answer(text, null - value) for text, value, null in best]


def _best_answers(
    model: Model, task: Task, examples: Sequence[Span], encoded: Encoded, max_answer: int
) -> list[tuple[str, float, float]]:
    """For each example the text of its best span over all windows, the span's sum of start and end logits, and the least
    such sum of a window's first token."""
    best = [("", -np.inf)] * len(examples)
    null = [np.inf] * len(examples)
    for items, batch in batches(model, encoded):
        logits = model(task.name, batch)
        values, starts, ends = best_spans(logits, batch, max_answer)
        firsts = first_tokens(logits, batch).float().sum(-1).tolist()
        for row, item in enumerate(items):
            example, offset = encoded.fields["example"][item], encoded.offsets[item]
            null[example] = min(null[example], firsts[row])
            if values[row] > best[example][1]:
                begin = encoded.fields["begin"][offset + starts[row]]
                stop = encoded.fields["stop"][offset + ends[row]]
                best[example] = (examples[example].context[begin:stop], float(values[row]))
    return [(text, value, least) for (text, value), least in zip(best, null, strict=True)]


def best_spans(logits: torch.Tensor, batch: Batch, max_answer: int) -> tuple[list[float], list[int], list[int]]:
    """The span of at most `max_answer` tokens inside the context with the largest sum of start and end logits: its
    value, first and last token, for each sequence of the batch. logits: [total, 2].

    All spans are looked at, not only those of the 20 best starts and ends.
    """
    layout = Layout.of(batch)
    outside = (batch.fields["begin"] < 0)[:, None]
    start, end = layout.spread(logits.float().masked_fill(outside, float("-inf")), fill=float("-inf")).unbind(-1)
    longest = min(max_answer, layout.longest)
    value, first, length = (torch.full_like(start[:, 0], float("-inf")), *torch.zeros(2, len(start)).long())
    first, length = first.to(start.device), length.to(start.device)
    for extra in range(longest):
        sums = start[:, : layout.longest - extra] + end[:, extra:]
        top, at = sums.max(dim=1)
        better = top > value
        value, first = torch.where(better, top, value), torch.where(better, at, first)
        length = torch.where(better, torch.full_like(length, extra), length)
    return value.tolist(), first.tolist(), (first + length).tolist()


def _nearest(model: Model, task: Task, examples: Sequence[Example], encoded: Encoded, _: int) -> list[object]:
    return list(rankings(*dual_vectors(model, task, encoded)))


def dual_vectors(model: Model, task: Task, encoded: Encoded) -> tuple[torch.Tensor, torch.Tensor]:
    """The vectors of all questions and of all candidates, in their order, by the head of `task`: each [number, hidden]."""
    vectors = head_vectors(model, task, encoded)
    asked = torch.from_numpy(encoded.fields["answer"] != 0).to(model.device)
    return vectors[asked], vectors[~asked]


def head_vectors(model: Model, task: Task, encoded: Encoded) -> torch.Tensor:
    """The vectors of all sequences by the head of `task`: [sequences, hidden]."""
    vectors = torch.empty(0, device=model.device)
    for items, batch in batches(model, encoded):
        found = model.vectors(task.name, batch)
        if not len(vectors):
            # Filled in, not put together at the end: of a million candidates there is room for one copy.
            vectors = found.new_empty(encoded.items, found.shape[-1])
        vectors[torch.from_numpy(items).to(model.device)] = found
    return vectors


def rankings(questions: torch.Tensor, candidates: torch.Tensor) -> list[list[int]]:
    """For each question [n, hidden] its DEPTH nearest candidates [m, hidden] by dot product, best first: exact."""
    _, places = nearest_by_product(questions, candidates, DEPTH)
    found: list[list[int]] = places.tolist()
    return found


_PREDICTORS: dict[TaskKind, Callable[..., list[object]]] = {
    TaskKind.PAIR: _labels,
    TaskKind.CHOICE: _labels,
    TaskKind.TAGGING: _tags,
    TaskKind.SPAN: _answers,
    TaskKind.SPAN_OR_NONE: _answers_or_none,
    TaskKind.DUAL: _nearest,
}
