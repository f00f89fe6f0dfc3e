"""Packed batches: sequences end to end, without padding, and the order in which a run sees them.

Imports torch and numpy alone. The order is a pure function of the seed, so a run's position in its data is one number, the
step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from stilts_ray.data.encode import Encoded, selected

Items = NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Sequences end to end.

    tokens, positions: [total], positions count from 0 in each sequence. lengths: [sequences].
    fields: what the head needs, per item, sequence or token as in `Encoded`. group: sequences an item.
    """

    tokens: torch.Tensor
    positions: torch.Tensor
    lengths: torch.Tensor
    fields: dict[str, torch.Tensor]
    group: int = 1

    def to(self, device: torch.device) -> "Batch":
        """The batch on a device."""
        fields = {name: values.to(device, non_blocking=True) for name, values in self.fields.items()}
        tokens, positions, lengths = (
            tensor.to(device, non_blocking=True) for tensor in (self.tokens, self.positions, self.lengths)
        )
        return Batch(tokens, positions, lengths, fields, self.group)


def collate(encoded: Encoded, items: Items) -> Batch:
    """Packs `items` (indices) in the order given."""
    part = selected(encoded, items)
    positions = np.arange(len(part.tokens)) - np.repeat(part.offsets[:-1], part.lengths)
    fields = {name: _tensor(values) for name, values in part.fields.items()}
    return Batch(_tensor(part.tokens), _tensor(positions), _tensor(part.lengths), fields, part.group)


def _tensor(values: NDArray[np.generic]) -> torch.Tensor:
    return torch.from_numpy(values.astype(np.int64))


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
