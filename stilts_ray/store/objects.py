"""Objects below a path or URL: a local folder or an object store (s3://, gs://), through fsspec."""

import contextlib
import json
import os
import posixpath
import shutil
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from stilts_ray.data.cache_folder import cache_folder
from stilts_ray.errors import RequestError, Unavailable, first_line
from stilts_ray.identity import SHORT, digest


@dataclass(frozen=True)
class ObjectStore:
    """A store at a path or URL. Raises RequestError for a URL with an unknown protocol, Unavailable if the store does not
    answer."""

    url: str
    fs: Any = field(init=False, repr=False, compare=False)
    root: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            # The driver must see at once what workers write.
            fs, root = fsspec.core.url_to_fs(self.url, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise RequestError(f"store {self.url}: {error}") from None
        object.__setattr__(self, "fs", fs)
        object.__setattr__(self, "root", root.rstrip("/"))

    def path(self, *parts: str) -> str:
        """Path of an object in the file system."""
        return posixpath.join(self.root, *parts)

    @property
    def local(self) -> Path | None:
        """The store's folder, None for an object store."""
        return Path(self.root) if isinstance(self.fs, LocalFileSystem) else None

    @contextlib.contextmanager
    def _unavailable_on_error(self) -> Iterator[None]:
        """Turns every error of the file system except FileNotFoundError into Unavailable."""
        try:
            yield
        except FileNotFoundError:
            raise
        except Exception as error:
            # Each file system has its own exceptions for denied access, a missing bucket or no network.
            raise Unavailable(f"store {self.url} cannot be read: {first_line(error)}") from None

    def read_json(self, *parts: str) -> Any:
        """The value of a JSON object; None if the object does not exist. Raises RequestError if it is not valid JSON or the
        store does not answer."""
        try:
            with self._unavailable_on_error():
                text = self.fs.cat_file(self.path(*parts))
        except FileNotFoundError:
            return None
        try:
            return json.loads(text)
        except ValueError:
            raise RequestError(f"store {self.url}: {'/'.join(parts)} is not JSON; delete it to make it again") from None

    def write(self, data: bytes, *parts: str) -> None:
        """Writes an object atomically: a reader sees the old one or the new one. Raises Unavailable if it cannot be written."""
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
        except Exception as error:  # as in `_unavailable_on_error`
            raise Unavailable(f"store {self.url}: cannot write {'/'.join(parts)}: {first_line(error)}") from None

    def write_json(self, value: Any, *parts: str) -> None:
        """Writes a JSON object atomically."""
        self.write(json.dumps(value, indent=1, sort_keys=True, allow_nan=False).encode(), *parts)

    def exists(self, *parts: str) -> bool:
        """Whether an object or folder exists."""
        with self._unavailable_on_error():
            return bool(self.fs.exists(self.path(*parts)))

    def delete(self, *parts: str) -> None:
        """Removes an object, or everything below a path. Does nothing if there is none."""
        with contextlib.suppress(FileNotFoundError), self._unavailable_on_error():
            if self.fs.exists(self.path(*parts)):
                self.fs.rm(self.path(*parts), recursive=True)

    def folders(self, kind: str) -> list[str]:
        """Paths of all folders of a kind, including those without a record."""
        try:
            with self._unavailable_on_error():
                paths = self.fs.ls(self.path(kind), detail=False)
        except FileNotFoundError:
            return []
        return sorted(posixpath.join(kind, posixpath.basename(path.rstrip("/"))) for path in paths)

    def texts_in(self, folders: Sequence[str], name: str) -> dict[str, bytes]:
        """Folder -> content of its object `name`, of those folders that have it. Read in one call, so that an object store
        answers the requests concurrently."""
        with self._unavailable_on_error():
            # Unlike `cat`, `cat_ranges` does not expand paths, and distinguishes a missing object from an unreadable one.
            texts = self.fs.cat_ranges([self.path(folder, name) for folder in folders], None, None)
            for text in texts:
                if isinstance(text, Exception) and not isinstance(text, FileNotFoundError | NotADirectoryError):
                    raise text
        return {folder: text for folder, text in zip(folders, texts, strict=True) if isinstance(text, bytes)}

    def upload(self, folder: Path, *parts: str) -> None:
        """Copies the files of a local folder to a path of the store. Raises Unavailable if they cannot be written."""
        target = self.path(*parts)
        try:
            if self.local is not None:
                # Each file atomically, as in `write`.
                for file in sorted(file for file in folder.rglob("*") if file.is_file()):
                    self._put_atomically(file, Path(target, file.relative_to(folder)))
            else:
                self.fs.put(f"{folder}/", f"{target}/", recursive=True)
        except Exception as error:  # as in `_unavailable_on_error`
            raise Unavailable(f"store {self.url}: cannot write {'/'.join(parts)}: {first_line(error)}") from None

    def _put_atomically(self, file: Path, target: Path) -> None:
        """Copies a local file, in chunks: a reader sees the old one or the new one."""
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = target.with_name(f"{target.name}.{uuid.uuid4().hex[:SHORT]}.part")
        self.fs.put_file(str(file), str(scratch))
        scratch.replace(target)

    def fetch(self, *parts: str) -> Path:
        """A local path to a file or folder of the store: its own path, or that of a cached copy. Raises RequestError if an
        object store does not have it."""
        if self.local is not None:
            return self.local.joinpath(*parts)
        # The key changes with the objects, so that changed objects are fetched again.
        path = self.path(*parts)
        with self._unavailable_on_error():
            files = {file: str(self.fs.ukey(file)) for file in sorted(self.fs.find(path))}
        if not files:
            raise RequestError(
                f"store {self.url}: {'/'.join(parts)} does not exist; delete its folder, and its study's, to make it again"
            )
        target = cache_folder() / "store" / digest([self.url, files])[:16] / parts[-1]
        if not target.exists():
            scratch = target.with_name(f"{target.name}.{uuid.uuid4().hex[:SHORT]}.part")
            scratch.parent.mkdir(parents=True, exist_ok=True)
            with self._unavailable_on_error():
                self.fs.get(path, str(scratch), recursive=True)
            try:
                scratch.replace(target)
            except OSError:  # another process has fetched it
                shutil.rmtree(scratch, ignore_errors=True)
        return target
