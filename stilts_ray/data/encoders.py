"""Local folders of encoders on the hub."""

from collections.abc import Iterable
from pathlib import Path

from huggingface_hub import HfApi

from stilts_ray.data.hub import fetch, look_up, with_retries
from stilts_ray.data.repository import Repository
from stilts_ray.errors import RequestError
from stilts_ray.identity import MODEL_SUFFIXES

WEIGHTS = ".safetensors"
PROPOSALS = 10
"""Maximum number of a repository's pull requests searched for safetensors weights, newest first."""


def encoder_folder(location: str, commit: str | None, known: Iterable[Repository] = ()) -> Path:
    """The local folder of an encoder: `location` itself if it is a folder, else a download of the hub repository's safetensors
    and tokenizer at `commit`. known: repositories already resolved. Raises RequestError if the download fails."""
    if Path(location).is_dir():
        return Path(location)
    return downloaded(repository_at(location, commit, known), MODEL_SUFFIXES)


def described_folder(location: str, commit: str | None, known: Iterable[Repository] = ()) -> Path:
    """As `encoder_folder`, without the weights. Raises RequestError also if the repository has no safetensors weights."""
    if Path(location).is_dir():
        return Path(location)
    repository = repository_at(location, commit, known)
    if not any(path.endswith(WEIGHTS) for path in top_level(repository)):
        on = f" on {repository.branch or 'its main branch'}"
        raise RequestError(f"encoder {location} has no weights in safetensors{on}; {_proposed(location)}")
    return downloaded(repository, MODEL_SUFFIXES - {WEIGHTS})


def repository_at(location: str, commit: str | None, known: Iterable[Repository]) -> Repository:
    """The encoder's repository, from `known` or the hub."""
    found = (each for each in known if (each.kind, each.id, each.commit) == ("model", location, commit))
    return next(found, None) or look_up(location, "model", commit)


def top_level(repository: Repository) -> list[str]:
    """Files of the encoder at the top level; subfolders hold other formats (ONNX and the like)."""
    return [path for path in repository.files if "/" not in path]


def downloaded(repository: Repository, suffixes: Iterable[str]) -> Path:
    """Downloads the top-level files with these suffixes; returns their folder. Raises RequestError if there are none."""
    wanted = [path for path in top_level(repository) if path.endswith(tuple(suffixes))]
    folders = [fetch(repository, path).parent for path in wanted]
    if not folders:
        raise RequestError(f"encoder {repository.id} at {repository.commit} has no config.json; is it a model?")
    return folders[0]


def _proposed(location: str) -> str:
    """Suggests a pull request with safetensors weights; the hub's conversion bot opened one in many older repositories."""
    try:
        refs = with_retries(lambda: HfApi().list_repo_refs(location, include_pull_requests=True), location)
        proposed = {int(each.ref.rpartition("/")[2]): each.ref for each in refs.pull_requests or ()}
        for _, ref in sorted(proposed.items(), reverse=True)[:PROPOSALS]:
            if any(path.endswith(WEIGHTS) for path in top_level(look_up(location, "model", ref))):
                return f'a pull request has: Pretrained(source="{location}", revision="{ref}")'
    except (RequestError, ValueError):
        pass
    return 'look for a pull request that has: Pretrained(..., revision="refs/pr/N")'
