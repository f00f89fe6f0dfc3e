"""What a sweep reads, pinned: hub repositories at a commit, folders by what is in them."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stilts_ray import tasks
from stilts_ray.data.repository import CONVERTED, Repository
from stilts_ray.data.sources import HubSource, parse_repositories
from stilts_ray.errors import RequestError, Unavailable
from stilts_ray.identity import canonical
from stilts_ray.plan.build import Plan, make_plan
from stilts_ray.plan.inputs import encoder_pin, input_splits, pretrained_encoders, pretrained_on_hub, used_tasks
from stilts_ray.store.store import Store
from stilts_ray.tasks import Task
from stilts_ray.tasks.base import parse_split

REPOSITORIES = "repositories.json"
"""Where a store keeps what was looked up of the hub, for all its sweeps."""

ConfigSplits = set[tuple[str, str]]
"""Configurations and splits of a repository that are read."""


def resolved(plan: Plan, store: Store) -> Plan:
    """The plan with every hub repository at a commit; those looked up now are kept in the store, also where a later one does
    not answer.

    Raises RequestError if the hub does not answer or does not know one, or has no data of a task.
    """
    if isinstance(plan.data_source, HubSource):
        absent = [name for task in used_tasks(plan.sweep) for name in plan.data_source.missing(task)]
        if absent:
            raise RequestError(f"{', '.join(absent)}: no public hub repository; give the files with --local-data DIR")
    data_source: Any = plan.data_source
    found: dict[str, Repository] = {}
    try:
        found.update(_looked_up(plan))
    finally:
        known = {**data_source.repositories, **(_kept(found, store) if found else {})}
    return make_plan(plan.sweep, dataclasses.replace(data_source, repositories=known)) if found else plan


def _kept(found: Mapping[str, Repository], store: Store) -> dict[str, Repository]:
    """What the store has after these were added; what another run has pinned meanwhile stays as it is."""
    there = parse_repositories(store.read_json(REPOSITORIES) or {})
    known = {**there, **{key: each for key, each in found.items() if key not in there or not there[key].whole}}
    store.write_json({key: each.model_dump(mode="json") for key, each in known.items()}, REPOSITORIES)
    return known


def _looked_up(plan: Plan) -> Iterator[tuple[str, Repository]]:
    """What is not known yet, the encoders first: without them nothing can be done."""
    data_source = plan.data_source
    encoders = {
        key: start for key, start in pretrained_on_hub(plan.sweep).items() if key not in data_source.repositories
    }
    data: dict[str, Task] = {}
    if isinstance(data_source, HubSource):
        for task in used_tasks(plan.sweep):
            data |= data_source.unresolved(task)
    partly = {key: known for key, known in data_source.repositories.items() if not known.whole}
    if not encoders and not data and not partly:
        return
    from stilts_ray.data.hub import look_up, offline

    for key, known in partly.items() if not offline() else ():
        # Taken from a cache when there was no network: the same commit, with all of its files.
        yield key, look_up(known.id, known.kind, known.commit).model_copy(update={"branch": known.branch})
    for key, start in encoders.items():
        yield key, look_up(start.source, "model", start.revision)
    splits = plan_splits(plan)
    for key, task in data.items():
        yield key, dataset_repository(task, splits.get(key, set()))


def plan_splits(plan: Plan) -> dict[str, ConfigSplits]:
    """What a plan reads of each data set of the hub, by its key."""
    if not isinstance(plan.data_source, HubSource):
        return {}
    inputs = {split for step in plan.steps for split in input_splits(step, plan.data_source)}
    return splits_by_repository(plan.data_source, inputs)


def splits_by_repository(data_source: HubSource, read: Iterable[tuple[str, str, str]]) -> dict[str, ConfigSplits]:
    """Which configurations and splits of each data set, by its key, hold these (task, split, language)."""
    found: dict[str, ConfigSplits] = {}
    for name, split, language in read:
        for part, part_split in tasks.get(name).parts(split):
            if data_source.folder_of(part) is None and part.source.hub is not None:
                wanted = part.source.hub_config(language), parse_split(part_split)[0]
                found.setdefault(data_source.key(part), set()).add(wanted)
    return found


def dataset_repository(task: Task, splits: ConfigSplits) -> Repository:
    """The repository of a task, on a branch that has these splits in a form that can be read: the task's own, or else of the
    main one and the hub's conversion the other. Raises RequestError if there is none."""
    from stilts_ray.data.hub import look_up

    source = task.source
    assert source.hub is not None
    first = source.requested_revision
    refused: RequestError | None = None
    for branch in [first] if source.revision else [first, None if first == CONVERTED else CONVERTED]:
        try:
            found = look_up(source.hub, "dataset", branch)
            for config, split in sorted(splits):
                found.split(config, split)
            return found
        except RequestError as error:
            if isinstance(error, Unavailable):
                raise
            refused = refused or error
    assert refused is not None
    raise refused


def pins(document: Mapping[str, Any]) -> dict[str, Any]:
    """A lock as one level: 'encoder mini' or 'mnli train' -> what pins it."""
    encoders = {f"encoder {name}": pin for name, pin in document["encoders"].items()}
    splits = {f"{task} {split}": pin for task, found in document["data"].items() for split, pin in found.items()}
    return encoders | splits


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What both locks pin, but otherwise."""
    old, new = pins(before), pins(after)
    return [name for name in new if name in old and old[name] != new[name]]


def lock(plan: Plan, store: Store) -> dict[str, Any]:
    """Looks up what is not pinned yet and writes `locks/<sweep>.json` in the store. Returns what it says:

    {"sweep", "encoders": {name: {"hub", "revision"} or {"files": {name: sha256}}}, "data": {task: {split: what pins
    it}}}. Raises RequestError if the hub does not answer.
    """
    plan = resolved(plan, store)
    read: dict[tuple[str, str], set[str]] = {}
    for step in plan.steps:
        for task, split, language in input_splits(step, plan.data_source):
            read.setdefault((task, split), set()).add(language)
    data: dict[str, dict[str, Any]] = {}
    for (task, split), languages in sorted(read.items()):
        data.setdefault(task, {})[split] = plan.data_source.identity(tasks.get(task), split, languages)
    encoders = {name: encoder_pin(start, plan.data_source) for name, start in pretrained_encoders(plan.sweep).items()}
    document: dict[str, Any] = {"sweep": plan.sweep.name, "encoders": encoders, "data": data}
    plain: Any = canonical(document)
    store.write_json(plain, "locks", f"{plan.sweep.name}.json")
    return plain  # type: ignore[no-any-return]
