"""Attention within the sequences of a packed batch, registered with transformers as "packed".

The encoder sees one sequence [1, tokens, hidden]; only attention separates the sequences of a batch. On a GPU, a
variable-length kernel takes the packed tokens and the sequences' offsets. Elsewhere, sequences are padded to
[sequences, longest], in buckets of similar length. No other layer sees padding.
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
"""Kernels for attention with a bias. cuDNN's, which torch prefers on Hopper GPUs, has no gradient for the bias."""


@dataclass(frozen=True)
class Layout:
    """The padded grid of a batch and its tokens' cells in it.

    rows, longest: shape of the grid. cell: [total], flat index of each token. mask: [rows, 1, 1, longest], true for tokens,
    false for padding; None if there is no padding.
    """

    rows: int
    longest: int
    cell: torch.Tensor
    mask: torch.Tensor | None

    @classmethod
    def of(cls, batch: Batch) -> "Layout":
        """The layout of a batch, on the batch's device."""
        return cls.make(batch.lengths, batch.sequence, batch.positions, batch.longest)

    @classmethod
    def make(cls, lengths: torch.Tensor, row: torch.Tensor, column: torch.Tensor, longest: int) -> "Layout":
        """The layout of tokens at these rows and columns, for sequences of these lengths."""
        columns = torch.arange(longest, device=lengths.device)
        full = len(row) == len(lengths) * longest
        mask = None if full else (columns < lengths[:, None])[:, None, None, :]
        return cls(len(lengths), longest, row * longest + column, mask)

    def within(self, window: int | None) -> torch.Tensor | None:
        """The mask of attention to tokens at most `window` away: [rows or 1, 1, longest, longest]; without a window, `mask`."""
        if window is None or window >= self.longest - 1:
            return self.mask
        place = torch.arange(self.longest, device=self.cell.device)
        distance = (place[:, None] - place).abs()
        near = (distance <= window)[None, None]
        # Padding attends to itself: a softmax over nothing has no gradient.
        return near if self.mask is None else near & (self.mask | (distance == 0))

    def pad(self, packed: torch.Tensor, fill: float = 0.0) -> torch.Tensor:
        """[total, ...] -> [rows, longest, ...], padded with `fill`."""
        if self.mask is None:
            return packed.view(self.rows, self.longest, *packed.shape[1:])
        grid = packed.new_full((self.rows * self.longest, *packed.shape[1:]), fill)
        return grid.index_copy(0, self.cell, packed).view(self.rows, self.longest, *packed.shape[1:])

    def unpad(self, grid: torch.Tensor) -> torch.Tensor:
        """[rows, longest, ...] -> [total, ...]."""
        flat = grid.reshape(self.rows * self.longest, *grid.shape[2:])
        return flat if self.mask is None else flat.index_select(0, self.cell)


@dataclass(frozen=True)
class Buckets:
    """Sequences in buckets of similar length, so that the padded grids hold little padding.

    order: [total], permutation of the tokens that sorts sequences from long to short, None if they are sorted; inverse: the
    inverse permutation, or None. sizes: tokens of each bucket, in this order; grids: the layouts of the buckets.
    """

    order: torch.Tensor | None
    inverse: torch.Tensor | None
    sizes: list[int]
    grids: tuple[Layout, ...]

    @classmethod
    def of(cls, batch: Batch) -> "Buckets":
        """The buckets of a batch, on the batch's device."""
        ranked = torch.argsort(batch.lengths, descending=True, stable=True)
        lengths = batch.lengths[ranked]
        row = torch.repeat_interleave(torch.arange(len(lengths), device=lengths.device), lengths)
        column = torch.arange(len(row), device=lengths.device) - (torch.cumsum(lengths, 0) - lengths)[row]
        sizes, grids, sequence, token = list[int](), list[Layout](), 0, 0
        for bucket in length_buckets(lengths.tolist()):
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
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        bias: "Bias | None",
        window: int | None = None,
        **options: Any,
    ) -> torch.Tensor:
        """Each [total, heads, dim] -> [total, heads, dim]. window: the largest distance at which a token attends to another."""
        ranked = (part if self.order is None else part[self.order] for part in (query, key, value))
        mixed = []
        for grid, *parts in zip(self.grids, *(torch.split(part, self.sizes) for part in ranked), strict=True):
            q, k, v = (grid.pad(part).transpose(1, 2) for part in parts)
            if bias is None:
                output = scaled_dot_product_attention(q, k, v, attn_mask=grid.within(window), **options)
            else:
                with sdpa_kernel(WITH_BIAS):
                    output = scaled_dot_product_attention(q, k, v, bias.mask(grid).to(query.dtype), **options)
            mixed.append(grid.unpad(output.transpose(1, 2)))
        return torch.cat(mixed) if self.inverse is None else torch.cat(mixed)[self.inverse]


