"""Sending during a sweep, to servers that hang, stop and come back."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

from stilts_ray import tracking
from stilts_ray.plan.build import Plan
from stilts_ray.store.state import EMPTY_STATE, state_of
from stilts_ray.store.store import Store
from stilts_ray.tracking import address
from tests.report import fakes
from tests.tracking.seen import WHOLE, runs_of, sync


def free_port() -> int:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return int(place.getsockname()[1])


def test_a_server_that_hangs_delays_nothing(plan: Plan, store: Store) -> None:
    lines: list[str] = []
    with (
        socket.create_server(("127.0.0.1", 0)) as deaf,
        tracking.Sender(
            f"http://me:secret@127.0.0.1:{deaf.getsockname()[1]}",
            plan,
            store,
            EMPTY_STATE,
            lines.append,
            pause=0.1,
            patience=0.5,
        ) as sender,
    ):
        fakes.execute_job(plan, store)
        sender.on_job_end(None, {})
    (line,) = lines
    assert "it is too slow" in line, "left while the server was still being waited for"
    assert "secret" not in line


def test_a_server_that_stops_and_comes_back(plan: Plan, store: Store, uri: str) -> None:
    port, lines = free_port(), []
    there = f"http://127.0.0.1:{port}"
    with tracking.Sender(there, plan, store, EMPTY_STATE, warn=lines.append, pause=0.1) as sender:
        fakes.execute_job(plan, store, jobs=5)
        sender.on_job_end(None, {})
        until(lambda: bool(lines))
        with served(uri, port):
            fakes.execute_job(plan, store)
            sender.on_job_end(None, {})
            sender.__exit__(None, None, None)
            assert Counter(run.data.tags["stilts.kind"] for run in runs_of(there, plan)) == WHOLE
            assert [line.split(";")[0] for line in lines] == [f"MLflow at {there}: it cannot be reached"]
            tracking.check(there, plan.sweep.name)
            assert sync(there, plan, store) == 0
            client = address.client_of(there)
            name = f"name='{plan.sweep.name}.mini.squad.udpos'"
            assert not client.search_model_versions(name), "a server accepts no path of another machine"
            tracking.Tracker(there, plan).sync(replace(state_of(store), store="s3://bucket/runs"))
            sources = {version.source.split("/train")[0] for version in client.search_model_versions(name)}
            assert sources == {"s3://bucket/runs"}


@contextlib.contextmanager
def served(uri: str, port: int) -> Iterator[None]:
    """MLflow's server on a database, as `stilts ui` starts it."""
    command = tracking.ui_command(uri, port)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        until(lambda: answers(port))
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def until(true: Callable[[], bool], seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.05)
