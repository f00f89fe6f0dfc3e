"""Tracking with a real MLflow: in SQLite, and one server. One database serves all tests; each has its own experiment."""

import contextlib
import http.server
import os
import signal
import socket
import subprocess
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stilts_ray import tracking
from stilts_ray.errors import RequestError
from stilts_ray.plan import Plan
from stilts_ray.report.runs import tracked_runs
from stilts_ray.report.state import redacted, state_of
from stilts_ray.store import Store
from stilts_ray.tracking import address, tracker
from tests.report import fakes

WHOLE = {"row": 3, "study": 7, "trial": 21, "pretrain": 1}


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database of its own, in a folder whose name is not harmless."""
    store = Store(str(tmp_path_factory.mktemp("my runs #1")))
    return tracking.default_uri(store)


@pytest.fixture
def plan(request: pytest.FixtureRequest) -> Plan:
    return fakes.small(name=f"sweep-{zlib.crc32(request.node.name.encode())}")


def sync(uri: str, plan: Plan, store: Store) -> int:
    return tracking.Tracker(uri, plan).sync(state_of(store))


def runs_of(uri: str, plan: Plan) -> list[Any]:
    client = address.client_of(uri)
    found = client.get_experiment_by_name(plan.sweep.name)
    return list(client.search_runs([found.experiment_id], max_results=1000)) if found else []


def picture(uri: str, plan: Plan) -> dict[str, Any]:
    """All that there is of a sweep, without ids."""
    client, runs = address.client_of(uri), runs_of(uri, plan)
    names = {run.info.run_id: f"{run.data.tags['stilts.kind']} {run.info.run_name}" for run in runs}
    assert len(set(names.values())) == len(runs), "a run is there twice"
    found = {}
    for run in runs:
        tags = {name: value for name, value in run.data.tags.items() if name != "mlflow.parentRunId"}
        curves = {
            name: [(m.step, m.value, m.timestamp) for m in client.get_metric_history(run.info.run_id, name)]
            for name in run.data.metrics
        }
        times = (run.info.status, run.info.start_time, run.info.end_time)
        files = [file.path for file in client.list_artifacts(run.info.run_id)]
        parent = names.get(run.data.tags.get("mlflow.parentRunId", ""))
        found[names[run.info.run_id]] = (parent, times, tags, run.data.params, curves, files)
    return found


def test_sends_all_once(
    uri: str,
    plan: Plan,
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    fakes.carry_out(plan, store)
    assert sync(uri, plan, store) == sum(WHOLE.values())
    first = picture(uri, plan)
    assert Counter(name.split()[0] for name in first) == WHOLE
    assert sync(uri, plan, store) == 0
    assert picture(uri, plan) == first
    versions = address.client_of(uri).search_model_versions(f"name='{plan.sweep.name}.mini.squad.udpos'")
    assert sorted(version.tags["seed"] for version in versions) == ["0", "1"]
    assert all(version.source.startswith(f"{store.url}/trial/mini.squad.udpos-lr0.001-s") for version in versions)
    assert [path.name for path in tmp_path.iterdir()] == ["store"], "something was written to the working folder"
    assert capfd.readouterr() == ("", ""), "MLflow said something"


def test_parts_of_a_sweep_grow_into_the_whole(uri: str, plan: Plan, store: Store, tmp_path: Path) -> None:
    sender, jobs = tracking.Tracker(uri, plan), 0
    while fakes.carry_out(plan, store, jobs=12).running:
        sender.sync(state_of(store))
        jobs += 1
    sender.sync(state_of(store))
    assert jobs > 3
    whole = replace(plan, sweep=plan.sweep.model_copy(update={"name": "whole"}))
    sync(uri, whole, store)
    grown, at_once = picture(uri, plan), picture(uri, whole)
    for name, (parent, times, tags, params, curves, files) in grown.items():
        wanted = at_once[name]
        tags, other = ({n: v for n, v in t.items() if n != "stilts.model"} for t in (tags, wanted[2]))
        assert (parent, times[0], times[2], tags, params, files) == (wanted[0], *wanted[1][::2], other, *wanted[3:6:2])
        # A metric that was sent before the end of its row stays in the history.
        assert {metric: curve[-1] for metric, curve in curves.items()} == {m: c[-1] for m, c in wanted[4].items()}
    assert list(grown) == sorted(grown, key=lambda name: grown[name][1][1], reverse=True)


def test_rows_read_as_the_table(uri: str, plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fakes.carry_out(plan, store)
    sync(uri, plan, store)
    client = address.client_of(uri)
    experiment = client.get_experiment_by_name(plan.sweep.name)
    # As the user interface lists them.
    rows = client.search_runs([experiment.experiment_id], "tags.`stilts.kind` = 'row'", order_by=["start_time DESC"])
    assert [row.info.run_name for row in rows] == ["mini.baseline", "mini.squad", "mini.hellaswag-squad"]
    assert rows[1].data.metrics.keys() >= {"target/udpos", "delta/udpos", "sd/udpos", "partial/avg_of_3", "delta/avg"}
    # This one method of the client asks the place named here for runs, whatever the client's own.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    found = client.load_table(experiment.experiment_id, "languages.json", run_ids=[rows[1].info.run_id])
    assert list(found.columns) == ["test", "score", "accuracy", "em", "f1", "target", "language"]
    assert len(found) == 6
    assert found[found.test == "xquad qba"].em.item() > 0
    place = Path(uri.removeprefix("sqlite:///")).parent / "mlartifacts"
    assert list(place.glob(f"{rows[1].info.run_id}/**/languages.json"))
    view = f"/#/experiments/{experiment.experiment_id}/runs?viewStateShareKey=stilts-results"
    assert tracking.table_links(uri, "http://host:1")[plan.sweep.name].startswith(f"http://host:1{view}")
    assert "target/udpos" in experiment.tags["mlflow.sharedViewState.stilts-results"]


@pytest.mark.parametrize("requests", [1, 2, 3, 8, 40])
def test_an_interrupted_sync_is_completed_by_the_next(
    uri: str, plan: Plan, store: Store, requests: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes.carry_out(plan, store, jobs=14)
    left = requests

    class Failing:
        """A client whose answers are lost from some request on."""

        def __init__(self, client: Any) -> None:
            self.client = client

        def __getattr__(self, name: str) -> Any:
            def call(*args: Any, **kwargs: Any) -> Any:
                nonlocal left
                left -= 1
                result = getattr(self.client, name)(*args, **kwargs)
                if left < 0:
                    raise ConnectionError("answer lost")
                return result

            return call

    with monkeypatch.context() as patch:
        patch.setattr(tracker, "client_of", lambda uri: Failing(address.client_of(uri)))
        with pytest.raises(ConnectionError):
            sync(uri, plan, store)
    sync(uri, plan, store)
    found = picture(uri, plan)
    assert sync(uri, plan, store) == 0
    assert all(times[0] != "RUNNING" for name, (_, times, *_) in found.items() if name.startswith("trial"))
    assert len(found) == len(tracked_runs(plan, state_of(store)))


def test_a_failed_step_is_done_in_the_next_run(uri: str, plan: Plan, store: Store) -> None:
    fakes.carry_out(plan, store, failing="hellaswag")
    sync(uri, plan, store)
    before = picture(uri, plan)["row mini.hellaswag-squad"]
    assert before[1][0] == "FAILED"
    assert "out of memory" in before[2]["stilts.reason"]
    fakes.carry_out(plan, store)
    sync(uri, plan, store)
    assert picture(uri, plan)["row mini.hellaswag-squad"][1][0] == "FINISHED"


def test_two_drivers_make_one_experiment(uri: str, plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fakes.carry_out(plan, store, jobs=3)
    sync(uri, plan, store)
    answers = iter([None])  # the other driver's experiment is not there when one looks
    real = address.experiment
    monkeypatch.setattr(tracker, "experiment", lambda *args: next(answers, real(*args)))
    assert sync(uri, plan, store) == 0


def test_a_deleted_experiment_is_refused(uri: str, plan: Plan, store: Store) -> None:
    fakes.carry_out(plan, store, jobs=3)
    sync(uri, plan, store)
    tracking.check(uri, plan.sweep.name)
    client = address.client_of(uri)
    client.delete_experiment(client.get_experiment_by_name(plan.sweep.name).experiment_id)
    with pytest.raises(RequestError, match=r"is deleted there; restore it \(mlflow experiments restore -x \d+\) or"):
        tracking.check(uri, plan.sweep.name)
    lines: list[str] = []
    with tracking.Sender(uri, plan, store, warn=lines.append):
        pass
    assert len(lines) == 1


# Addresses


def test_default_place(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tracking.default_uri(store) == f"sqlite:///{store.url}/mlflow.db"
    monkeypatch.setenv("STILTS_CACHE", str(tmp_path / "cache"))
    remote = tracking.default_uri(Store("memory://bucket/runs"))
    assert remote.startswith(f"sqlite:///{tmp_path}/cache/store/")
    tracking.check(remote)
    assert tracking.table_links(tracking.default_uri(store), "http://host") == {}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("htp://host:5000", "not an address of MLflow; use http://HOST:PORT"),
        ("mlruns", "not an address of MLflow"),
        ("file:///tmp/mlruns", "not an address of MLflow"),
        ("http://user:secret@127.0.0.1:9", "it cannot be reached"),
        ("postgresql://user:secret@127.0.0.1:9/db", "Connection refused"),
        ("sqlite:////proc/none/mlflow.db", "No such file or directory"),
        ("sqlite:///{not_a_database}", "file is not a database"),
    ],
)
def test_what_cannot_be_used_is_refused_at_once(wrong: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database, however long one looks at it" * 50)
    begin = time.monotonic()
    with pytest.raises(RequestError) as refused:
        tracking.check(wrong.format(not_a_database=tmp_path / "text"))
    assert time.monotonic() - begin < 5
    assert message in str(refused.value)
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


@contextlib.contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """A server that always answers the same."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (401, b"You are not authenticated.", "login refused; set MLFLOW_TRACKING_USERNAME"),
        (403, b"Permission denied", "login refused"),
        (200, b"<html>Welcome</html>", "what answers there is not an MLflow server"),
        (404, b"<html>nothing here</html>", "what answers there is not an MLflow server"),
    ],
)
def test_other_servers_and_refused_logins_are_told(status: int, body: bytes, message: str) -> None:
    with answering(status, body) as wrong, pytest.raises(RequestError, match=message):
        tracking.check(wrong)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("https://ann:pass@host:1/a", "https://***@host:1/a"),
        ("failed: postgresql+psycopg://ann:p@ss@host/db (x)", "failed: postgresql+psycopg://***@host/db (x)"),
        ("s3://bucket/a@b", "s3://bucket/a@b"),
        ("mysql://host/db?user=a&password=b&ssl=1", "mysql://host/db?user=a&password=***&ssl=1"),
        ("sqlite:////home/a/mlflow.db", "sqlite:////home/a/mlflow.db"),
    ],
)
def test_secrets_are_left_out(text: str, wanted: str) -> None:
    assert redacted(text) == wanted


