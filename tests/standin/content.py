"""What a hub holds: repositories with commits, branches that point at them, and files that never change."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Literal

Kind = Literal["datasets", "models"]
"""The kinds of repositories, as the hub's addresses spell them."""

Files = Mapping[str, bytes]
"""Path in a repository -> content."""


@dataclass(frozen=True)
class Digests:
    """What the hub says of a file's content instead of sending it.

    oid: git's name for the content. sha256: of the content. pointer_oid: git's name for the pointer that stands for a large
    file. pointer_size: its bytes.
    """

    oid: str
    sha256: str
    pointer_oid: str
    pointer_size: int


@lru_cache(maxsize=8192)
def digests(content: bytes) -> Digests:
    """The digests of a file's content."""
    sha256 = hashlib.sha256(content).hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {len(content)}\n".encode()
    return Digests(_git_oid(content), sha256, _git_oid(pointer), len(pointer))


def _git_oid(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@dataclass(frozen=True, eq=False)
class Commit:
    """A state of a repository. Its id follows from what it holds, so that the same rows have the same commit in every
    session."""

    files: Files
    title: str = "Upload files"
    date: str = "2024-05-01T12:00:00.000Z"

    @cached_property
    def id(self) -> str:
        """Forty hexadecimal digits."""
        parts = [self.title, self.date, *(f"{path} {digests(content).sha256}" for path, content in self.files.items())]
        return hashlib.sha1("\n".join(parts).encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class Repository:
    """commits: all of them, the oldest first. branches: name -> id of a commit. gated: its files are only for those who were
    given access. private: so is the knowledge that it exists."""

    id: str
    kind: Kind
    commits: tuple[Commit, ...]
    branches: Mapping[str, str] = field(default_factory=dict)
    gated: bool = False
    private: bool = False

    def commit(self, revision: str) -> Commit | None:
        """The commit that a branch's name or a commit's id means, None if there is none."""
        wanted = self.branches.get(revision, revision)
        return next((commit for commit in self.commits if commit.id == wanted), None)

    @property
    def main(self) -> Commit:
        """The newest commit of the main branch. Raises LookupError if there is no such branch."""
        commit = self.commit("main")
        if commit is None:
            raise LookupError(f"{self.id} has no branch main")
        return commit

    def with_commit(self, commit: Commit, branch: str = "main") -> "Repository":
        """The repository after one commit more, on `branch`, which need not be there yet."""
        known = any(old.id == commit.id for old in self.commits)
        commits = self.commits if known else (*self.commits, commit)
        return replace(self, commits=commits, branches={**self.branches, branch: commit.id})


def repository(
    name: str, files: Files, kind: Kind = "datasets", *, gated: bool = False, private: bool = False
) -> Repository:
    """A repository with one commit, on its main branch."""
    return Repository(name, kind, (), gated=gated, private=private).with_commit(Commit(files, f"Upload {name}"))
