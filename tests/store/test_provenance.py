import json
import platform
import re

from stilts_ray.store.provenance import PACKAGES, provenance


def test_versions_commit_and_host_are_plain_data() -> None:
    found = provenance()
    assert json.loads(json.dumps(found)) == found
    assert set(found) == {"versions", "git_commit", "host"}
    assert set(found["versions"]) == {"python", *PACKAGES}
    assert found["versions"]["python"] == platform.python_version()
    for name in ("torch", "transformers", "seqeval", "numpy"):
        assert re.match(r"\d+\.\d+", found["versions"][name])


def test_the_commit_is_a_full_hash_and_marks_changed_files() -> None:
    commit = provenance()["git_commit"]
    assert commit is None or re.fullmatch(r"[0-9a-f]{40}(-dirty)?", commit)
