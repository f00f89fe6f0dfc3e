"""Talks to the Hugging Face hub: what a repository holds, and its files. Whatever does not answer is asked again for a while,
whatever is refused is one line that says what to do."""

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
from stilts_ray.data.repository import Repository, described, is_commit
from stilts_ray.errors import RequestError, Unavailable, first_line

T = TypeVar("T")
KindOfRepository = Literal["dataset", "model"]

NAMES: dict[KindOfRepository, str] = {"dataset": "data set", "model": "encoder"}
INSTEAD: dict[KindOfRepository, str] = {"dataset": "; or give its files with --data-dir", "model": ""}
"""What messages say of each kind, and what else can be done."""

VERSION = 1
"""Raised when code changes what is kept of a repository."""

PATIENCE = 120.0
"""Seconds for which a hub that does not answer, or asks to wait, is asked again."""
LONGEST_WAIT = 30.0
"""Seconds between two requests, unless the hub asks for another wait."""
PASSING = {408, 429, 500, 502, 503, 504}
"""Statuses that another request may not get."""
UNREACHABLE = {"ConnectError", "ConnectTimeout", "ProxyError", "UnsupportedProtocol"}
"""Errors of the client that say that there is no connection; asking again at once brings none."""

log = logging.getLogger("stilts_ray.hub")
hub_logging.set_verbosity_error()  # type: ignore[no-untyped-call]


