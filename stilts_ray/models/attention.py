"""Attention within the sequences of a packed batch, registered with transformers as "packed".

The encoder sees one sequence [1, tokens, hidden]; only here is it laid out as [sequences, longest], for the attention
itself. Every other layer works on real tokens alone.
"""

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
        lengths, longest = batch.lengths, int(batch.lengths.max())
        row = torch.repeat_interleave(torch.arange(len(lengths), device=lengths.device), lengths)
        cell = row * longest + batch.positions
        columns = torch.arange(longest, device=lengths.device)
        full = len(cell) == len(lengths) * longest
        mask = None if full else (columns < lengths[:, None])[:, None, None, :]
        return cls(len(lengths), longest, cell, mask)

    def spread(self, packed: torch.Tensor, fill: float = 0.0) -> torch.Tensor:
        """[total, ...] -> [rows, longest, ...], `fill` where there is no token."""
        grid = packed.new_full((self.rows * self.longest, *packed.shape[1:]), fill)
        return grid.index_copy(0, self.cell, packed).view(self.rows, self.longest, *packed.shape[1:])

    def gather(self, grid: torch.Tensor) -> torch.Tensor:
        """[rows, longest, ...] -> [total, ...]."""
        return grid.reshape(self.rows * self.longest, *grid.shape[2:]).index_select(0, self.cell)


def packed_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    *,
    layout: Layout,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """query, key, value: [1, heads, total, dim] -> [1, total, heads, dim]. `layout` comes with the model's call."""
    q, k, v = (layout.spread(part[0].transpose(0, 1)).transpose(1, 2) for part in (query, key, value))
    mixed = scaled_dot_product_attention(q, k, v, attn_mask=layout.mask, dropout_p=dropout, scale=scaling)
    return layout.gather(mixed.transpose(1, 2))[None], None


def _no_mask(*_: Any, **__: Any) -> None:
    return None


AttentionInterface.register(NAME, packed_attention)
AttentionMaskInterface.register(NAME, _no_mask)
