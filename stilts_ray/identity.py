"""Canonical JSON and its digest: the identity of everything the system makes.

Equal configurations have equal digests whatever the order of their keys, the process or the Python version. What has no
canonical form (functions, sets, NaN, foreign objects) is refused rather than guessed at: no pickle, no repr.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

SHORT = 8
"""Hex digits of a digest that are shown in names and paths."""

JSON = dict[str, "JSON"] | list["JSON"] | str | int | float | bool | None


def canonical(value: Any) -> JSON:
    """`value` as plain JSON data. Raises TypeError or ValueError for what has no canonical form."""
    match value:
        case None | bool() | int() | str() if not isinstance(value, Enum):
            return value
        case Enum():
            return canonical(value.value)
        case float():
            if not math.isfinite(value):
                raise ValueError(f"{value} has no canonical form")
            return value
        case BaseModel():
            # The class name tells apart alternatives of a union that happen to have equal fields.
            fields = {name: canonical(getattr(value, name)) for name in type(value).model_fields}
            return {"is": type(value).__name__, **fields}
        case Mapping():
            if not all(isinstance(key, str) for key in value):
                raise TypeError("only string keys have a canonical form")
            return {key: canonical(value[key]) for key in sorted(value)}
        case list() | tuple():
            return [canonical(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no canonical form: {value!r}")


def canonical_json(value: Any) -> str:
    """The one JSON text of `value`: sorted keys, no spaces, ASCII, shortest float form."""
    return json.dumps(canonical(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(value: Any) -> str:
    """sha256 over the canonical JSON of `value`, 64 hex digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """sha256 of a file's bytes, 64 hex digits; read once as long as size and time of change stay the same."""
    state = path.stat()
    return _file_digest(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=4096)
def _file_digest(path: Path, size: int, changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


MODEL_SUFFIXES = {".safetensors", ".json", ".model"}


def folder_digest(folder: Path) -> str:
    """Digest over names and contents of a model folder: weights, configuration, tokenizer. Records are left out."""
    files = [p for p in sorted(folder.iterdir()) if p.suffix in MODEL_SUFFIXES and p.name != "record.json"]
    return digest({p.name: file_digest(p) for p in files})
