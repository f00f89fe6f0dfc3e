"""A tracking URI that cannot be used is refused before a sweep starts, in one line and without secrets."""

import contextlib
import http.server
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from stilts_ray import tracking
from stilts_ray.errors import RequestError
from stilts_ray.store.state import redacted
from stilts_ray.store.store import Store
from stilts_ray.tracking import address


def test_default_uri(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tracking.default_uri(store) == f"sqlite:///{store.url}/mlflow.db"
    monkeypatch.setenv("STILTS_CACHE", str(tmp_path / "cache"))
    remote = tracking.default_uri(Store("memory://bucket/runs"))
    assert remote.startswith(f"sqlite:///{tmp_path}/cache/store/")
    tracking.check(remote)
    assert tracking.table_links(tracking.default_uri(store), "http://host") == {}


def test_an_interrupted_migration_starts_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = tracking.default_uri(store)
    tracking.check(uri)

    def half_made(place: str) -> Any:
        with closing(sqlite3.connect(place.removeprefix("sqlite:///"))) as database:
            database.execute("create table _alembic_tmp_experiments (id integer)")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(address, "_client", half_made)
        with pytest.raises(KeyboardInterrupt):
            address.client_of(uri)
    assert address.client_of(uri).search_experiments(max_results=1)


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
def test_a_uri_that_cannot_be_used_is_refused_at_once(
    wrong: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "text").write_text("this is not a database" * 50)
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    with pytest.raises(RequestError) as refused:
        tracking.check(wrong.format(not_a_database=tmp_path / "text"))
    assert sum(waits) < 5
    assert message in str(refused.value)
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


@contextlib.contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """A server that gives the same answer to every request."""

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
        (200, b"<html>Welcome</html>", "it is not an MLflow server"),
        (404, b"<html>nothing here</html>", "it is not an MLflow server"),
    ],
)
def test_other_servers_and_refused_logins_are_named(status: int, body: bytes, message: str) -> None:
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
