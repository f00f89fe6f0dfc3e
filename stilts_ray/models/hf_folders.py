"""Hugging Face model folders, which transformers loads without this package."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers import AutoConfig, PretrainedConfig

from stilts_ray.errors import RequestError, first_line
from stilts_ray.models import families
from stilts_ray.models.heads import MaskedHead
from stilts_ray.models.model import Model, fresh_masked_head
from stilts_ray.models.weights import save_tensors
from stilts_ray.tasks.base import Kind, Task

CLASSES = {
    Kind.SEQUENCE_CLASSIFICATION: "ForSequenceClassification",
    Kind.CHOICE: "ForMultipleChoice",
    Kind.SPAN: "ForQuestionAnswering",
    Kind.SPAN_OR_NONE: "ForQuestionAnswering",
    Kind.TAGGING: "ForTokenClassification",
    Kind.TEXT: "ForMaskedLM",
}
"""Suffix of transformers' class name, by kind of task. The prefix is the name of the architecture."""

_MASKED = {
    "bert": {
        "dense.": "cls.predictions.transform.dense.",
        "layer_norm.": "cls.predictions.transform.LayerNorm.",
        "bias": "cls.predictions.bias",
    },
    "roberta": {"dense.": "lm_head.dense.", "layer_norm.": "lm_head.layer_norm.", "bias": "lm_head.bias"},
}


def head_prefixes(kind: Kind, base: str) -> dict[str, str]:
    """Parameter-name prefixes of our head -> those in transformers, where the encoder's attribute is called `base`."""
    match kind:
        case Kind.TEXT:
            return _MASKED[base]
        case Kind.SEQUENCE_CLASSIFICATION if base == "bert":
            return {"dense.": "bert.pooler.dense.", "out_proj.": "classifier."}
        case Kind.SEQUENCE_CLASSIFICATION:
            return {"": "classifier."}
        case Kind.CHOICE:
            return {"dense.": f"{base}.pooler.dense.", "": ""}
    return {"": ""}


def load_encoder(location: str) -> Any:
    """The encoder in a folder, with packed attention, in float32. Raises RequestError if it does not load completely."""
    try:
        return families.loaded(location, AutoConfig.from_pretrained(location))
    except (OSError, ValueError, RuntimeError) as error:
        raise RequestError(f"encoder {location}: {first_line(error)}") from None


def load_masked_head(encoder: Any, folder: Path, seed: int) -> MaskedHead:
    """A masked-LM head that shares the encoder's embeddings: the one in the encoder's folder if there is one, else a new one.

    Raises RequestError if the architecture has no such head.
    """
    head = fresh_masked_head(encoder, seed)
    prefixes = head_prefixes(Kind.TEXT, families.family_of(encoder.config).base or "")
    ours = {theirs: prefix for prefix, theirs in prefixes.items()}
    weights: dict[str, torch.Tensor] = {}
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, "pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118 -- not a mapping
                for theirs in filter(name.startswith, ours):
                    weights[ours[theirs] + name.removeprefix(theirs)] = tensors.get_tensor(name).float()
    if weights:
        head.load_state_dict(weights)
    return head


def save_encoder(encoder: Any, folder: Path) -> str:
    """Writes an encoder as a folder. Returns the name of the transformers class that loads it."""
    config, weights = encoder.config, encoder.state_dict()
    if families.family_of(config).base is not None:
        _write(folder, config, weights, f"{_architecture(config)}Model")
        return "AutoModel"
    # T5's encoder class has the stack and the shared embeddings as separate attributes.
    weights = {f"encoder.{name}": tensor for name, tensor in weights.items()}
    weights["shared.weight"] = weights.pop("encoder.embed_tokens.weight")
    _write(folder, config, weights, f"{_architecture(config)}EncoderModel")
    return "AutoModelForTextEncoding"


def save_model(model: Model, task: Task, folder: Path | None) -> str:
    """Writes the encoder with the head of `task` as a folder. Returns the name of the transformers class that loads it.
    Collective if the model is sharded: every process calls it, and one gives a folder.

    Raises RequestError if transformers has no class for it.
    """
    config = model.encoder.config
    base = families.family_of(config).base
    if base is None or task.kind not in CLASSES:
        raise RequestError(f"transformers has no class for a {config.model_type} encoder with a head for {task.kind}")
    weights = {f"{base}.{name}": tensor for name, tensor in model.encoder.state_dict().items()}
    prefixes = head_prefixes(task.kind, base)
    for name, tensor in model.heads[task.name].state_dict().items():
        ours = next(prefix for prefix in prefixes if name.startswith(prefix))
        weights[prefixes[ours] + name.removeprefix(ours)] = tensor
    labels = {"id2label": dict(enumerate(task.labels)), "label2id": {label: i for i, label in enumerate(task.labels)}}
    _write(folder, config, weights, _architecture(config) + CLASSES[task.kind], **(labels if task.labels else {}))
    return f"AutoModel{CLASSES[task.kind]}"


def _architecture(config: PretrainedConfig) -> str:
    return type(config).__name__.removesuffix("Config")


def _write(
    folder: Path | None, config: PretrainedConfig, weights: dict[str, torch.Tensor], architecture: str, **more: Any
) -> None:
    if folder is None:
        save_tensors(weights, None)
        return
    folder.mkdir(parents=True, exist_ok=True)
    save_tensors(weights, folder / "model.safetensors", {"format": "pt"})
    written = {**config.to_diff_dict(), "architectures": [architecture], **more}
    # transformers alone does not have this attention.
    written.pop("_attn_implementation", None)
    (folder / "config.json").write_text(json.dumps(written, indent=1, sort_keys=True) + "\n", encoding="utf-8")
