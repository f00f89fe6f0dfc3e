"""The data source of a sweep: the requested one, else the one of the sweep's last invocation in this store."""

import os
from collections.abc import Mapping
from pathlib import Path

from stilts_ray import tasks
from stilts_ray.config import Sweep
from stilts_ray.data.repository import Repository
from stilts_ray.data.sources import (
    DataSource,
    FolderSource,
    HubSource,
    MiniSource,
    SourceAddress,
    from_address,
    parse_repositories,
    replaced_folders,
)
from stilts_ray.errors import RequestError
from stilts_ray.plan.build import Plan, make_plan
from stilts_ray.store.pins import REPOSITORIES
from stilts_ray.store.store import Store

Folder = str | Path | None


def open_store(path_or_url: str | Path) -> Store:
    """The store at a path or URL. A path is made absolute, since workers have other working directories."""
    url = str(path_or_url)
    return Store(url if "://" in url else str(Path(url).expanduser().resolve()))


def plan_in(store: Store, sweep: Sweep, data_dir: Folder, local_data: Folder) -> Plan:
    """The plan of a sweep over the data source of `data_source_in`. Raises RequestError."""
    return make_plan(sweep, data_source_in(store, sweep, data_dir, local_data))


def data_source_in(
    store: Store, sweep: Sweep, data_dir: Folder, local_data: Folder
) -> HubSource | FolderSource | MiniSource:
    """Mini's generated data if the sweep is on it; else `real_data_source`. Raises RequestError for a folder that does not
    exist, or for any folder if the sweep is on mini."""
    known = parse_repositories(store.read_json(REPOSITORIES) or {})
    if sweep.data == "hub":
        return real_data_source(known, data_dir, local_data, _last_used(store, sweep))
    for option, given in (("--data-dir", data_dir), ("--local-data", local_data)):
        if given is not None:
            raise RequestError(f"sweep {sweep.name} is on mini's generated data; {option} does not apply to it")
    return MiniSource(sweep.data, repositories=known)


def real_data_source(
    known: Mapping[str, Repository], data_dir: Folder, local_data: Folder, previous: SourceAddress | None = None
) -> HubSource | FolderSource:
    """The folder `data_dir` (or STILTS_DATA_DIR); else the hub, with `local_data` for tasks that it lacks; else the `previous`
    source; else the hub. known: resolved repositories. Raises RequestError for a folder that does not exist."""
    folder = data_dir or os.environ.get("STILTS_DATA_DIR")
    if folder:
        return FolderSource(_existing("--data-dir", folder), repositories=known)
    if local_data is not None:
        local = _existing("--local-data", local_data)
        return HubSource(known, local=local, replaced=replaced_folders(local, tasks.TASKS.values()))
    again = from_address(previous.model_copy(update={"repositories": dict(known)})) if previous else HubSource(known)
    return again if isinstance(again, FolderSource | HubSource) else HubSource(known)


def remember(data_source: DataSource, store: Store, sweep: Sweep) -> None:
    """Notes in the store which data source a sweep uses, for its next invocation."""
    address = data_source.address().model_dump(mode="json", exclude={"repositories"})
    store.write_json(address, "sweeps", f"{sweep.name}.json")


def _last_used(store: Store, sweep: Sweep) -> SourceAddress | None:
    noted = store.read_json("sweeps", f"{sweep.name}.json")
    try:
        return None if noted is None else SourceAddress.model_validate(noted)
    except ValueError:
        path = f"sweeps/{sweep.name}.json"
        raise RequestError(f"store {store.url}: {path} is damaged; delete it and name the data source again") from None


def _existing(option: str, folder: str | Path) -> Path:
    root = Path(folder).expanduser().resolve()
    if not root.is_dir():
        raise RequestError(f"{option}: {root} is not a folder")
    return root
