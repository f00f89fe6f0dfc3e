"""Client of the Hugging Face hub: resolves repositories and downloads files. Transient failures are retried; permanent ones
become one-line errors that say what to do."""

import contextlib
import json
import logging
import os
import sys
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from huggingface_hub import HfApi, constants, hf_hub_download, scan_cache_dir
from huggingface_hub import logging as hub_logging
from huggingface_hub.errors import (
    CacheNotFound,
    DisabledRepoError,
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.errors import HTTPError as AnyHTTPError  # type: ignore[attr-defined]
from huggingface_hub.repocard import metadata_load
from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]
from yaml import YAMLError

from stilts_ray.data.cache_folder import cache_folder, write_whole
from stilts_ray.data.repository import Repository, is_commit, with_card
from stilts_ray.errors import RequestError, Unavailable, first_line

T = TypeVar("T")
KindOfRepository = Literal["dataset", "model"]

NAMES: dict[KindOfRepository, str] = {"dataset": "data set", "model": "encoder"}
ALTERNATIVE: dict[KindOfRepository, str] = {
    "dataset": "; or give its files with --data-dir",
    "model": "; or name its folder in the sweep: `hf download NAME --local-dir FOLDER` makes one on a connected machine",
}
"""How messages name each kind, and the alternative that they suggest."""

VERSION = 1
"""Bumped when the cached content of a `Repository` changes."""

RETRY_SECONDS = 120.0
"""Maximum total seconds of retries."""
MAX_WAIT = 30.0
"""Maximum seconds between two retries, unless `Retry-After` asks for more."""
TRANSIENT = {408, 429, 500, 502, 503, 504}
"""HTTP statuses worth a retry."""
UNREACHABLE = {"ConnectError", "ConnectTimeout", "ProxyError", "UnsupportedProtocol"}
"""Client errors that mean no connection; these are not retried."""

log = logging.getLogger("stilts_ray.hub")
hub_logging.set_verbosity_error()  # type: ignore[no-untyped-call]


