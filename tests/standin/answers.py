"""The hub's answer to a request, as a pure function of its content.

Written from the requests and the expectations of huggingface_hub 2.4, which says little of what it does not read.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

import yaml

from tests.standin.content import Commit, Files, Repository, digests

_ID = r"[^/]+(?:/(?!(?:revision|tree|paths-info|refs|resolve)(?:/|$))[^/]+)?"
_API = re.compile(
    rf"/api/(?P<kind>datasets|models)/(?P<id>{_ID})"
    r"(?:/(?P<verb>revision|tree|paths-info|refs)(?:/(?P<revision>[^/]+)(?:/(?P<path>.*))?)?)?"
)
_RESOLVE = re.compile(rf"/(?:(?P<kind>datasets)/)?(?P<id>{_ID})/resolve/(?P<revision>[^/]+)/(?P<path>.+)")
_BLOB = re.compile(r"/blobs/(?P<sha256>[0-9a-f]{64})")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")

# The pure Python loader needs a second for the card of a data set with a hundred configurations.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Question:
    """A request. target: path and query as sent. headers: by lower-case name."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def token(self) -> str | None:
        """The access token of the request."""
        return self.headers.get("authorization", "").removeprefix("Bearer ") or None


@dataclass(frozen=True)
class Answer:
    """A response. HEAD requests get only the length of the body."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Site:
    """What answers depend on besides the request.

    repositories: (kind, id) -> repository. url: of the hub. storage: of the host that large files are redirected to.
    large: a file of more bytes is large. page: entries of a listing that are sent at once. tokens: whoever sends one of them
    has access to everything.
    """

    repositories: Mapping[tuple[str, str], Repository]
    url: str
    storage: str
    large: int
    page: int
    tokens: frozenset[str]


class Refused(Exception):
    """An error response. code: selects the exception that clients raise."""

    def __init__(self, status: int, code: str | None, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers or {}

    def answer(self) -> Answer:
        """The error as a response."""
        code = {"X-Error-Code": self.code} if self.code else {}
        headers = {"X-Error-Message": self.message, **code, **self.headers}
        return _json({"error": self.message}, self.status, headers)


def answer(site: Site, asked: Question) -> Answer:
    """The hub's answer to any request."""
    path = urlsplit(asked.target).path
    try:
        if found := _RESOLVE.fullmatch(path):
            return _resolve(site, asked, found)
        if found := _API.fullmatch(path):
            return _api(site, asked, found)
        if path.startswith("/api/telemetry/"):
            return Answer(200)
        if path == "/api/agent-harnesses":
            return _json({"standardEnvVars": [], "harnesses": {}})
        raise Refused(404, None, "Sorry, we can't find the page you are looking for.")
    except Refused as refusal:
        return refusal.answer()


def storage_answer(site: Site, asked: Question) -> Answer:
    """The response of the storage host for large files, which are addressed by content and need no token."""
    found = _BLOB.fullmatch(urlsplit(asked.target).path)
    content = found and _stored(site, found["sha256"])
    if not found or content is None:
        return Answer(403, {"Content-Type": "application/xml"}, b"<Error><Code>AccessDenied</Code></Error>")
    return _content(asked, content, {"ETag": f'"{found["sha256"]}"'})


def _stored(site: Site, sha256: str) -> bytes | None:
    commits = (commit for repository in site.repositories.values() for commit in repository.commits)
    contents = (content for commit in commits for content in commit.files.values())
    return next((content for content in contents if digests(content).sha256 == sha256), None)


def _api(site: Site, asked: Question, found: re.Match[str]) -> Answer:
    repository = _repository(site, asked, found["kind"], found["id"])
    if found["verb"] == "refs":
        return _json(refs(repository, "include_prs" in asked.target))
    commit, path = _commit(repository, found["revision"] or "main"), unquote(found["path"] or "")
    query = parse_qs(urlsplit(asked.target).query)
    match found["verb"]:
        case "tree":
            return _tree(site, asked, commit, path)
        case "paths-info":
            wanted, expand = _wanted(asked)
            listed = entries(commit, site.large, expand)
            return _json([entry for entry in listed if entry["path"] in wanted])
    told = info(repository, commit, site.large, blobs=query.get("blobs") == ["true"])
    if "expand" in query:
        told = {name: value for name, value in told.items() if name in {"_id", "id", *query["expand"]}}
    return _json(told)


