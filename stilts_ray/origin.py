"""Where the rows of a sweep come from, and what that means for a plan: languages, identity, size.

Three origins hold rows in the same columns: the hub, a folder laid out `<task>/<config or language>/<split>.parquet`, and
mini. Reading them is the business of `stilts_ray.data`; nothing here opens a row.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from stilts_ray import mini
from stilts_ray.cachedir import cache_folder
from stilts_ray.errors import RequestError
from stilts_ray.fingerprint import file_digest
from stilts_ray.tasks.base import BY_VECTOR, Task

UNRESOLVED = "unresolved"
"""Stands for the commit of a hub repository that has not been looked up yet; digests made with it are provisional."""


class Origin(Protocol):
    """A place with rows. `revisions`: commits of hub repositories, of data sets and encoders, as far as looked up."""

    @property
    def revisions(self) -> Mapping[str, str]: ...

    @property
    def source_language(self) -> str:
        """The language of intermediate and target training."""

    def languages(self, task: Task) -> tuple[str, ...]:
        """Test languages that the task has here."""

    def training_languages(self, task: Task) -> tuple[str, ...]:
        """Languages in which the task has a training split here."""

    def identity(self, task: Task, split: str, languages: Iterable[str]) -> Any:
        """What pins the rows of a split: canonical data. Raises RequestError if they cannot be here."""

    def train_size(self, task: Task) -> tuple[int, int]:
        """(rows, tokens a row) of the training split, for estimates."""

    def address(self) -> dict[str, Any]:
        """Plain data from which `at` makes this origin again, in another process."""


_SPLIT = re.compile(r"([^\[\]]+)(?:\[(\d*):(\d*)\])?")


def sliced(split: str) -> tuple[str, slice]:
    """The file that a split is in and which of its rows are meant, from `train`, `train[:1000]` or `train[1000:]`, as the
    hub's library writes it. Raises ValueError for anything else, as percentages and rows counted from the end."""
    found = _SPLIT.fullmatch(split)
    if found is None:
        raise ValueError(f"split {split!r} is neither a name nor a slice of one, as train[:1000]")
    name, *bounds = found.groups()
    return name, slice(*(int(bound) if bound else None for bound in bounds))


def _count(rows: int, split: str) -> int:
    """How many of a file's rows are in the split."""
    return len(range(rows)[sliced(split)[1]])


def _pinned(task: Task, split: str, pin: Callable[[Task, str], Any]) -> Any:
    """What pins a split, from what pins each of its parts."""
    first, *more = (pin(part, name) for part, name in task.parts(split))
    return [first, *more] if more else first


def _trained_on(task: Task) -> Iterable[Task]:
    """The task and those whose training rows are added to its own."""
    return {part.name: part for part, _ in task.parts(task.train or "train")}.values()


