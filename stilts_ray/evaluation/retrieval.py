"""Sentence retrieval by the distance of sentence vectors."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from stilts_ray.data.batches import Batch
from stilts_ray.data.encode import Encoded
from stilts_ray.evaluation.predict import computed
from stilts_ray.models.families import means
from stilts_ray.models.model import Model
from stilts_ray.tasks.examples import Parallel

LAYER, DEPTH = 14, 24
"""X-STILTs pools hidden_states[14] of XLM-R Large's 24 layers."""

MEMORY = 8 << 30
"""BUCC's 0.8 million German and English sentences have 3.3 GB of vectors in each of XLM-R Large's layers."""


def default_layer(depth: int) -> int:
    """The layer that stands where LAYER stands in DEPTH, for an encoder of `depth` layers."""
    return round(LAYER / DEPTH * depth)


def sentence_vectors(model: Model, encoded: Encoded, layers: slice = slice(None)) -> torch.Tensor:
    """Mean of each of the layers' states over all tokens, special ones included: [layers, sequences, hidden]. Layer 0 are
    the embeddings."""
    order, vectors = [], []

    def compute(batch: Batch) -> torch.Tensor:
        return torch.stack([means(states.float(), batch) for states in model.states(batch)[layers]]).cpu()

    for items, found in computed(model, Encoded(encoded.tokens, encoded.offsets), compute):
        vectors.append(found)
        order.append(items)
    back = torch.from_numpy(np.argsort(np.concatenate(order)))
    return torch.cat(vectors, dim=1)[:, back]


def by_layer(model: Model, encoded: Encoded) -> Iterator[torch.Tensor]:
    """The sentence vectors of one layer after the other, each [sequences, hidden]. Not more than MEMORY bytes of them
    are kept, if need be by running the encoder several times."""
    config = model.encoder.config
    size = 4 * (len(encoded.offsets) - 1) * int(config.hidden_size)
    together = max(1, MEMORY // size)
    for first in range(0, int(config.num_hidden_layers) + 1, together):
        yield from sentence_vectors(model, encoded, slice(first, first + together))


def nearest(queries: torch.Tensor, index: torch.Tensor) -> list[int]:
    """For each query [n, hidden] the index [m, hidden] entry of largest cosine: exact."""
    normal = torch.nn.functional.normalize
    # On a CPU argmax alone takes ten times as long.
    found: list[int] = (normal(queries, dim=-1) @ normal(index, dim=-1).T).max(-1).indices.tolist()
    return found


def translations(model: Model, examples: Sequence[Parallel], encoded: Encoded) -> list[list[int]]:
    """For each layer and each English sentence, which foreign one is nearest. Items are (foreign, English) pairs."""
    return [nearest(queries=layer[1::2], index=layer[0::2]) for layer in by_layer(model, encoded)]
