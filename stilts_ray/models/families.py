"""What differs between the architectures of encoders: how they are made, where their positions begin, what stands for a
whole sequence, and what their configurations call the same things."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from transformers import AutoModel, AutoModelForTextEncoding, PretrainedConfig

from stilts_ray.data.batches import Batch
from stilts_ray.errors import RequestError
from stilts_ray.models.attention import NAME, Bias

Pooling = Callable[[torch.Tensor, Batch], torch.Tensor]
"""[total, hidden] -> [sequences, hidden]."""


def first_tokens(states: torch.Tensor, batch: Batch) -> torch.Tensor:
    """States of each sequence's first token."""
    return states[torch.cumsum(batch.lengths, 0) - batch.lengths]


def means(states: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Mean over each sequence, special tokens included."""
    sums = states.new_zeros(len(batch.lengths), states.shape[1]).index_add(0, batch.sequence, states)
    return sums / batch.lengths[:, None]


def _bert(make: Callable[..., Any], **options: Any) -> Any:
    """The classifiers have poolers of their own."""
    return make(AutoModel, add_pooling_layer=False, **options)


def _t5(make: Callable[..., Any], **options: Any) -> Any:
    """The encoder's stack. The bias that depends on distance is made for each grid, not for all tokens of a batch."""
    stack = make(AutoModelForTextEncoding, **options).encoder
    first = stack.block[0].layer[0].SelfAttention
    whole = first.compute_bias
    first.compute_bias = lambda *lengths, **_: Bias(partial(_square, whole))
    return stack


def _square(compute: Callable[..., torch.Tensor], length: int) -> torch.Tensor:
    return compute(length, length)


@dataclass(frozen=True)
class Family:
    """An architecture. base: the encoder's name within models with a head; None if those are of another form. pooled: what a
    classifier reads. positions: whether tokens have absolute ones."""

    make: Callable[..., Any]
    base: str | None
    pooled: Pooling = first_tokens
    positions: bool = True


_ROBERTA = Family(_bert, "roberta")
_T5 = Family(_t5, None, pooled=means, positions=False)

FAMILIES: dict[str, Family] = {
    "bert": Family(_bert, "bert"),
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "xlm-roberta-xl": _ROBERTA,
    # No token stands for the whole sequence there.
    "mt5": _T5,
    "t5": _T5,
}
"""By `model_type`."""


def family_of(config: PretrainedConfig) -> Family:
    """The family of a configuration. Raises RequestError for an architecture that is not known here."""
    if config.model_type not in FAMILIES:
        raise RequestError(f"architecture '{config.model_type}' is not supported; known are {', '.join(FAMILIES)}")
    return FAMILIES[config.model_type]


def loaded(location: str, config: PretrainedConfig) -> Any:
    """The encoder in a folder, set to packed attention, in float32. Raises RequestError if a weight of it is not there."""

    def load(auto: Any, **options: Any) -> Any:
        encoder, report = auto.from_pretrained(location, config=config, output_loading_info=True, **options)
        missing = sorted(report["missing_keys"])
        if missing:
            raise RequestError(f"encoder {location}: {len(missing)} of its weights are not there, as {missing[0]}")
        return encoder

    return family_of(config).make(load, attn_implementation=NAME, dtype=torch.float32, use_safetensors=True)


def fresh(config: PretrainedConfig) -> Any:
    """An encoder of that configuration with random weights."""
    return family_of(config).make(lambda auto, **options: auto.from_config(config, **options), attn_implementation=NAME)


def first_position(encoder: Any) -> int:
    """Position id of a sequence's first token: RoBERTa's family counts on from its padding index, BERT from 0."""
    padding = encoder.embeddings.position_embeddings.padding_idx
    return 0 if padding is None else int(padding) + 1


def longest_input(encoder: Any) -> int | None:
    """Tokens of the longest sequence that the encoder has positions for; None if positions are relative."""
    if not family_of(encoder.config).positions:
        return None
    return int(encoder.config.max_position_embeddings) - first_position(encoder)


def word_embeddings(encoder: Any) -> nn.Parameter:
    """The matrix of word embeddings: [vocabulary, hidden]."""
    weight: nn.Parameter = encoder.get_input_embeddings().weight
    return weight


def layers_of(encoder: Any) -> nn.ModuleList:
    """The layers of an encoder, in their order."""
    layers: nn.ModuleList = encoder.encoder.layer if hasattr(encoder, "encoder") else encoder.block
    return layers


def dropout_of(config: PretrainedConfig) -> float:
    """Dropout of the hidden states."""
    return float(config.dropout_rate if hasattr(config, "dropout_rate") else config.hidden_dropout_prob)


def initializer_std(config: PretrainedConfig) -> float:
    """Standard deviation of new weights; where a configuration has none (T5's factor scales many), BERT's."""
    return float(getattr(config, "initializer_range", 0.02))
