"""Examples and token sequences of a split, made once per machine and shared by all trials on it."""

import json
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from safetensors import SafetensorError
from safetensors.numpy import save_file
from safetensors.torch import load_file
from transformers import AutoTokenizer

from stilts_ray import tasks
from stilts_ray.data import rows
from stilts_ray.data.cache_folder import cache_folder, write_whole
from stilts_ray.data.encoded import Encode, Encoded, TokenizationConfig
from stilts_ray.data.rows import VERSION as ROWS_VERSION
from stilts_ray.data.rows import Counts, Loaded, counts_of
from stilts_ray.data.sources import DataSource
from stilts_ray.errors import RequestError, first_line
from stilts_ray.identity import digest
from stilts_ray.tasks.base import Task
from stilts_ray.tasks.examples import Example
from stilts_ray.timing import part

VERSION = 1
"""Bumped when the layout of a file of token sequences changes."""

TOKENIZER_FILES = ("tokenizer.json", "*.model", "vocab.txt", "vocab.json")
"""The files that hold a tokenizer's vocabulary."""


@dataclass(frozen=True)
class _Key:
    """A data source as a key of the caches in memory."""

    place: str
    data_source: DataSource = field(compare=False)


@dataclass(frozen=True)
class Encoding:
    """How examples become token sequences. version: bumped when `encode` makes other sequences of the same examples."""

    encode: Encode
    version: int = 1


def examples(data_source: DataSource, task: Task, split: str, language: str) -> list[Example]:
    """The examples of a split, cached in memory: the trials of a warm process share them."""
    return _loaded(_Key(data_source.place, data_source), task.name, split, language).examples


@part("tokenise")
def counts(data_source: DataSource, task: Task, split: str, language: str) -> Counts:
    """How many rows of a split became examples, cached on disk: each split is read once per machine, and not kept in memory.

    Raises RequestError if it cannot be read, RowError for the first row that is refused."""
    path = _counts_file(data_source, task, split, language)
    try:
        return counts_of(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        found = rows.read(data_source, task, split, language).counts
    _keep(found, path)
    return found


def _keep(found: Counts, path: Path) -> None:
    write_whole(path, json.dumps(asdict(found)))


def _counts_file(data_source: DataSource, task: Task, split: str, language: str) -> Path:
    return (
        cache_folder() / "rows" / f"{task.name}-{language}-{_data_digest(data_source, task, split, language)[:16]}.json"
    )


def _data_digest(data_source: DataSource, task: Task, split: str, language: str) -> str:
    """The digest of a split's content: of the bytes that are read, not of a revision's name."""
    read = {
        "version": ROWS_VERSION,
        "task": rows.with_labels(data_source, task).identity(),
        "data": rows.content(data_source, task, split, language),
    }
    return digest(read)


def encoded(
    data_source: DataSource,
    task: Task,
    split: str,
    language: str,
    tokenizer: str,
    tokenization: TokenizationConfig,
    encoding: Encoding,
) -> Encoded:
    """Token sequences of a split for the tokenizer in the folder `tokenizer`, cached in memory and on disk."""
    key = _Key(data_source.place, data_source)
    return _encoded(key, task.name, split, language, tokenizer, tokenization, encoding)


@lru_cache(maxsize=64)
@part("tokenise")
def _loaded(key: _Key, task: str, split: str, language: str) -> Loaded:
    found = rows.read(key.data_source, tasks.get(task), split, language)
    _keep(found.counts, _counts_file(key.data_source, tasks.get(task), split, language))
    return found


@lru_cache(maxsize=64)
@part("tokenise")
def _encoded(
    key: _Key,
    name: str,
    split: str,
    language: str,
    tokenizer: str,
    tokenization: TokenizationConfig,
    encoding: Encoding,
) -> Encoded:
    data_source = key.data_source
    task = rows.with_labels(data_source, tasks.get(name))
    content = {
        "version": [VERSION, encoding.version],
        "data": _data_digest(data_source, task, split, language),
        "tokenizer": _tokenizer_digest(tokenizer),
        "tokenization": asdict(tokenization),
    }
    path = cache_folder() / "tokens" / f"{name}-{language}-{digest(content)[:16]}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    # A file with this name is complete. The kernel releases the lock of a killed process, and the next one writes the file.
    if not path.exists():
        with FileLock(f"{path}.lock"):
            if not path.exists():
                found = examples(data_source, task, split, language)
                _write(encoding.encode(task, found, tokenizer_at(tokenizer), tokenization), path)
    return _read(path)


def _write(made: Encoded, path: Path) -> None:
    scratch = path.with_suffix(".part")
    save_file({"tokens": made.tokens, "offsets": made.offsets, "group": np.array([made.group]), **made.fields}, scratch)
    scratch.replace(path)


def _read(path: Path) -> Encoded:
    """The arrays are memory-mapped, so that the processes of a machine share their pages."""
    try:
        arrays = {name: tensor.numpy() for name, tensor in load_file(path).items()}
    except SafetensorError as error:
        raise RequestError(f"{path} is damaged ({error}); delete it to make it again") from None
    return Encoded(arrays.pop("tokens"), arrays.pop("offsets"), int(arrays.pop("group")[0]), arrays)


@lru_cache(maxsize=8)
@part("tokenise")
def tokenizer_at(folder: str) -> Any:
    """The tokenizer of an encoder folder. Raises RequestError if there is none, or no fast one."""
    # Without any of them transformers returns a tokenizer with an empty vocabulary.
    if not any(file for name in TOKENIZER_FILES for file in Path(folder).glob(name)):
        raise RequestError(f"{folder} has no tokenizer; it is one of {', '.join(TOKENIZER_FILES)}")
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError) as error:
        raise RequestError(f"{folder} has no tokenizer that loads: {first_line(error)}") from None
    if not tokenizer.is_fast:
        raise RequestError(f"{folder}: the tokenizer has no fast form, which spans and tags need")
    # Texts longer than the encoder are windowed, split or truncated by the kinds; no warning is needed.
    tokenizer.model_max_length = int(1e9)
    return tokenizer


def copy_tokenizer(folder: str, target: Path) -> None:
    """Saves the tokenizer of an encoder folder unchanged: `tokenizer_at` lifts its maximum length. Raises RequestError as that
    does."""
    tokenizer_at(folder)
    AutoTokenizer.from_pretrained(folder).save_pretrained(target)


@lru_cache(maxsize=8)
def _tokenizer_digest(folder: str) -> str:
    state = json.loads(tokenizer_at(folder).backend_tokenizer.to_str())
    # These two are settings of the last call, not properties of the tokenizer.
    return digest({name: value for name, value in state.items() if name not in {"truncation", "padding"}})
