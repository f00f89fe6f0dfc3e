"""Inference in batches: on all items of a split, in the order of the items."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from stilts_ray.data.batches import Batch, Items, by_tokens, collate
from stilts_ray.data.encoded import Encoded
from stilts_ray.errors import RequestError
from stilts_ray.models.families import means
from stilts_ray.models.model import Model

T = TypeVar("T")

BUDGETS = {"cpu": 4_096, "cuda": 16_384}
"""Tokens per batch, by type of device: a CPU is slower once a layer's states exceed its caches."""


def precision(device: torch.device) -> contextlib.AbstractContextManager[Any]:
    """bf16 autocast over float32 weights on a GPU, plain float32 on a CPU."""
    return torch.autocast("cuda", dtype=torch.bfloat16) if device.type == "cuda" else contextlib.nullcontext()


@contextlib.contextmanager
def inference(model: Model) -> Iterator[None]:
    """Without gradients, in the precision of training."""
    with torch.inference_mode(), precision(model.device):
        yield


def computed(model: Model, encoded: Encoded, compute: Callable[[Batch], T]) -> Iterator[tuple[Items, T]]:
    """`compute` of all items, in batches of at most BUDGETS tokens on the model's device, with the items' indices. A batch that
    runs out of memory is halved.

    Raises RequestError if a single item runs out of memory.
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
        # Retried by the caller: while the exception is handled, its traceback keeps the tensors of the failed pass.
        return None


def gathered(
    model: Model, encoded: Encoded, compute: Callable[[Batch], tuple[torch.Tensor, ...]]
) -> tuple[Items, list[NDArray[Any]]]:
    """`compute` of all items, end to end, and the items' indices in that order. It is copied from the device once, at the
    end."""
    order, made = [], []
    for items, found in computed(model, encoded, compute):
        order.append(items)
        made.append(found)
    return np.concatenate(order), [torch.cat(part).cpu().numpy() for part in zip(*made, strict=True)]


# Sentence vectors

LAYER, DEPTH = 14, 24
"""X-STILTs compares the pooled hidden_states[14] of XLM-R Large's 24 layers."""

MEMORY = 8 << 30
"""Bytes of sentence vectors that are kept at once. Those of BUCC's 0.8 million German and English sentences take 3.3 GB per
layer of XLM-R Large."""


def default_layer(depth: int) -> int:
    """The layer of an encoder with `depth` layers in proportion to LAYER of DEPTH."""
    return round(LAYER / DEPTH * depth)


def sentence_vectors(model: Model, encoded: Encoded, layers: slice = slice(None)) -> torch.Tensor:
    """Mean of each layer's states over all tokens, special ones included: [layers, sequences, hidden]. Layer 0 is that of the
    embeddings."""
    order, vectors = [], []

    def compute(batch: Batch) -> torch.Tensor:
        return torch.stack([means(states.float(), batch) for states in model.states(batch)[layers]]).cpu()

    for items, found in computed(model, Encoded(encoded.tokens, encoded.offsets), compute):
        vectors.append(found)
        order.append(items)
    back = torch.from_numpy(np.argsort(np.concatenate(order)))
    return torch.cat(vectors, dim=1)[:, back]


def layer_vectors(model: Model, encoded: Encoded) -> Iterator[torch.Tensor]:
    """The sentence vectors of one layer after the other, each [sequences, hidden]. At most MEMORY bytes of them are kept at
    once; where those of all layers are more, the encoder runs several times."""
    config = model.encoder.config
    size = 4 * (len(encoded.offsets) - 1) * int(config.hidden_size)
    together = max(1, MEMORY // size)
    for first in range(0, int(config.num_hidden_layers) + 1, together):
        yield from sentence_vectors(model, encoded, slice(first, first + together))
