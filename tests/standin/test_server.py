"""The real clients against the stand-in."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import datasets
import pytest
from httpx2 import ConnectError, RemoteProtocolError
from huggingface_hub import HfApi, HfFileSystem, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from transformers import AutoConfig, AutoTokenizer

from tests.standin import (
    Commit,
    Fault,
    StandIn,
    environment,
    hub_repositories,
    model_repository,
    online,
    repository,
)
from tests.standin.repositories import PARQUET_BRANCH

LARGE, SMALL = bytes(range(256)) * 8, b"a few bytes"
FILES = {"README.md": b"---\nlicense: mit\n---\nText\n", "a/large.bin": LARGE, "a/b/small.txt": SMALL}
LOCKED = "nobody/locked"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[StandIn]:
    """A hub with all repositories of tasks and some small ones, which this process's clients talk to."""
    small = [repository("nobody/small", FILES), repository("nobody/model", FILES, "models")]
    gated = repository(LOCKED, FILES, gated=True)
    with StandIn([*hub_repositories(), *small, gated], tokens=["hf_known"]) as hub, online(hub, tmp_path / "hf"):
        yield hub


def download(path: str = "a/large.bin", **options: Any) -> Path:
    """A file of the small data set, in the cache."""
    return Path(hf_hub_download("nobody/small", path, repo_type="dataset", **options))


# Facts of a repository


def test_info_has_the_commit_and_the_files(hub: StandIn) -> None:
    told = HfApi().dataset_info("nobody/small", files_metadata=True)
    main = hub["nobody/small"].main
    assert (told.sha, told.private, told.gated) == (main.id, False, False)
    assert told.card_data is not None
    assert told.card_data.license == "mit"
    siblings = {sibling.rfilename: sibling for sibling in told.siblings or []}
    assert set(siblings) == set(FILES)
    assert (siblings["a/large.bin"].size, siblings["a/b/small.txt"].lfs) == (len(LARGE), None)
    assert siblings["a/large.bin"].lfs is not None
    assert hub.requests.lines() == ["GET /api/datasets/nobody/small?blobs=true -> 200"]


def test_info_of_a_branch_an_older_commit_and_chosen_facts(hub: StandIn) -> None:
    cosmos, glue = hub["allenai/cosmos_qa"], hub["nyu-mll/glue"]
    assert HfApi().dataset_info(cosmos.id, revision=PARQUET_BRANCH).sha == cosmos.branches[PARQUET_BRANCH]
    assert hub.requests[0].path == "/api/datasets/allenai/cosmos_qa/revision/refs%2Fconvert%2Fparquet"
    older = glue.commits[0].id
    assert HfApi().dataset_info(glue.id, revision=older).sha == older != HfApi().dataset_info(glue.id).sha
    assert HfApi().dataset_info(glue.id, expand=["sha"]).siblings is None


def test_branches_are_listed(hub: StandIn) -> None:
    proposed = hub["nobody/model"].with_commit(Commit({"model.safetensors": b"x"}), "refs/pr/1")
    hub.publish(proposed)
    found = HfApi().list_repo_refs("nobody/model", include_pull_requests=True)
    assert [branch.name for branch in found.branches] == ["main"]
    assert [pull.ref for pull in found.pull_requests or []] == ["refs/pr/1"]
    converts = HfApi().list_repo_refs("allenai/cosmos_qa", repo_type="dataset").converts
    assert [(branch.name, branch.ref) for branch in converts] == [("parquet", PARQUET_BRANCH)]


def test_a_long_listing_comes_in_pages(tmp_path: Path) -> None:
    files = {f"folder{number % 3}/{number:03}.txt": b"text" for number in range(40)}
    with StandIn([repository("nobody/many", files)], page=10) as hub, online(hub, tmp_path):
        found = list(HfApi().list_repo_tree("nobody/many", recursive=True, expand=True, repo_type="dataset"))
        assert {entry.path for entry in found} == {*files, "folder0", "folder1", "folder2"}
        assert hub.requests.count("GET /api/datasets/nobody/many/tree/main") == 5
        below = HfApi().list_repo_tree("nobody/many", "folder1", repo_type="dataset")
        assert [entry.path for entry in below] == sorted(path for path in files if path.startswith("folder1/"))
        assert set(HfApi().list_repo_files("nobody/many", repo_type="dataset")) == set(files)


