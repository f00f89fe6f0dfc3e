"""Weights files: the weights that a trial trained, as one safetensors file.

The file of a trial with a pruned vocabulary holds only the active embeddings. Its metadata name the parent trial, whose file
has the other embedding rows; without a parent trial, they are the pretrained encoder's.
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

PARENT = "parent"
ROWS = ".rows"


def save_weights(model: nn.Module, path: Path | None, parent: str | None = None) -> None:
    """Writes all parameters and buffers with `save_tensors`. parent: path of the parent trial in the store."""
    weights = model.state_dict()
    partial = any(name.endswith(ROWS) for name in weights)
    save_tensors(weights, path, {PARENT: parent} if parent and partial else None)


def save_tensors(
    tensors: Mapping[str, torch.Tensor], path: Path | None, metadata: dict[str, str] | None = None
) -> None:
    """Writes tensors as one file. Collective if tensors are sharded: every process calls it, and one gives a path."""
    gathered = {}
    for name, tensor in tensors.items():
        full = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
        if path is not None:
            gathered[name] = full.detach().cpu().contiguous()
    if path is not None:
        save_file(gathered, path, metadata)


def shard_like(tensor: torch.Tensor, like: torch.Tensor | None) -> torch.Tensor:
    """The tensor, sharded over the processes as `like` is; unchanged if `like` is not sharded."""
    if not isinstance(like, DTensor):
        return tensor
    return distribute_tensor(tensor.to(like.device), like.device_mesh, like.placements)


def parent_trial(path: Path) -> str | None:
    """The parent trial (its path in the store) whose embeddings a file needs, or None. Raises RequestError if the file cannot
    be read."""
    try:
        with safe_open(path, "pt") as file:
            return (file.metadata() or {}).get(PARENT)
    except (OSError, SafetensorError) as error:
        raise _unreadable(path, error) from None


def load_weights(model: nn.Module, path: Path, prefix: str = "") -> None:
    """Loads a file of `save_weights` into a model that has the parent's weights; with a `prefix`, only the entries under it.
    Raises RequestError if the file cannot be read or is of another model."""
    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise _unreadable(path, error) from None
    part = {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}
    try:
        own = model.state_dict()
        full = _with_all_embeddings(part, own)
        model.load_state_dict({name: shard_like(tensor, own.get(name)) for name, tensor in full.items()})
    except (RuntimeError, IndexError) as error:
        raise RequestError(f"checkpoint {path} is of another model: {_reason(error)}") from None


def load_embeddings(encoder: Any, path: Path) -> None:
    """Loads only the word embeddings from a file of `save_weights`. Raises RequestError if the file cannot be read or is of
    another model."""
    table = word_embeddings(encoder)
    name = next(name for name, parameter in encoder.named_parameters() if parameter is table)
    stem = name.removesuffix("weight")
    try:
        with safe_open(path, "pt") as file:
            keys = {key.removeprefix("encoder.") for key in file.keys()}  # noqa: SIM118 -- not a mapping
            part = {key: file.get_tensor(f"encoder.{key}") for key in keys if key.startswith(stem)}
        with torch.no_grad():
            table.copy_(_with_all_embeddings(part, encoder.state_dict())[name])
    except (OSError, SafetensorError) as error:
        raise _unreadable(path, error) from None
    except (RuntimeError, IndexError, KeyError) as error:
        raise RequestError(f"checkpoint {path} is of another model: {_reason(error)}") from None


def _with_all_embeddings(part: dict[str, torch.Tensor], own: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights of a file; where it has only the active embeddings, the pruned rows come from the model's `own` ones."""
    for name in [name for name in part if name.endswith(ROWS) and name not in own]:
        stem = name.removesuffix("rows")
        rows, decay = part.pop(name), part.pop(f"{stem}decay")
        part[f"{stem}weight"] = vocabulary.full_embeddings(own[f"{stem}weight"], part[f"{stem}weight"], rows, decay)
    return part


def _unreadable(path: Path, error: Exception) -> RequestError:
    return RequestError(
        f"checkpoint {path} cannot be read: {error}; delete its folder and its study's folder to train it again"
    )


def _reason(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[min(1, len(lines) - 1)].strip()
