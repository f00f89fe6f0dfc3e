"""What differs between encoder architectures: how they are built and fed, how a sequence is pooled, and the names of the same
settings in their configurations."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any

import torch
from torch import nn
from transformers import (
    MODEL_FOR_TEXT_ENCODING_MAPPING,
    MODEL_MAPPING,
    AutoModel,
    AutoModelForTextEncoding,
    PretrainedConfig,
)

from stilts_ray.data.batches import Batch
from stilts_ray.errors import RequestError
from stilts_ray.models.attention import NAME, Bias
from stilts_ray.models.inputs import Inputs, packed, padded

Pooling = Callable[[torch.Tensor, Batch], torch.Tensor]
"""[total, hidden] -> [sequences, hidden]."""


def first_tokens(states: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Hidden state of each sequence's first token."""
    return states[torch.cumsum(batch.lengths, 0) - batch.lengths]


def means(states: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Mean hidden state of each sequence, special tokens included."""
    sums = states.new_zeros(len(batch.lengths), states.shape[1]).index_add(0, batch.sequence, states)
    return sums / batch.lengths[:, None]


def _with_packed_attention(make: Callable[..., Any], config: PretrainedConfig) -> Any:
    return _without_pooler(make, config, attn_implementation=NAME)


def _encoder_alone(make: Callable[..., Any], config: PretrainedConfig) -> Any:
    """The encoder of an encoder-decoder."""
    alone = type(config) in MODEL_FOR_TEXT_ENCODING_MAPPING
    return make(AutoModelForTextEncoding if alone else AutoModel).get_encoder()


def _without_pooler(make: Callable[..., Any], config: PretrainedConfig, **options: Any) -> Any:
    """Without transformers' pooling layer, where that is optional: the classification heads have their own."""
    if any("add_pooling_layer" in inspect.signature(each.__init__).parameters for each in _classes(config)):
        options["add_pooling_layer"] = False
    return make(AutoModel, **options)


def _classes(config: PretrainedConfig) -> tuple[Any, ...]:
    """The classes that AutoModel may load with this configuration."""
    found = MODEL_MAPPING.get(type(config), ())
    return found if isinstance(found, tuple) else (found,)


def _t5(make: Callable[..., Any], config: PretrainedConfig) -> Any:
    """The encoder stack. The relative position bias is computed for each padded grid, not for all tokens of a batch."""
    stack = make(AutoModelForTextEncoding, attn_implementation=NAME).encoder
    first = stack.block[0].layer[0].SelfAttention
    compute_bias = first.compute_bias
    first.compute_bias = lambda *lengths, **_: Bias(partial(_square, compute_bias))
    return stack


def _square(compute: Callable[..., torch.Tensor], length: int) -> torch.Tensor:
    return compute(length, length)


class Positions(Enum):
    """How an encoder knows the order of tokens."""

    ABSOLUTE = "embeddings of position ids"
    ROTARY = "rotation by position ids"
    RELATIVE = "a bias that all layers share"
    OWN = "made by the model, which is given padded rows"


@dataclass(frozen=True)
class Family:
    """Architectures that are built, fed and pooled alike. make: a function that makes an encoder of an auto class, and the
    configuration -> the encoder. pooled: input of a classification head, if the configuration names none."""

    make: Callable[[Callable[..., Any], PretrainedConfig], Any]
    positions: Positions
    pooled: Pooling = first_tokens


_ABSOLUTE = Family(_with_packed_attention, Positions.ABSOLUTE)
_ROTARY = Family(_with_packed_attention, Positions.ROTARY)
# T5 has no token that represents the sequence.
_T5 = Family(_t5, Positions.RELATIVE, pooled=means)

FAMILIES: dict[str, Family] = {
    "bert": _ABSOLUTE,
    "camembert": _ABSOLUTE,
    "distilbert": _ABSOLUTE,
    "electra": _ABSOLUTE,
    "eurobert": _ROTARY,
    "modernbert": _ROTARY,
    "mt5": _T5,
    "roberta": _ABSOLUTE,
    "t5": _T5,
    "xlm-roberta": _ABSOLUTE,
    "xlm-roberta-xl": _ABSOLUTE,
}
"""Architectures with packed attention, by `model_type`."""

_PADDED = Family(_without_pooler, Positions.OWN)
_PADDED_ENCODER = Family(_encoder_alone, Positions.OWN, pooled=means)


def family_of(config: PretrainedConfig) -> Family:
    """The family of a configuration: one of FAMILIES, else that of all others, which run padded through their own attention."""
    # An encoder's own configuration says that it has no decoder; its class's does not.
    others = _PADDED_ENCODER if type(config).is_encoder_decoder else _PADDED
    return FAMILIES.get(config.model_type, others)


POOLINGS: dict[str, Pooling] = {"cls": first_tokens, "bos": first_tokens, "mean": means, "late": means}
"""By the name in a configuration's `classifier_pooling`."""


def pooling_of(config: PretrainedConfig) -> Pooling:
    """The input of a classification head."""
    return POOLINGS.get(getattr(config, "classifier_pooling", None) or "", family_of(config).pooled)


def inputs_of(encoder: Any, batch: Batch) -> Inputs:
    """What the encoder is given of a batch."""
    positions = family_of(encoder.config).positions
    if positions is Positions.OWN:
        return padded(batch, encoder)
    windows = "sliding_attention" in (getattr(encoder.config, "layer_types", None) or ())
    first = None if positions is Positions.RELATIVE else first_position(encoder)
    return packed(batch, first, gridded=windows or first is None)


def loaded(location: str, config: PretrainedConfig) -> Any:
    """The encoder in a folder, in float32. Raises RequestError if a weight is missing, or if it is no encoder of texts."""

    def load(auto: Any, **options: Any) -> Any:
        encoder, report = auto.from_pretrained(location, config=config, output_loading_info=True, **options)
        missing = sorted(report["missing_keys"])
        if missing:
            raise RequestError(f"encoder {location}: {len(missing)} of its weights are missing, such as {missing[0]}")
        return encoder

    encoder = family_of(config).make(partial(load, dtype=torch.float32, use_safetensors=True), config)
    if not isinstance(encoder.get_input_embeddings(), nn.Embedding):
        raise RequestError(
            f"encoder {location}: a '{config.model_type}' has no word embeddings; it is no encoder of texts"
        )
    return encoder


def fresh(config: PretrainedConfig) -> Any:
    """An encoder with this configuration and random weights."""
    return family_of(config).make(lambda auto, **options: auto.from_config(config, **options), config)


def base_of(encoder: Any) -> str | None:
    """The encoder's attribute in transformers' models with a head; None if they have a decoder as well."""
    return encoder.base_model_prefix if isinstance(encoder, _classes(encoder.config)) else None


def first_position(encoder: Any) -> int:
    """Position id of a sequence's first token: padding index + 1 for the RoBERTa family, 0 for others."""
    table = getattr(getattr(encoder, "embeddings", None), "position_embeddings", None)
    padding = getattr(table, "padding_idx", None)
    return 0 if padding is None else int(padding) + 1


def longest_input(encoder: Any) -> int | None:
    """Maximum sequence length, in tokens; None if positions are relative, or the configuration names none."""
    longest = getattr(encoder.config, "max_position_embeddings", None)
    if longest is None or family_of(encoder.config).positions is Positions.RELATIVE:
        return None
    return int(longest) - first_position(encoder)


def word_embeddings(encoder: Any) -> nn.Parameter:
    """The word embedding matrix: [vocabulary, hidden]."""
    weight: nn.Parameter = encoder.get_input_embeddings().weight
    return weight


def layers_of(encoder: Any) -> nn.ModuleList:
    """The layers of an encoder, in order: its first list of as many modules as it has layers. Empty if layers share weights."""
    lists = (module for module in encoder.modules() if isinstance(module, nn.ModuleList))
    return next((each for each in lists if len(each) == encoder.config.num_hidden_layers), nn.ModuleList())


def dropout_of(config: PretrainedConfig) -> float:
    """Dropout probability of the hidden states; 0 if the configuration names none."""
    names = ("hidden_dropout_prob", "dropout_rate", "hidden_dropout", "dropout")
    return float(next((getattr(config, name) for name in names if hasattr(config, name)), 0.0))


def initializer_std(config: PretrainedConfig) -> float:
    """Standard deviation of new weights; BERT's if the configuration has none (T5's factor scales several)."""
    return float(getattr(config, "initializer_range", 0.02))
