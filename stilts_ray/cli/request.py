"""What a command line asks for: a sweep file and options, made into a plan and the store of its work."""

import inspect
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from stilts_ray import tasks
from stilts_ray.config import Sweep
from stilts_ray.config.sweep_file import load, named
from stilts_ray.data.repository import Repository
from stilts_ray.data.sources import FolderSource, HubSource, MiniSource, parse_repositories, replaced_folders
from stilts_ray.errors import RequestError
from stilts_ray.plan.build import Plan, make_plan
from stilts_ray.store.pins import REPOSITORIES
from stilts_ray.store.store import Store

SweepArgument = Annotated[
    str,
    typer.Argument(metavar="SWEEP", help="Python file with `def sweep() -> Sweep`; FILE:NAME takes another function."),
]
StoreOption = Annotated[str, typer.Option("--store", help="Folder or URL (s3://, gs://) of finished work.")]
DataOption = Annotated[str | None, typer.Option("--data-dir", help="Folder of parquet files instead of the hub.")]
LocalOption = Annotated[
    str | None,
    typer.Option("--local-data", help="Folder of what is not to come from the hub, or is not there (CCGbank)."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


def of_sweep(command: Callable[..., None]) -> Callable[..., None]:
    """Makes a command's first two parameters, the plan of a sweep and the store of its work, from the argument and the three
    options that every such command has; the other parameters are the command's own."""

    def asked(
        sweep: SweepArgument,
        store: StoreOption = "runs",
        data_dir: DataOption = None,
        local_data: LocalOption = None,
        **own: Any,
    ) -> None:
        place = open_store(store)
        command(plan_of(load(*named(sweep)), place, data_dir, local_data), place, **own)

    # What typer reads: the parameters of both as one list.
    shared, added = inspect.signature(asked).parameters.values(), inspect.signature(command).parameters.values()
    parameters = [*list(shared)[:-1], *list(added)[2:]]
    asked.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    asked.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    asked.__name__, asked.__doc__ = command.__name__, command.__doc__
    return asked


def open_store(url: str) -> Store:
    """The store at a path or URL; a path is made absolute, since other processes have other working folders."""
    return Store(url if "://" in url else str(Path(url).expanduser().resolve()))


def plan_of(sweep: Sweep, store: Store, data_dir: str | None, local_data: str | None) -> Plan:
    """The plan of a sweep with the rows it is to be run on, or was run on in this store."""
    return make_plan(sweep, origin_of(sweep, store, data_dir, local_data))


def origin_of(
    sweep: Sweep, store: Store, data_dir: str | None, local_data: str | None
) -> HubSource | FolderSource | MiniSource:
    """Mini, if the sweep says so; else the folder given, else the one this store's run of the sweep used, else the hub, with
    what it lacks from another folder. Raises RequestError for a folder that is not there or has no place in the sweep."""
    known = parse_repositories(store.read_json(REPOSITORIES) or {})
    if sweep.data != "hub":
        for option, given in (("--data-dir", data_dir), ("--local-data", local_data)):
            if given is not None:
                raise RequestError(f"sweep {sweep.name} is on mini's generated data; {option} has no place in it")
        return MiniSource(sweep.data, repositories=known)
    return real_origin(known, data_dir, local_data, store.read_json("sweeps", f"{sweep.name}.json") or {})


def real_origin(
    known: Mapping[str, Repository], data_dir: str | None, local_data: str | None, used: Mapping[str, Any]
) -> HubSource | FolderSource:
    """The folder given, else the place of rows that was `used` before, else the hub. Raises RequestError for a folder that is
    not there."""
    folder = data_dir or os.environ.get("STILTS_DATA_DIR")
    if folder:
        return FolderSource(_existing("--data-dir", folder), repositories=known)
    if local_data is not None:
        local = _existing("--local-data", local_data)
        return HubSource(known, local=local, replaced=replaced_folders(local, tasks.TASKS.values()))
    if "folder" in used:
        return FolderSource(Path(used["folder"]), repositories=known)
    if "local" in used:
        return HubSource(known, local=Path(used["local"]), replaced=frozenset(used.get("replaced", ())))
    return HubSource(known)


def _existing(option: str, folder: str) -> Path:
    root = Path(folder).expanduser().resolve()
    if not root.is_dir():
        raise RequestError(f"{option}: {root} is not a folder")
    return root