def offline() -> bool:
    """Whether the user has set an offline variable of the hub's libraries."""
    datasets_offline = os.environ.get("HF_DATASETS_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}
    return bool(constants.HF_HUB_OFFLINE) or datasets_offline


# Repositories


def look_up(name: str, kind: KindOfRepository, revision: str | None = None) -> Repository:
    """A repository at a commit, or at the newest commit of a branch (None: the main branch).

    Commits are immutable, so their content is cached on this machine. Offline, only the cache is used. Raises RequestError if
    the repository or revision does not exist, Unavailable if the hub does not respond.
    """
    if is_commit(revision) and (known := _read_cache(name, kind, str(revision))):
        return known
    if offline():
        return _look_up_offline(name, kind, revision)
    what = f"{NAMES[kind]} {name}" + (f" at {revision}" if revision else "")
    info = with_retries(lambda: _repo_info(name, kind, revision), what, ALTERNATIVE[kind])
    branch = None if is_commit(revision) else revision
    found = _read_cache(name, kind, str(info.sha)) or _describe(name, kind, info)
    _write_cache(found, revision)
    return found.model_copy(update={"branch": branch})


def _repo_info(name: str, kind: KindOfRepository, revision: str | None) -> Any:
    try:
        info = HfApi().repo_info(name, repo_type=kind, revision=revision)
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        # For example, the page of a proxy.
        raise Unavailable(f"{constants.ENDPOINT} does not respond like a hub ({type(error).__name__})") from None
    if not is_commit(info.sha) or (is_commit(revision) and info.sha != revision):
        raise Unavailable(f"{constants.ENDPOINT} returns {name} at {info.sha}, not at {revision or 'a commit'}")
    return info


def _describe(name: str, kind: KindOfRepository, info: Any) -> Repository:
    commit = str(info.sha)
    files = tuple(sibling.rfilename for sibling in info.siblings or ())
    if not files:
        listed = with_retries(lambda: HfApi().list_repo_files(name, repo_type=kind, revision=commit), name)
        files = tuple(listed)
    bare = Repository(id=name, kind=kind, commit=commit, files=files)
    if kind == "model":
        return bare
    card = info.card_data.to_dict() if info.card_data else {}
    if not card.get("configs") and "README.md" in files:
        card = _card(bare, fetch(bare, "README.md"))
    return with_card(bare, card)


def _card(repository: Repository, readme: Path) -> Any:
    try:
        return metadata_load(readme)
    except (ValueError, YAMLError) as error:
        raise RequestError(f"{repository.at}: its card cannot be read: {first_line(error)}") from None


def _folder(name: str, kind: str) -> Path:
    return cache_folder() / f"hub-{VERSION}" / f"{kind}s--{name.replace('/', '--')}"


def _read_cache(name: str, kind: KindOfRepository, commit: str) -> Repository | None:
    try:
        text = (_folder(name, kind) / f"{commit}.json").read_text(encoding="utf-8")
        found = Repository.model_validate_json(text)
    except (OSError, ValueError):
        return None
    return found if (found.id, found.kind, found.commit) == (name, kind, commit) else None


def _write_cache(repository: Repository, revision: str | None) -> None:
    folder = _folder(repository.id, repository.kind)
    # Without a cache entry the repository is requested again.
    with contextlib.suppress(OSError):
        write_whole(folder / f"{repository.commit}.json", repository.model_dump_json())
        if not is_commit(revision):
            write_whole(_reference(folder, revision), repository.commit)


def _reference(folder: Path, revision: str | None) -> Path:
    return folder / f"newest-{(revision or 'main').replace('/', '--')}"


def _look_up_offline(name: str, kind: KindOfRepository, revision: str | None) -> Repository:
    """The repository from this machine's caches: ours, then that of the hub's client, which other programs may have filled."""
    reference = _reference(_folder(name, kind), revision)
    if not is_commit(revision) and reference.is_file():
        known = _read_cache(name, kind, reference.read_text(encoding="utf-8"))
        if known is not None:
            return known.model_copy(update={"branch": revision})
    snapshot = _snapshot(name, kind, revision)
    if snapshot is None:
        wanted = f" at {revision}" if revision else ""
        raise Unavailable(
            f"{NAMES[kind]} {name}{wanted} is not in the cache, and HF_HUB_OFFLINE is set; go online once for it"
            f"{ALTERNATIVE[kind]}"
        )
    files = {str(file.file_path.relative_to(snapshot.snapshot_path)) for file in snapshot.files}
    branch = None if is_commit(revision) else revision
    found = Repository(
        id=name, kind=kind, commit=snapshot.commit_hash, branch=branch, files=tuple(sorted(files)), whole=False
    )
    return with_card(found, _card(found, snapshot.snapshot_path / "README.md")) if "README.md" in files else found


def _snapshot(name: str, kind: str, revision: str | None) -> Any:
    """The cached revision of a repository in the client's cache: the requested commit, or the last known commit of the branch;
    for the main branch, else the newest."""
    try:
        repositories = scan_cache_dir().repos
    except CacheNotFound:
        return None
    there = [r for repo in repositories if (repo.repo_id, repo.repo_type) == (name, kind) for r in repo.revisions]
    if is_commit(revision):
        return next((r for r in there if r.commit_hash == revision), None)
    named = [r for r in there if (revision or "main") in r.refs]
    return max(named or (there if revision is None else []), key=lambda r: r.last_modified, default=None)


# Files


def fetch(repository: Repository, path: str) -> Path:
    """Local path of a repository's file at its commit, downloaded if not cached. Raises RequestError if the file does not
    exist, Unavailable if the hub does not respond or returns another commit's file."""

    def download() -> str:
        return hf_hub_download(
            repository.id, path, repo_type=repository.kind, revision=repository.commit, local_files_only=offline()
        )

    _quiet_without_terminal()
    found = Path(with_retries(download, f"{path} of {repository.at}", ALTERNATIVE[repository.kind]))
    if repository.commit not in found.parts:
        raise Unavailable(f"the hub returned {path} of {repository.id} at another commit than {repository.commit}")
    return found


def _quiet_without_terminal() -> None:
    if not sys.stderr.isatty():
        disable_progress_bars()


# Retries and error messages


def with_retries(request: Callable[[], T], what: str, alternative: str = "") -> T:
    """The result of a hub request; retries transient failures for at most RETRY_SECONDS. what: the request's object, for
    messages. alternative: suggestion appended to messages. Raises RequestError if refused, Unavailable without a response."""
    started, wait = time.monotonic(), 1.0
    while True:
        try:
            return request()
        except (AnyHTTPError, OSError, EntryNotFoundError, HFValidationError) as error:
            pause = _pause(error, wait)
            if pause is None or time.monotonic() - started + pause > RETRY_SECONDS:
                raise to_request_error(error, what, alternative) from None
            log.warning(
                "%s: the hub %s; retrying in %.0f s, for at most %.0f s in total",
                what,
                _failure(error),
                pause,
                RETRY_SECONDS,
            )
            time.sleep(pause)
            wait = min(2 * wait, MAX_WAIT)


def _pause(error: BaseException, wait: float) -> float | None:
    """Seconds until the next retry; None for a permanent failure."""
    http = _http(error)
    if http is None or type(http).__name__ in UNREACHABLE:
        return None
    if not isinstance(http, HfHubHTTPError):
        return wait  # the connection was lost
    if http.response.status_code not in TRANSIENT:
        return None
    return max(wait, _retry_after(http) or 0.0)


def _retry_after(error: Any) -> float | None:
    """Seconds requested by the header `Retry-After`, a number or a date; None without it."""
    value = error.response.headers.get("Retry-After", "")
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None


def _http(error: BaseException | None) -> Any:
    """The HTTP error in an error's chain of causes: a failed download itself only says that the file is not cached."""
    while error is not None:
        if isinstance(error, AnyHTTPError):
            return error
        error = error.__cause__ or error.__context__
    return None


def _failure(error: BaseException) -> str:
    http = _http(error)
    return f"answers {http.response.status_code}" if isinstance(http, HfHubHTTPError) else "closed the connection"


REFUSALS: dict[type[Exception], str] = {
    GatedRepoError: "is gated: ask for access on {page}, then `hf auth login`",
    DisabledRepoError: "is disabled on the hub",
    RevisionNotFoundError: "was not found: the hub has no such commit or branch",
    RepositoryNotFoundError: "is not on the hub, or it is private: check the name, or `hf auth login`",
    RemoteEntryNotFoundError: "was not found: the hub has no such file",
    HFValidationError: "is not a valid repository name",
}
"""Messages of permanent failures, subclasses before their base classes."""


def to_request_error(error: BaseException, what: str, alternative: str = "") -> RequestError:
    """A client error as a one-line error that says what to do."""
    http = _http(error)
    for kind, message in REFUSALS.items():
        if isinstance(http or error, kind):
            return RequestError(f"{what} {message.format(page=_page(http))}{alternative}")
    if isinstance(http, HfHubHTTPError):
        return _status_error(http, what, alternative)
    if offline() and isinstance(error, OfflineModeIsEnabled | LocalEntryNotFoundError):
        return Unavailable(f"{what} is not in the cache, and HF_HUB_OFFLINE is set; go online once for it{alternative}")
    if http is not None or isinstance(error, LocalEntryNotFoundError | ConnectionError):
        where, cause = constants.ENDPOINT, first_line(http or error)
        hint = "is the machine online? HF_HUB_OFFLINE=1 uses the cache alone"
        return Unavailable(f"{what}: {where} cannot be reached ({cause}); {hint}{alternative}")
    return Unavailable(f"{what}: {first_line(error)}{alternative}")


def _status_error(error: Any, what: str, alternative: str) -> RequestError:
    """The error for an HTTP status without a class of its own."""
    status = error.response.status_code
    if status in {401, 403}:
        return RequestError(f"{what}: the hub refuses this login ({status}): `hf auth login`{alternative}")
    if status not in TRANSIENT:
        return Unavailable(f"{what}: the hub answers {status}{alternative}")
    seconds = _retry_after(error)
    waits = f" and asks to wait {seconds:.0f} s" if seconds else ""
    return Unavailable(
        f"{what}: the hub answers {status}{waits}; retried for up to {RETRY_SECONDS:.0f} s; try later{alternative}"
    )


def _page(error: Any) -> str:
    name, kind = getattr(error, "repo_id", None), getattr(error, "repo_type", None)
    return f"{constants.ENDPOINT}/{'datasets/' if kind == 'dataset' else ''}{name or ''}"