def offline() -> bool:
    """Whether the user has said that the hub is not to be asked."""
    said = os.environ.get("HF_DATASETS_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}
    return bool(constants.HF_HUB_OFFLINE) or said


# What a repository holds


def look_up(name: str, kind: KindOfRepository, revision: str | None = None) -> Repository:
    """A repository at a commit, or at the newest one of a branch (None: the main one).

    It is asked for once and kept in this machine's cache: a commit does not change. Offline it is what the cache has. Raises
    RequestError if there is none, Unavailable if the hub does not answer.
    """
    if is_commit(revision) and (known := _kept(name, kind, str(revision))):
        return known
    if offline():
        return _cached(name, kind, revision)
    what = f"{NAMES[kind]} {name}" + (f" at {revision}" if revision else "")
    info = patiently(lambda: _info(name, kind, revision), what, INSTEAD[kind])
    branch = None if is_commit(revision) else revision
    found = _kept(name, kind, str(info.sha)) or _described(name, kind, info)
    _keep(found, revision)
    return found.model_copy(update={"branch": branch})


def _info(name: str, kind: KindOfRepository, revision: str | None) -> Any:
    try:
        info = HfApi().repo_info(name, repo_type=kind, revision=revision)
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        # A proxy's page, say.
        raise Unavailable(f"what {constants.ENDPOINT} answers is not a hub's ({type(error).__name__})") from None
    if not is_commit(info.sha) or (is_commit(revision) and info.sha != revision):
        raise Unavailable(f"{constants.ENDPOINT} gives {name} at {info.sha}, not at {revision or 'a commit'}")
    return info


def _described(name: str, kind: KindOfRepository, info: Any) -> Repository:
    commit = str(info.sha)
    files = tuple(sibling.rfilename for sibling in info.siblings or ())
    if not files:
        listed = patiently(lambda: HfApi().list_repo_files(name, repo_type=kind, revision=commit), name)
        files = tuple(listed)
    bare = Repository(id=name, kind=kind, commit=commit, files=files)
    if kind == "model":
        return bare
    card = info.card_data.to_dict() if info.card_data else {}
    if not card.get("configs") and "README.md" in files:
        card = _card(bare, fetch(bare, "README.md"))
    return described(bare, card)


def _card(repository: Repository, readme: Path) -> Any:
    try:
        return metadata_load(readme)
    except (ValueError, YAMLError) as error:
        raise RequestError(f"{repository.at}: its card cannot be read: {first_line(error)}") from None


def _folder(name: str, kind: str) -> Path:
    return cache_folder() / f"hub-{VERSION}" / f"{kind}s--{name.replace('/', '--')}"


def _kept(name: str, kind: KindOfRepository, commit: str) -> Repository | None:
    try:
        text = (_folder(name, kind) / f"{commit}.json").read_text(encoding="utf-8")
        found = Repository.model_validate_json(text)
    except (OSError, ValueError):
        return None
    return found if (found.id, found.kind, found.commit) == (name, kind, commit) else None


def _keep(repository: Repository, revision: str | None) -> None:
    folder = _folder(repository.id, repository.kind)
    # What cannot be kept is looked up again.
    with contextlib.suppress(OSError):
        write_whole(folder / f"{repository.commit}.json", repository.model_dump_json())
        if not is_commit(revision):
            write_whole(_reference(folder, revision), repository.commit)


def _reference(folder: Path, revision: str | None) -> Path:
    return folder / f"newest-{(revision or 'main').replace('/', '--')}"


def _cached(name: str, kind: KindOfRepository, revision: str | None) -> Repository:
    """What this machine's caches know: ours, then that of the hub's client, which other programs may have filled."""
    reference = _reference(_folder(name, kind), revision)
    if not is_commit(revision) and reference.is_file():
        known = _kept(name, kind, reference.read_text(encoding="utf-8"))
        if known is not None:
            return known.model_copy(update={"branch": revision})
    snapshot = _snapshot(name, kind, revision)
    if snapshot is None:
        wanted = f" at {revision}" if revision else ""
        raise Unavailable(
            f"{NAMES[kind]} {name}{wanted} is not in the cache, and HF_HUB_OFFLINE is set; go online once for it{INSTEAD[kind]}"
        )
    files = {str(file.file_path.relative_to(snapshot.snapshot_path)) for file in snapshot.files}
    branch = None if is_commit(revision) else revision
    found = Repository(
        id=name, kind=kind, commit=snapshot.commit_hash, branch=branch, files=tuple(sorted(files)), whole=False
    )
    return described(found, _card(found, snapshot.snapshot_path / "README.md")) if "README.md" in files else found


def _snapshot(name: str, kind: str, revision: str | None) -> Any:
    """The revision of a repository in the client's cache: the one asked for, of a branch the one that it was at when it was
    last looked at, of the main one failing that the newest."""
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
    """A file of a repository at its commit, downloaded unless this machine has it. Raises RequestError if there is none,
    Unavailable if the hub does not answer or gives another commit's."""

    def download() -> str:
        return hf_hub_download(
            repository.id, path, repo_type=repository.kind, revision=repository.commit, local_files_only=offline()
        )

    _quiet_without_terminal()
    found = Path(patiently(download, f"{path} of {repository.at}", INSTEAD[repository.kind]))
    if repository.commit not in found.parts:
        raise Unavailable(f"the hub gave {path} of {repository.id} at another commit than {repository.commit}")
    return found


def _quiet_without_terminal() -> None:
    if not sys.stderr.isatty():
        disable_progress_bars()


# Patience, and what errors say


def patiently(ask: Callable[[], T], what: str, instead: str = "") -> T:
    """What the hub answers; asked again, for at most PATIENCE seconds, as long as the fault may pass. Raises RequestError for
    what is refused, Unavailable for what does not answer. what: that is asked for. instead: what else can be done."""
    began, wait = time.monotonic(), 1.0
    while True:
        try:
            return ask()
        except (AnyHTTPError, OSError, EntryNotFoundError, HFValidationError) as error:
            pause = _pause(error, wait)
            if pause is None or time.monotonic() - began + pause > PATIENCE:
                raise explained(error, what, instead) from None
            log.warning(
                "%s: the hub %s; asked again in %.0f s, for at most %.0f s in all", what, _said(error), pause, PATIENCE
            )
            time.sleep(pause)
            wait = min(2 * wait, LONGEST_WAIT)


def _pause(error: BaseException, wait: float) -> float | None:
    """Seconds until the hub may be asked again; None if the fault will not pass."""
    http = _http(error)
    if http is None or type(http).__name__ in UNREACHABLE:
        return None
    if not isinstance(http, HfHubHTTPError):
        return wait  # a connection that was broken off
    if http.response.status_code not in PASSING:
        return None
    return max(wait, _asked_for(http) or 0.0)


def _asked_for(error: Any) -> float | None:
    """Seconds that `Retry-After` asks for, which may also be a date; None if it does not."""
    said = error.response.headers.get("Retry-After", "")
    if said.isdecimal():
        return float(said)
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
    except ValueError:
        return None


def _http(error: BaseException | None) -> Any:
    """The error of the connection or of its answer that another one was raised from: a download that fails says only that the
    cache does not have the file."""
    while error is not None:
        if isinstance(error, AnyHTTPError):
            return error
        error = error.__cause__ or error.__context__
    return None


def _said(error: BaseException) -> str:
    http = _http(error)
    return f"answers {http.response.status_code}" if isinstance(http, HfHubHTTPError) else "broke off"


REFUSALS: dict[type[Exception], str] = {
    GatedRepoError: "is gated: ask for access on {page}, then `hf auth login`",
    DisabledRepoError: "is disabled on the hub",
    RevisionNotFoundError: "is not there: the hub has no such commit or branch of it",
    RepositoryNotFoundError: "is not on the hub, or it is private: see to the name, or `hf auth login`",
    RemoteEntryNotFoundError: "is not there: the hub has no such file",
    HFValidationError: "is no name that the hub could have",
}
"""What another request will not change, the special cases first."""


def explained(error: BaseException, what: str, instead: str = "") -> RequestError:
    """An error of the hub's clients as one line with what to do about it, by the classes of these."""
    http = _http(error)
    for kind, said in REFUSALS.items():
        if isinstance(http or error, kind):
            return RequestError(f"{what} {said.format(page=_page(http))}{instead}")
    if isinstance(http, HfHubHTTPError):
        return _answered(http, what, instead)
    if offline() and isinstance(error, OfflineModeIsEnabled | LocalEntryNotFoundError):
        return Unavailable(f"{what} is not in the cache, and HF_HUB_OFFLINE is set; go online once for it{instead}")
    if http is not None or isinstance(error, LocalEntryNotFoundError | ConnectionError):
        where, cause = constants.ENDPOINT, first_line(http or error)
        hint = "is the machine online? HF_HUB_OFFLINE=1 takes what the cache has"
        return Unavailable(f"{what}: {where} cannot be reached ({cause}); {hint}{instead}")
    return Unavailable(f"{what}: {first_line(error)}{instead}")


def _answered(error: Any, what: str, instead: str) -> RequestError:
    """By the status alone."""
    status = error.response.status_code
    if status in {401, 403}:
        return RequestError(f"{what}: the hub refuses this login ({status}): `hf auth login`{instead}")
    if status not in PASSING:
        return Unavailable(f"{what}: the hub answers {status}{instead}")
    asked = _asked_for(error)
    waits = f" and asks to wait {asked:.0f} s" if asked else ""
    return Unavailable(
        f"{what}: the hub answers {status}{waits}; it was asked for up to {PATIENCE:.0f} s; try later{instead}"
    )


def _page(error: Any) -> str:
    name, kind = getattr(error, "repo_id", None), getattr(error, "repo_type", None)
    return f"{constants.ENDPOINT}/{'datasets/' if kind == 'dataset' else ''}{name or ''}"
