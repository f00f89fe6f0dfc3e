"""Attention within the sequences of a packed batch, registered with transformers as "packed".

The encoder sees one sequence [1, tokens, hidden]; only here do sequences stand apart. On a GPU a kernel reads them as they
are, from where each begins; elsewhere they are laid out as [sequences, longest], those of like length at a time. Every other
layer works on real tokens alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface

from stilts_ray.data.batches import Batch

NAME = "packed"

WITH_BIAS = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
"""Kernels for attention with a bias. cuDNN's has no gradient for it, and is chosen on a GPU of Hopper's kind if it may be."""


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
        if self.mask is None:
            return packed.view(self.rows, self.longest, *packed.shape[1:])
        grid = packed.new_full((self.rows * self.longest, *packed.shape[1:]), fill)
        return grid.index_copy(0, self.cell, packed).view(self.rows, self.longest, *packed.shape[1:])

    def gather(self, grid: torch.Tensor) -> torch.Tensor:
        """[rows, longest, ...] -> [total, ...]."""
        flat = grid.reshape(self.rows * self.longest, *grid.shape[2:])
        return flat if self.mask is None else flat.index_select(0, self.cell)


@dataclass(frozen=True)
class Buckets:
    """Sequences of like length together, so that the grids hold little else than tokens.

    order: [total], the tokens from the longest sequence to the shortest, None if that is how they are; back: likewise, the
    way back. sizes: tokens of each bucket in this order; grids: their layouts.
    """

    order: torch.Tensor | None
    back: torch.Tensor | None
    sizes: list[int]
    grids: tuple[Layout, ...]

    @classmethod
    def of(cls, batch: Batch) -> "Buckets":
        """The buckets of a batch, on its device."""
        ranked = torch.argsort(batch.lengths, descending=True, stable=True)
        lengths = batch.lengths[ranked]
        row = torch.repeat_interleave(torch.arange(len(lengths), device=lengths.device), lengths)
        column = torch.arange(len(row), device=lengths.device) - (torch.cumsum(lengths, 0) - lengths)[row]
        sizes, grids, sequence, token = list[int](), list[Layout](), 0, 0
        for bucket in like_lengths(lengths.tolist()):
            tokens = slice(token, token + sum(bucket))
            own = lengths[sequence : sequence + len(bucket)]
            grids.append(Layout.make(own, row[tokens] - sequence, column[tokens], bucket[0]))
            sizes.append(sum(bucket))
            sequence, token = sequence + len(bucket), tokens.stop
        if bool((ranked[1:] > ranked[:-1]).all()):
            return cls(None, None, sizes, tuple(grids))
        order = (torch.cumsum(batch.lengths, 0) - batch.lengths)[ranked][row] + column
        return cls(order, torch.argsort(order), sizes, tuple(grids))

    def attend(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bias: "Bias | None", **options: Any
    ) -> torch.Tensor:
        """Each [total, heads, dim] -> [total, heads, dim]."""
        ranked = (part if self.order is None else part[self.order] for part in (query, key, value))
        mixed = []
        for grid, *parts in zip(self.grids, *(torch.split(part, self.sizes) for part in ranked), strict=True):
            q, k, v = (grid.spread(part).transpose(1, 2) for part in parts)
            if bias is None:
                found = scaled_dot_product_attention(q, k, v, attn_mask=grid.mask, **options)
            else:
                with sdpa_kernel(WITH_BIAS):
                    found = scaled_dot_product_attention(q, k, v, bias.mask(grid).to(query.dtype), **options)
            mixed.append(grid.gather(found.transpose(1, 2)))
        return torch.cat(mixed) if self.back is None else torch.cat(mixed)[self.back]


def like_lengths(lengths: list[int], slack: float = 0.75) -> list[list[int]]:
    """Lengths from long to short, in groups: none shorter than `slack` of the longest of its group."""
    groups: list[list[int]] = []
    for length in lengths:
        if not groups or length < slack * groups[-1][0]:
            groups.append([])
        groups[-1].append(length)
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


HALF, HEADS = {torch.bfloat16, torch.float16}, range(8, 257, 8)
"""Types and widths of heads that FlashAttention has kernels for."""


@dataclass(frozen=True)
class Jagged:
    """Sequences of unlike lengths as they are. offsets: [sequences + 1], where each begins; begins: the same as int32.
    longest: their greatest length. flash: whether the device has the kernels of FlashAttention (Dao, 2023)."""

    offsets: torch.Tensor
    begins: torch.Tensor
    longest: int
    flash: bool

    @classmethod
    def of(cls, batch: Batch) -> "Jagged":
        """The layout of a batch, on its device, made without waiting for it."""
        offsets = torch.nn.functional.pad(torch.cumsum(batch.lengths, 0), (1, 0))
        device = offsets.device
        flash = device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)
        return cls(offsets, offsets.int(), batch.longest, flash)

    def attend(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        bias: None,
        dropout_p: float = 0.0,
        scale: float | None = None,
    ) -> torch.Tensor:
        """Each [total, heads, dim] -> [total, heads, dim]."""
        mixed: torch.Tensor
        if self.flash and query.dtype in HALF and query.shape[-1] in HEADS:
            # Jagged tensors end here as well, but keep the host busy for milliseconds a layer; torch.nn.attention.varlen has
            # no dropout.
            both, most = (self.begins, self.begins), (self.longest, self.longest)
            mixed, *_ = torch.ops.aten._flash_attention_forward(
                query, key, value, *both, *most, dropout_p, False, False, scale=scale
            )
            return mixed
        q, k, v = (
            torch.nested.nested_tensor_from_jagged(
                part.contiguous(), self.offsets, min_seqlen=1, max_seqlen=self.longest
            ).transpose(1, 2)
            for part in (query, key, value)
        )
        mixed = scaled_dot_product_attention(q, k, v, dropout_p=dropout_p, scale=scale).transpose(1, 2).values()
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
