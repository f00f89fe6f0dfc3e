"""What is asked of a hub, how often, and what is said where it does not answer: against the stand-in, by the real clients."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub import constants

from stilts_ray.data import hub as client
from stilts_ray.data.encoders import described_folder, encoder_folder
from stilts_ray.data.hub import fetch, look_up
from stilts_ray.errors import RequestError, Unavailable
from tests.standin import (
    Commit,
    Fault,
    Repository,
    StandIn,
    hub_repositories,
    model_repository,
    online,
    repository,
)

GLUE = "nyu-mll/glue"
ENCODER = "stilts/tiny-encoder"


@pytest.fixture
def hub(tmp_path: Path, own_cache: Path) -> Iterator[StandIn]:
    """A hub with all data sets, the clients of which have empty caches."""
    with StandIn(hub_repositories()) as standin, online(standin, tmp_path / "home", patient=False):
        yield standin


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waits take no time but by the clock that is looked at; those that were meant."""
    waits: list[float] = []
    clock = SimpleNamespace(sleep=waits.append, monotonic=lambda: sum(waits), time=time.time)
    monkeypatch.setattr(client, "time", clock)
    return waits


@pytest.fixture
def away(hub: StandIn) -> Iterator[Callable[[], None]]:
    """Says that the network is not to be used, until the clients are as they were."""
    with pytest.MonkeyPatch.context() as patch:
        yield lambda: patch.setattr(constants, "HF_HUB_OFFLINE", True)


# What a repository holds


def test_a_repository_is_looked_up_by_one_request(hub: StandIn) -> None:
    found = look_up(GLUE, "dataset")
    assert found.commit == hub[GLUE].main.id
    assert found.split("qqp", "train") == ("qqp/train-00000-of-00001.parquet",)
    assert found.class_names["qqp"]["label"] == ("not_duplicate", "duplicate")
    assert hub.requests.count() == 1
    # At a commit nothing changes, in whatever process.
    assert look_up(GLUE, "dataset", found.commit) == found
    assert hub.requests.count() == 1


def test_an_older_commit_and_another_branch_have_files_of_their_own(hub: StandIn) -> None:
    older = hub[GLUE].commits[0].id
    assert look_up(GLUE, "dataset", older).commit == older != look_up(GLUE, "dataset").commit
    converted = look_up("allenai/cosmos_qa", "dataset", "refs/convert/parquet")
    assert converted.branch == "refs/convert/parquet"
    assert converted.split("default", "train") == ("default/train/0000.parquet",)


