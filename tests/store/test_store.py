import json
import os
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from stilts_ray.data.cache_folder import cache_folder
from stilts_ray.errors import RequestError
from stilts_ray.store.records import Failure, ScoreRecord, TrainRecord
from stilts_ray.store.store import Store, now


@pytest.fixture(params=["folder", "object store"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A local folder, or an object store (in memory), which has no atomic rename and is read through the cache."""
    if request.param == "folder":
        yield Store(str(tmp_path / "store"))
        return
    object_store = Store(f"memory://{uuid.uuid4().hex}")
    yield object_store
    object_store.fs.rm(object_store.root, recursive=True) if object_store.fs.exists(object_store.root) else None


# Objects


def test_objects_survive_a_round_trip(any_store: Store) -> None:
    value = {"b": [1, 2.5, None, "größer"], "a": {"c": True}}
    any_store.write_json(value, "train/x-12345678", "record.json")
    assert any_store.read_json("train/x-12345678", "record.json") == value
    any_store.write_json({"a": 1}, "train/x-12345678", "record.json")
    assert any_store.read_json("train/x-12345678", "record.json") == {"a": 1}
    assert any_store.read_json("train/x-12345678", "nothing.json") is None
    assert any_store.read_json("nowhere", "nothing.json") is None


def trial(name: str, **changes: Any) -> TrainRecord:
    fields = {"digest": name * 64, "step": "s", "learning_rate": 1e-5, "seed": 0, "collapsed": False, **changes}
    return TrainRecord(name=name, **fields)


def test_records_of_a_kind_by_digest_with_their_paths(any_store: Store) -> None:
    assert any_store.records("train") == {}
    for name in ("a", "b"):
        any_store.write_record(trial(name, score=1.0), f"train/{name}-{name * 8}")
    failure = Failure(kind="train", name="c", digest="c" * 64, reason="no", at=now())
    any_store.write_failure(failure, "train/c-cccccccc")
    scored = ScoreRecord(name="d", digest="d" * 64, step="s", score=1.0, languages={}, signature="")
    any_store.write_record(scored, "score/d-dddddddd")
    any_store.write(b"...", "train", "e-eeeeeeee", "weights.safetensors")
    assert any_store.records("train") == {
        name * 64: trial(name, score=1.0, path=f"train/{name}-{name * 8}") for name in ("a", "b")
    }
    assert any_store.record("train/a-aaaaaaaa") == trial("a", score=1.0, path="train/a-aaaaaaaa")
    assert any_store.record("train/c-cccccccc") is None
    assert any_store.failure("train/c-cccccccc") == failure
    assert any_store.failure("train/a-aaaaaaaa") is None


def test_a_record_replaces_an_earlier_failure(any_store: Store) -> None:
    failure = Failure(kind="train", name="c", digest="c" * 64, reason="no", at=now())
    any_store.write_failure(failure, "train/c-cccccccc")
    any_store.write_record(trial("c"), "train/c-cccccccc")
    assert any_store.failure("train/c-cccccccc") is None


def test_a_record_does_not_store_its_path_and_ignores_new_fields(any_store: Store) -> None:
    any_store.write_record(trial("a", path="elsewhere"), "train/a-aaaaaaaa")
    written = any_store.read_json("train/a-aaaaaaaa", "record.json")
    assert "path" not in written
    assert written["kind"] == "train"
    any_store.write_json(written | {"of_a_later_version": 1}, "train/a-aaaaaaaa", "record.json")
    assert any_store.record("train/a-aaaaaaaa") == trial("a", path="train/a-aaaaaaaa")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"3", b'{"score": 1}'])
def test_a_damaged_record_is_a_one_line_error_with_its_remedy(any_store: Store, content: bytes) -> None:
    any_store.write(content, "train", "x-12345678", "record.json")
    with pytest.raises(RequestError, match=r"train/x-12345678/record\.json is damaged; delete it to make") as caught:
        any_store.records("train")
    assert "\n" not in str(caught.value)


def test_invalid_json_is_a_one_line_error(any_store: Store) -> None:
    any_store.write(b"{", "revisions.json")
    with pytest.raises(RequestError, match=r"revisions\.json is not JSON; delete it"):
        any_store.read_json("revisions.json")


def test_nan_is_never_stored(any_store: Store) -> None:
    with pytest.raises(ValueError):
        any_store.write_json({"score": float("nan")}, "record.json")
    with pytest.raises(ValueError):
        any_store.write_record(trial("a", score=float("nan")), "train/a")
    assert any_store.read_json("record.json") is None
    assert any_store.record("train/a") is None


def test_delete_removes_objects_and_folders_and_ignores_missing_ones(any_store: Store) -> None:
    for number in range(2):
        any_store.write(b"x", "train/x", "checkpoint", f"00000{number}", "weights")
    any_store.write(b"y", "train/x", "record")
    any_store.delete("train/x", "checkpoint")
    any_store.delete("train/x", "checkpoint")
    any_store.delete("train/y")
    assert any_store.fs.exists(any_store.path("train/x", "record"))
    assert not any_store.fs.exists(any_store.path("train/x", "checkpoint"))


def test_folders_are_uploaded_and_fetched(any_store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "below").mkdir(parents=True)
    (folder / "a.bin").write_bytes(b"a" * 1000)
    (folder / "below" / "b.bin").write_bytes(b"b")
    any_store.upload(folder, "pretrain/x", "model")

    for _ in range(2):
        fetched = any_store.fetch("pretrain/x", "model")
        assert {p.relative_to(fetched).as_posix(): p.read_bytes() for p in fetched.rglob("*") if p.is_file()} == {
            "a.bin": b"a" * 1000,
            "below/b.bin": b"b",
        }
    file = any_store.fetch("pretrain/x", "model", "a.bin")
    assert file.read_bytes() == b"a" * 1000
    assert not list(fetched.parent.glob("*.part"))


def test_missing_objects_cannot_be_fetched(any_store: Store) -> None:
    with pytest.raises((FileNotFoundError, RequestError)):
        any_store.fetch("pretrain/x", "model").read_bytes()


def test_objects_of_an_object_store_are_copied_once_and_again_when_they_change() -> None:
    object_store = Store(f"memory://{uuid.uuid4().hex}")
    object_store.write(b"first", "train/x", "weights")
    copy = object_store.fetch("train/x", "weights")
    assert copy.read_bytes() == b"first"
    assert str(copy).startswith(os.environ["STILTS_CACHE"])
    assert object_store.fetch("train/x", "weights") == copy
    object_store.delete("train/x")
    with pytest.raises(RequestError, match="does not exist"):
        object_store.fetch("train/x", "weights")
    object_store.write(b"second", "train/x", "weights")
    assert object_store.fetch("train/x", "weights").read_bytes() == b"second"


def test_only_a_folder_is_local(any_store: Store, tmp_path: Path) -> None:
    assert any_store.local in (None, tmp_path / "store")
    assert (any_store.local is None) == any_store.url.startswith("memory")
    assert Store(f"file://{tmp_path}/store").local == tmp_path / "store"
    assert Store(f"{tmp_path}/store/").path("a", "b") == f"{tmp_path}/store/a/b"


@pytest.mark.parametrize("url", ["nosuchprotocol://x", "s3x://bucket/y"])
def test_an_unknown_protocol_is_a_one_line_error(url: str) -> None:
    with pytest.raises(RequestError, match=f"store {url}: ") as caught:
        Store(url)
    assert "\n" not in str(caught.value)


def test_an_unwritable_store_is_a_one_line_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(RequestError, match=r"cannot write lock\.json") as caught:
        Store(str(tmp_path / "file")).write_json({}, "lock.json")
    assert "\n" not in str(caught.value)


def test_writes_are_atomic(store: Store) -> None:
    values = [{"value": [number] * 20_000} for number in range(2)]
    store.write_json(values[0], "record.json")
    over = threading.Event()

    def write() -> None:
        for number in range(60):
            store.write_json(values[number % 2], "record.json")
        over.set()

    thread = threading.Thread(target=write)
    thread.start()
    reads = 0
    while not over.is_set() or reads == 0:
        assert store.read_json("record.json") in values
        reads += 1
    thread.join()
    assert [path.name for path in Path(store.url).iterdir()] == ["record.json"], "no scratch files are left"


def test_the_time_is_utc_to_the_second() -> None:
    started, moment = int(time.time()), datetime.fromisoformat(now())
    assert moment.utcoffset().total_seconds() == 0  # type: ignore[union-attr]
    assert started <= moment.timestamp() <= time.time()
    assert moment.microsecond == 0


def test_the_environment_sets_the_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert cache_folder() == Path(os.environ["STILTS_CACHE"])
    monkeypatch.delenv("STILTS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "stilts_ray"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "stilts_ray"


def test_records_are_readable_text(store: Store) -> None:
    store.write_json({"b": 1, "a": [1]}, "record.json")
    text = (Path(store.url) / "record.json").read_text()
    assert text.index('"a"') < text.index('"b"')
    assert json.loads(text) == {"a": [1], "b": 1}
    assert len(text.splitlines()) > 1
