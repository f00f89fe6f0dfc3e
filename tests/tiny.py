"""Tiny models and random token sequences, for tests that need no text."""

from typing import Any

import numpy as np
import torch
from transformers import XLMRobertaConfig

from stilts_ray.config import Shape
from stilts_ray.data.encoded import Encoded
from stilts_ray.kinds import model_for
from stilts_ray.models import model as models
from stilts_ray.models.model import Model
from stilts_ray.tasks import TASKS, Task
from stilts_ray.training.masked import HEAD, Masking
from tests.kinds.samples import SAMPLES

VOCABULARY = 60
FIRST_ORDINARY = 5


def config(dropout: float = 0.0, layers: int = 2) -> XLMRobertaConfig:
    """Configuration of a tiny XLM-R. A model changes it, so that every model needs one of its own."""
    shape = Shape(layers=layers, hidden=16, heads=2, feed_forward=24, positions=40, dropout=dropout)
    return models.xlm_roberta(shape, VOCABULARY)


def model(*tasks: Task, seed: int = 0, dropout: float = 0.0) -> Model:
    """A tiny model with a head for each task; weights as at the start of training."""
    return model_for(models.new_encoder(config(dropout), seed), tasks, seed)


def with_masked_head(encoder: Any, seed: int) -> Model:
    """The encoder with a new masked-LM head."""
    return model_for(encoder, [TASKS[HEAD]], seed)


def roughen(module: torch.nn.Module, seed: int) -> None:
    """Gives all parameters, biases and layer norms too, random values at which outputs differ visibly."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            noise = torch.randn(parameter.shape, generator=draw) * 0.2
            parameter.copy_(1 + noise if "norm.weight" in name.lower() or name.endswith("scale") else noise)


def masking(share: float) -> Masking:
    """Masking of a share of the ordinary tokens, with the mask that own tokenizers have."""
    return Masking(share, FIRST_ORDINARY - 1, np.arange(FIRST_ORDINARY, VOCABULARY))


def sequences(count: int, draw: np.random.Generator, longest: int = 14, group: int = 1, **fields: Any) -> Encoded:
    """Random token sequences of ragged lengths from 2 to `longest`."""
    lengths = draw.integers(2, longest + 1, count)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    tokens = draw.integers(FIRST_ORDINARY, VOCABULARY, offsets[-1]).astype(np.int32)
    return Encoded(tokens, offsets, group, fields)


def encoded(task: Task, items: int, seed: int, longest: int = 14) -> Encoded:
    """Random sequences with the fields that the task's head and loss read."""
    draw, sample = np.random.default_rng(seed), SAMPLES[task.kind]
    group = sample.group(task)
    made = sequences(items * group, draw, longest, group)
    made.fields.update(sample.fields(draw, task, made))
    return made


def padded(made: Encoded, padding: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """(ids, mask), each [sequences, longest]: what transformers' own models are given."""
    longest = int(made.lengths.max())
    ids = torch.full((len(made.lengths), longest), padding)
    mask = torch.zeros_like(ids)
    for row, (start, length) in enumerate(zip(made.offsets[:-1], made.lengths, strict=True)):
        ids[row, :length] = torch.from_numpy(made.tokens[start : start + length].astype(np.int64))
        mask[row, :length] = 1
    return ids, mask