def test_facts_of_paths(hub: StandIn) -> None:
    found = HfApi().get_paths_info("nobody/small", ["a/large.bin", "a/b", "absent"], repo_type="dataset", expand=True)
    assert [entry.path for entry in found] == ["a/b", "a/large.bin"]
    assert found[1].last_commit is not None
    assert found[1].last_commit.oid == hub["nobody/small"].main.id


def test_the_file_system(hub: StandIn) -> None:
    system = HfFileSystem()
    assert system.ls("datasets/nobody/small/a", detail=False) == [
        "datasets/nobody/small/a/b",
        "datasets/nobody/small/a/large.bin",
    ]
    with system.open("datasets/nobody/small/a/large.bin", "rb", block_size=64) as file:
        file.seek(300)
        assert file.read(100) == LARGE[300:400]
    assert hub.requests.matching("GET /blobs/")[0].part is not None
    assert system.glob("datasets/allenai/cosmos_qa@refs%2Fconvert%2Fparquet/**/*.parquet")
    assert not system.exists("datasets/nobody/absent/a")


# Files


def test_a_large_file_comes_from_the_other_host(hub: StandIn) -> None:
    path = download(token="hf_secret")
    large = hub["nobody/small"].main
    assert path.read_bytes() == LARGE
    assert path.parent.parent.name == large.id
    head, blob = hub.requests
    assert (head.host, head.method, head.status, head.authorized) == ("hub", "HEAD", 302, True)
    assert (blob.host, blob.method, blob.status, blob.sent, blob.authorized) == (
        "storage",
        "GET",
        200,
        len(LARGE),
        False,
    )
    # The cache names contents by the header X-Linked-Etag.
    assert path.resolve().name == blob.path.split("/")[2].partition("?")[0]


def test_a_small_file_comes_from_the_hub(hub: StandIn) -> None:
    assert download("a/b/small.txt").read_bytes() == SMALL
    assert [(request.host, request.method, request.status) for request in hub.requests] == [
        ("hub", "HEAD", 200),
        ("hub", "GET", 200),
    ]


def test_a_file_in_the_cache_is_not_asked_for_again(hub: StandIn) -> None:
    commit = hub["nobody/small"].main.id
    download(revision=commit)
    hub.requests.clear()
    download(revision=commit)
    assert len(hub.requests) == 0
    download()
    assert hub.requests.lines() == ["HEAD /datasets/nobody/small/resolve/main/a/large.bin -> 302"]


def test_a_new_commit_is_seen_and_the_old_one_stays(hub: StandIn) -> None:
    old = hub["nobody/small"].main.id
    hub.publish(hub["nobody/small"].with_commit(Commit({**FILES, "a/large.bin": LARGE[::-1]})))
    assert download().read_bytes() == LARGE[::-1]
    assert download(revision=old).read_bytes() == LARGE


def test_a_snapshot_of_an_encoder(hub: StandIn, tiny_encoder: Path) -> None:
    hub.publish(model_repository(tiny_encoder))
    folder = Path(snapshot_download("stilts/tiny-encoder", allow_patterns=["*.safetensors", "*.json"]))
    assert (folder / "model.safetensors").read_bytes() == (tiny_encoder / "model.safetensors").read_bytes()
    assert not (folder / "README.md").exists()
    assert AutoConfig.from_pretrained("stilts/tiny-encoder").model_type == "xlm-roberta"
    assert AutoTokenizer.from_pretrained("stilts/tiny-encoder")("rye").input_ids


def test_an_encoder_whose_safetensors_are_only_proposed(hub: StandIn, tiny_encoder: Path) -> None:
    hub.publish(model_repository(tiny_encoder, binary_only=True))
    on_main = HfApi().list_repo_files("stilts/tiny-encoder")
    assert "pytorch_model.bin" in on_main
    assert "model.safetensors" not in on_main
    assert hf_hub_download("stilts/tiny-encoder", "model.safetensors", revision="refs/pr/1")


# What is refused