def length_buckets(lengths: list[int], slack: float = 0.75) -> list[list[int]]:
    """Lengths, sorted from long to short, in buckets: none is shorter than `slack` times the longest of its bucket."""
    buckets: list[list[int]] = []
    for length in lengths:
        if not buckets or length < slack * buckets[-1][0]:
            buckets.append([])
        buckets[-1].append(length)
    return buckets


class Bias:
    """T5's relative position bias, added to the attention logits. Computed once per grid length in a batch, on first use.

    compute: length -> [1, heads, length, length].
    """

    def __init__(self, compute: Callable[[int], torch.Tensor]) -> None:
        self.compute, self.cached = compute, dict[int, torch.Tensor]()

    def mask(self, layout: Layout) -> torch.Tensor:
        """The bias, with minus infinity for padding: [rows or 1, heads, longest, longest]."""
        if layout.longest not in self.cached:
            self.cached[layout.longest] = self.compute(layout.longest)
        bias = self.cached[layout.longest]
        return bias if layout.mask is None else bias.masked_fill(~layout.mask, float("-inf"))


FLASH_DTYPES, FLASH_HEAD_DIMS = {torch.bfloat16, torch.float16}, range(8, 257, 8)
"""Data types and head dimensions of FlashAttention's kernels."""


@dataclass(frozen=True)
class Jagged:
    """Packed sequences of different lengths, unpadded. offsets: [sequences + 1], first token of each sequence, and the total;
    offsets32: the same as int32. longest: the maximum length. flash: whether the device has FlashAttention's kernels (Dao,
    2023)."""

    offsets: torch.Tensor
    offsets32: torch.Tensor
    longest: int
    flash: bool

    @classmethod
    def of(cls, batch: Batch) -> "Jagged":
        """The layout of a batch, on the batch's device, without a host synchronisation."""
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
        window: int | None,
        dropout_p: float = 0.0,
        scale: float | None = None,
    ) -> torch.Tensor:
        """Each [total, heads, dim] -> [total, heads, dim], without bias and window: those need grids."""
        mixed: torch.Tensor
        if self.flash and query.dtype in FLASH_DTYPES and query.shape[-1] in FLASH_HEAD_DIMS:
            # Nested tensors call the same kernel, but cost the host milliseconds a layer. torch.nn.attention.varlen has no
            # dropout.
            offsets, lengths = (self.offsets32, self.offsets32), (self.longest, self.longest)
            mixed, *_ = torch.ops.aten._flash_attention_forward(
                query, key, value, *offsets, *lengths, dropout_p, False, False, scale=scale
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


def layout_of(batch: Batch, gridded: bool) -> "Jagged | Buckets":
    """The layout of a batch for its device. gridded: whether attention has a position bias or a window, which need padded
    grids."""
    return Buckets.of(batch) if gridded or batch.tokens.device.type != "cuda" else Jagged.of(batch)


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
    sliding_window: int | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """query, key, value: [1, heads, total, dim] -> [1, total, heads, dim]; of keys and values there may be fewer heads.
    `layout` is passed to the model's forward. sliding_window: the first distance that is too far, as in ModernBERT."""
    groups = query.shape[1] // key.shape[1]
    q, k, v = (part[0].transpose(0, 1) for part in (query, key, value))
    if groups > 1:
        k, v = (part.repeat_interleave(groups, dim=1) for part in (k, v))
    window = None if sliding_window is None else sliding_window - 1
    return layout.attend(q, k, v, position_bias, window, dropout_p=dropout, scale=scaling)[None], None


def _no_mask(*_: Any, **__: Any) -> None:
    return None


AttentionInterface.register(NAME, packed_attention)
AttentionMaskInterface.register(NAME, _no_mask)
