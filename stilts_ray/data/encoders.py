"""Encoders of the hub as folders of this machine."""

from collections.abc import Iterable
from pathlib import Path

from huggingface_hub import HfApi

from stilts_ray.data.hub import fetch, look_up, patiently
from stilts_ray.data.repository import Repository
from stilts_ray.errors import RequestError
from stilts_ray.identity import MODEL_SUFFIXES

WEIGHTS = ".safetensors"
PROPOSALS = 10
"""Pull requests of a repository that are looked at for weights in safetensors, the newest first."""


def encoder_folder(location: str, commit: str | None, known: Iterable[Repository] = ()) -> Path:
    """The folder of an encoder: the location itself, or a download of the hub repository's safetensors and tokenizer at a
    commit. known: what was looked up already. Raises RequestError if it cannot be had."""
    if Path(location).is_dir():
        return Path(location)
    return downloaded(repository_at(location, commit, known), MODEL_SUFFIXES)


def described_folder(location: str, commit: str | None, known: Iterable[Repository] = ()) -> Path:
    """As `encoder_folder`, without weights. Raises RequestError also where it has none in safetensors."""
    if Path(location).is_dir():
        return Path(location)
    repository = repository_at(location, commit, known)
    if not any(path.endswith(WEIGHTS) for path in top_level(repository)):
        on = f" on {repository.branch or 'its main branch'}"
        raise RequestError(f"encoder {location} has no weights in safetensors{on}; {_proposed(location)}")
    return downloaded(repository, MODEL_SUFFIXES - {WEIGHTS})


def repository_at(location: str, commit: str | None, known: Iterable[Repository]) -> Repository:
    """What was looked up of an encoder, or is now."""
    found = (each for each in known if (each.kind, each.id, each.commit) == ("model", location, commit))
    return next(found, None) or look_up(location, "model", commit)


def top_level(repository: Repository) -> list[str]:
    """Files of an encoder itself; folders hold it in the forms of other programs."""
    return [path for path in repository.files if "/" not in path]


def downloaded(repository: Repository, suffixes: Iterable[str]) -> Path:
    """The folder with the files that end so. Raises RequestError if there are none."""
    wanted = [path for path in top_level(repository) if path.endswith(tuple(suffixes))]
    folders = [fetch(repository, path).parent for path in wanted]
    if not folders:
        raise RequestError(f"encoder {repository.id} at {repository.commit} has no config.json; is it a model?")
    return folders[0]


def _proposed(location: str) -> str:
    """Which pull request has weights in safetensors, as the hub's own conversion leaves them in many older repositories."""
    try:
        refs = patiently(lambda: HfApi().list_repo_refs(location, include_pull_requests=True), location)
        proposed = {int(each.ref.rpartition("/")[2]): each.ref for each in refs.pull_requests or ()}
        for _, ref in sorted(proposed.items(), reverse=True)[:PROPOSALS]:
            if any(path.endswith(WEIGHTS) for path in top_level(look_up(location, "model", ref))):
                return f'a pull request has: Pretrained(source="{location}", revision="{ref}")'
    except (RequestError, ValueError):
        pass
    return 'look for a pull request that has: Pretrained(..., revision="refs/pr/N")'
