"""Hugging Face model folders, which transformers loads without this package."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import MODEL_FOR_TEXT_ENCODING_MAPPING, AutoConfig, PretrainedConfig

from stilts_ray.errors import RequestError, first_line
from stilts_ray.models import families
from stilts_ray.models.model import Model
from stilts_ray.models.weights import save_tensors
from stilts_ray.tasks.base import Task

Names = Callable[[str], Mapping[str, str]]
"""The encoder's name within a transformers model ("roberta") -> prefixes of our head's parameter names, most specific first,
each with the prefix that replaces it in transformers."""


def same_names(base: str) -> Mapping[str, str]:
    """A head whose parameters have transformers' own names."""
    return {"": ""}


def label_names(task: Task) -> dict[str, Any]:
    """The labels in a config.json."""
    if not task.labels:
        return {}
    return {"id2label": dict(enumerate(task.labels)), "label2id": {label: i for i, label in enumerate(task.labels)}}


@dataclass(frozen=True)
class TransformersHead:
    """The form of a head in transformers. suffix: of the class, after the architecture ("ForSequenceClassification"). names: of
    the parameters. config: what a config.json says of a task's head."""

    suffix: str
    names: Names = same_names
    config: Callable[[Task], Mapping[str, Any]] = label_names


def load_encoder(location: str) -> Any:
    """The encoder in a folder, in float32.

    Raises RequestError if it does not load, or only in part.
    """
    try:
        return families.loaded(location, AutoConfig.from_pretrained(location))
    except (OSError, ValueError, RuntimeError) as error:
        raise RequestError(f"encoder {location}: {first_line(error)}") from None


def save_encoder(encoder: Any, folder: Path) -> str:
    """Writes an encoder as a folder. Returns the transformers class that loads it. Raises RequestError if there is none."""
    config, weights = encoder.config, encoder.state_dict()
    if families.base_of(encoder) is not None:
        _write(folder, config, weights, type(encoder).__name__)
        return "AutoModel"
    if type(config) not in MODEL_FOR_TEXT_ENCODING_MAPPING:
        raise RequestError(f"transformers has no class for the encoder of a {config.model_type} alone")
    # T5's encoder class has the stack and the shared embeddings as separate attributes.
    weights = {f"encoder.{name}": tensor for name, tensor in weights.items()}
    weights["shared.weight"] = weights.pop("encoder.embed_tokens.weight")
    _write(folder, config, weights, MODEL_FOR_TEXT_ENCODING_MAPPING[type(config)].__name__)
    return "AutoModelForTextEncoding"


def save_model(model: Model, task: Task, form: TransformersHead | None, folder: Path | None) -> str:
    """Writes the encoder with the head of `task` as a folder. Returns the transformers class that loads it. All processes of a
    sharded model take part; one of them passes a folder.

    Raises RequestError if transformers has no class for it: form is None, or the encoder's architecture has none with this
    head.
    """
    config = model.encoder.config
    base = families.base_of(model.encoder)
    if base is None or form is None:
        raise RequestError(f"transformers has no class for a {config.model_type} encoder with a head for {task.kind}")
    weights = {f"{base}.{name}": tensor for name, tensor in model.encoder.state_dict().items()}
    prefixes = form.names(base)
    for name, tensor in model.heads[task.name].state_dict().items():
        ours = next(prefix for prefix in prefixes if name.startswith(prefix))
        weights[prefixes[ours] + name.removeprefix(ours)] = tensor
    auto, said = f"AutoModel{form.suffix}", form.config(task)
    architecture = _class_with(auto, type(config).from_dict({**config.to_dict(), **said}), set(weights))
    _write(folder, config, weights, architecture, **said)
    return auto


def _class_with(auto: str, config: PretrainedConfig, names: set[str]) -> str:
    """The class that `auto` loads with a configuration. Raises RequestError if its weights have other names."""
    try:
        with torch.device("meta"):
            whole = getattr(transformers, auto).from_config(config)
    except ValueError:
        raise RequestError(f"transformers has no {auto} for a {config.model_type}") from None
    tied = set(whole.all_tied_weights_keys)
    if missing := sorted(set(whole.state_dict()) - tied - names):
        raise RequestError(
            f"transformers' {type(whole).__name__} has another head than the one trained ({missing[0]}); the encoder alone can "
            "be exported"
        )
    return type(whole).__name__


def _write(
    folder: Path | None, config: PretrainedConfig, weights: dict[str, torch.Tensor], architecture: str, **more: Any
) -> None:
    if folder is None:
        save_tensors(weights, None)
        return
    folder.mkdir(parents=True, exist_ok=True)
    save_tensors(weights, folder / "model.safetensors", {"format": "pt"})
    written = {**config.to_diff_dict(), "architectures": [architecture], **more}
    # transformers does not know this attention by itself.
    written.pop("_attn_implementation", None)
    (folder / "config.json").write_text(json.dumps(written, indent=1, sort_keys=True) + "\n", encoding="utf-8")