ABSENT: list[tuple[type[Exception], Callable[[], object], int]] = [
    (RepositoryNotFoundError, lambda: HfApi().dataset_info("nobody/absent"), 401),
    (RepositoryNotFoundError, lambda: HfApi().model_info("nobody/small"), 401),
    (RepositoryNotFoundError, lambda: HfApi().dataset_info("nobody/absent", token="hf_other"), 404),
    (RepositoryNotFoundError, lambda: hf_hub_download("nobody/absent", "a"), 401),
    (RepositoryNotFoundError, lambda: snapshot_download("nobody/absent"), 401),
    (RevisionNotFoundError, lambda: HfApi().dataset_info("nobody/small", revision="absent"), 404),
    (RevisionNotFoundError, lambda: download(revision="0" * 40), 404),
    (EntryNotFoundError, lambda: download("absent.txt"), 404),
    (GatedRepoError, lambda: hf_hub_download(LOCKED, "a/large.bin", repo_type="dataset"), 401),
    (GatedRepoError, lambda: hf_hub_download(LOCKED, "a/large.bin", repo_type="dataset", token="hf_other"), 403),
]


@pytest.mark.parametrize("raised, call, status", ABSENT)
def test_what_is_not_there_is_told_by_the_clients_own_errors(
    hub: StandIn, raised: type[Exception], call: Callable[[], object], status: int
) -> None:
    with pytest.raises(raised):
        call()
    assert hub.requests[-1].status == status


def test_gated_and_private_repositories_are_open_to_known_tokens(hub: StandIn) -> None:
    assert HfApi().dataset_info(LOCKED).gated == "manual"
    assert hf_hub_download(LOCKED, "a/large.bin", repo_type="dataset", token="hf_known")
    hub.publish(repository("nobody/secret", FILES, private=True))
    with pytest.raises(RepositoryNotFoundError):
        HfApi().dataset_info("nobody/secret")
    assert HfApi().dataset_info("nobody/secret", token="hf_known").private
    hub.withdraw(LOCKED)
    with pytest.raises(RepositoryNotFoundError):
        HfApi().dataset_info(LOCKED)


# Faults


def test_too_many_requests_are_tried_again_where_the_client_does_so(hub: StandIn) -> None:
    limit = Fault(match="GET /api/datasets/nobody/small", status=429, headers={"Retry-After": "0"}, times=2)
    hub.faults.add(limit)
    with pytest.raises(HfHubHTTPError, match="429"):
        HfApi().dataset_info("nobody/small")
    assert list(HfApi().list_repo_tree("nobody/small", repo_type="dataset"))
    assert [request.status for request in hub.requests] == [429, 429, 200]


def test_a_download_that_breaks_off_is_begun_again(hub: StandIn) -> None:
    hub.faults.add(Fault(match=r"GET /blobs/.*large\.bin", truncate=500))
    assert download().read_bytes() == LARGE
    first, second = hub.requests.matching("GET /blobs/")
    # The client writes, and goes on from, pieces of ten megabytes.
    assert (first.sent, second.part, second.status, second.sent) == (500, None, 200, len(LARGE))


def test_a_connection_that_is_closed_and_one_that_takes_too_long(hub: StandIn) -> None:
    hub.faults.add(Fault(match="HEAD ", close=True), Fault(match="HEAD ", skip=1, delay=3))
    with pytest.raises(RemoteProtocolError):
        download()
    assert [request.status for request in hub.requests] == [0]
    assert download(etag_timeout=1).read_bytes() == LARGE
    assert hub.requests.count("HEAD ") >= 2


def test_rules_count_for_themselves_and_can_be_taken_back(hub: StandIn) -> None:
    broken = Fault(match="HEAD", status=500, times=None)
    hub.faults.add(broken)
    assert [hub.faults.next("HEAD /a"), hub.faults.next("GET /a"), hub.faults.next("HEAD /b")] == [broken, None, broken]
    hub.faults.remove(broken)
    assert hub.faults.next("HEAD /a") is None
    with pytest.raises(ValueError, match="not in force"):
        hub.faults.remove(broken)
    hub.faults.add(Fault(match="refs/convert", status=500, skip=1))
    assert [hub.faults.next("GET /refs%2Fconvert") is None for _ in range(3)] == [True, False, True]
    hub.faults.add(broken)
    hub.faults.clear()
    assert hub.faults.next("HEAD /a") is None


def test_a_hub_that_went_away_comes_back_at_the_same_address(hub: StandIn) -> None:
    url, commit = hub.url, hub["nobody/small"].main.id
    HfApi().dataset_info("nobody/small")
    hub.stop()
    with pytest.raises(ConnectError):
        HfApi().dataset_info("nobody/small")
    hub.start()
    assert hub.url == url
    assert HfApi().dataset_info("nobody/small").sha == commit


