"""Where finished work lives: a local folder or an object store (s3://, gs://), through fsspec.

    <store>/<kind>/<name>-<digest8>/record.json      written last; its presence means the step is done
                                    failure.json     why it failed, when it did
                                    weights.safetensors, model/, checkpoint/
    <store>/lease.json                               which run is using the store
    <store>/repositories.json                        of the hub: commits and files, looked up once

Object stores have no rename, so nothing depends on one: what is incomplete has no record and is not looked at.
"""

import contextlib
import json
import os
import posixpath
import shutil
import socket
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec
import psutil
from fsspec.implementations.local import LocalFileSystem

from stilts_ray.data.cache_folder import cache_folder
from stilts_ray.errors import RequestError, Unavailable, first_line
from stilts_ray.identity import SHORT, digest

Record = dict[str, Any]


@dataclass(frozen=True)
class Store:
    """A store at a path or URL. Raises RequestError for a URL of no known kind, Unavailable where it does not answer."""

    url: str
    fs: Any = field(init=False, repr=False, compare=False)
    root: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            # What workers write must be seen at once.
            fs, root = fsspec.core.url_to_fs(self.url, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise RequestError(f"store {self.url}: {error}") from None
        object.__setattr__(self, "fs", fs)
        object.__setattr__(self, "root", root.rstrip("/"))

    def path(self, *parts: str) -> str:
        """Path of an object, as the file system wants it."""
        return posixpath.join(self.root, *parts)

    @property
    def local(self) -> Path | None:
        """The folder, if the store is one on this machine."""
        return Path(self.root) if isinstance(self.fs, LocalFileSystem) else None

    @contextlib.contextmanager
    def _answers(self) -> Iterator[None]:
        """Makes a RequestError of whatever a file system raises, but for a missing object."""
        try:
            yield
        except FileNotFoundError:
            raise
        except Exception as error:
            # Each kind of store has errors of its own for a refused login, a missing bucket or no network.
            raise Unavailable(f"store {self.url} cannot be read: {first_line(error)}") from None

    def read_json(self, *parts: str) -> Any:
        """A JSON object, or None if there is none. Raises RequestError if it is not JSON or the store does not answer."""
        try:
            with self._answers():
                text = self.fs.cat_file(self.path(*parts))
        except FileNotFoundError:
            return None
        try:
            return json.loads(text)
        except ValueError:
            raise RequestError(f"store {self.url}: {'/'.join(parts)} is not JSON; delete it to make it again") from None

    def write(self, data: bytes, *parts: str) -> None:
        """Writes an object whole: a reader sees the old one or the new one. Raises RequestError if it cannot."""
        path = self.path(*parts)
        try:
            if self.local is None:
                self.fs.pipe_file(path, data)
                return
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            scratch = Path(f"{path}.{uuid.uuid4().hex[:SHORT]}.part")
            with scratch.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(path)
        except Exception as error:  # as in `_answers`
            raise Unavailable(f"store {self.url}: cannot write {'/'.join(parts)}: {first_line(error)}") from None

    def write_json(self, value: Any, *parts: str) -> None:
        """Writes a JSON object whole."""
        self.write(json.dumps(value, indent=1, sort_keys=True, allow_nan=False).encode(), *parts)

    def delete(self, *parts: str) -> None:
        """Removes an object or everything below a path; nothing there is fine."""
        with contextlib.suppress(FileNotFoundError), self._answers():
            if self.fs.exists(self.path(*parts)):
                self.fs.rm(self.path(*parts), recursive=True)

    def folders(self, kind: str) -> list[str]:
        """Paths of all folders of a kind, also of those that have no record yet."""
        try:
            with self._answers():
                found = self.fs.ls(self.path(kind), detail=False)
        except FileNotFoundError:
            return []
        return sorted(posixpath.join(kind, posixpath.basename(path.rstrip("/"))) for path in found)

    def records_in(self, folders: Sequence[str], name: str = "record.json") -> dict[str, Record]:
        """The record in each of these folders that has one, by folder and with it as "path": read in one go, since object
        stores answer many requests at once. Raises RequestError for one that is damaged."""
        with self._answers():
            # Unlike `cat` it takes paths as they are, and tells a missing object from one that cannot be read.
            texts = self.fs.cat_ranges([self.path(folder, name) for folder in folders], None, None)
            for text in texts:
                if isinstance(text, Exception) and not isinstance(text, FileNotFoundError | NotADirectoryError):
                    raise text
        there = [(folder, text) for folder, text in zip(folders, texts, strict=True) if isinstance(text, bytes)]
        return {folder: self._record(text, folder, name) for folder, text in there}

    def _record(self, text: bytes, folder: str, name: str) -> Record:
        try:
            record = json.loads(text)
            return {**record, "digest": record["digest"], "path": folder}
        except (ValueError, KeyError, TypeError):
            place = f"{folder}/{name}"
            raise RequestError(f"store {self.url}: {place} is damaged; delete it to make the step again") from None

    def records(self, kind: str, name: str = "record.json") -> dict[str, Record]:
        """All records of a kind, by digest."""
        return {record["digest"]: record for record in self.records_in(self.folders(kind), name).values()}

    def upload(self, folder: Path, *parts: str) -> None:
        """Copies the files of a local folder below a path of the store."""
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                self.write(file.read_bytes(), *parts, file.relative_to(folder).as_posix())

    def fetch(self, *parts: str) -> Path:
        """A local path to a file or folder of the store: itself, or a copy kept in the cache. Raises RequestError if an
        object store has none."""
        if self.local is not None:
            return self.local.joinpath(*parts)
        # The key changes with the objects, so that what was made again is fetched again.
        path = self.path(*parts)
        with self._answers():
            files = {file: str(self.fs.ukey(file)) for file in sorted(self.fs.find(path))}
        if not files:
            raise RequestError(
                f"store {self.url}: {'/'.join(parts)} is not there; delete its folder, and its study's, to make it again"
            )
        target = cache_folder() / "store" / digest([self.url, files])[:16] / parts[-1]
        if not target.exists():
            scratch = target.with_name(f"{target.name}.{uuid.uuid4().hex[:SHORT]}.part")
            scratch.parent.mkdir(parents=True, exist_ok=True)
            with self._answers():
                self.fs.get(path, str(scratch), recursive=True)
            try:
                scratch.replace(target)
            except OSError:  # another process was first
                shutil.rmtree(scratch, ignore_errors=True)
        return target


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


BEAT_SECONDS = 10.0
STALE_SECONDS = 60.0


class StoreLock:
    """The right to write to a store: one run at a time.

    It is kept alive by `beat` and given up by `release`. One whose process is gone, or that was not kept alive for
    STALE_SECONDS, is taken over.
    """

    def __init__(self, store: Store) -> None:
        """Raises RequestError if another run holds the store."""
        self.store = store
        self.me = {"id": uuid.uuid4().hex, "host": socket.gethostname(), "pid": os.getpid(), "started": _born()}
        held = store.read_json("lease.json")
        if held is not None and _alive(held):
            raise RequestError(
                f"store {store.url} is in use by process {held['pid']} on {held['host']} (last sign of life"
                f" {time.time() - held['beat']:.0f} s ago); wait for it to end or use another --store"
            )
        self.beat()
        # Of two runs that start together, both read "free" and both write; the one that wrote last holds the store.
        time.sleep(0.2)
        if (store.read_json("lease.json") or {}).get("id") != self.me["id"]:
            raise RequestError(f"store {store.url} was taken by another run at this moment; start again when it ends")

    def beat(self) -> None:
        """Says that this run is alive; a lease that another run has taken over meanwhile stays as it is."""
        held = self.store.read_json("lease.json")
        if held is not None and held["id"] != self.me["id"] and _alive(held):
            return
        self.store.write_json(self.me | {"beat": time.time()}, "lease.json")

    def release(self) -> None:
        """Gives the store up, unless another run has taken it over."""
        if (self.store.read_json("lease.json") or {}).get("id") == self.me["id"]:
            self.store.delete("lease.json")


def _born() -> float:
    return float(psutil.Process().create_time())


def _alive(lease: Record) -> bool:
    if lease["host"] != socket.gethostname():
        return time.time() - float(lease["beat"]) < STALE_SECONDS
    try:
        return abs(float(psutil.Process(lease["pid"]).create_time()) - float(lease["started"])) < 1.0
    except psutil.NoSuchProcess:
        return False
