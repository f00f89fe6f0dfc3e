"""Pins of a sweep's inputs: hub repositories at a commit, folders by their content."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stilts_ray import tasks
from stilts_ray.data.repository import CONVERTED, Repository
from stilts_ray.data.sources import HubSource, parse_repositories
from stilts_ray.errors import RequestError, Unavailable
from stilts_ray.identity import JSON, canonical
from stilts_ray.plan.build import Plan, make_plan
from stilts_ray.plan.inputs import encoder_pin, input_splits, pretrained_encoders, pretrained_on_hub, used_tasks
from stilts_ray.store.records import Value
from stilts_ray.store.store import Store
from stilts_ray.tasks import Task
from stilts_ray.tasks.base import parse_split

REPOSITORIES = "repositories.json"
"""Object of a store with the resolved hub repositories of all its sweeps."""

LOCKS = "locks"
"""Folder of a store with the lock files of its sweeps."""

ConfigSplits = set[tuple[str, str]]
"""(configuration, split) pairs of a data set repository."""


class LockFile(Value):
    """The pins of all inputs of a sweep. encoders: name -> {"hub", "revision"} or {"files": digest}. data: task -> split ->
    pin, as in `DataSource.identity`."""

    sweep: str
    encoders: dict[str, JSON]
    data: dict[str, dict[str, JSON]]

    @property
    def pins(self) -> dict[str, JSON]:
        """'encoder mini' or 'mnli train' -> pin."""
        encoders = {f"encoder {name}": pin for name, pin in self.encoders.items()}
        splits = {f"{task} {split}": pin for task, by_split in self.data.items() for split, pin in by_split.items()}
        return encoders | splits


def resolved(plan: Plan, store: Store) -> Plan:
    """The plan with every hub repository at a commit. Newly resolved ones are saved to the store, even if a later one fails.

    Raises RequestError if the hub does not answer, does not know a repository, or has no data of a task.
    """
    if isinstance(plan.data_source, HubSource):
        missing = [name for task in used_tasks(plan.sweep) for name in plan.data_source.missing(task)]
        if missing:
            raise RequestError(f"{', '.join(missing)}: no public hub repository; give the files with --local-data DIR")
    data_source: Any = plan.data_source
    new: dict[str, Repository] = {}
    try:
        new.update(_resolve(plan))
    finally:
        known = {**data_source.repositories, **(_save_repositories(new, store) if new else {})}
    return make_plan(plan.sweep, dataclasses.replace(data_source, repositories=known)) if new else plan


def _save_repositories(new: Mapping[str, Repository], store: Store) -> dict[str, Repository]:
    """Adds repositories to the store and returns all of them. Those that another invocation has pinned meanwhile are not
    overwritten."""
    stored = parse_repositories(store.read_json(REPOSITORIES) or {})
    known = {**stored, **{key: each for key, each in new.items() if key not in stored or not stored[key].whole}}
    store.write_json({key: each.model_dump(mode="json") for key, each in known.items()}, REPOSITORIES)
    return known


def _resolve(plan: Plan) -> Iterator[tuple[str, Repository]]:
    """Looks up the unresolved repositories, encoders first: the sweep cannot do anything without them."""
    data_source = plan.data_source
    encoders = {key: each for key, each in pretrained_on_hub(plan.sweep).items() if key not in data_source.repositories}
    data: dict[str, Task] = {}
    if isinstance(data_source, HubSource):
        for task in used_tasks(plan.sweep):
            data |= data_source.unresolved(task)
    partial = {key: known for key, known in data_source.repositories.items() if not known.whole}
    if not encoders and not data and not partial:
        return
    from stilts_ray.data.hub import look_up, offline

    for key, known in partial.items() if not offline() else ():
        # It was read from a local cache without network. Complete its list of files, at the same commit.
        yield key, look_up(known.id, known.kind, known.commit).model_copy(update={"branch": known.branch})
    for key, weights in encoders.items():
        yield key, look_up(weights.source, "model", weights.revision)
    splits = plan_splits(plan)
    for key, task in data.items():
        yield key, dataset_repository(task, splits.get(key, set()))


def plan_splits(plan: Plan) -> dict[str, ConfigSplits]:
    """Key of a data set repository on the hub -> the splits that a plan reads."""
    if not isinstance(plan.data_source, HubSource):
        return {}
    inputs = {split for step in plan.steps for split in input_splits(step, plan.data_source)}
    return splits_by_repository(plan.data_source, inputs)


def splits_by_repository(data_source: HubSource, inputs: Iterable[tuple[str, str, str]]) -> dict[str, ConfigSplits]:
    """Key of a data set repository -> its configurations and splits with the data of these (task, split, language)."""
    by_repository: dict[str, ConfigSplits] = {}
    for name, split, language in inputs:
        for part, part_split in tasks.get(name).parts(split):
            if data_source.folder_of(part) is None and part.source.hub is not None:
                config_split = part.source.hub_config(language), parse_split(part_split)[0]
                by_repository.setdefault(data_source.key(part), set()).add(config_split)
    return by_repository


def dataset_repository(task: Task, splits: ConfigSplits) -> Repository:
    """The repository of a task on a branch with readable files of these splits: the task's own branch, else, if its revision is
    not fixed, the other one of main and the hub's Parquet conversion. Raises RequestError if there is none."""
    from stilts_ray.data.hub import look_up

    source = task.source
    assert source.hub is not None
    first = source.requested_revision
    first_error: RequestError | None = None
    for branch in [first] if source.revision else [first, None if first == CONVERTED else CONVERTED]:
        try:
            repository = look_up(source.hub, "dataset", branch)
            for config, split in sorted(splits):
                repository.split(config, split)
            return repository
        except RequestError as error:
            if isinstance(error, Unavailable):
                raise
            first_error = first_error or error
    assert first_error is not None
    raise first_error


def read_lock(store: Store, sweep: str) -> LockFile | None:
    """The lock file of a sweep's last invocation, or None. Raises RequestError for a damaged one."""
    document = store.read_json(LOCKS, f"{sweep}.json")
    try:
        return None if document is None else LockFile.model_validate(document)
    except ValueError:
        path = f"{LOCKS}/{sweep}.json"
        raise RequestError(f"store {store.url}: {path} is damaged; delete it to make it again") from None


def changed_pins(before: LockFile, after: LockFile) -> list[str]:
    """Names in both lock files whose pins differ."""
    old, new = before.pins, after.pins
    return [name for name in new if name in old and old[name] != new[name]]


def lock(plan: Plan, store: Store) -> LockFile:
    """Pins all inputs of a plan and writes the lock file to the store. Raises RequestError if the hub does not answer."""
    plan = resolved(plan, store)
    languages_of: dict[tuple[str, str], set[str]] = {}
    for step in plan.steps:
        for task, split, language in input_splits(step, plan.data_source):
            languages_of.setdefault((task, split), set()).add(language)
    data: dict[str, dict[str, JSON]] = {}
    for (task, split), languages in sorted(languages_of.items()):
        pin = plan.data_source.identity(tasks.get(task), split, languages)
        data.setdefault(task, {})[split] = canonical(pin)
    pretrained = pretrained_encoders(plan.sweep)
    encoders = {name: canonical(encoder_pin(each, plan.data_source)) for name, each in pretrained.items()}
    file = LockFile(sweep=plan.sweep.name, encoders=encoders, data=data)
    store.write_json(file.model_dump(mode="json"), LOCKS, f"{file.sweep}.json")
    return file
