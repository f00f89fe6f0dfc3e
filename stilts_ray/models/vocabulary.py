"""Pruned vocabulary: word embeddings without the rows that a run cannot touch.

The gradient of an embedding row is zero if its token does not occur in the run's data, so that AdamW (Loshchilov & Hutter,
2019, algorithm 2) only decays the row: each step multiplies it by 1 - learning rate x weight decay. Such rows need no
gradients, no moments, no device memory and no space in a checkpoint; the product of these factors is enough to restore them.
This is exact. English texts use a few ten thousand of XLM-R's 250,002 rows.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from stilts_ray.data.encoded import Encoded
from stilts_ray.models.families import word_embeddings
from stilts_ray.models.model import Model


class PrunedEmbedding(nn.Module):
    """Word embeddings of the active tokens, indexed by token id. A pruned id raises IndexError (on a GPU, an assertion).

    weight: [active, hidden]. rows: [active], token ids, ascending. decay: [], the factor by which the run scales the pruned
    rows. index: [vocabulary], row of `weight` for each token id, -1 if pruned.
    """

    rows: torch.Tensor
    decay: torch.Tensor
    index: torch.Tensor

    def __init__(self, table: torch.Tensor, rows: torch.Tensor) -> None:
        """Copies `rows` of `table` [vocabulary, hidden]."""
        super().__init__()
        self.weight = nn.Parameter(table[rows].clone())
        self.register_buffer("rows", rows)
        self.register_buffer("decay", torch.ones((), dtype=torch.float64))
        index = torch.full((len(table),), -1).index_copy(0, rows, torch.arange(len(rows)))
        self.register_buffer("index", index, persistent=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return F.embedding(self.index[tokens], self.weight)


def prune_embeddings(model: Model, data: Iterable[Encoded]) -> None:
    """Leaves only the embeddings of tokens in `data` in the model; all of them if a head predicts among the whole
    vocabulary, or if the encoder computes something else with them than to look them up (some scale them)."""
    plain = type(model.encoder.get_input_embeddings()) is nn.Embedding
    if not plain or any(head.whole_vocabulary for head in model.heads.values()):
        return
    table = word_embeddings(model.encoder).detach()
    active = np.zeros(len(table), dtype=bool)
    for part in data:
        active[part.tokens] = True
    model.encoder.set_input_embeddings(PrunedEmbedding(table, torch.from_numpy(np.flatnonzero(active))))


def set_pruned_decay(encoder: Any, factor: float) -> None:
    """Sets the factor by which the run scales the pruned rows; no effect if no row is pruned."""
    embedding = encoder.get_input_embeddings()
    if isinstance(embedding, PrunedEmbedding):
        embedding.decay.fill_(factor)


def full_embeddings(table: torch.Tensor, active: torch.Tensor, rows: torch.Tensor, decay: torch.Tensor) -> torch.Tensor:
    """All embeddings [vocabulary, hidden] after a run, from those before it, `table`, and the active ones after it."""
    return (table * decay.to(table.dtype)).index_copy(0, rows, active)