def test_the_card_is_read_from_its_file_where_the_hub_does_not_tell_it(
    hub: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.hf_api.DatasetInfo.card_data", None, raising=False)
    whole = look_up(GLUE, "dataset")
    described = client._describe(
        GLUE, "dataset", type("Info", (), {"sha": whole.commit, "siblings": (), "card_data": None})
    )
    assert described == whole


def test_a_file_is_fetched_once_and_is_the_commits(hub: StandIn) -> None:
    found = look_up(GLUE, "dataset")
    path = fetch(found, "qqp/train-00000-of-00001.parquet")
    assert path.read_bytes() == hub[GLUE].main.files["qqp/train-00000-of-00001.parquet"]
    before = hub.requests.count()
    assert fetch(found, "qqp/train-00000-of-00001.parquet") == path
    assert hub.requests.count() == before
    assert not hub.requests.count("mnli"), "nothing else"


def test_a_file_of_another_commit_than_asked_for_is_refused(hub: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    found = look_up(GLUE, "dataset")
    other = look_up(GLUE, "dataset", hub[GLUE].commits[0].id)
    wrong = fetch(other, "README.md")
    monkeypatch.setattr(client, "hf_hub_download", lambda *_, **__: str(wrong))
    with pytest.raises(Unavailable, match=f"at another commit than {found.commit}"):
        fetch(found, "README.md")


# Passing faults


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_may_pass_is_asked_again_and_said(
    hub: StandIn, hurried: list[float], caplog: pytest.LogCaptureFixture, status: int
) -> None:
    hub.faults.add(Fault(match="/api/", status=status, times=3))
    with caplog.at_level(logging.WARNING):
        assert look_up(GLUE, "dataset").commit == hub[GLUE].main.id
    assert hurried == [1.0, 2.0, 4.0]
    assert f"data set {GLUE}: the hub answers {status}; retrying in 1 s, for at most 120 s in total" in caplog.text


def test_a_broken_connection_is_asked_again(hub: StandIn, hurried: list[float]) -> None:
    hub.faults.add(Fault(match="/api/", close=True, times=2))
    assert look_up(GLUE, "dataset")
    assert hurried == [1.0, 2.0]


def test_the_wait_is_what_the_hub_asks_for(hub: StandIn, hurried: list[float]) -> None:
    hub.faults.add(Fault(match="/api/", status=429, headers={"Retry-After": "7"}))
    look_up(GLUE, "dataset")
    assert hurried == [7.0]


def test_a_hub_that_asks_for_longer_than_the_bound_is_not_waited_for(hub: StandIn, hurried: list[float]) -> None:
    hub.faults.add(Fault(match="/api/", status=429, headers={"Retry-After": "3600"}, times=None))
    with pytest.raises(
        Unavailable, match=f"data set {GLUE}: the hub answers 429 and asks to wait 3600 s; .* --data-dir"
    ):
        look_up(GLUE, "dataset")
    assert hurried == []


def test_files_are_asked_for_again_too(hub: StandIn, hurried: list[float]) -> None:
    found = look_up(GLUE, "dataset")
    hub.faults.add(Fault(match="HEAD .*qqp/train", status=503, times=8))
    hub.faults.add(Fault(match="GET /blobs/.*train", status=503, times=1))
    assert fetch(found, "qqp/train-00000-of-00001.parquet").is_file()


def test_an_end_is_put_to_it(hub: StandIn, hurried: list[float]) -> None:
    hub.faults.add(Fault(match="/api/", status=503, times=None))
    with pytest.raises(Unavailable, match="the hub answers 503; retried for up to 120 s; try later"):
        look_up(GLUE, "dataset")
    assert 60 < sum(hurried) <= client.RETRY_SECONDS


# Refusals


def test_what_is_refused_says_what_to_do(hub: StandIn, hurried: list[float], tiny_encoder: Path) -> None:
    hub.publish(model_repository(tiny_encoder, "owner/gated", gated=True), repository("owner/empty", {}))
    cases = {
        ("nobody/nothing", "dataset", None): "data set nobody/nothing is not on the hub, .*`hf auth login`; or .*--data-dir",
        ("nobody/nothing", "model", None): "encoder nobody/nothing is not on the hub, or it is private: .* `hf auth login`;",
        (GLUE, "dataset", "no-branch"): f"data set {GLUE} at no-branch was not found: the hub has no such commit or branch",
        ("not a name", "model", None): "encoder not a name is not a valid repository name",
    }  # fmt: skip
    for (name, kind, revision), said in cases.items():
        with pytest.raises(RequestError, match=said) as caught:
            look_up(name, kind, revision)  # type: ignore[arg-type]
        assert not isinstance(caught.value, Unavailable)
        assert "\n" not in str(caught.value)
    gated = look_up("owner/gated", "model")
    with pytest.raises(RequestError, match=rf"is gated: ask for access on {hub.url}/owner/gated, then `hf auth login`"):
        fetch(gated, "config.json")
    hub.publish(model_repository(tiny_encoder, "owner/open"))
    opened = look_up("owner/open", "model")
    with pytest.raises(RequestError, match=r"other\.json of owner/open@\w+ was not found: the hub has no such file"):
        fetch(opened, "other.json")
    assert hurried == [], "none of these passes"


def test_a_login_that_is_refused_says_so(hub: StandIn) -> None:
    hub.faults.add(Fault(match="/api/", status=403, times=None))
    with pytest.raises(RequestError, match=r"the hub refuses this login \(403\): `hf auth login`"):
        look_up(GLUE, "dataset")


def test_a_hub_that_is_not_there_is_one_line_at_once(hub: StandIn, hurried: list[float]) -> None:
    hub.stop()
    with pytest.raises(Unavailable, match=rf"{hub.url} cannot be reached \(.*online\? HF_HUB_OFFLINE=1") as caught:
        look_up(GLUE, "dataset")
    assert "\n" not in str(caught.value)
    assert hurried == []


# Without a network


def test_offline_commits_come_from_the_cache(hub: StandIn, away: Callable[[], None]) -> None:
    found = look_up(GLUE, "dataset")
    path = fetch(found, "qqp/train-00000-of-00001.parquet")
    hub.requests.clear()
    away()
    assert look_up(GLUE, "dataset") == found
    assert fetch(found, "qqp/train-00000-of-00001.parquet") == path
    with pytest.raises(Unavailable, match=r"is not in the cache, and HF_HUB_OFFLINE is set; .* --data-dir"):
        fetch(found, "qqp/validation-00000-of-00001.parquet")
    with pytest.raises(Unavailable, match="data set stanfordnlp/snli is not in the cache, and HF_HUB_OFFLINE is set"):
        look_up("stanfordnlp/snli", "dataset")
    assert hub.requests.count() == 0


def test_offline_the_cache_of_other_programs_serves_too(
    hub: StandIn, away: Callable[[], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from huggingface_hub import snapshot_download

    snapshot_download(GLUE, repo_type="dataset", allow_patterns=["README.md", "qqp/*"])
    older = hub[GLUE].commits[0].id
    snapshot_download(GLUE, repo_type="dataset", revision=older, allow_patterns=["README.md"])
    away()
    monkeypatch.setenv("STILTS_CACHE", str(tmp_path / "empty"))
    found = look_up(GLUE, "dataset")
    assert found.commit == hub[GLUE].main.id, "what the branch was at, though the other was read later"
    assert fetch(found, found.split("qqp", "train")[0]).is_file()
    assert look_up(GLUE, "dataset", older).commit == older
    with pytest.raises(Unavailable, match="not in the cache"):
        look_up(GLUE, "dataset", "f" * 40)


def test_a_pin_holds_whatever_else_the_cache_has(hub: StandIn, hurried: list[float]) -> None:
    """With the newer commit in the cache and the hub gone, the older one is not to be had: nothing else takes its place."""
    older = look_up(GLUE, "dataset", hub[GLUE].commits[0].id)
    path = "qqp/train-00000-of-00001.parquet"
    newer = fetch(look_up(GLUE, "dataset"), path)
    hub.faults.add(Fault(match="resolve", status=503, times=None))
    with pytest.raises(Unavailable, match="the hub answers 503"):
        fetch(older, path)
    hub.stop()
    with pytest.raises(Unavailable, match="cannot be reached"):
        fetch(older, path)
    hub.start()
    hub.faults.clear()
    assert fetch(older, path).read_bytes() == hub[GLUE].commits[0].files[path] != newer.read_bytes()


# Encoders


def test_a_folder_is_its_own_encoder_folder(tiny_encoder: Path) -> None:
    assert encoder_folder(str(tiny_encoder), None) == described_folder(str(tiny_encoder), None) == tiny_encoder


def test_an_encoder_is_its_weights_and_tokenizer_at_a_commit(hub: StandIn, tiny_encoder: Path) -> None:
    made = model_repository(tiny_encoder)
    extra = Commit({**made.main.files, "onnx/model.safetensors": b"x", "pytorch_model.bin": b"y"}, "More")
    hub.publish(made.with_commit(extra))
    found = look_up(ENCODER, "model")
    described = described_folder(ENCODER, found.commit, [found])
    assert not list(described.glob("*.safetensors")), "weights come when they are needed"
    folder = encoder_folder(ENCODER, found.commit, [found])
    assert folder == described
    assert (folder / "model.safetensors").read_bytes() == (tiny_encoder / "model.safetensors").read_bytes()
    assert not (folder / "onnx").exists()
    assert not (folder / "pytorch_model.bin").exists()
    before = hub.requests.count()
    assert encoder_folder(ENCODER, found.commit) == folder
    assert hub.requests.count() == before


def test_an_encoder_without_safetensors_says_which_pull_request_has_them(hub: StandIn, tiny_encoder: Path) -> None:
    hub.publish(model_repository(tiny_encoder, "owner/old", binary_only=True))
    found = look_up("owner/old", "model")
    said = (
        r"encoder owner/old has no weights in safetensors on its main branch; a pull request has:"
        r' Pretrained\(source="owner/old", revision="refs/pr/1"\)'
    )
    with pytest.raises(RequestError, match=said):
        described_folder("owner/old", found.commit, [found])
    proposed = look_up("owner/old", "model", "refs/pr/1")
    assert proposed.branch == "refs/pr/1"
    assert (encoder_folder("owner/old", proposed.commit, [proposed]) / "model.safetensors").is_file()
    hub.publish(Repository("owner/older", "models", ()).with_commit(hub["owner/old"].main))
    with pytest.raises(RequestError, match="look for a pull request that has"):
        described_folder("owner/older", look_up("owner/older", "model").commit)


def test_what_is_no_model_says_so(hub: StandIn) -> None:
    hub.publish(repository("owner/notes", {"README.md": b"", "a.safetensors": b""}, "models"))
    with pytest.raises(RequestError, match=r"no config\.json"):
        described_folder("owner/notes", look_up("owner/notes", "model").commit)


# What is odd


def test_another_commit_than_asked_for_is_not_taken(hub: StandIn) -> None:
    asked = "e" * 40
    body = json.dumps({"id": GLUE, "sha": hub[GLUE].main.id, "siblings": []}).encode()
    hub.faults.add(Fault(match=f"/api/datasets/{GLUE}/revision/{asked}", status=200, body=body, times=None))
    with pytest.raises(Unavailable, match=f"returns {GLUE} at {hub[GLUE].main.id}, not at {asked}"):
        look_up(GLUE, "dataset", asked)


@pytest.mark.parametrize("body", [b"<html>Please log in</html>", b"{}", b"null"])
def test_a_page_in_the_place_of_an_answer_is_one_line(hub: StandIn, body: bytes) -> None:
    hub.faults.add(Fault(match="/api/", status=200, body=body, times=None))
    with pytest.raises(Unavailable, match=r"does not respond like a hub|not at a commit") as caught:
        look_up(GLUE, "dataset")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "said, waits",
    [
        ("0", [1.0]),
        ("1.5", [1.0]),
        ("-1", [1.0]),
        ("\u00b2", [1.0]),
        ("Wed, 21 Oct 2015 07:28:00 GMT", [1.0]),
        ("9", [9.0]),
    ],
)
def test_every_wait_is_one(hub: StandIn, hurried: list[float], said: str, waits: list[float]) -> None:
    hub.faults.add(Fault(match="/api/", status=429, headers={"Retry-After": said}))
    assert look_up(GLUE, "dataset")
    assert hurried == waits


def test_what_is_kept_may_be_damaged(hub: StandIn, own_cache: Path, away: Callable[[], None]) -> None:
    found = look_up(GLUE, "dataset")
    (kept,) = own_cache.glob("hub-*/*/*.json")
    for text in ("", "[]", kept.read_text().replace(GLUE, "other/data")):
        kept.write_text(text)
        assert look_up(GLUE, "dataset", found.commit) == found
    (newest,) = own_cache.glob("hub-*/*/newest-main")
    newest.write_text("")
    fetch(found, "README.md")
    away()
    assert look_up(GLUE, "dataset").commit == found.commit, "by the cache of the client"


def test_a_cache_that_cannot_be_written_is_done_without(hub: StandIn, own_cache: Path) -> None:
    own_cache.write_text("a file")
    assert look_up(GLUE, "dataset").commit == hub[GLUE].main.id
