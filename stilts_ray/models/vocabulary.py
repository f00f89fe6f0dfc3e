"""Active vocabulary: word embeddings without the rows that a run cannot touch.

The gradient of a row that no token of a run names is zero, so that AdamW (Loshchilov & Hutter, 2019, algorithm 2) only
decays it: each step multiplies it by 1 - learning rate x weight decay. Such rows need no gradient, no moments, no place on
the device and none in a checkpoint; the product of those factors says all. This is exact, and of XLM-R's 250,002 rows
English texts name a few ten thousand.
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
    """Word embeddings of some tokens, read by token id; an id that is not there raises IndexError (on a GPU, an assertion).

    weight: [active, hidden]. rows: [active], their ids, ascending. decay: [], what all other rows are to be multiplied by.
    """

    rows: torch.Tensor
    decay: torch.Tensor
    place: torch.Tensor

    def __init__(self, table: torch.Tensor, rows: torch.Tensor) -> None:
        """table: [vocabulary, hidden], of which the rows are copied."""
        super().__init__()
        self.weight = nn.Parameter(table[rows].clone())
        self.register_buffer("rows", rows)
        self.register_buffer("decay", torch.ones((), dtype=torch.float64))
        place = torch.full((len(table),), -1).index_copy(0, rows, torch.arange(len(rows)))
        self.register_buffer("place", place, persistent=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return F.embedding(self.place[tokens], self.weight)


def prune_embeddings(model: Model, data: Iterable[Encoded]) -> None:
    """Leaves only the embeddings of tokens in `data` in the model; all of them if a head predicts among the whole
    vocabulary."""
    if any(head.whole_vocabulary for head in model.heads.values()):
        return
    table = word_embeddings(model.encoder).detach()
    named = np.zeros(len(table), dtype=bool)
    for part in data:
        named[part.tokens] = True
    model.encoder.set_input_embeddings(PrunedEmbedding(table, torch.from_numpy(np.flatnonzero(named))))


def set_decay(encoder: Any, factor: float) -> None:
    """Notes what the rows that are not there are to be multiplied by; nothing where all are."""
    embedding = encoder.get_input_embeddings()
    if isinstance(embedding, PrunedEmbedding):
        embedding.decay.fill_(factor)


def whole(table: torch.Tensor, active: torch.Tensor, rows: torch.Tensor, decay: torch.Tensor) -> torch.Tensor:
    """The embeddings after a run that began with `table` [vocabulary, hidden] and ended with `active` [active, hidden]."""
    return (table * decay.to(table.dtype)).index_copy(0, rows, active)