def test_clients_that_do_not_wait_give_up_at_once(tmp_path: Path) -> None:
    with StandIn(hub_repositories()) as hub, online(hub, tmp_path, patient=False):
        commit = hub["lighteval/siqa"].main.id
        rows = datasets.load_dataset("lighteval/siqa", split="train", revision=commit)
        hub.stop()
        with pytest.raises(ConnectionError, match="Couldn't reach 'facebook/anli' on the Hub"):
            datasets.load_dataset("facebook/anli", split="dev_r1", revision=commit)
        again = datasets.load_dataset("lighteval/siqa", split="train", revision=commit)
        assert again.to_list() == rows.to_list()


# The library `datasets`


def rows_of(name: str, config: str, split: str, **options: Any) -> datasets.Dataset:
    """A split at the newest commit of a branch."""
    revision = HfApi().dataset_info(name, **options).sha
    return datasets.load_dataset(name, config, split=split, revision=revision)


def test_rows_at_a_commit(hub: StandIn) -> None:
    older = hub["nyu-mll/glue"].commits[0].id
    table = rows_of("nyu-mll/glue", "mnli", "train")
    assert table.features["label"].names == ["entailment", "neutral", "contradiction"]
    assert (table[0]["premise"], len(table)) == ("Two children fly a red kite.", 8)
    assert len(datasets.load_dataset("nyu-mll/glue", "mnli", split="train", revision=older)) == 4
    hub.requests.clear()
    assert len(rows_of("nyu-mll/glue", "mnli", "train[:3]")) == 3
    assert not hub.requests.count("GET /blobs/")


@pytest.mark.parametrize(
    "name, config, split, rows, branch",
    [
        ("stanfordnlp/snli", "plain_text", "train", 5, None),
        ("mteb/tatoeba-bitext-mining", "aze-eng", "test", 3, None),
        ("google-research-datasets/tydiqa", "secondary_task", "validation", 30, None),
        ("allenai/cosmos_qa", "default", "train", 4, PARQUET_BRANCH),
    ],
)
def test_every_layout_is_read(hub: StandIn, name: str, config: str, split: str, rows: int, branch: str | None) -> None:
    assert len(rows_of(name, config, split, revision=branch)) == rows


def test_a_repository_of_a_script_is_not_read(hub: StandIn) -> None:
    with pytest.raises(RuntimeError, match="Dataset scripts are no longer supported"):
        rows_of("allenai/cosmos_qa", "default", "train")


# In this process and in others


def test_outside_of_it_the_clients_are_as_before(tmp_path: Path) -> None:
    before = dict(os.environ)
    with StandIn([repository("nobody/small", FILES)]) as hub:
        with online(hub, tmp_path):
            assert HfApi().dataset_info("nobody/small")
        assert dict(os.environ) == before
        with pytest.raises(OfflineModeIsEnabled):
            HfApi(endpoint=hub.url).dataset_info("nobody/small")


CLIENT = """
import datasets
from huggingface_hub import dataset_info
from transformers import AutoTokenizer

print(datasets.load_dataset_builder("rajpurkar/squad", revision=dataset_info("rajpurkar/squad").sha).info.splits)
print(len(datasets.load_dataset("rajpurkar/squad", split="train")), AutoTokenizer.from_pretrained("stilts/tiny-encoder"))
"""


def test_another_process(tmp_path: Path, tiny_encoder: Path) -> None:
    with StandIn([*hub_repositories(), model_repository(tiny_encoder)]) as hub:
        variables = {**os.environ, **environment(hub, tmp_path)}
        done = subprocess.run(
            [sys.executable, "-c", CLIENT], env=variables, capture_output=True, text=True, timeout=240
        )
        assert done.returncode == 0, done.stderr
        assert hub.requests.count("/blobs/")
        assert (tmp_path / "hub" / "models--stilts--tiny-encoder").is_dir()


def test_the_program(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.standin", "--flawed"]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        lines = [program.stdout.readline().strip() for _ in range(2)]
        program.terminate()
    assert lines[0].startswith("# 24 repositories")
    assert lines[1].startswith("export HF_ENDPOINT=http://127.0.0.1:")