def _total(sizes: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """(rows, tokens a row) of several parts together."""
    parts = list(sizes)
    rows = sum(count for count, _ in parts)
    return rows, round(sum(count * tokens for count, tokens in parts) / max(1, rows))


@dataclass(frozen=True)
class Hub:
    """Repositories of the Hugging Face hub at known commits.

    revisions: repository id -> commit; of a branch under "<repository id>@<branch>".
    local: folder of what no public repository has (CCGbank, raw text), laid out as a `Folder`.
    """

    revisions: Mapping[str, str]
    source_language: str = "en"
    local: Path | None = None

    def languages(self, task: Task) -> tuple[str, ...]:
        return task.languages

    def training_languages(self, task: Task) -> tuple[str, ...]:
        return task.train_languages or (self.source_language,)

    def repository(self, task: Task) -> str:
        """Id of the task's repository. Raises RequestError if there is none."""
        if task.source.hub is None:
            raise RequestError(f"{task.name} has no public hub repository; give its files with --local-data")
        return task.source.hub

    def missing(self, task: Task) -> list[str]:
        """Of the task and those added to it the ones whose rows neither the hub nor `local` has."""
        return [part.name for part in _trained_on(task) if part.source.hub is None and self.local is None]

    def folder(self) -> "Folder | None":
        """The origin of what the hub does not have."""
        return Folder(self.local, self.source_language) if self.local is not None else None

    def revision(self, task: Task) -> str:
        """The commit that is read: the task's own, or the one looked up for this store."""
        return task.source.revision or self.revisions.get(self._branch(task), UNRESOLVED)

    def _branch(self, task: Task) -> str:
        branch = task.source.branch
        return f"{self.repository(task)}@{branch}" if branch else self.repository(task)

    def unresolved(self, task: Task) -> set[str]:
        """What is still to be looked up before rows of the task are read: keys of `revisions`."""
        parts = [part for part in _trained_on(task) if part.source.hub is not None]
        return {self._branch(part) for part in parts if self.revision(part) == UNRESOLVED}

    def identity(self, task: Task, split: str, languages: Iterable[str]) -> Any:
        codes = tuple(languages)
        return _pinned(task, split, lambda part, name: self._pin(part, name, codes))

    def _pin(self, task: Task, split: str, languages: Iterable[str]) -> dict[str, Any]:
        source, folder = task.source, self.folder()
        if source.hub is None:
            # A plan can be looked at before the files are there.
            return folder.identity(task, split, languages) if folder else {"local": UNRESOLVED, "split": split}
        configs = sorted(
            f"{source.hub_config(code)}{source.prefix and ':'}{source.id_prefix(code)}" for code in languages
        )
        return {"hub": self.repository(task), "revision": self.revision(task), "configs": configs, "split": split}

    def train_size(self, task: Task) -> tuple[int, int]:
        folder = self.folder()
        if folder and task.source.hub is None:
            return folder.train_size(task)
        return _total((part.train_size, part.tokens) for part in _trained_on(task))

    def address(self) -> dict[str, Any]:
        return {"hub": dict(self.revisions)} | ({"local": str(self.local)} if self.local else {})


@dataclass(frozen=True)
class Folder:
    """Parquet files below `root`, in the hub's columns."""

    root: Path
    source_language: str = "en"
    revisions: Mapping[str, str] = field(default_factory=dict)

    def languages(self, task: Task) -> tuple[str, ...]:
        return task.languages

    def training_languages(self, task: Task) -> tuple[str, ...]:
        return task.train_languages or (self.source_language,)

    def file(self, task: Task, split: str, language: str) -> Path:
        """The file of a split. Raises RequestError naming what is there instead."""
        path = self.root / task.source.path(language) / f"{sliced(split)[0]}.parquet"
        if not path.is_file():
            present = sorted(p.parent.name for p in (self.root / task.source.path(language)).parent.glob("*/*.parquet"))
            there = f"; there: {', '.join(dict.fromkeys(present))}" if present else ""
            raise RequestError(f"{task.name}: no file {path.relative_to(self.root)} in {self.root}{there}")
        return path

    def identity(self, task: Task, split: str, languages: Iterable[str]) -> Any:
        codes = sorted(languages)
        return _pinned(task, split, lambda part, name: {code: self._pin(part, name, code) for code in codes})

    def _pin(self, task: Task, split: str, language: str) -> str:
        """The digest of the file, and which part of it is read."""
        return file_digest(self.file(task, split, language)) + split.removeprefix(sliced(split)[0])

    def train_size(self, task: Task) -> tuple[int, int]:
        import pyarrow.parquet as parquet

        parts = task.parts(task.train or "train")
        files = [(self.file(part, name, self.source_language), name, part.tokens) for part, name in parts]
        return _total((_count(parquet.read_metadata(path).num_rows, name), tokens) for path, name, tokens in files)

    def address(self) -> dict[str, Any]:
        return {"folder": str(self.root)}


@dataclass(frozen=True)
class Mini:
    """A set of the packaged generated languages, written to the cache of each machine when they are first needed there."""

    world: str = "mini"
    source_language: str = mini.PIVOT
    revisions: Mapping[str, str] = field(default_factory=dict)

    def languages(self, task: Task) -> tuple[str, ...]:
        if not task.languages:
            return ()
        # No sentence is searched among its own translations.
        skip = {mini.PIVOT} if task.kind in BY_VECTOR else set()
        return tuple(code for code in self._codes if code not in skip)

    def training_languages(self, task: Task) -> tuple[str, ...]:
        return self._codes if task.train_languages else (self.source_language,)

    @property
    def _codes(self) -> tuple[str, ...]:
        return tuple(language.code for language in mini.WORLDS[self.world])

    def identity(self, task: Task, split: str, languages: Iterable[str]) -> Any:
        codes = sorted(languages)
        return _pinned(task, split, lambda part, name: self._pin(part, name, codes))

    def _pin(self, task: Task, split: str, languages: list[str]) -> dict[str, Any]:
        if task.source.folder not in mini.SIZES:
            raise RequestError(f"{task.name} is not among mini's generated data")
        if unknown := sorted(set(languages) - set(self._codes)):
            raise RequestError(
                f"{task.name}: no language '{unknown[0]}' in {self.world}; it has {', '.join(self._codes)}"
            )
        return {"mini": mini.VERSION, "dataset": task.source.folder, "split": split, "languages": languages}

    def train_size(self, task: Task) -> tuple[int, int]:
        folders = [(part.source.folder, name) for part, name in task.parts(task.train or "train")]
        counts = (_count(mini.SIZES[folder][sliced(name)[0]], name) for folder, name in folders)
        return _total((count, mini.TOKENS[folder]) for count, (folder, _) in zip(counts, folders, strict=True))

    def address(self) -> dict[str, Any]:
        return {"mini": self.world}

    @property
    def root(self) -> Path:
        """Where this machine keeps the files."""
        return cache_folder() / f"mini-{mini.VERSION}"


def at(address: Mapping[str, Any]) -> Origin:
    """The origin with that `address()`."""
    match address:
        case {"hub": revisions, **rest}:
            return Hub(revisions, local=Path(rest["local"]) if "local" in rest else None)
        case {"folder": root}:
            return Folder(Path(root))
        case {"mini": world}:
            return Mini(world)
    raise ValueError(f"not an origin: {address}")
