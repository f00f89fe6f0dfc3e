"""Checks an encoder before anything is trained: it exists, its weights can be read, transformers has its architecture, and its
tokenizer is fast."""

import json
from collections.abc import Iterable
from pathlib import Path

from transformers import CONFIG_MAPPING, AutoConfig
from transformers import __version__ as version

from stilts_ray.data.cache import tokenizer_at
from stilts_ray.data.encoders import WEIGHTS, described_folder
from stilts_ray.data.repository import Repository
from stilts_ray.errors import RequestError, first_line
from stilts_ray.models.families import FAMILIES


def check_encoder(location: str, commit: str | None, known: Iterable[Repository]) -> str:
    """The architecture (`model_type`) of an encoder; weights are not downloaded. Raises RequestError if something is missing or
    refused, or if transformers does not have the architecture, or it is none of texts."""
    folder = described_folder(location, commit, known)
    if Path(location).is_dir() and not any(folder.glob(f"*{WEIGHTS}")):
        raise RequestError(f"encoder folder {folder} has no weights in safetensors")
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        architecture = str(config["model_type"])
    except FileNotFoundError:
        raise RequestError(f"encoder {location} has no config.json; is it a model of transformers?") from None
    except (ValueError, KeyError, TypeError):
        raise RequestError(f"encoder {location}: its config.json names no model_type") from None
    if architecture not in CONFIG_MAPPING:
        code = "; code that comes with a model is not run" if "auto_map" in config else ""
        raise RequestError(
            f"encoder {location} is a '{architecture}', which transformers {version} does not have{code}"
        )
    try:
        words = getattr(AutoConfig.from_pretrained(folder), "vocab_size", None)
    except (OSError, ValueError, TypeError) as error:
        raise RequestError(f"encoder {location}: {first_line(error)}") from None
    if words is None:
        raise RequestError(
            f"encoder {location} is a '{architecture}', which has no word embeddings; it is no encoder of texts"
        )
    tokenizer_at(str(folder))
    return architecture


def padding_note(location: str, architecture: str) -> str:
    """A line about an encoder that runs padded; empty for others."""
    if architecture in FAMILIES:
        return ""
    return (
        f"encoder {location}: a '{architecture}' runs padded, through its own attention: slower, with the same results"
    )
