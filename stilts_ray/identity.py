"""Canonical JSON and its digest: the identity of every step and job.

Equal configurations have equal digests, independent of key order, process and Python version. A model of `stilts_ray.config`
is written as its short tag and the fields that differ from their defaults, so a new option with a default, or a renamed class,
changes no digest. Types without a canonical form (functions, sets, NaN, foreign objects) are rejected: no pickle, no repr.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, JsonValue

SHORT = 8
"""Hex digits of a digest in names and paths."""

JSON = JsonValue
"""Plain JSON data."""


def canonical(value: Any) -> JSON:
    """`value` as plain JSON data. Raises TypeError or ValueError if it has no canonical form."""
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
            return _canonical_model(value)
        case Mapping():
            if not all(isinstance(key, str) for key in value):
                raise TypeError("only string keys have a canonical form")
            return {key: canonical(value[key]) for key in sorted(value)}
        case list() | tuple():
            return [canonical(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no canonical form: {value!r}")


def _canonical_model(value: BaseModel) -> JSON:
    """The tag, which distinguishes alternatives of a union with equal fields, and all fields that are not at their default."""
    tag = getattr(value, "tag", None)
    if not isinstance(tag, str):
        raise TypeError(f"{type(value).__name__} has no canonical form: it has no tag")
    defaults = defaults_of(type(value))
    fields = {name: canonical(getattr(value, name)) for name in type(value).model_fields}
    # Compare as text: in Python 1 equals True and 1.0.
    changed = {
        name: field for name, field in fields.items() if name not in defaults or _text(field) != _text(defaults[name])
    }
    return {"is": tag, **changed}


def defaults_of(model: type[BaseModel]) -> dict[str, JSON]:
    """The default of each field that has one, in canonical form."""
    optional = {name: field for name, field in model.model_fields.items() if not field.is_required()}
    return {name: canonical(field.get_default(call_default_factory=True)) for name, field in optional.items()}


def _text(value: JSON) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical_json(value: Any) -> str:
    """The canonical JSON text of `value`: sorted keys, no spaces, ASCII, shortest float form."""
    return _text(canonical(value))


def digest(value: Any) -> str:
    """sha256 over the canonical JSON of `value`, 64 hex digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """sha256 of a file's bytes, 64 hex digits. Cached until the file's size or modification time changes."""
    stat = path.stat()
    return _file_digest(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=4096)
def _file_digest(path: Path, size: int, modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


MODEL_SUFFIXES = {".safetensors", ".json", ".model"}


def folder_digest(folder: Path) -> str:
    """Digest over the names and contents of a model folder's weights, configuration and tokenizer files, not `record.json`."""
    files = [p for p in sorted(folder.iterdir()) if p.suffix in MODEL_SUFFIXES and p.name != "record.json"]
    return digest({p.name: file_digest(p) for p in files})
