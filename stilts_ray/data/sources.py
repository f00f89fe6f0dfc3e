"""Where the rows of a sweep come from, and what that means for a plan: languages, identity, size.

Three origins hold rows in the same columns: the hub, a folder laid out `<task>/<config or language>/<split>.parquet`, and
mini. Reading them is the business of `stilts_ray.data`; nothing here opens a row.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from stilts_ray import mini
from stilts_ray.data.cache_folder import cache_folder
from stilts_ray.data.repository import Repository
from stilts_ray.errors import RequestError, first_line
from stilts_ray.identity import canonical_json, file_digest
from stilts_ray.tasks.base import BY_VECTOR, Task, parse_split

UNRESOLVED = "unresolved"
"""Stands for the commit of a hub repository that has not been looked up yet; digests made with it are provisional."""


class DataSource(Protocol):
    """A place with rows. repositories: what was looked up of the hub, of data sets and of encoders, by `Hub.key` or
    `needs.encoder_key`."""

    @property
    def repositories(self) -> Mapping[str, Repository]: ...

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

    @property
    def place(self) -> str:
        """Tells apart origins that may have other rows."""

    def address(self) -> dict[str, Any]:
        """Plain data from which `at` makes this origin again, in another process."""


def _count(rows: int, split: str) -> int:
    """How many of a file's rows are in the split."""
    return len(range(rows)[parse_split(split)[1]])


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
class HubSource:
    """Repositories of the Hugging Face hub at known commits.

    local: folder of what no public repository has (CCGbank, raw text), laid out as a `Folder`. replaced: folders of sources,
    as `Source.folder` has them, whose rows it holds although the hub has some; found once, by `replaced_in`.
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
        """What the task's repository is called in `repositories`: its id, and the branch if it is not the main one. Raises
        RequestError if there is none."""
        source = task.source
        if source.hub is None:
            raise RequestError(f"{task.name} has no public hub repository; give its files with --local-data")
        return "@".join(filter(None, (source.hub, source.asked_for)))

    def missing(self, task: Task) -> list[str]:
        """Of the task and those added to it the ones whose rows neither the hub nor `local` has."""
        return [part.name for part in _trained_on(task) if part.source.hub is None and self.local is None]

    def folder_of(self, task: Task) -> "FolderSource | None":
        """The origin of the task's rows if they do not come from the hub."""
        if self.local is None or (task.source.hub is not None and task.source.folder not in self.replaced):
            return None
        return FolderSource(self.local, self.source_language)

    def revision(self, task: Task) -> str:
        """The commit that is read: the task's own, or the one looked up for this store."""
        known = self.repositories.get(self.key(task))
        return task.source.revision or (known.commit if known else UNRESOLVED)

    def unresolved(self, task: Task) -> dict[str, Task]:
        """What is still to be looked up before rows of the task are read: keys of `repositories`, each with a task of it."""
        parts = [part for part in _trained_on(task) if part.source.hub is not None and self.folder_of(part) is None]
        return {key: part for part in parts if (key := self.key(part)) not in self.repositories}

    def identity(self, task: Task, split: str, languages: Iterable[str]) -> Any:
        codes = tuple(languages)
        return _pinned(task, split, lambda part, name: self._pin(part, name, codes))

    def _pin(self, task: Task, split: str, languages: Iterable[str]) -> Any:
        source, folder = task.source, self.folder_of(task)
        if folder is not None:
            return folder.identity(task, split, languages)
        if source.hub is None:
            # A plan can be looked at before the files are there.
            return {"local": UNRESOLVED, "split": split}
        configs = sorted(
            f"{source.hub_config(code)}{source.prefix and ':'}{source.id_prefix(code)}" for code in languages
        )
        return {"hub": source.hub, "revision": self.revision(task), "configs": configs, "split": split}

    def train_size(self, task: Task) -> tuple[int, int]:
        folder = self.folder_of(task)
        if folder is not None:
            return folder.train_size(task)
        return _total((part.train_size, part.tokens) for part in _trained_on(task))

    @property
    def place(self) -> str:
        commits = {key: repository.commit for key, repository in self.repositories.items()}
        return canonical_json([commits, str(self.local), sorted(self.replaced)])

    def address(self) -> dict[str, Any]:
        local: dict[str, Any] = {"local": str(self.local), "replaced": sorted(self.replaced)} if self.local else {}
        return {**local, "repositories": _plain(self.repositories)}


