"""How an encoder reads a packed batch: as one long sequence, or padded."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from stilts_ray.data.batches import Batch
from stilts_ray.models.attention import Layout, layout_of


@dataclass(frozen=True)
class Inputs:
    """arguments: of the encoder's forward. unpack: hidden states as it returns them -> [total, hidden]."""

    arguments: dict[str, Any]
    unpack: Callable[[torch.Tensor], torch.Tensor]


def packed(batch: Batch, first_position: int | None, gridded: bool) -> Inputs:
    """All tokens as one sequence, which packed attention separates. first_position: id of a sequence's first position; None if
    positions are relative. gridded: whether attention needs padded grids."""
    arguments: dict[str, Any] = {"input_ids": batch.tokens[None], "layout": layout_of(batch, gridded)}
    if first_position is not None:
        arguments["position_ids"] = batch.positions[None] + first_position
    if "segments" in batch.fields:
        arguments["token_type_ids"] = batch.fields["segments"][None]
    return Inputs(arguments, lambda states: states[0])


def padded(batch: Batch, encoder: Any) -> Inputs:
    """A row for each sequence, padded to the longest; the encoder makes its own positions. Padding is a token of the batch, as
    a pruned vocabulary has no other; attention masks it."""
    layout = Layout.of(batch)
    mask = layout.pad(torch.ones_like(batch.tokens))
    ids = layout.pad(batch.tokens)
    arguments: dict[str, Any] = {"input_ids": torch.where(mask == 1, ids, batch.tokens[0]), "attention_mask": mask}
    known = inspect.signature(encoder.forward).parameters
    if "segments" in batch.fields and "token_type_ids" in known:
        arguments["token_type_ids"] = layout.pad(batch.fields["segments"])
    if "use_cache" in known:
        # Of keys and values, for generation; it would grow when a layer is computed again.
        arguments["use_cache"] = False
    return Inputs(arguments, layout.unpad)
