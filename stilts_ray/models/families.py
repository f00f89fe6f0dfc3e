"""What differs between encoder architectures: how they are built, their first position id, how a sequence is pooled, and the
names of the same settings in their configurations."""

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
    """Hidden state of each sequence's first token."""
    return states[torch.cumsum(batch.lengths, 0) - batch.lengths]


def means(states: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Mean hidden state of each sequence, special tokens included."""
    sums = states.new_zeros(len(batch.lengths), states.shape[1]).index_add(0, batch.sequence, states)
    return sums / batch.lengths[:, None]


def _bert(make: Callable[..., Any], **options: Any) -> Any:
    """Without transformers' pooling layer: the classification heads have their own."""
    return make(AutoModel, add_pooling_layer=False, **options)


def _t5(make: Callable[..., Any], **options: Any) -> Any:
    """The encoder stack. The relative position bias is computed for each padded grid, not for all tokens of a batch."""
    stack = make(AutoModelForTextEncoding, **options).encoder
    first = stack.block[0].layer[0].SelfAttention
    compute_bias = first.compute_bias
    first.compute_bias = lambda *lengths, **_: Bias(partial(_square, compute_bias))
    return stack


def _square(compute: Callable[..., torch.Tensor], length: int) -> torch.Tensor:
    return compute(length, length)


@dataclass(frozen=True)
class Family:
    """An architecture. base: the encoder's attribute in transformers' models with a head; None if there are none of that form.
    pooled: input of a classification head. positions: whether positions are absolute."""

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
    # T5 has no token that represents the sequence.
    "mt5": _T5,
    "t5": _T5,
}
"""By `model_type`."""


def family_of(config: PretrainedConfig) -> Family:
    """The family of a configuration. Raises RequestError for an unsupported architecture."""
    if config.model_type not in FAMILIES:
        raise RequestError(f"architecture '{config.model_type}' is not supported (supported: {', '.join(FAMILIES)})")
    return FAMILIES[config.model_type]


def loaded(location: str, config: PretrainedConfig) -> Any:
    """The encoder in a folder, with packed attention, in float32. Raises RequestError if a weight is missing."""

    def load(auto: Any, **options: Any) -> Any:
        encoder, report = auto.from_pretrained(location, config=config, output_loading_info=True, **options)
        missing = sorted(report["missing_keys"])
        if missing:
            raise RequestError(f"encoder {location}: {len(missing)} of its weights are missing, such as {missing[0]}")
        return encoder

    return family_of(config).make(load, attn_implementation=NAME, dtype=torch.float32, use_safetensors=True)


def fresh(config: PretrainedConfig) -> Any:
    """An encoder with this configuration and random weights."""
    return family_of(config).make(lambda auto, **options: auto.from_config(config, **options), attn_implementation=NAME)


def first_position(encoder: Any) -> int:
    """Position id of a sequence's first token: padding index + 1 for the RoBERTa family, 0 for BERT."""
    padding = encoder.embeddings.position_embeddings.padding_idx
    return 0 if padding is None else int(padding) + 1


def longest_input(encoder: Any) -> int | None:
    """Maximum sequence length, in tokens; None if positions are relative."""
    if not family_of(encoder.config).positions:
        return None
    return int(encoder.config.max_position_embeddings) - first_position(encoder)


def word_embeddings(encoder: Any) -> nn.Parameter:
    """The word embedding matrix: [vocabulary, hidden]."""
    weight: nn.Parameter = encoder.get_input_embeddings().weight
    return weight


def layers_of(encoder: Any) -> nn.ModuleList:
    """The layers of an encoder, in order."""
    layers: nn.ModuleList = encoder.encoder.layer if hasattr(encoder, "encoder") else encoder.block
    return layers


def dropout_of(config: PretrainedConfig) -> float:
    """Dropout probability of the hidden states."""
    return float(config.dropout_rate if hasattr(config, "dropout_rate") else config.hidden_dropout_prob)


def initializer_std(config: PretrainedConfig) -> float:
    """Standard deviation of new weights; BERT's if the configuration has none (T5's factor scales several)."""
    return float(getattr(config, "initializer_range", 0.02))
