"""The store lock: a single driver writes to a store at a time."""

import os
import socket
import time
import uuid
from typing import Any

import psutil

from stilts_ray.errors import RequestError
from stilts_ray.store.store import Store

LOCK = "lock.json"
HEARTBEAT_SECONDS = 10.0
STALE_SECONDS = 60.0


class StoreLock:
    """Exclusive write access to a store: a lease with a heartbeat.

    A lock is stale if its process has ended, or, on another host, if its last heartbeat is older than STALE_SECONDS. A stale
    lock is taken over.
    """

    def __init__(self, store: Store) -> None:
        """Acquires the lock. Raises RequestError if another driver holds it."""
        self.store = store
        self.me = {
            "id": uuid.uuid4().hex,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "started": _process_start(),
        }
        holder = store.read_json(LOCK)
        if holder is not None and _alive(holder):
            raise RequestError(
                f"store {store.url} is in use by process {holder['pid']} on {holder['host']} (last heartbeat"
                f" {time.time() - holder['beat']:.0f} s ago); wait for it to end or use another --store"
            )
        self.beat()
        # Drivers that start together may all find no lock and write theirs. The last one to write holds it.
        time.sleep(0.2)
        if (store.read_json(LOCK) or {}).get("id") != self.me["id"]:
            raise RequestError(f"another driver has just taken store {store.url}; start again when it has ended")

    def beat(self) -> None:
        """Writes a heartbeat, unless another driver has taken the lock over."""
        holder = self.store.read_json(LOCK)
        if holder is not None and holder["id"] != self.me["id"] and _alive(holder):
            return
        self.store.write_json(self.me | {"beat": time.time()}, LOCK)

    def release(self) -> None:
        """Releases the lock, unless another driver has taken it over."""
        if (self.store.read_json(LOCK) or {}).get("id") == self.me["id"]:
            self.store.delete(LOCK)


def _process_start() -> float:
    return float(psutil.Process().create_time())


def _alive(holder: dict[str, Any]) -> bool:
    if holder["host"] != socket.gethostname():
        return time.time() - float(holder["beat"]) < STALE_SECONDS
    try:
        return abs(float(psutil.Process(holder["pid"]).create_time()) - float(holder["started"])) < 1.0
    except psutil.NoSuchProcess:
        return False
