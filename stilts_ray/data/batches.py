"""Packed batches: sequences end to end, without padding, and their order in a trial.

Of third parties only torch and numpy are imported. The order is a pure function of the seed, so that a trial's position in
its data is one number, the step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stilts_ray.data.encoded import Encoded, Values, select

Items = NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Sequences end to end.

    tokens, positions, sequence: [total]; positions count from 0 in each sequence. lengths: [sequences]. longest: their
    maximum, a Python integer, so that no one synchronises with the device for it.
    fields: per item, sequence or token as in `Encoded`; "masked" [masked] are indices of tokens, "target" [masked] their ids.
    group: sequences per item.
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
    # From pinned memory the copy is asynchronous.
    return tensor.pin_memory().to(device, non_blocking=True)


def packed(tokens: torch.Tensor, lengths: torch.Tensor, fields: dict[str, torch.Tensor], group: int = 1) -> Batch:
    """The batch of sequences of these lengths, on the CPU."""
    sequence = torch.repeat_interleave(torch.arange(len(lengths)), lengths)
    positions = torch.arange(len(tokens)) - (torch.cumsum(lengths, 0) - lengths)[sequence]
    return Batch(tokens, positions, sequence, lengths, int(lengths.max()), fields, group)


def collate(encoded: Encoded, items: Items) -> Batch:
    """Packs `items` (indices) in the order given."""
    part = select(encoded, items)
    fields = {name: _tensor(values) for name, values in part.fields.items()}
    return packed(_tensor(part.tokens), _tensor(part.lengths), fields, part.group)


def by_length(encoded: Encoded, items: Items) -> Items:
    """The items from long to short: attention then works on neighbours of similar length."""
    begin, end = (encoded.offsets[place * encoded.group] for place in (items, items + 1))
    ranked: Items = items[np.argsort(begin - end, kind="stable")]
    return ranked


def _tensor(values: Values | NDArray[np.int64]) -> torch.Tensor:
    """int64, as indices and class labels have to be; floats as they are."""
    return torch.from_numpy(values.astype(np.int64 if np.issubdtype(values.dtype, np.integer) else values.dtype))


def split(batch: Batch, budget: int | None) -> list[Batch]:
    """The batch in parts of at most `budget` tokens (but at least one item; None: no limit), items in their order."""
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
    """The batch in `count` parts with numbers of items as equal as possible, in their order; fewer if there are fewer items."""
    if count == 1:
        return [batch]
    items = len(batch.lengths) // batch.group
    return _cut(batch, sorted({items * number // count for number in range(count + 1)}))


def _ends(batch: Batch) -> list[int]:
    """The index behind each item's last token."""
    ends: list[int] = torch.cumsum(batch.lengths.view(-1, batch.group).sum(1), 0).tolist()
    return ends


def _cut(batch: Batch, cuts: list[int]) -> list[Batch]:
    ends = _ends(batch)
    return [_part(batch, first, last, ends) for first, last in pairwise(cuts)]


def _part(batch: Batch, first: int, last: int, ends: list[int]) -> Batch:
    """The items from `first` to before `last`. ends: as `_ends` returns them."""
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
    """An independent random generator for each seed and purpose."""
    words = [int.from_bytes(name.encode(), "little") for name in names]
    return np.random.default_rng(np.random.SeedSequence([seed & (2**64 - 1), *words]))


@dataclass(frozen=True)
class Share:
    """A task's part in a trial's data: `batches` batches of `batch_size` from `rows` items (None: all), epoch after epoch."""

    batches: int
    batch_size: int
    rows: int | None = None


def drawn(size: int, rows: int | None, draw: np.random.Generator) -> Items:
    """The items of a trial, a sample of `rows` out of `size` (None: all), in their order."""
    if rows is None or rows >= size:
        return np.arange(size)
    return np.sort(draw.choice(np.arange(size), rows, replace=False))


def order(sizes: Mapping[str, int], shares: Mapping[str, Share], seed: int) -> list[tuple[str, Items]]:
    """Every batch of a trial as (task, items). A batch is of one task; the batches of all tasks are shuffled together, and the
    items of each task are shuffled anew each epoch."""
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
    """All items in batches of at most `budget` tokens (but at least one item), sorted by length: for inference, where the
    order does not matter."""
    ranked = np.argsort(-np.asarray(lengths), kind="stable")
    batches: list[Items] = []
    start, used = 0, 0
    for at, item in enumerate(ranked):
        if at > start and used + int(lengths[item]) > budget:
            batches.append(ranked[start:at])
            start, used = at, 0
        used += int(lengths[item])
    return [*batches, ranked[start:]]
