"""Repositories of the hub at commits, for tests that read none of their files."""

from collections.abc import Mapping

from stilts_ray.data.repository import Repository


def at_commits(commits: Mapping[str, str]) -> dict[str, Repository]:
    """What `Origin.repositories` holds of data sets that were found at these commits, by key."""
    return {
        key: Repository(id=key.partition("@")[0], kind="dataset", commit=commit, files=())
        for key, commit in commits.items()
    }
