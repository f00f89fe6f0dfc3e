"""Predictions of a model, per kind, in the order of the examples."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import pad

from stilts_ray.data.batches import Batch, Items, by_tokens, collate
from stilts_ray.data.encode import IGNORE, Encoded
from stilts_ray.errors import RequestError
from stilts_ray.evaluation.answers import Answer
from stilts_ray.evaluation.metrics import DEPTH
from stilts_ray.evaluation.nearest import nearest_by_product
from stilts_ray.models.attention import Layout
from stilts_ray.models.families import first_tokens
from stilts_ray.models.model import Model
from stilts_ray.tasks.base import Kind as TaskKind
from stilts_ray.tasks.base import Task
from stilts_ray.tasks.examples import Example, Span

T = TypeVar("T")

BUDGETS = {"cpu": 4_096, "cuda": 16_384}
"""Tokens a batch, by type of device: a CPU is slower where a layer's states are larger than its caches."""


def predict(model: Model, task: Task, examples: Sequence[Example], encoded: Encoded, max_answer: int) -> list[object]:
    """What the head of `task`, the task that was trained, predicts for each example: a label, a choice's index, the tags,
    the answer's text, an `Answer` where there may be none, or the places of the nearest candidates in the examples' pool."""
    return _PREDICTORS[task.kind](model, task, examples, encoded, max_answer)


def computed(model: Model, encoded: Encoded, compute: Callable[[Batch], T]) -> Iterator[tuple[Items, T]]:
    """What `compute` makes of all items, in batches of at most BUDGETS tokens on the model's device, with their indices. Of
    batches for which it has no memory halves are made.

    Raises RequestError if it has none for one item.
    """
    waiting = by_tokens(encoded.item_lengths, BUDGETS[model.device.type])
    while waiting:
        made = _tried(collate(encoded, waiting[0]).to(model.device), compute)
        if made is not None:
            yield waiting.pop(0), made
            continue
        if len(waiting[0]) == 1:
            raise RequestError("the device has no memory to predict for one item; take a larger one")
        waiting = [half for items in waiting for half in np.array_split(items, 2) if len(half)]
        torch.cuda.empty_cache()


def _tried(batch: Batch, compute: Callable[[Batch], T]) -> T | None:
    try:
        return compute(batch)
    except torch.OutOfMemoryError:
        # Nothing more here: as long as an exception is handled, it holds on to all that was made.
        return None


def _gathered(
    model: Model, encoded: Encoded, compute: Callable[[Batch], tuple[torch.Tensor, ...]]
) -> tuple[Items, list[NDArray[Any]]]:
    """What `compute` makes of every batch, end to end, and the items in that order. It leaves the device once, at the end."""
    order, made = [], []
    for items, found in computed(model, encoded, compute):
        order.append(items)
        made.append(found)
    return np.concatenate(order), [torch.cat(part).cpu().numpy() for part in zip(*made, strict=True)]


def _labels(model: Model, task: Task, examples: Sequence[Example], encoded: Encoded, _: int) -> list[object]:
    items, (best,) = _gathered(model, encoded, lambda batch: (model(task.name, batch).argmax(-1),))
    labels: list[int] = best[np.argsort(items)].tolist()
    return [task.labels[label] for label in labels] if task.labels else list(labels)


def _tags(model: Model, task: Task, examples: Sequence[Example], encoded: Encoded, _: int) -> list[object]:
    items, (best,) = _gathered(model, encoded, lambda batch: (model(task.name, batch).argmax(-1),))
    chosen = np.empty_like(best)
    chosen[_places(encoded, items)] = best
    scored = encoded.fields["tags"] != IGNORE
    words = np.bincount(np.repeat(encoded.fields["example"], encoded.lengths)[scored], minlength=len(examples))
    tags = iter([task.labels[label] for label in chosen[scored].tolist()])
    return [list(islice(tags, count)) for count in words.tolist()]


def _places(encoded: Encoded, items: Items) -> NDArray[np.int64]:
    """Indices of the items' tokens, for one sequence an item."""
    lengths = encoded.lengths[items]
    shifts = encoded.offsets[items] - (np.cumsum(lengths) - lengths)
    places: NDArray[np.int64] = np.repeat(shifts, lengths) + np.arange(lengths.sum())
    return places


def _answers(model: Model, task: Task, examples: Sequence[Span], encoded: Encoded, max_answer: int) -> list[object]:
    return [text for text, _ in _best_answers(model, task, examples, encoded, max_answer)]


def _answers_or_none(
    model: Model, task: Task, examples: Sequence[Span], encoded: Encoded, max_answer: int
) -> list[object]:
    """The null odds are BERT's: no answer is worth the least sum of the first token's logits in any window."""
    return [Answer(text, odds) for text, odds in _best_answers(model, task, examples, encoded, max_answer)]


def _best_answers(
    model: Model, task: Task, examples: Sequence[Span], encoded: Encoded, max_answer: int
) -> Iterator[tuple[str, float]]:
    """For each example the text of its best span over all windows, of equal ones the first, and by how much the least sum of
    a window's first token's logits exceeds that span's sum. A window whose logits are not numbers has no span."""

    def compute(batch: Batch) -> tuple[torch.Tensor, ...]:
        logits = model(task.name, batch)
        return *best_spans(logits, batch, max_answer), first_tokens(logits, batch).float().sum(-1)

    items, (values, starts, ends, nulls) = _gathered(model, encoded, compute)
    values = np.where(np.isnan(values), -np.inf, values)
    sources = encoded.fields["example"][items]
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
    """The span of at most `max_answer` tokens inside the context with the largest sum of start and end logits: its
    value, first and last token, for each sequence of the batch, minus infinity where there is none. logits: [total, 2].

    All spans are looked at, not only those of the 20 best starts and ends: the best end for a start is the largest of a
    window of them.
    """
    layout = Layout.of(batch)
    outside = (batch.fields["begin"] < 0)[:, None]
    start, end = layout.pad(logits.float().masked_fill(outside, float("-inf")), fill=float("-inf")).unbind(-1)
    window = min(max_answer, layout.longest)
    ends, extra = pad(end, (0, window - 1), value=float("-inf")).unfold(1, window, 1).max(-1)
    values, first = (start + ends).max(-1)
    return values, first, first + extra.gather(1, first[:, None])[:, 0]


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
    for items, found in computed(model, encoded, lambda batch: model.vectors(task.name, batch)):
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
    TaskKind.SEQUENCE_CLASSIFICATION: _labels,
    TaskKind.CHOICE: _labels,
    TaskKind.TAGGING: _tags,
    TaskKind.SPAN: _answers,
    TaskKind.SPAN_OR_NONE: _answers_or_none,
    TaskKind.DUAL: _nearest,
}
