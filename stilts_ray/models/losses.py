"""Losses, per kind of task. The loss of a batch is the mean over all that is predicted in it, however many parts of it are
computed apart, and on however many devices: sums here, counts that need no model, and the division in the training loop."""

from collections.abc import Callable

import torch
from torch.nn import functional as F

from stilts_ray.data.batches import Batch
from stilts_ray.data.encode import IGNORE
from stilts_ray.models.attention import Layout
from stilts_ray.tasks.base import Kind

Terms = Callable[[torch.Tensor, Batch], torch.Tensor]


def _class_terms(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    return F.cross_entropy(logits, batch.fields["label"], reduction="none")


def _span_terms(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    grid = Layout.of(batch).pad(logits, fill=float("-inf"))
    start, end = (F.cross_entropy(grid[..., n], batch.fields[name], reduction="none") for n, name in enumerate(_ENDS))
    return (start + end) / 2


_ENDS = ("start", "end")


def _tag_terms(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    return F.cross_entropy(logits, batch.fields["tags"], ignore_index=IGNORE, reduction="none")


def _in_batch_terms(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    """The right candidate of each question among those of the whole batch; one that answers two questions is wrong for the
    other all the same, as in the published code."""
    return F.cross_entropy(logits, torch.arange(len(logits), device=logits.device), reduction="none")


def _masked_terms(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    return F.cross_entropy(logits, batch.fields["target"], reduction="none")


TERMS: dict[Kind, Terms] = {
    Kind.SEQUENCE_CLASSIFICATION: _class_terms,
    Kind.CHOICE: _class_terms,
    Kind.SPAN: _span_terms,
    Kind.SPAN_OR_NONE: _span_terms,
    Kind.TAGGING: _tag_terms,
    Kind.DUAL: _in_batch_terms,
    Kind.TEXT: _masked_terms,
}
"""Logits and batch -> the losses that a batch's loss is the sum of; of tags one a token, 0 where none is predicted."""

COUNTS: dict[Kind, Callable[[Batch], int]] = {
    Kind.SEQUENCE_CLASSIFICATION: lambda batch: len(batch.fields["label"]),
    Kind.CHOICE: lambda batch: len(batch.fields["label"]),
    Kind.SPAN: lambda batch: len(batch.lengths),
    Kind.SPAN_OR_NONE: lambda batch: len(batch.lengths),
    Kind.TAGGING: lambda batch: int((batch.fields["tags"] != IGNORE).sum()),
    Kind.DUAL: lambda batch: len(batch.lengths) // batch.group,
    Kind.TEXT: lambda batch: len(batch.fields["target"]),
}
"""How many things are predicted in a batch."""

INSEPARABLE = frozenset({Kind.DUAL})
"""Kinds in which the loss of an item depends on the others of its batch, which cannot be shared or computed in parts."""


def loss(kind: Kind, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    """The sum of a batch's losses: []."""
    return TERMS[kind](logits, batch).sum()


def item_losses(kind: Kind, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    """The mean loss of each item: [items]. For kinds that are not inseparable."""
    terms = TERMS[kind](logits, batch)
    if kind is not Kind.TAGGING:
        return terms
    sequences, predicted = len(batch.lengths), batch.fields["tags"] != IGNORE
    sums, counts = (
        terms.new_zeros(sequences).index_add(0, batch.sequence, v) for v in (terms, predicted.to(terms.dtype))
    )
    return sums / counts.clamp(min=1)
