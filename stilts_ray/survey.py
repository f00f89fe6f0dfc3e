"""What is there of all that a sweep, or every task, reads: repositories, commits, sizes, repairs. Nothing stops at a fault."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stilts_ray import tasks
from stilts_ray.data import cache
from stilts_ray.data.check import Looked, Split, size_warnings
from stilts_ray.data.rows import together
from stilts_ray.errors import RequestError, Unavailable
from stilts_ray.lock import Splits, data_set, splits_of
from stilts_ray.needs import training_languages_read
from stilts_ray.origin import UNRESOLVED, Hub, Origin
from stilts_ray.repository import Repository
from stilts_ray.tasks import Task
from stilts_ray.tasks.published import published_rows


@dataclass(frozen=True)
class Finding:
    """A split of a task in all languages that are read, or an encoder.

    where: repository and commit, or folder. languages: how many were read. rows: of all these. published: of those languages
    for which a number is. repairs: rows that needed each rule. amiss: what is wrong, a line each.
    """

    name: str
    where: str
    languages: int = 0
    rows: int = 0
    published: int | None = None
    repairs: Mapping[str, int] = field(default_factory=dict)
    amiss: tuple[str, ...] = ()


def every_split(origin: Origin, wanted: Iterable[Task]) -> list[Split]:
    """All splits of these tasks, training splits in every language that there is one in."""
    found: dict[Split, None] = {}
    for task in wanted:
        for split, codes in training_languages_read(task, origin).items():
            found |= {(task.name, split, code): None for code in codes}
        if task.test:
            codes = origin.languages(task) or (origin.source_language,)
            found |= {(task.name, task.test, code): None for code in codes}
    return list(found)


def with_repositories(origin: Origin, splits: Iterable[Split]) -> tuple[Origin, dict[str, str]]:
    """The origin with all repositories that these splits need, as far as they are there, and what is wrong with the others, by
    key."""
    if not isinstance(origin, Hub):
        return origin, {}
    known, amiss = dict(origin.repositories), dict[str, str]()
    wanted = splits_of(origin, splits)
    for key, task in {
        key: task for name, *_ in splits for key, task in origin.unresolved(tasks.get(name)).items()
    }.items():
        try:
            known[key] = _as_far_as_it_goes(task, wanted.get(key, set()))
        except RequestError as error:
            amiss[key] = str(error)
    return dataclasses.replace(origin, repositories=known), amiss


def _as_far_as_it_goes(task: Task, splits: Splits) -> Repository:
    """The repository on a branch that has all of these splits, or else the task's own with those that it has."""
    try:
        return data_set(task, splits)
    except Unavailable:
        raise
    except RequestError:
        return data_set(task, set())


def survey(origin: Origin, splits: Iterable[Split]) -> Iterator[Finding]:
    """A finding for each split of a task, in the order in which the splits come. Reads, and downloads, all of their rows."""
    splits = list(splits)
    origin, amiss = with_repositories(origin, splits)
    for name, split in dict.fromkeys((name, split) for name, split, _ in splits):
        codes = [code for task, part, code in splits if (task, part) == (name, split)]
        task = tasks.get(name)
        lacking = [amiss[key] for key in _keys(origin, task, split) if key in amiss]
        if lacking:
            yield Finding(f"{name} {split}", _where(origin, task, split), amiss=tuple(dict.fromkeys(lacking)))
        else:
            yield _looked_at(origin, task, split, codes)


def _looked_at(origin: Origin, task: Task, split: str, codes: list[str]) -> Finding:
    looked, amiss = [], list[str]()
    for code in codes:
        try:
            looked.append(Looked(task.name, split, code, cache.counts(origin, task, split, code)))
        except RequestError as error:
            amiss.append(str(error))
    counts = together([each.counts for each in looked])
    published = [rows for code in codes if (rows := published_rows(task.name, split, code)) is not None]
    return Finding(
        name=f"{task.name} {split}",
        where=_where(origin, task, split),
        languages=len(looked),
        rows=counts.rows,
        published=sum(published) if published else None,
        repairs={str(rule): count for rule, count in counts.repairs.items()},
        amiss=(*amiss, *_in_one_line(size_warnings(origin, looked))),
    )


def _in_one_line(warnings: list[str]) -> list[str]:
    """Of many languages the first one's warning, and how many there are."""
    return [f"{warnings[0]}; and so of {len(warnings) - 1} more languages"] if len(warnings) > 1 else warnings


def _keys(origin: Origin, task: Task, split: str) -> list[str]:
    if not isinstance(origin, Hub):
        return []
    parts = [part for part, _ in task.parts(split) if part.source.hub is not None and origin.folder_of(part) is None]
    return list(dict.fromkeys(origin.key(part) for part in parts))


def _where(origin: Origin, task: Task, split: str) -> str:
    keys = _keys(origin, task, split)
    if not keys:
        return str(getattr(origin, "local", None) or getattr(origin, "root", None) or "mini")
    assert isinstance(origin, Hub)
    return ", ".join(
        origin.repositories[key].at if key in origin.repositories else f"{key}@{UNRESOLVED}" for key in keys
    )


def document(finding: Finding) -> dict[str, Any]:
    """A finding as plain data."""
    return {**dataclasses.asdict(finding), "amiss": list(finding.amiss)}
