"""Checks an encoder before anything is trained: it exists, its weights can be read, its architecture and tokenizer are
supported."""

import json
from collections.abc import Iterable
from pathlib import Path

from stilts_ray.data.cache import tokenizer_at
from stilts_ray.data.encoders import WEIGHTS, described_folder
from stilts_ray.data.repository import Repository
from stilts_ray.errors import RequestError, did_you_mean
from stilts_ray.models.families import FAMILIES


def check_encoder(location: str, commit: str | None, known: Iterable[Repository]) -> Path:
    """The folder with an encoder's configuration and tokenizer; weights are not downloaded. Raises RequestError if something is
    missing, refused or not supported."""
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
    if architecture not in FAMILIES:
        raise RequestError(
            f"encoder {location} is a '{architecture}', which is not supported; {did_you_mean(architecture, list(FAMILIES))}"
        )
    tokenizer_at(str(folder))
    return folder
