"""One task in full: the source of its rows, their columns, repairs, and examples. Pure, except for reading examples."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from stilts_ray import mini, tasks
from stilts_ray.tasks import Kind, Task
from stilts_ray.tasks.terms import LICENCES, OVERLAPS, REPAIRED

EXAMPLES = 3
WIDE = 300
"""Characters of an example that are shown."""


def entry(task: Task) -> dict[str, Any]:
    """A task in a list of tasks, as plain data."""
    roles = [name for name, has in (("intermediate", task.train), ("target", task.languages)) if has]
    return {
        "name": task.name,
        "kind": str(task.kind),
        "roles": roles or ["candidates" if task.kind is Kind.CANDIDATES else "text"],
        "trained_on": task.trained,
        "hub": task.source.hub,
        "folder": task.source.folder,
        "languages": list(task.languages),
        "labels": list(task.labels),
    }


def sheet(task: Task) -> dict[str, Any]:
    """All that is known of a task, as plain data."""
    source = task.source
    known = f"{source.hub} {source.config}"
    splits = {name: split for name in ("train", "dev", "test") if (split := getattr(task, name))}
    return entry(task) | {
        "config": source.config if source.hub else None,
        "branch": source.branch,
        "licence": LICENCES.get(known, "not found; see the card of the repository" if source.hub else "your copy's"),
        "splits": splits,
        "training_languages": list(task.train_languages),
        "published_rows": {split: rows for split in splits.values() if (rows := _published_rows(task, split))},
        "columns": columns(task),
        "reads": " ".join((task.example.__doc__ or "").split()),
        "repairs": {str(rule): share for rule, share in source.repairs.items()},
        "known_repairs": {split: dict(rules) for split, rules in REPAIRED.get(task.name, {}).items()},
        "overlaps": list(OVERLAPS.get(task.name, ())),
        "examples": examples(task),
    }


def _published_rows(task: Task, split: str) -> int | dict[str, int]:
    """The number if it is the same in all languages, else the known numbers by language."""
    codes = dict.fromkeys(("en", *task.languages))
    known = {code: rows for code in codes if (rows := task.published_rows(split, code)) is not None}
    return known["en"] if len(known) == len(codes) and len(set(known.values())) == 1 else known


def columns(task: Task) -> dict[str, str]:
    """Columns of the hub's rows and their types, as mini's rows have them."""
    from stilts_ray.mini.build import FEATURES

    return {name: _type(feature) for name, feature in FEATURES.get(_folder(task), {}).items()}


def _type(feature: Any) -> str:
    if isinstance(feature, Mapping):
        return "{" + ", ".join(f"{name}: {_type(inner)}" for name, inner in feature.items()) + "}"
    inner = getattr(feature, "feature", None)
    if inner is not None:
        return f"list of {_type(inner)}"
    names = getattr(feature, "names", None)
    return f"class of {', '.join(names[:8])}{', ...' if len(names) > 8 else ''}" if names else str(feature.dtype)


def _folder(task: Task) -> str:
    """The folder of mini's rows of a task; for a larger variant of a task, of the task that it extends."""
    if task.source.folder in mini.SIZES or task.extends is None:
        return task.source.folder
    return tasks.get(task.extends).source.folder


def examples(task: Task) -> list[dict[str, Any]]:
    """The first generated examples, in mini's pivot language or, for a task without it, in its first language."""
    shown = task if task.source.folder in mini.SIZES or task.extends is None else tasks.get(task.extends)
    if shown.source.folder not in mini.SIZES:
        return []
    from stilts_ray.data.rows import load
    from stilts_ray.data.sources import MiniSource

    data_source, split = MiniSource(), shown.train or shown.test or "test"
    language = (data_source.languages(shown) or (data_source.source_language,))[0]
    found = load(data_source, shown, split, data_source.source_language if shown.train else language)
    return [{"is": type(example).__name__, **_fields(example)} for example in found[:EXAMPLES]]


def _fields(example: Any) -> dict[str, Any]:
    return {field.name: _short(getattr(example, field.name)) for field in dataclasses.fields(example)}


def _short(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return _fields(value)
    if isinstance(value, str | int | None):
        return value if not isinstance(value, str) or len(value) <= WIDE else value[:WIDE] + "..."
    text = str(sorted(value) if isinstance(value, frozenset) else list(value))
    return text if len(text) <= WIDE else text[:WIDE] + "..."


def lines(document: Mapping[str, Any]) -> Iterator[str]:
    """The sheet as text, one fact per line."""
    for name, value in document.items():
        title = name.replace("_", " ")
        match value:
            case _ if not value:
                continue
            case dict():
                yield f"{title}:"
                yield from (f"  {key}: {_worded(each, name)}" for key, each in value.items())
            case [dict(), *_]:
                yield f"{title} (made up):"
                yield from (f"  {_example(each)}" for each in value)
            case list():
                yield f"{title}: {', '.join(map(str, value))}"
            case _:
                yield f"{title}: {value}"


def _worded(value: Any, name: str) -> str:
    if name == "repairs":
        return f"in at most {value:.0%} of a file's rows"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_worded(each, '')}" for key, each in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)


def _example(example: Mapping[str, Any]) -> str:
    return "; ".join(f"{name}: {value}" for name, value in example.items() if name != "is")
