"""Checkpoints of ours: the weights that a run changed, as one safetensors file.

The file of a run with an active vocabulary holds the embeddings of that vocabulary alone and names the run that it began
from, whose file has the others; where it names none, they are the encoder's.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from torch.distributed.tensor import DTensor, distribute_tensor

from stilts_ray.errors import RequestError
from stilts_ray.models import vocabulary
from stilts_ray.models.families import word_embeddings

BASE = "base"
ROWS = ".rows"


def save_weights(model: nn.Module, path: Path | None, base: str | None = None) -> None:
    """Writes all parameters and buffers, as `save_tensors` does. base: path in the store of the run that the model began
    from."""
    weights = model.state_dict()
    partial = any(name.endswith(ROWS) for name in weights)
    save_tensors(weights, path, {BASE: base} if base and partial else None)


def save_tensors(
    tensors: Mapping[str, torch.Tensor], path: Path | None, metadata: dict[str, str] | None = None
) -> None:
    """Writes tensors as one file. Of sharded ones all processes have to call it, to put them together; one gives a path."""
    whole = {}
    for name, tensor in tensors.items():
        full = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
        if path is not None:
            whole[name] = full.detach().cpu().contiguous()
    if path is not None:
        save_file(whole, path, metadata)


def distributed(tensor: torch.Tensor, like: torch.Tensor | None) -> torch.Tensor:
    """What this process has of a tensor, if it has a part of `like`; else the tensor."""
    if not isinstance(like, DTensor):
        return tensor
    return distribute_tensor(tensor.to(like.device), like.device_mesh, like.placements)


def base_of(path: Path) -> str | None:
    """The run whose embeddings a file needs, None if it needs none. Raises RequestError for a file that is not one."""
    try:
        with safe_open(path, "pt") as file:
            return (file.metadata() or {}).get(BASE)
    except (OSError, SafetensorError) as error:
        raise _unreadable(path, error) from None


def load_weights(model: nn.Module, path: Path, prefix: str = "") -> None:
    """Loads what `save_weights` wrote into a model that has the weights it began from; with a `prefix`, only that part.
    Raises RequestError if it does not fit."""
    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise _unreadable(path, error) from None
    part = {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}
    try:
        own = model.state_dict()
        whole = _completed(part, own)
        model.load_state_dict({name: distributed(tensor, own.get(name)) for name, tensor in whole.items()})
    except (RuntimeError, IndexError) as error:
        raise RequestError(f"checkpoint {path} is of another model: {_reason(error)}") from None


def load_embeddings(encoder: Any, path: Path) -> None:
    """Loads only the word embeddings of a model that `save_weights` wrote. Raises RequestError if they do not fit."""
    table = word_embeddings(encoder)
    name = next(name for name, parameter in encoder.named_parameters() if parameter is table)
    stem = name.removesuffix("weight")
    try:
        with safe_open(path, "pt") as file:
            there = {key.removeprefix("encoder.") for key in file.keys()}  # noqa: SIM118 -- it is no mapping
            part = {key: file.get_tensor(f"encoder.{key}") for key in there if key.startswith(stem)}
        with torch.no_grad():
            table.copy_(_completed(part, encoder.state_dict())[name])
    except (OSError, SafetensorError) as error:
        raise _unreadable(path, error) from None
    except (RuntimeError, IndexError, KeyError) as error:
        raise RequestError(f"checkpoint {path} is of another model: {_reason(error)}") from None


def _completed(part: dict[str, torch.Tensor], own: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights of a file with all word embeddings, where the model's `own` are all and the file has some."""
    for name in [name for name in part if name.endswith(ROWS) and name not in own]:
        stem = name.removesuffix("rows")
        rows, decay = part.pop(name), part.pop(f"{stem}decay")
        part[f"{stem}weight"] = vocabulary.whole(own[f"{stem}weight"], part[f"{stem}weight"], rows, decay)
    return part


def _unreadable(path: Path, error: Exception) -> RequestError:
    return RequestError(
        f"checkpoint {path} cannot be read: {error}; delete its folder, and its study's, to train it again"
    )


def _reason(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[min(1, len(lines) - 1)].strip()