def _repository(site: Site, asked: Question, kind: str, name: str) -> Repository:
    repository = site.repositories.get((kind, name))
    if repository is None or (repository.private and asked.token not in site.tokens):
        if asked.token:
            raise Refused(404, "RepoNotFound", "Repository not found")
        raise Refused(401, "RepoNotFound", "Invalid username or password.")
    return repository


def _commit(repository: Repository, revision: str) -> Commit:
    commit = repository.commit(unquote(revision))
    if commit is None:
        raise Refused(404, "RevisionNotFound", f"Invalid rev id: {unquote(revision)}")
    return commit


def _resolve(site: Site, asked: Question, found: re.Match[str]) -> Answer:
    repository = _repository(site, asked, found["kind"] or "models", found["id"])
    if repository.gated and asked.token not in site.tokens:
        message = f"Access to {repository.kind[:-1]} {repository.id} is restricted"
        raise Refused(403 if asked.token else 401, "GatedRepo", message)
    commit, path = _commit(repository, found["revision"]), unquote(found["path"])
    # With this header clients cache for which commit a file is missing.
    about = {"X-Repo-Commit": commit.id}
    if path not in commit.files:
        raise Refused(404, "EntryNotFound", "Entry not found", about)
    content = commit.files[path]
    known = digests(content)
    if len(content) <= site.large:
        return _content(asked, content, {**about, "ETag": f'"{known.oid}"'})
    address = f"{site.storage}/blobs/{known.sha256}?{urlencode({'filename': path}, quote_via=quote, safe='/')}"
    linked = {"X-Linked-Etag": f'"{known.sha256}"', "X-Linked-Size": str(len(content)), "ETag": f'"{known.oid}"'}
    body = f"Found. Redirecting to {address}".encode()
    return Answer(302, {**about, **linked, "Location": address, "Content-Type": "text/plain"}, body)


def _content(asked: Question, content: bytes, headers: Mapping[str, str]) -> Answer:
    """A file, or the requested byte range."""
    headers = {"Accept-Ranges": "bytes", "Content-Type": "application/octet-stream", **headers}
    if asked.headers.get("if-none-match") == headers["ETag"]:
        return Answer(304, headers)
    found = _RANGE.fullmatch(asked.headers.get("range", ""))
    if found is None or found.groups() == ("", ""):
        return Answer(200, headers, content)
    size = len(content)
    first, last = found.groups()
    start = int(first) if first else max(0, size - int(last))
    stop = min(size, int(last) + 1) if first and last else size
    if start >= stop:
        return Answer(416, {**headers, "Content-Range": f"bytes */{size}"})
    return Answer(206, {**headers, "Content-Range": f"bytes {start}-{stop - 1}/{size}"}, content[start:stop])


def _tree(site: Site, asked: Question, commit: Commit, folder: str) -> Answer:
    """A page of a folder listing, with the URL of the next page."""
    query = parse_qs(urlsplit(asked.target).query)
    expand, deep = (query.get(name) == ["true"] for name in ("expand", "recursive"))
    inside = f"{folder.rstrip('/')}/" if folder else ""
    below = [entry for entry in entries(commit, site.large, expand) if entry["path"].startswith(inside)]
    if inside and not below:
        raise Refused(404, "EntryNotFound", f'"{folder}" does not exist on "{commit.id}"')
    listed = below if deep else [entry for entry in below if "/" not in entry["path"].removeprefix(inside)]
    start = int(query.get("cursor", ["0"])[0])
    stop = start + int(query.get("limit", [str(site.page)])[0])
    following = urlencode({**query, "cursor": [str(stop)]}, doseq=True)
    link = f'<{site.url}{urlsplit(asked.target).path}?{following}>; rel="next"'
    return _json(listed[start:stop], headers={"Link": link} if stop < len(listed) else {})


def _wanted(asked: Question) -> tuple[set[str], bool]:
    """The paths that are asked about, and whether by whom they were changed is to be told."""
    if asked.headers.get("content-type", "").startswith("application/json"):
        told = json.loads(asked.body)
        return set(told["paths"]), bool(told.get("expand"))
    form = parse_qs(asked.body.decode())
    return set(form.get("paths", [])), form.get("expand") == ["true"]