# Sending while a sweep goes on


def free_port() -> int:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return int(place.getsockname()[1])


def test_a_server_that_hangs_holds_up_nothing(plan: Plan, store: Store) -> None:
    lines: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        begin = time.monotonic()
        with tracking.Sender(
            f"http://me:secret@127.0.0.1:{deaf.getsockname()[1]}", plan, store, lines.append, pause=0.1, patience=0.5
        ) as sender:
            fakes.carry_out(plan, store)
            sender.ended(None, {})
        assert time.monotonic() - begin < 5
    (line,) = lines
    assert "it is too slow" in line
    assert "secret" not in line


def test_a_server_that_is_gone_and_comes_back(plan: Plan, store: Store, uri: str, tmp_path: Path) -> None:
    port, lines = free_port(), []
    there = f"http://127.0.0.1:{port}"
    with tracking.Sender(there, plan, store, warn=lines.append, pause=0.1) as sender:
        fakes.carry_out(plan, store, jobs=5)
        sender.ended(None, {})
        until(lambda: bool(lines))
        with served(uri, port):
            fakes.carry_out(plan, store)
            sender.ended(None, {})
            sender.__exit__(None, None, None)
            assert Counter(run.data.tags["stilts.kind"] for run in runs_of(there, plan)) == WHOLE
            assert [line.split(";")[0] for line in lines] == [f"MLflow at {there}: it cannot be reached"]
            tracking.check(there, plan.sweep.name)
            assert sync(there, plan, store) == 0
            client = address.client_of(there)
            name = f"name='{plan.sweep.name}.mini.squad.udpos'"
            assert not client.search_model_versions(name), "a server takes no path of another machine"
            tracking.Tracker(there, plan).sync(replace(state_of(store), store="s3://bucket/runs"))
            sources = {version.source.split("/trial")[0] for version in client.search_model_versions(name)}
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
        process.wait(10)


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def until(true: Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
