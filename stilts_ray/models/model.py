"""The model: a transformers encoder with heads."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from transformers import PretrainedConfig, XLMRobertaConfig

from stilts_ray.config import Shape
from stilts_ray.data.batches import Batch
from stilts_ray.models import families
from stilts_ray.models.heads import Head


class Model(nn.Module):
    """An encoder and the heads of the tasks that it is trained on, by task name."""

    def __init__(self, encoder: Any, heads: Mapping[str, Head]) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = nn.ModuleDict(dict(heads))

    def states(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Hidden states, each [total, hidden]: the embeddings, then every layer's output."""
        inputs = families.inputs_of(self.encoder, batch)
        return tuple(map(inputs.unpack, self.encoder(**inputs.arguments, output_hidden_states=True).hidden_states))

    def forward(self, task: str, batch: Batch) -> torch.Tensor:
        """The logits of a task's head."""
        return self.heads[task](self._last_states(batch), batch)  # type: ignore[no-any-return]

    def vectors(self, task: str, batch: Batch) -> torch.Tensor:
        """The vectors of a dual encoder's head: [sequences, hidden]."""
        return self.heads[task].vectors(self._last_states(batch), batch)  # type: ignore[operator,no-any-return]

    def _last_states(self, batch: Batch) -> torch.Tensor:
        inputs = families.inputs_of(self.encoder, batch)
        return inputs.unpack(self.encoder(**inputs.arguments).last_hidden_state)

    @property
    def device(self) -> torch.device:
        """The device of the parameters."""
        return next(self.parameters()).device


def new_encoder(config: PretrainedConfig, seed: int) -> Any:
    """An encoder of that configuration with random weights."""
    torch.manual_seed(seed)
    return families.fresh(config)


def xlm_roberta(shape: Shape, vocabulary: int) -> XLMRobertaConfig:
    """Configuration of an XLM-R of another size; positions start at 2, as in the published models."""
    return XLMRobertaConfig(
        vocab_size=vocabulary,
        num_hidden_layers=shape.layers,
        hidden_size=shape.hidden,
        num_attention_heads=shape.heads,
        intermediate_size=shape.feed_forward,
        max_position_embeddings=shape.positions + 2,
        hidden_dropout_prob=shape.dropout,
        attention_probs_dropout_prob=shape.dropout,
        type_vocab_size=1,
        bos_token_id=0,
        pad_token_id=1,
        eos_token_id=2,
    )
