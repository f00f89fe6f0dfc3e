"""Differences between the identities of two steps of the same kind and name, as text. Pure.

Identities are canonical JSON (`stilts_ray.identity`): a configuration model is {"is": its tag, and the fields that differ from
their defaults}. A field that one side omits is compared at its default.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from stilts_ray.config import Mixture, Spec
from stilts_ray.identity import JSON, SHORT, canonical_json, defaults_of

UPSTREAM = ("parent", "of", "ranking", "encoder", "cells")
"""Fields of a step's identity that hold digests of its upstream steps or encoder."""
SHOWN = 60
"""Length in characters at which a value is truncated."""

_ABSENT = object()


def changes(old: Mapping[str, JSON], new: Mapping[str, JSON], names: Mapping[str, str]) -> list[str]:
    """A line for each field that differs, such as "recipe.batch_size 32 -> 16", or "parent xlmr.mnli" if the digest of an
    upstream step or encoder differs. names: digest -> name, of the steps and encoders that the new step depends on."""
    return list(dict.fromkeys(_lines(_by_task(old), _by_task(new), names)))


def _lines(old: Any, new: Any, names: Mapping[str, str]) -> Iterator[str]:
    single = len({name for side in (old, new) for name in side.get("training", {})} - {"mixture"}) == 1
    for path, before, after in _differences(old, new, ()):
        in_both = before is not _ABSENT and after is not _ABSENT
        if path[0] in UPSTREAM and in_both:
            yield f"parent {names.get(after, path[-1])}"
        elif path[0] in ("training", "cells") and len(path) == 2 and not in_both:
            yield f"{path[1]} {'added' if before is _ABSENT else 'removed'}"
        else:
            yield f"{_field_name(path, single)} {_formatted(before)} -> {_formatted(after)}"


def _by_task(identity: Mapping[str, JSON]) -> dict[str, Any]:
    """The identity with its list "training" as a mapping: task -> input, and "mixture" -> the mixture's options as a model."""
    training = identity.get("training")
    if not isinstance(training, list):
        return dict(identity)
    by_task: dict[str, Any] = {"mixture": {"is": Mixture.tag}}
    for entry in training:
        match entry:
            case {"mixture": dict(options)}:
                by_task["mixture"] |= options
            case {"task": {"name": str(name)}}:
                by_task[name] = entry
    return {**identity, "training": by_task}


def _field_name(path: tuple[str, ...], single: bool) -> str:
    """A path without "training", and without the task if there is a single one."""
    if path[0] == "training":
        path = path[2:] if single and path[1] != "mixture" and len(path) > 2 else path[1:]
    return ".".join(path)


def _differences(old: Any, new: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """(path, old value, new value) of each leaf that differs."""
    match old, new:
        case dict(), dict() if old.get("is") == new.get("is"):
            defaults = _defaults(old.get("is"))
            old, new = defaults | old, defaults | new
            for name in dict.fromkeys([*old, *new]):
                yield from _differences(old.get(name, _ABSENT), new.get(name, _ABSENT), (*path, name))
        case list(), list() if len(old) == len(new) and all(isinstance(item, dict) for item in (*old, *new)):
            for index, (before, after) in enumerate(zip(old, new, strict=True)):
                yield from _differences(before, after, (*path, str(index)))
        case _ if old is _ABSENT or new is _ABSENT or canonical_json(old) != canonical_json(new):
            yield path, old, new


def _defaults(tag: Any) -> dict[str, Any]:
    models = [model for model in _models(Spec) if tag is not None and vars(model).get("tag") == tag]
    return defaults_of(models[0]) if models else {}


def _models(base: type[Spec]) -> Iterator[type[Spec]]:
    for model in base.__subclasses__():
        yield model
        yield from _models(model)


def _formatted(value: Any) -> str:
    if value is _ABSENT:
        return "none"
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", text):
        return text[:SHORT]
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
