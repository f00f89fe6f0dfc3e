"""Packed batches: sequences end to end, without padding, and the order in which a run sees them.

Imports torch and numpy alone. The order is a pure function of the seed, so a run's position in its data is one number, the
step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stilts_ray.data.encode import Encoded, selected

Items = NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Sequences end to end.

    tokens, positions, sequence: [total], positions count from 0 in each sequence. lengths: [sequences]. longest: their
    maximum, on the host, where it is wanted without waiting for a device.
    fields: what the head needs, per item, sequence or token as in `Encoded`; "masked" are places of tokens, "target" [masked].
    group: sequences an item.
    """

    tokens: torch.Tensor
    positions: torch.Tensor
    sequence: torch.Tensor
    lengths: torch.Tensor
    longest: int
    fields: dict[str, torch.Tensor]
    group: int = 1

    def to(self, device: torch.device) -> "Batch":
        """The batch on a device."""
        tensors = ("tokens", "positions", "sequence", "lengths")
        moved: dict[str, Any] = {name: _moved(getattr(self, name), device) for name in tensors}
        return replace(self, **moved, fields={name: _moved(values, device) for name, values in self.fields.items()})


def _moved(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    if device.type != "cuda":
        return tensor.to(device)
    # From pinned memory the copy goes on while the host does something else.
    return tensor.pin_memory().to(device, non_blocking=True)


def packed(tokens: torch.Tensor, lengths: torch.Tensor, fields: dict[str, torch.Tensor], group: int = 1) -> Batch:
    """The batch of sequences of these lengths; all on the host."""
    sequence = torch.repeat_interleave(torch.arange(len(lengths)), lengths)
    positions = torch.arange(len(tokens)) - (torch.cumsum(lengths, 0) - lengths)[sequence]
    return Batch(tokens, positions, sequence, lengths, int(lengths.max()), fields, group)


def collate(encoded: Encoded, items: Items) -> Batch:
    """Packs `items` (indices) in the order given."""
    part = selected(encoded, items)
    fields = {name: _tensor(values) for name, values in part.fields.items()}
    return packed(_tensor(part.tokens), _tensor(part.lengths), fields, part.group)


def by_length(encoded: Encoded, items: Items) -> Items:
    """The items from long to short. In this order attention finds sequences of like length side by side."""
    begin, end = (encoded.offsets[place * encoded.group] for place in (items, items + 1))
    ranked: Items = items[np.argsort(begin - end, kind="stable")]
    return ranked


def _tensor(values: NDArray[np.generic]) -> torch.Tensor:
    return torch.from_numpy(values.astype(np.int64))


def split(batch: Batch, budget: int | None) -> list[Batch]:
    """The items of a batch in parts of at most `budget` tokens (at least one item; None: no bound), in their order."""
    if budget is None:
        return [batch]
    ends = _ends(batch)
    cuts, filled = [0], 0
    for item, end in enumerate(ends):
        if end - filled > budget and item > cuts[-1]:
            cuts.append(item)
            filled = ends[item - 1]
    return _cut(batch, [*cuts, len(ends)])


def shared(batch: Batch, count: int) -> list[Batch]:
    """The items of a batch in `count` parts as equal as can be, in their order; fewer if there are fewer items."""
    if count == 1:
        return [batch]
    items = len(batch.lengths) // batch.group
    return _cut(batch, sorted({items * number // count for number in range(count + 1)}))


def _ends(batch: Batch) -> list[int]:
    """Where the tokens of each item end."""
    ends: list[int] = torch.cumsum(batch.lengths.view(-1, batch.group).sum(1), 0).tolist()
    return ends


def _cut(batch: Batch, cuts: list[int]) -> list[Batch]:
    ends = _ends(batch)
    return [_part(batch, first, last, ends) for first, last in pairwise(cuts)]


def _part(batch: Batch, first: int, last: int, ends: list[int]) -> Batch:
    """The items from `first` to before `last`. ends: where each item's tokens end."""
    tokens = slice(ends[first - 1] if first else 0, ends[last - 1])
    sequences = slice(first * batch.group, last * batch.group)
    slices = {len(ends): slice(first, last), len(batch.lengths): sequences, len(batch.tokens): tokens}
    fields = {name: values[slices[len(values)]] for name, values in batch.fields.items() if name not in _MASKED}
    if "masked" in batch.fields:
        masked = batch.fields["masked"]
        inside = (masked >= tokens.start) & (masked < tokens.stop)
        fields |= {"masked": masked[inside] - tokens.start, "target": batch.fields["target"][inside]}
    return packed(batch.tokens[tokens], batch.lengths[sequences], fields, batch.group)


_MASKED = ("masked", "target")


def generator(seed: int, *names: str) -> np.random.Generator:
    """An independent stream of random numbers for each seed and purpose."""
    words = [int.from_bytes(name.encode(), "little") for name in names]
    return np.random.default_rng(np.random.SeedSequence([seed & (2**64 - 1), *words]))


@dataclass(frozen=True)
class Share:
    """A task's part in a run's data: so many batches of `batch_size` out of `rows` items (None: all), pass after pass."""

    batches: int
    batch_size: int
    rows: int | None = None


def drawn(size: int, rows: int | None, draw: np.random.Generator) -> Items:
    """The items of a run, `rows` out of `size` (None: all), in their order."""
    if rows is None or rows >= size:
        return np.arange(size)
    return np.sort(draw.choice(np.arange(size), rows, replace=False))


def order(sizes: Mapping[str, int], shares: Mapping[str, Share], seed: int) -> list[tuple[str, Items]]:
    """Every batch of a run as (task, items). Each batch is of one task; tasks are drawn in proportion to their batches,
    without replacement, and every task's items are shuffled anew each pass."""
    batches: list[tuple[str, Items]] = []
    for name in sorted(sizes):
        share, draw = shares[name], generator(seed, name)
        rows = drawn(sizes[name], share.rows, draw)
        own: list[Items] = []
        while len(own) < share.batches:
            shuffled = draw.permutation(rows)
            own += [shuffled[at : at + share.batch_size] for at in range(0, len(rows), share.batch_size)]
        batches += [(name, items) for items in own[: share.batches]]
    if len(sizes) == 1:
        return batches
    mixed = generator(seed, "mixture").permutation(len(batches))
    return [batches[number] for number in mixed]


def by_tokens(lengths: Sequence[int] | Items, budget: int) -> list[Items]:
    """All items in batches of at most `budget` tokens (at least one item), neighbours in length together: for
    evaluation, where order does not matter."""
    ranked = np.argsort(-np.asarray(lengths), kind="stable")
    batches: list[Items] = []
    start, used = 0, 0
    for at, item in enumerate(ranked):
        if at > start and used + int(lengths[item]) > budget:
            batches.append(ranked[start:at])
            start, used = at, 0
        used += int(lengths[item])
    return [*batches, ranked[start:]]
