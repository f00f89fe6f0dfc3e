"""Token sequences of a split, made once a machine and shared by every run on it."""

import json
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from filelock import FileLock
from safetensors import SafetensorError
from safetensors.numpy import save_file
from safetensors.torch import load_file
from transformers import AutoTokenizer

from stilts_ray import tasks
from stilts_ray.data import rows
from stilts_ray.data.cache_folder import cache_folder, write_whole
from stilts_ray.data.encode import VERSION, Encoded, TokenizationConfig, encode
from stilts_ray.data.rows import VERSION as ROWS_VERSION
from stilts_ray.data.rows import Counts, Loaded, counts_of
from stilts_ray.data.sources import DataSource
from stilts_ray.errors import RequestError, first_line
from stilts_ray.identity import digest
from stilts_ray.tasks.base import Task
from stilts_ray.tasks.examples import Example
from stilts_ray.timing import part

TOKENIZER_FILES = ("tokenizer.json", "*.model", "vocab.txt", "vocab.json")
"""What the vocabulary of a tokenizer is in."""


@dataclass(frozen=True)
class _From:
    """An origin as a key of what is kept in memory."""

    place: str
    data_source: DataSource = field(compare=False)


def examples(data_source: DataSource, task: Task, split: str, language: str) -> list[Example]:
    """The examples of a split, kept in memory: trials in a warm process share them."""
    return _loaded(_From(data_source.place, data_source), task.name, split, language).examples


@part("tokenise")
def counts(data_source: DataSource, task: Task, split: str, language: str) -> Counts:
    """What became of the rows of a split, kept on disk: they are looked at once a machine, and not kept in memory. Raises
    RequestError if they cannot be read, RowError for the first that does not fit."""
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
    """By the bytes that are read, and not by what is said of them."""
    read = {
        "version": ROWS_VERSION,
        "task": rows.labelled(data_source, task).identity(),
        "data": rows.content(data_source, task, split, language),
    }
    return digest(read)


def encoded(
    data_source: DataSource, task: Task, split: str, language: str, tokenizer: str, reading: TokenizationConfig
) -> Encoded:
    """Token sequences of a split for the tokenizer in the folder `tokenizer`, kept in memory and on disk."""
    return _encoded(_From(data_source.place, data_source), task.name, split, language, tokenizer, reading)


@lru_cache(maxsize=64)
@part("tokenise")
def _loaded(place: _From, task: str, split: str, language: str) -> Loaded:
    found = rows.read(place.data_source, tasks.get(task), split, language)
    _keep(found.counts, _counts_file(place.data_source, tasks.get(task), split, language))
    return found


@lru_cache(maxsize=64)
@part("tokenise")
def _encoded(
    place: _From, name: str, split: str, language: str, tokenizer: str, reading: TokenizationConfig
) -> Encoded:
    data_source = place.data_source
    task = rows.labelled(data_source, tasks.get(name))
    key = {
        "version": VERSION,
        "data": _data_digest(data_source, task, split, language),
        "tokenizer": _tokenizer_digest(tokenizer),
        "reading": asdict(reading),
    }
    path = cache_folder() / "tokens" / f"{name}-{language}-{digest(key)[:16]}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    # What has this name is whole. The lock is the kernel's: it goes with a killed process, and the next one writes the file.
    if not path.exists():
        with FileLock(f"{path}.lock"):
            if not path.exists():
                made = encode(task, examples(data_source, task, split, language), tokenizer_at(tokenizer), reading)
                _write(made, path)
    return _read(path, task)


def _write(made: Encoded, path: Path) -> None:
    scratch = path.with_suffix(".part")
    save_file({"tokens": made.tokens, "offsets": made.offsets, **made.fields}, scratch)
    scratch.replace(path)


def _read(path: Path, task: Task) -> Encoded:
    """The arrays are the file's own pages, which the processes of a machine share."""
    try:
        arrays = {name: tensor.numpy() for name, tensor in load_file(path).items()}
    except SafetensorError as error:
        raise RequestError(f"{path} is damaged ({error}); delete it to make it again") from None
    group = {tasks.Kind.CHOICE: task.choices, tasks.Kind.RETRIEVAL: 2}.get(task.kind, 1)
    return Encoded(arrays.pop("tokens"), arrays.pop("offsets"), group, arrays)


@lru_cache(maxsize=8)
@part("tokenise")
def tokenizer_at(folder: str) -> Any:
    """The tokenizer of an encoder folder. Raises RequestError if there is none or it is not a fast one."""
    # Without any of them transformers makes one that knows no word.
    if not any(file for name in TOKENIZER_FILES for file in Path(folder).glob(name)):
        raise RequestError(f"{folder} has no tokenizer; it is one of {', '.join(TOKENIZER_FILES)}")
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError) as error:
        raise RequestError(f"{folder} has no tokenizer that loads: {first_line(error)}") from None
    if not tokenizer.is_fast:
        raise RequestError(f"{folder}: the tokenizer has no fast form, which spans and tags need")
    # Texts longer than the encoder are windowed, split or truncated here; the tokenizer need not warn of them.
    tokenizer.model_max_length = int(1e9)
    return tokenizer


def copy_tokenizer(folder: str, target: Path) -> None:
    """Writes the tokenizer of an encoder folder as it is there: that of `tokenizer_at` knows no greatest length. Raises
    RequestError likewise."""
    tokenizer_at(folder)
    AutoTokenizer.from_pretrained(folder).save_pretrained(target)


@lru_cache(maxsize=8)
def _tokenizer_digest(folder: str) -> str:
    state = json.loads(tokenizer_at(folder).backend_tokenizer.to_str())
    # These two are what the last call asked for, not what the tokenizer is.
    return digest({name: value for name, value in state.items() if name not in {"truncation", "padding"}})