@dataclass(frozen=True)
class FolderSource:
    """Parquet files below `root`, in the hub's columns."""

    root: Path
    source_language: str = "en"
    repositories: Mapping[str, Repository] = field(default_factory=dict)

    def languages(self, task: Task) -> tuple[str, ...]:
        return task.languages

    def training_languages(self, task: Task) -> tuple[str, ...]:
        return task.train_languages or (self.source_language,)

    def file(self, task: Task, split: str, language: str) -> Path:
        """The file of a split. Raises RequestError naming what is there instead."""
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
        """The digest of the file, and which part of it is read."""
        return file_digest(self.file(task, split, language)) + split.removeprefix(parse_split(split)[0])

    def train_size(self, task: Task) -> tuple[int, int]:
        import pyarrow.parquet as parquet

        parts = task.parts(task.train or "train")
        files = [(self.file(part, name, self.source_language), name, part.tokens) for part, name in parts]
        return _total((_count(parquet.read_metadata(path).num_rows, name), tokens) for path, name, tokens in files)

    @property
    def place(self) -> str:
        return str(self.root)

    def address(self) -> dict[str, Any]:
        return {"folder": str(self.root), "repositories": _plain(self.repositories)}


@dataclass(frozen=True)
class MiniSource:
    """A set of the packaged generated languages, written to the cache of each machine when they are first needed there."""

    world: str = "mini"
    source_language: str = mini.PIVOT
    repositories: Mapping[str, Repository] = field(default_factory=dict)

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
        counts = (_count(mini.SIZES[folder][parse_split(name)[0]], name) for folder, name in folders)
        return _total((count, mini.TOKENS[folder]) for count, (folder, _) in zip(counts, folders, strict=True))

    @property
    def place(self) -> str:
        return self.world

    def address(self) -> dict[str, Any]:
        return {"mini": self.world, "repositories": _plain(self.repositories)}

    @property
    def root(self) -> Path:
        """Where this machine keeps the files."""
        return cache_folder() / f"mini-{mini.VERSION}"


def replaced_in(root: Path, tasks: Iterable[Task]) -> frozenset[str]:
    """The folders of sources, of tasks that the hub has, whose rows are below `root`."""

    def there(task: Task) -> bool:
        codes = {*task.languages, *task.train_languages, "en"}
        return any((root / task.source.path(code)).is_dir() for code in codes)

    return frozenset(task.source.folder for task in tasks if task.source.hub is not None and there(task))


def _plain(known: Mapping[str, Repository]) -> dict[str, Any]:
    return {key: repository.model_dump(mode="json") for key, repository in known.items()}


def looked_up(known: Mapping[str, Any]) -> dict[str, Repository]:
    """What `Origin.address` and a store have of repositories. Raises RequestError for what is no such thing."""
    try:
        return {key: Repository.model_validate(each) for key, each in known.items()}
    except (ValueError, AttributeError) as error:
        raise RequestError(f"what is kept of repositories is damaged: {first_line(error)}") from None


def at(address: Mapping[str, Any]) -> DataSource:
    """The origin with that `address()`."""
    match address:
        case {"folder": root, "repositories": known}:
            return FolderSource(Path(root), repositories=looked_up(known))
        case {"mini": world, "repositories": known}:
            return MiniSource(world, repositories=looked_up(known))
        case {"local": root, "replaced": folders, "repositories": known}:
            return HubSource(looked_up(known), local=Path(root), replaced=frozenset(folders))
        case {"repositories": known}:
            return HubSource(looked_up(known))
    raise ValueError(f"not an origin: {address}")
