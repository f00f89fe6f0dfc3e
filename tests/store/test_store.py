import itertools
import json
import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from stilts_ray.data.cache_folder import cache_folder
from stilts_ray.errors import RequestError
from stilts_ray.store import store as stores
from stilts_ray.store.store import STALE_SECONDS, Store, StoreLock, now


@pytest.fixture(params=["folder", "object store"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A local folder, or an object store (in memory), which has no rename and is read through the cache."""
    if request.param == "folder":
        yield Store(str(tmp_path / "store"))
        return
    made = Store(f"memory://{uuid.uuid4().hex}")
    yield made
    made.fs.rm(made.root, recursive=True) if made.fs.exists(made.root) else None


# Objects


def test_what_is_written_is_read(any_store: Store) -> None:
    value = {"b": [1, 2.5, None, "größer"], "a": {"c": True}}
    any_store.write_json(value, "trial/x-12345678", "record.json")
    assert any_store.read_json("trial/x-12345678", "record.json") == value
    any_store.write_json({"a": 1}, "trial/x-12345678", "record.json")
    assert any_store.read_json("trial/x-12345678", "record.json") == {"a": 1}
    assert any_store.read_json("trial/x-12345678", "nothing.json") is None
    assert any_store.read_json("nowhere", "nothing.json") is None


def test_records_of_a_kind_are_found_by_digest_with_their_places(any_store: Store) -> None:
    assert any_store.records("trial") == {}
    for name in ("a", "b"):
        any_store.write_json({"digest": name * 64, "score": 1.0}, "trial", f"{name}-{name * 8}", "record.json")
    any_store.write_json({"digest": "c" * 64, "reason": "no"}, "trial", "c-cccccccc", "failure.json")
    any_store.write_json({"digest": "d" * 64}, "score", "d-dddddddd", "record.json")
    any_store.write(b"...", "trial", "e-eeeeeeee", "weights.safetensors")
    assert any_store.records("trial") == {
        "a" * 64: {"digest": "a" * 64, "score": 1.0, "path": "trial/a-aaaaaaaa"},
        "b" * 64: {"digest": "b" * 64, "score": 1.0, "path": "trial/b-bbbbbbbb"},
    }
    assert list(any_store.records("trial", "failure.json")) == ["c" * 64]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"3", b'{"score": 1}'])
def test_a_damaged_record_is_one_line_that_says_what_to_do(any_store: Store, content: bytes) -> None:
    any_store.write(content, "trial", "x-12345678", "record.json")
    with pytest.raises(RequestError, match=r"trial/x-12345678/record\.json is damaged; delete it to make") as caught:
        any_store.records("trial")
    assert "\n" not in str(caught.value)


def test_an_object_that_is_not_json_is_one_line(any_store: Store) -> None:
    any_store.write(b"{", "revisions.json")
    with pytest.raises(RequestError, match=r"revisions\.json is not JSON; delete it"):
        any_store.read_json("revisions.json")


def test_numbers_that_are_none_are_never_stored(any_store: Store) -> None:
    with pytest.raises(ValueError):
        any_store.write_json({"score": float("nan")}, "record.json")
    assert any_store.read_json("record.json") is None


def test_delete_takes_objects_and_folders_and_does_not_mind_their_absence(any_store: Store) -> None:
    for number in range(2):
        any_store.write(b"x", "trial/x", "checkpoint", f"00000{number}", "weights")
    any_store.write(b"y", "trial/x", "record")
    any_store.delete("trial/x", "checkpoint")
    any_store.delete("trial/x", "checkpoint")
    any_store.delete("trial/y")
    assert any_store.fs.exists(any_store.path("trial/x", "record"))
    assert not any_store.fs.exists(any_store.path("trial/x", "checkpoint"))


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


def test_what_is_not_there_cannot_be_fetched(any_store: Store) -> None:
    with pytest.raises((FileNotFoundError, RequestError)):
        any_store.fetch("pretrain/x", "model").read_bytes()


def test_objects_of_an_object_store_are_copied_once_and_again_when_they_change() -> None:
    made = Store(f"memory://{uuid.uuid4().hex}")
    made.write(b"first", "trial/x", "weights")
    copy = made.fetch("trial/x", "weights")
    assert copy.read_bytes() == b"first"
    assert str(copy).startswith(os.environ["STILTS_CACHE"])
    assert made.fetch("trial/x", "weights") == copy
    made.delete("trial/x")
    with pytest.raises(RequestError, match="is not there"):
        made.fetch("trial/x", "weights")
    made.write(b"second", "trial/x", "weights")
    assert made.fetch("trial/x", "weights").read_bytes() == b"second"


def test_only_a_folder_is_local(any_store: Store, tmp_path: Path) -> None:
    assert any_store.local in (None, tmp_path / "store")
    assert (any_store.local is None) == any_store.url.startswith("memory")
    assert Store(f"file://{tmp_path}/store").local == tmp_path / "store"
    assert Store(f"{tmp_path}/store/").path("a", "b") == f"{tmp_path}/store/a/b"


@pytest.mark.parametrize("url", ["nosuchprotocol://x", "s3x://bucket/y"])
def test_a_store_of_an_unknown_kind_is_one_line(url: str) -> None:
    with pytest.raises(RequestError, match=f"store {url}: ") as caught:
        Store(url)
    assert "\n" not in str(caught.value)


def test_a_store_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(RequestError, match=r"cannot write lease\.json") as caught:
        Store(str(tmp_path / "file")).write_json({}, "lease.json")
    assert "\n" not in str(caught.value)


def test_a_reader_never_sees_half_an_object(store: Store) -> None:
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
    begin, moment = int(time.time()), datetime.fromisoformat(now())
    assert moment.utcoffset().total_seconds() == 0  # type: ignore[union-attr]
    assert begin <= moment.timestamp() <= time.time()
    assert moment.microsecond == 0


# The lease


def test_a_second_run_is_refused_until_the_first_is_over(any_store: Store) -> None:
    lease = StoreLock(any_store)
    with pytest.raises(RequestError, match=f"is in use by process {os.getpid()} on {socket.gethostname()}") as caught:
        StoreLock(any_store)
    assert "\n" not in str(caught.value)
    lease.release()
    StoreLock(any_store).release()
    assert any_store.read_json("lease.json") is None


def test_a_beat_is_a_sign_of_life(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    lease = StoreLock(store)
    first = store.read_json("lease.json")
    monkeypatch.setattr(stores, "time", SimpleNamespace(time=lambda: first["beat"] + 5))
    lease.beat()
    second = store.read_json("lease.json")
    assert second["beat"] == first["beat"] + 5
    assert {**first, "beat": 0} == {**second, "beat": 0}


def held_by(store: Store, **changes: object) -> None:
    """Writes the lease of a run that is like this process but for `changes`."""
    lease = StoreLock(store)
    store.write_json(lease.me | {"beat": time.time()} | changes, "lease.json")


def test_the_lease_of_a_dead_process_is_taken_over(store: Store) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    held_by(store, pid=ended.pid)
    lease = StoreLock(store)
    assert store.read_json("lease.json")["id"] == lease.me["id"]


def test_a_process_number_that_was_given_away_again_is_not_the_same_process(store: Store) -> None:
    held_by(store, started=time.time() - 1e6)
    StoreLock(store)


def test_the_lease_of_a_living_process_is_kept_however_long_it_is_silent(store: Store) -> None:
    """On its own host a run that is busy, or suspended, is seen to live."""
    held_by(store, beat=time.time() - 10 * STALE_SECONDS)
    with pytest.raises(RequestError, match="is in use"):
        StoreLock(store)


def test_another_hosts_lease_is_taken_over_once_it_is_stale(store: Store) -> None:
    held_by(store, host="another-host")
    with pytest.raises(RequestError, match="on another-host"):
        StoreLock(store)
    held = store.read_json("lease.json")
    store.write_json(held | {"beat": time.time() - STALE_SECONDS - 1}, "lease.json")
    StoreLock(store)


def test_a_run_gives_up_its_own_lease_alone(store: Store) -> None:
    """One that was taken for dead and comes back does not end the run that took its place."""
    lost = StoreLock(store)
    other = lost.me | {"id": "other", "host": "another-host", "beat": time.time()}
    store.write_json(other, "lease.json")
    lost.release()
    assert store.read_json("lease.json") == other


def test_of_runs_that_start_together_one_gets_the_store(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    together, got, refused = threading.Barrier(4), [], []
    waiting, all_have_looked = itertools.count(1), threading.Event()

    def has_looked(*_: float) -> None:
        """What a run waits for after it wrote: that no other one is between looking and writing."""
        if next(waiting) >= 4:
            all_have_looked.set()
        assert all_have_looked.wait(60)

    monkeypatch.setattr(stores, "time", SimpleNamespace(time=time.time, sleep=has_looked))

    def start() -> None:
        together.wait()
        try:
            got.append(StoreLock(store))
        except RequestError as error:
            refused.append(str(error))
            has_looked()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), len(refused)) == (1, 3)
    assert store.read_json("lease.json")["id"] == got[0].me["id"]


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
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
