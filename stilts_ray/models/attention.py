"""Attention within the sequences of a packed batch, registered with transformers as "packed".

The encoder sees one sequence [1, tokens, hidden]; only here do sequences stand apart. On a GPU they are a jagged tensor, for
which attention has kernels of its own; elsewhere they are laid out as [sequences, longest], those of like length at a
time. Every other layer works on real tokens alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface

from stilts_ray.data.batches import Batch

NAME = "packed"


@dataclass(frozen=True)
class Layout:
    """Where the tokens of a batch stand in the padded grid.

    rows, longest: the grid. cell: [total], flat index of each token. mask: [rows, 1, 1, longest], true where there is a
    token; None if the grid is full.
    """

    rows: int
    longest: int
    cell: torch.Tensor
    mask: torch.Tensor | None

    @classmethod
    def of(cls, batch: Batch) -> "Layout":
        """The layout of a batch, on its device."""
        return cls.make(batch.lengths, batch.sequence, batch.positions, batch.longest)

    @classmethod
    def make(cls, lengths: torch.Tensor, row: torch.Tensor, column: torch.Tensor, longest: int) -> "Layout":
        """The layout of tokens in these rows and columns, of sequences of these lengths."""
        columns = torch.arange(longest, device=lengths.device)
        full = len(row) == len(lengths) * longest
        mask = None if full else (columns < lengths[:, None])[:, None, None, :]
        return cls(len(lengths), longest, row * longest + column, mask)

    def spread(self, packed: torch.Tensor, fill: float = 0.0) -> torch.Tensor:
        """[total, ...] -> [rows, longest, ...], `fill` where there is no token."""
        grid = packed.new_full((self.rows * self.longest, *packed.shape[1:]), fill)
        return grid.index_copy(0, self.cell, packed).view(self.rows, self.longest, *packed.shape[1:])

    def gather(self, grid: torch.Tensor) -> torch.Tensor:
        """[rows, longest, ...] -> [total, ...]."""
        return grid.reshape(self.rows * self.longest, *grid.shape[2:]).index_select(0, self.cell)


@dataclass(frozen=True)
class Buckets:
    """Sequences of like length together, so that the grids hold little else than tokens.

    parts: of each bucket, which tokens of the batch are in it ([tokens]) and their layout. back: [total], where each
    token of the batch stands when the buckets are laid end to end.
    """

    parts: tuple[tuple[torch.Tensor, Layout], ...]
    back: torch.Tensor

    @classmethod
    def of(cls, batch: Batch) -> "Buckets":
        """The buckets of a batch, on its device."""
        starts = torch.cumsum(batch.lengths, 0) - batch.lengths
        parts = []
        for sequences in like_lengths(batch.lengths.tolist()):
            chosen = torch.tensor(sequences, device=batch.lengths.device)
            lengths = batch.lengths[chosen]
            row = torch.repeat_interleave(torch.arange(len(chosen), device=lengths.device), lengths)
            positions = torch.arange(len(row), device=lengths.device) - (torch.cumsum(lengths, 0) - lengths)[row]
            # From long to short: the first is the longest.
            parts.append((starts[chosen][row] + positions, Layout.make(lengths, row, positions, int(lengths[0]))))
        return cls(tuple(parts), torch.argsort(torch.cat([tokens for tokens, _ in parts])))

    def attend(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bias: "Bias | None", **options: Any
    ) -> torch.Tensor:
        """Each [total, heads, dim] -> [total, heads, dim]."""
        mixed = []
        for tokens, grid in self.parts:
            q, k, v = (grid.spread(part[tokens]).transpose(1, 2) for part in (query, key, value))
            mask = grid.mask if bias is None else bias.mask(grid).to(query.dtype)
            found = scaled_dot_product_attention(q, k, v, attn_mask=mask, **options)
            mixed.append(grid.gather(found.transpose(1, 2)))
        return torch.cat(mixed)[self.back]


def like_lengths(lengths: list[int], slack: float = 0.75) -> list[list[int]]:
    """Indices in groups, from long to short, none shorter than `slack` of the longest of its group."""
    groups: list[list[int]] = []
    longest = 0.0
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        if not groups or lengths[index] < slack * longest:
            groups.append([])
            longest = lengths[index]
        groups[-1].append(index)
    return groups


class Bias:
    """What is added to the attention's logits by distance (T5), made for a grid when it is first needed in a batch.

    compute: length -> [1, heads, length, length].
    """

    def __init__(self, compute: Callable[[int], torch.Tensor]) -> None:
        self.compute, self.made = compute, dict[int, torch.Tensor]()

    def mask(self, layout: Layout) -> torch.Tensor:
        """The bias, and minus infinity where there is no token: [rows or 1, heads, longest, longest]."""
        if layout.longest not in self.made:
            self.made[layout.longest] = self.compute(layout.longest)
        bias = self.made[layout.longest]
        return bias if layout.mask is None else bias.masked_fill(~layout.mask, float("-inf"))


@dataclass(frozen=True)
class Jagged:
    """Sequences of unlike lengths as they are. offsets: [sequences + 1], where each begins. longest: their greatest length."""

    offsets: torch.Tensor
    longest: int

    @classmethod
    def of(cls, batch: Batch) -> "Jagged":
        """The layout of a batch, on its device, made without waiting for it."""
        offsets = torch.nn.functional.pad(torch.cumsum(batch.lengths, 0), (1, 0))
        return cls(offsets, batch.longest)

    def attend(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bias: None, **options: Any
    ) -> torch.Tensor:
        """Each [total, heads, dim] -> [total, heads, dim]."""
        q, k, v = (
            torch.nested.nested_tensor_from_jagged(
                part.contiguous(), self.offsets, min_seqlen=1, max_seqlen=self.longest
            ).transpose(1, 2)
            for part in (query, key, value)
        )
        mixed: torch.Tensor = scaled_dot_product_attention(q, k, v, **options).transpose(1, 2).values()
        return mixed


def layout_of(batch: Batch, biased: bool) -> "Jagged | Buckets":
    """How a batch is laid out on its device. biased: whether the logits depend on distance, for which a grid is needed."""
    return Buckets.of(batch) if biased or batch.tokens.device.type != "cuda" else Jagged.of(batch)


def packed_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    *,
    layout: "Jagged | Buckets",
    position_bias: Any = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """query, key, value: [1, heads, total, dim] -> [1, total, heads, dim]. `layout` comes with the model's call."""
    q, k, v = (part[0].transpose(0, 1) for part in (query, key, value))
    return layout.attend(q, k, v, position_bias, dropout_p=dropout, scale=scaling)[None], None


def _no_mask(*_: Any, **__: Any) -> None:
    return None


AttentionInterface.register(NAME, packed_attention)
AttentionMaskInterface.register(NAME, _no_mask)