def entries(commit: Commit, large: int, expand: bool = False) -> list[dict[str, Any]]:
    """Files and folders of a commit in the form of the hub's listings, by path."""
    files = [{"type": "file", "path": path, **_blob(content, large, "oid")} for path, content in commit.files.items()]
    folders = [{"type": "directory", "path": path, "oid": commit.id, "size": 0} for path in _folders(commit.files)]
    changed = {"lastCommit": {"id": commit.id, "title": commit.title, "date": commit.date}} if expand else {}
    return sorted(({**entry, **changed} for entry in (*files, *folders)), key=lambda entry: str(entry["path"]))


def _folders(paths: Iterable[str]) -> set[str]:
    return {path[:place] for path in paths for place, letter in enumerate(path) if letter == "/"}


def _blob(content: bytes, large: int, digest: str) -> dict[str, Any]:
    """Size and digests of a file. digest: what the hub calls the sha256 of a large file here, `oid` in listings and `sha256`
    in the facts of a repository."""
    known = digests(content)
    if len(content) <= large:
        return {"size": len(content), "oid": known.oid}
    lfs = {digest: known.sha256, "size": len(content), "pointerSize": known.pointer_size}
    return {"size": len(content), "oid": known.pointer_oid, "lfs": lfs}


def info(repository: Repository, commit: Commit, large: int, blobs: bool = False) -> dict[str, Any]:
    """The facts of a repository at a commit. blobs: whether with sizes and digests of the files."""
    card = dict(_front_matter(commit.files.get("README.md", b"")))
    facts = {
        "_id": digests(repository.id.encode()).oid[:24],
        "id": repository.id,
        "author": repository.id.rpartition("/")[0] or None,
        "sha": commit.id,
        "createdAt": repository.commits[0].date,
        "lastModified": commit.date,
        "private": repository.private,
        "gated": "manual" if repository.gated else False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": list(card.get("tags", [])),
        "cardData": card,
        "siblings": [_sibling(path, content, large, blobs) for path, content in sorted(commit.files.items())],
        "usedStorage": sum(len(content) for content in commit.files.values()),
    }
    if repository.kind == "models":
        facts |= {"modelId": repository.id, "library_name": card.get("library_name"), "config": _config(commit.files)}
    return facts


def _sibling(path: str, content: bytes, large: int, blobs: bool) -> dict[str, Any]:
    if not blobs:
        return {"rfilename": path}
    told = _blob(content, large, "sha256")
    return {"rfilename": path, "blobId": told.pop("oid"), **told}


def _config(files: Files) -> dict[str, Any]:
    """The hub's metadata of a model's configuration."""
    config = json.loads(files.get("config.json", b"{}"))
    return {name: config[name] for name in ("architectures", "model_type") if name in config}


@lru_cache(maxsize=256)
def _front_matter(card: bytes) -> Mapping[str, Any]:
    """The YAML header of a card."""
    found = re.match(r"---\n(.*?)\n---\n", card.decode(), re.DOTALL)
    return (yaml.load(found[1], _LOADER) or {}) if found else {}


def refs(repository: Repository, pulls: bool = False) -> dict[str, Any]:
    """The branches of a repository. pulls: with pull requests."""
    found: dict[str, list[dict[str, str]]] = {"branches": [], "converts": [], "tags": [], "pullRequests": []}
    for name, commit in repository.branches.items():
        match name.split("/"):
            case ["refs", "convert", short]:
                found["converts"].append({"name": short, "ref": name, "targetCommit": commit})
            case ["refs", "pr", _]:
                found["pullRequests"].append({"name": name, "ref": name, "targetCommit": commit})
            case _:
                found["branches"].append({"name": name, "ref": f"refs/heads/{name}", "targetCommit": commit})
    return found if pulls else {name: told for name, told in found.items() if name != "pullRequests"}


def _json(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    # A card may hold dates, which JSON lacks.
    body = json.dumps(data, ensure_ascii=False, default=str).encode()
    return Answer(status, {"Content-Type": "application/json; charset=utf-8", **(headers or {})}, body)
