import itertools
import os
import socket
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from stilts_ray.errors import RequestError
from stilts_ray.store import lock as locks
from stilts_ray.store.lock import STALE_SECONDS, StoreLock
from stilts_ray.store.store import Store
from tests.store.test_store import any_store

__all__ = ["any_store"]


def test_a_second_driver_is_rejected_until_the_first_releases_the_lock(any_store: Store) -> None:
    lock = StoreLock(any_store)
    with pytest.raises(RequestError, match=f"is in use by process {os.getpid()} on {socket.gethostname()}") as caught:
        StoreLock(any_store)
    assert "\n" not in str(caught.value)
    lock.release()
    StoreLock(any_store).release()
    assert any_store.read_json("lock.json") is None


def test_a_heartbeat_is_written(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = StoreLock(store)
    first = store.read_json("lock.json")
    monkeypatch.setattr(locks, "time", SimpleNamespace(time=lambda: first["beat"] + 5))
    lock.beat()
    second = store.read_json("lock.json")
    assert second["beat"] == first["beat"] + 5
    assert {**first, "beat": 0} == {**second, "beat": 0}


def held_by(store: Store, **changes: object) -> None:
    """Writes the lock of a driver that is like this process but for `changes`."""
    lock = StoreLock(store)
    store.write_json(lock.me | {"beat": time.time()} | changes, "lock.json")


def test_the_lock_of_a_dead_process_is_taken_over(store: Store) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    held_by(store, pid=ended.pid)
    lock = StoreLock(store)
    assert store.read_json("lock.json")["id"] == lock.me["id"]


def test_a_reused_process_id_is_another_process(store: Store) -> None:
    held_by(store, started=time.time() - 1e6)
    StoreLock(store)


def test_the_lock_of_a_live_process_is_kept_without_heartbeats(store: Store) -> None:
    """On its own host, a busy or suspended driver is known to be alive."""
    held_by(store, beat=time.time() - 10 * STALE_SECONDS)
    with pytest.raises(RequestError, match="is in use"):
        StoreLock(store)


def test_another_hosts_lock_is_taken_over_once_it_is_stale(store: Store) -> None:
    held_by(store, host="another-host")
    with pytest.raises(RequestError, match="on another-host"):
        StoreLock(store)
    held = store.read_json("lock.json")
    store.write_json(held | {"beat": time.time() - STALE_SECONDS - 1}, "lock.json")
    StoreLock(store)


def test_a_driver_releases_only_its_own_lock(store: Store) -> None:
    """A driver whose stale lock was taken over does not release the new holder's lock."""
    lost = StoreLock(store)
    other = lost.me | {"id": "other", "host": "another-host", "beat": time.time()}
    store.write_json(other, "lock.json")
    lost.release()
    assert store.read_json("lock.json") == other


def test_only_one_of_several_concurrent_drivers_acquires_the_lock(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    together, got, refused = threading.Barrier(4), [], []
    waiting, all_have_read = itertools.count(1), threading.Event()

    def has_read(*_: float) -> None:
        """In place of the driver's sleep after it has written: waits until no driver is between reading and writing."""
        if next(waiting) >= 4:
            all_have_read.set()
        assert all_have_read.wait(60)

    monkeypatch.setattr(locks, "time", SimpleNamespace(time=time.time, sleep=has_read))

    def start() -> None:
        together.wait()
        try:
            got.append(StoreLock(store))
        except RequestError as error:
            refused.append(str(error))
            has_read()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), len(refused)) == (1, 3)
    assert store.read_json("lock.json")["id"] == got[0].me["id"]
