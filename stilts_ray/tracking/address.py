"""The tracking URI of MLflow, and a check that it can be used."""

import logging
import os
import socket
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from stilts_ray.data.cache_folder import cache_folder
from stilts_ray.errors import RequestError
from stilts_ray.report.views import PREFIX, RESULTS, link
from stilts_ray.store.state import redacted
from stilts_ray.store.store import Store

ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}
"""Set unless the user has set them. MLflow's own defaults are 2 minutes per request and 7 retries; its user interface starts
eight more processes of 230 MB each for its background jobs."""
PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
LOGIN = "login refused; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"


def default_uri(store: Store) -> str:
    """A SQLite file in a local store; for an object store, which cannot hold SQLite, one in this machine's cache."""
    folder = store.local or cache_folder() / "store" / store.root.replace("/", "_")
    return _sqlite(folder / "mlflow.db")


def _sqlite(file: Path) -> str:
    return "sqlite:///" + str(file).replace("%", "%25").replace("?", "%3F")


def artifacts(uri: str) -> str | None:
    """Where artifacts of runs go: beside a SQLite file, not in the working folder; None for a server, which decides itself."""
    if not uri.startswith("sqlite:"):
        return None
    return (_file(uri).absolute().parent / "mlartifacts").as_uri()


def ui_command(uri: str, port: int) -> list[str]:
    """The command that serves MLflow's user interface on localhost."""
    set_environment()
    _fill(uri)
    options = ["--backend-store-uri", uri, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    # Without this, it logs a line per request.
    options += ["--uvicorn-opts", "--log-level warning"]
    place = artifacts(uri)
    return [sys.executable, "-m", "mlflow", "server", *options, *(["--artifacts-destination", place] if place else [])]


def table_links(uri: str, base: str) -> dict[str, str]:
    """By sweep, the URL of its result table in the user interface at `base`; empty if there is no database yet."""
    if uri.startswith("sqlite:") and not _file(uri).exists():
        return {}
    found = client_of(uri).search_experiments()
    return {e.name: link(base, e.experiment_id) for e in found if f"{PREFIX}{RESULTS}" in e.tags}


def is_server(uri: str) -> bool:
    """Whether requests go to a server, not to a database."""
    return urlsplit(uri).scheme in {"http", "https", "databricks"} or uri == "databricks"


def check(uri: str, sweep: str | None = None) -> None:
    """Raises RequestError if later requests would fail.

    sweep: name of the sweep; its experiment must not be deleted.
    """
    try:
        if not is_server(uri) and _is_new(uri):
            return
        client = client_of(uri)
        client.search_experiments(max_results=1)
        if sweep is not None:
            experiment(client, sweep)
    except Exception as error:
        raise RequestError(f"MLflow at {redacted(uri)}: {reason(error)}") from None


def _is_new(uri: str) -> bool:
    """Whether the database is an empty SQLite file, in which MLflow takes seconds to create its tables; that is done later.

    Raises an error if the database cannot be used; MLflow itself would retry for 100 seconds.
    """
    scheme = urlsplit(uri).scheme.split("+")[0]
    if scheme == "sqlite":
        _file(uri).parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(_file(uri))) as database:
            database.execute("begin immediate")
            return not database.execute("select count(*) from sqlite_master").fetchone()[0]
    if scheme not in PORTS:
        raise ValueError("not an address of MLflow; use http://HOST:PORT, https://HOST or sqlite:///FILE")
    socket.create_connection((urlsplit(uri).hostname, urlsplit(uri).port or PORTS[scheme]), timeout=5).close()
    return False


def _file(uri: str) -> Path:
    return Path(unquote(uri.partition(":///")[2].partition("?")[0]))


def reason(error: Exception) -> str:
    """Why a request failed, as one line without secrets."""
    code, text = getattr(error, "error_code", ""), str(error)
    if code in {"UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED", "PERMISSION_DENIED"}:
        return LOGIN
    if "ConnectionPool" in text:
        return "no answer in time" if "timed out" in text else "it cannot be reached"
    if "JSON" in text or code == "ENDPOINT_NOT_FOUND":
        return "it is not an MLflow server"
    first = next(iter(text.strip().splitlines()), "no reason given")
    return redacted(first if isinstance(error, RequestError | ValueError) else f"{type(error).__name__}: {first}")


def set_environment() -> None:
    """Sets short timeouts and few retries, and disables telemetry, also in processes started from this one."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def client_of(uri: str) -> Any:
    """An MlflowClient."""
    set_environment()
    _fill(uri)
    return _client(uri)


def _client(uri: str) -> Any:
    from mlflow import MlflowClient

    for name in ("mlflow", "alembic", "urllib3.connectionpool"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return MlflowClient(tracking_uri=uri)


def _fill(uri: str) -> None:
    """Creates the tables of a new SQLite file, in a scratch file that is then moved into place: an interrupted migration of
    MLflow leaves a file that it cannot open again."""
    if not uri.startswith("sqlite:") or (_file(uri).exists() and _file(uri).stat().st_size):
        return
    scratch = _file(uri).with_name(f"{_file(uri).name}.new")
    for leftover in scratch.parent.glob(f"{scratch.name}*"):
        leftover.unlink()
    _client(_sqlite(scratch)).search_experiments(max_results=1)
    scratch.replace(_file(uri))


def experiment(client: Any, name: str) -> str | None:
    """Id of the experiment of that name, None if there is none. Raises RequestError if it is deleted."""
    found = client.get_experiment_by_name(name)
    if found is not None and found.lifecycle_stage == "deleted":
        raise RequestError(
            f"experiment '{name}' is deleted; restore it (mlflow experiments restore -x {found.experiment_id})"
            " or give the sweep another name"
        )
    return None if found is None else str(found.experiment_id)
