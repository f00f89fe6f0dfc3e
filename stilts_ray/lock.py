"""What a sweep reads, pinned: hub repositories at a commit, folders by what is in them."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from stilts_ray import tasks
from stilts_ray.errors import RequestError
from stilts_ray.fingerprint import canonical
from stilts_ray.needs import encoder_pin, encoders_read, reads, used_tasks
from stilts_ray.origin import Hub
from stilts_ray.plan import Plan, make_plan
from stilts_ray.store import Store


def resolved(plan: Plan, store: Store) -> Plan:
    """The plan with every hub repository at a commit; those looked up now are kept in the store, for all its sweeps.

    Raises RequestError if the hub does not answer or does not know one, or has no data of a task.
    """
    if isinstance(plan.origin, Hub):
        absent = [name for task in used_tasks(plan.sweep) for name in plan.origin.missing(task)]
        if absent:
            raise RequestError(f"{', '.join(absent)}: no public hub repository; give the files with --local-data DIR")
    if not plan.unresolved:
        return plan
    from stilts_ray.data.hub import commits

    origin: Any = plan.origin
    encoders = {start.source for start in encoders_read(plan.sweep).values()}
    revisions = {**origin.revisions, **commits(plan.unresolved, encoders)}
    store.write_json(revisions, "revisions.json")
    return make_plan(plan.sweep, dataclasses.replace(origin, revisions=revisions))


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
        for task, split, language in reads(step, plan.origin):
            read.setdefault((task, split), set()).add(language)
    data: dict[str, dict[str, Any]] = {}
    for (task, split), languages in sorted(read.items()):
        data.setdefault(task, {})[split] = plan.origin.identity(tasks.get(task), split, languages)
    encoders = {name: encoder_pin(start, plan.origin) for name, start in encoders_read(plan.sweep).items()}
    document: dict[str, Any] = {"sweep": plan.sweep.name, "encoders": encoders, "data": data}
    plain: Any = canonical(document)
    store.write_json(plain, "locks", f"{plan.sweep.name}.json")
    return plain  # type: ignore[no-any-return]
