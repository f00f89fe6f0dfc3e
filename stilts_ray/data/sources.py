"""Data sources: where the rows of a sweep come from, with the languages, identities and sizes that a plan needs.

There are three, with the same columns: the hub, a folder laid out `<task>/<config or language>/<split>.parquet`, and mini.
Nothing here reads rows; `stilts_ray.data.rows` does.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict

from stilts_ray import mini
from stilts_ray.data.cache_folder import cache_folder
from stilts_ray.data.repository import Repository
from stilts_ray.errors import RequestError, first_line
from stilts_ray.identity import canonical_json, file_digest
from stilts_ray.tasks.base import BY_VECTOR, Task, parse_split

UNRESOLVED = "unresolved"
"""Placeholder for the commit of a hub repository that is not resolved yet; digests made with it are provisional."""


class SourceAddress(BaseModel):
    """A data source as plain data. root: the folder, or the hub's `local`. replaced: as in `HubSource`. world: of mini."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["hub", "folder", "mini"]
    root: str | None = None
    replaced: tuple[str, ...] = ()
    world: str | None = None
    repositories: dict[str, Repository] = {}


class DataSource(Protocol):
    """A source of rows. repositories: resolved hub repositories of data sets and encoders, by `HubSource.key` or
    `stilts_ray.plan.inputs.repository_key`."""

    @property
    def repositories(self) -> Mapping[str, Repository]: ...

    @property
    def source_language(self) -> str:
        """The language of intermediate and target training: English, or mini's pivot."""

    def languages(self, task: Task) -> tuple[str, ...]:
        """Test languages of the task in this source."""

    def training_languages(self, task: Task) -> tuple[str, ...]:
        """Languages with a training split of the task in this source."""

    def identity(self, task: Task, split: str, languages: Iterable[str]) -> Any:
        """What pins the rows of a split, as canonical data. Raises RequestError if this source cannot have them."""

    def train_size(self, task: Task) -> tuple[int, int]:
        """(rows, tokens per row) of the training split, for estimates."""

    @property
    def place(self) -> str:
        """A key that differs between sources whose rows may differ."""

    def address(self) -> SourceAddress:
        """What `from_address` reconstructs this source from, in another process."""


def _count(rows: int, split: str) -> int:
    """Number of a file's rows that are in the split."""
    return len(range(rows)[parse_split(split)[1]])


def _pinned(task: Task, split: str, pin: Callable[[Task, str], Any]) -> Any:
    """The identity of a split: that of its only part, or the list of its parts' identities."""
    first, *more = (pin(part, name) for part, name in task.parts(split))
    return [first, *more] if more else first


def _with_added(task: Task) -> Iterable[Task]:
    """The task and the tasks whose training rows are added to its own."""
    return {part.name: part for part, _ in task.parts(task.train or "train")}.values()


