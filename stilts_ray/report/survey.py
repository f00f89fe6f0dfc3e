"""A check of all that a sweep, or every task, reads: repositories, commits, sizes, repairs. A problem does not end it."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stilts_ray import tasks
from stilts_ray.data import cache
from stilts_ray.data.repository import Repository
from stilts_ray.data.row_check import CheckedSplit, Split, size_warnings
from stilts_ray.data.rows import sum_counts
from stilts_ray.data.sources import UNRESOLVED, DataSource, HubSource
from stilts_ray.errors import RequestError, Unavailable
from stilts_ray.plan.inputs import all_training_splits
from stilts_ray.store.pins import ConfigSplits, dataset_repository, splits_by_repository
from stilts_ray.tasks import Task


@dataclass(frozen=True)
class Finding:
    """A split of a task in all its languages, or an encoder.

    where: repository and commit, or folder. languages: number of those that were read. rows: number in them. published: number
    of published rows in those of them for which one is known. repairs: repaired rows, by rule. problems: a line each.
    """

    name: str
    where: str
    languages: int = 0
    rows: int = 0
    published: int | None = None
    repairs: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def every_split(data_source: DataSource, wanted: Iterable[Task]) -> list[Split]:
    """All splits of these tasks, training splits in every language that has one."""
    found: dict[Split, None] = {}
    for task in wanted:
        for split, codes in all_training_splits(task, data_source).items():
            found |= {(task.name, split, code): None for code in codes}
        if task.test:
            codes = data_source.languages(task) or (data_source.source_language,)
            found |= {(task.name, task.test, code): None for code in codes}
    return list(found)


def with_repositories(data_source: DataSource, splits: Iterable[Split]) -> tuple[DataSource, dict[str, str]]:
    """The data source with the repositories of these splits that were found, and the problems of the others, by key."""
    if not isinstance(data_source, HubSource):
        return data_source, {}
    known, problems = dict(data_source.repositories), dict[str, str]()
    wanted = splits_by_repository(data_source, splits)
    for key, task in {
        key: task for name, *_ in splits for key, task in data_source.unresolved(tasks.get(name)).items()
    }.items():
        try:
            known[key] = _resolved(task, wanted.get(key, set()))
        except RequestError as error:
            problems[key] = str(error)
    return dataclasses.replace(data_source, repositories=known), problems


def _resolved(task: Task, splits: ConfigSplits) -> Repository:
    """The repository on a branch that has all of these splits; else the task's own, with those that it has."""
    try:
        return dataset_repository(task, splits)
    except Unavailable:
        raise
    except RequestError:
        return dataset_repository(task, set())


def survey(data_source: DataSource, splits: Iterable[Split]) -> Iterator[Finding]:
    """A finding for each split of a task, in the order of `splits`. Downloads and reads all of their rows."""
    splits = list(splits)
    data_source, problems = with_repositories(data_source, splits)
    for name, split in dict.fromkeys((name, split) for name, split, _ in splits):
        codes = [code for task, part, code in splits if (task, part) == (name, split)]
        task = tasks.get(name)
        missing = [problems[key] for key in _keys(data_source, task, split) if key in problems]
        if missing:
            yield Finding(f"{name} {split}", _where(data_source, task, split), problems=tuple(dict.fromkeys(missing)))
        else:
            yield _checked(data_source, task, split, codes)


def _checked(data_source: DataSource, task: Task, split: str, codes: list[str]) -> Finding:
    checked, problems = [], list[str]()
    for code in codes:
        try:
            checked.append(CheckedSplit(task.name, split, code, cache.counts(data_source, task, split, code)))
        except RequestError as error:
            problems.append(str(error))
    counts = sum_counts([each.counts for each in checked])
    published = [rows for code in codes if (rows := task.published_rows(split, code)) is not None]
    return Finding(
        name=f"{task.name} {split}",
        where=_where(data_source, task, split),
        languages=len(checked),
        rows=counts.rows,
        published=sum(published) if published else None,
        repairs={str(rule): count for rule, count in counts.repairs.items()},
        problems=(*problems, *_in_one_line(size_warnings(data_source, checked))),
    )


def _in_one_line(warnings: list[str]) -> list[str]:
    """The first of several languages' warnings, and the number of the others."""
    return [f"{warnings[0]}; likewise in {len(warnings) - 1} more languages"] if len(warnings) > 1 else warnings


def _keys(data_source: DataSource, task: Task, split: str) -> list[str]:
    if not isinstance(data_source, HubSource):
        return []
    parts = [
        part for part, _ in task.parts(split) if part.source.hub is not None and data_source.folder_of(part) is None
    ]
    return list(dict.fromkeys(data_source.key(part) for part in parts))


def _where(data_source: DataSource, task: Task, split: str) -> str:
    keys = _keys(data_source, task, split)
    if not keys:
        return str(getattr(data_source, "local", None) or getattr(data_source, "root", None) or "mini")
    assert isinstance(data_source, HubSource)
    return ", ".join(
        data_source.repositories[key].at if key in data_source.repositories else f"{key}@{UNRESOLVED}" for key in keys
    )


def document(finding: Finding) -> dict[str, Any]:
    """For JSON."""
    return {**dataclasses.asdict(finding), "problems": list(finding.problems)}
