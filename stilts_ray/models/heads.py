"""What all heads have in common. Each kind of task has its own head (`stilts_ray.kinds`)."""

from typing import ClassVar

import torch
from torch import nn
from transformers import PretrainedConfig

from stilts_ray.data.batches import Batch
from stilts_ray.models.families import dropout_of, initializer_std


class Head(nn.Module):
    """A head: `forward(states [total, hidden], batch)` returns logits."""

    whole_vocabulary: ClassVar[bool] = False
    """Whether its logits depend on the embeddings of all tokens, so that the vocabulary cannot be pruned."""

    def vectors(self, states: torch.Tensor, batch: Batch) -> torch.Tensor:
        """The vectors by which a dual encoder compares sequences: [sequences, hidden]."""
        raise NotImplementedError(f"{type(self).__name__} compares no vectors")


def classifier_dropout(config: PretrainedConfig) -> float:
    """Dropout before a classifier: that of the configuration, else the encoder's."""
    own = getattr(config, "classifier_dropout", None)
    return dropout_of(config) if own is None else float(own)


def initialise(head: Head, config: PretrainedConfig) -> None:
    """Initialises a head as transformers does: normal weights, zero biases."""
    std = initializer_std(config)
    for module in head.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=std)
            nn.init.zeros_(module.bias)