def _total(sizes: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """(rows, mean tokens per row) of several parts together."""
    parts = list(sizes)
    rows = sum(count for count, _ in parts)
    return rows, round(sum(count * tokens for count, tokens in parts) / max(1, rows))


@dataclass(frozen=True)
class HubSource:
    """Repositories of the Hugging Face hub at pinned commits.

    local: folder with data that no public repository has (CCGbank, raw text), laid out as for `FolderSource`.
    replaced: values of `Source.folder` whose rows are read from `local` although the hub has them (`replaced_folders`).
    """

    repositories: Mapping[str, Repository] = field(default_factory=dict)
    source_language: str = "en"
    local: Path | None = None
    replaced: frozenset[str] = frozenset()

    def languages(self, task: Task) -> tuple[str, ...]:
        return task.languages

    def training_languages(self, task: Task) -> tuple[str, ...]:
        return task.train_languages or (self.source_language,)

    def key(self, task: Task) -> str:
        """Key of the task's repository in `repositories`: its id, with the branch if that is not the main one. Raises
        RequestError if the task has no hub repository."""
        source = task.source
        if source.hub is None:
            raise RequestError(f"{task.name} has no public hub repository; give its files with --local-data")
        return "@".join(filter(None, (source.hub, source.requested_revision)))

    def missing(self, task: Task) -> list[str]:
        """Names of the task and the tasks added to it whose rows are neither on the hub nor in `local`."""
        return [part.name for part in _with_added(task) if part.source.hub is None and self.local is None]

    def folder_of(self, task: Task) -> "FolderSource | None":
        """The folder that the task's rows are read from; None if they come from the hub."""
        if self.local is None or (task.source.hub is not None and task.source.folder not in self.replaced):
            return None
        return FolderSource(self.local, self.source_language)

    def revision(self, task: Task) -> str:
        """The commit to read: the task's own, else the pinned one, else UNRESOLVED."""
        known = self.repositories.get(self.key(task))
        return task.source.revision or (known.commit if known else UNRESOLVED)

    def unresolved(self, task: Task) -> dict[str, Task]:
        """Repositories to resolve before the task's rows can be read: key of `repositories` -> a task that it holds."""
        parts = [part for part in _with_added(task) if part.source.hub is not None and self.folder_of(part) is None]
        return {key: part for part in parts if (key := self.key(part)) not in self.repositories}

    def identity(self, task: Task, split: str, languages: Iterable[str]) -> Any:
        codes = tuple(languages)
        return _pinned(task, split, lambda part, name: self._pin(part, name, codes))

    def _pin(self, task: Task, split: str, languages: Iterable[str]) -> Any:
        source, folder = task.source, self.folder_of(task)
        if folder is not None:
            return folder.identity(task, split, languages)
        if source.hub is None:
            # A plan can be printed before the files exist.
            return {"local": UNRESOLVED, "split": split}
        configs = sorted(
            f"{source.hub_config(code)}{source.prefix and ':'}{source.id_prefix(code)}" for code in languages
        )
        return {"hub": source.hub, "revision": self.revision(task), "configs": configs, "split": split}

    def train_size(self, task: Task) -> tuple[int, int]:
        folder = self.folder_of(task)
        if folder is not None:
            return folder.train_size(task)
        return _total((part.train_size, part.tokens) for part in _with_added(task))

    @property
    def place(self) -> str:
        commits = {key: repository.commit for key, repository in self.repositories.items()}
        return canonical_json([commits, str(self.local), sorted(self.replaced)])

    def address(self) -> SourceAddress:
        return SourceAddress(
            kind="hub",
            root=str(self.local) if self.local else None,
            replaced=tuple(sorted(self.replaced)),
            repositories=dict(self.repositories),
        )


@dataclass(frozen=True)
class FolderSource:
    """Parquet files below `root`, with the hub's columns."""

    root: Path
    source_language: str = "en"
    repositories: Mapping[str, Repository] = field(default_factory=dict)

    def languages(self, task: Task) -> tuple[str, ...]:
        return task.languages

    def training_languages(self, task: Task) -> tuple[str, ...]:
        return task.train_languages or (self.source_language,)

    def file(self, task: Task, split: str, language: str) -> Path:
        """The file of a split. Raises RequestError if it is missing, listing the folders that exist."""
        path = self.root / task.source.path(language) / f"{parse_split(split)[0]}.parquet"
        if not path.is_file():
            present = sorted(p.parent.name for p in (self.root / task.source.path(language)).parent.glob("*/*.parquet"))
            there = f"; there: {', '.join(dict.fromkeys(present))}" if present else ""
            raise RequestError(f"{task.name}: no file {path.relative_to(self.root)} in {self.root}{there}")
        return path

    def identity(self, task: Task, split: str, languages: Iterable[str]) -> Any:
        codes = sorted(languages)
        return _pinned(task, split, lambda part, name: {code: self._pin(part, name, code) for code in codes})

    def _pin(self, task: Task, split: str, language: str) -> str:
        """Digest of the file, with the slice that is read."""
        return file_digest(self.file(task, split, language)) + split.removeprefix(parse_split(split)[0])

    def train_size(self, task: Task) -> tuple[int, int]:
        import pyarrow.parquet as parquet

        parts = task.parts(task.train or "train")
        files = [(self.file(part, name, self.source_language), name, part.tokens) for part, name in parts]
        return _total((_count(parquet.read_metadata(path).num_rows, name), tokens) for path, name, tokens in files)

    @property
    def place(self) -> str:
        return str(self.root)

    def address(self) -> SourceAddress:
        return SourceAddress(kind="folder", root=str(self.root), repositories=dict(self.repositories))


@dataclass(frozen=True)
class MiniSource:
    """A packaged set of generated languages, written to each machine's cache on first use."""

    world: str = "mini"
    source_language: str = mini.PIVOT
    repositories: Mapping[str, Repository] = field(default_factory=dict)

    def languages(self, task: Task) -> tuple[str, ...]:
        if not task.languages:
            return ()
        # Retrieval pairs every other language with the pivot language.
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
        counts = (_count(mini.SIZES[folder][parse_split(name)[0]], name) for folder, name in folders)
        return _total((count, mini.TOKENS[folder]) for count, (folder, _) in zip(counts, folders, strict=True))

    @property
    def place(self) -> str:
        return self.world

    def address(self) -> SourceAddress:
        return SourceAddress(kind="mini", world=self.world, repositories=dict(self.repositories))

    @property
    def root(self) -> Path:
        """Folder of the generated files on this machine."""
        return cache_folder() / f"mini-{mini.VERSION}"


def replaced_folders(root: Path, tasks: Iterable[Task]) -> frozenset[str]:
    """`Source.folder` of the tasks on the hub that also have rows below `root`."""

    def exists(task: Task) -> bool:
        codes = {*task.languages, *task.train_languages, "en"}
        return any((root / task.source.path(code)).is_dir() for code in codes)

    return frozenset(task.source.folder for task in tasks if task.source.hub is not None and exists(task))


def parse_repositories(known: Mapping[str, Any]) -> dict[str, Repository]:
    """Repositories from plain data, as a store has them. Raises RequestError for invalid data."""
    try:
        return {key: Repository.model_validate(each) for key, each in known.items()}
    except (ValueError, AttributeError) as error:
        raise RequestError(f"the pinned repositories cannot be read: {first_line(error)}") from None


def from_address(address: SourceAddress) -> DataSource:
    """The data source with that `address()`."""
    match address:
        case SourceAddress(kind="folder", root=str(root)):
            return FolderSource(Path(root), repositories=address.repositories)
        case SourceAddress(kind="mini", world=str(world)):
            return MiniSource(world, repositories=address.repositories)
        case SourceAddress(kind="hub", root=root):
            local = Path(root) if root is not None else None
            return HubSource(address.repositories, local=local, replaced=frozenset(address.replaced))
    raise ValueError(f"not the address of a data source: {address}")
