"""Reads a task's rows and converts them to examples.

An invalid row is an error unless its source has a repair rule for the flaw (`stilts_ray.data.repairs`). Repairs, and rows
excluded by the data set's own rule, are counted.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import datasets
import pyarrow
from filelock import FileLock

from stilts_ray.data import split_files
from stilts_ray.data.hub import look_up
from stilts_ray.data.repairs import Use, allowed, repaired
from stilts_ray.data.repository import Repository
from stilts_ray.data.sources import DataSource, FolderSource, HubSource, MiniSource
from stilts_ray.data.tables import Table, parquet_table
from stilts_ray.errors import RequestError, RowError
from stilts_ray.identity import file_digest
from stilts_ray.tasks.base import Repair, Row, Task, parse_split
from stilts_ray.tasks.examples import Choice, Example, Pair, Tagged

ID_COLUMNS = ("id", "uid", "guid", "example_id", "pairID", "idx", "ind")
"""Columns that data sets use for row ids."""


VERSION = 1
"""Bumped when code changes the examples made from the same rows, for all tasks."""


@dataclass(frozen=True)
class Counts:
    """Row counts of a split.

    rows: rows in the files.
    examples: examples made from them.
    left_out: rows excluded by the data set's own rule.
    repairs: rule -> number of rows that needed it.
    first: rule -> the first such row, as messages name it.
    """

    rows: int
    examples: int
    left_out: int = 0
    repairs: dict[Repair, int] = field(default_factory=dict)
    first: dict[Repair, str] = field(default_factory=dict)


def counts_of(document: Mapping[str, Any]) -> Counts:
    """Counts from the output of `dataclasses.asdict`. Raises KeyError, TypeError or ValueError for anything else."""
    repairs = {Repair(rule): int(count) for rule, count in document["repairs"].items()}
    first = {Repair(rule): str(place) for rule, place in document["first"].items()}
    return Counts(**{**document, "repairs": repairs, "first": first})


def sum_counts(parts: Sequence[Counts]) -> Counts:
    """The summed counts of several parts or languages."""
    repairs = sum((Counter(part.repairs) for part in parts), Counter[Repair]())
    first = {rule: place for part in reversed(parts) for rule, place in part.first.items()}
    numbers = (sum(part.rows for part in parts), sum(part.examples for part in parts), sum(p.left_out for p in parts))
    return Counts(*numbers, dict(repairs), first)


@dataclass(frozen=True)
class Loaded:
    """The examples of a split, and its row counts."""

    examples: list[Example]
    counts: Counts


def load(data_source: DataSource, task: Task, split: str, language: str) -> list[Example]:
    """The examples of a split. Raises RequestError if it cannot be read, RowError for the first invalid row."""
    return read(data_source, task, split, language).examples


def read(data_source: DataSource, task: Task, split: str, language: str) -> Loaded:
    """The examples of a split with its counts. Raises as `load`, and RequestError if more rows need a repair than the source
    allows."""
    training = split == task.train
    use = Use(training)
    parts = [
        examples(with_labels(data_source, part), table_of(data_source, part, name, language), use)
        for part, name in task.parts(split)
    ]
    counts = sum_counts([part.counts for part in parts])
    if not training and counts.examples + counts.left_out != counts.rows:
        raise AssertionError(f"{task.name} {split} ({language}): a row of a test set is lost")
    return Loaded([example for part in parts for example in part.examples], counts)


def with_labels(data_source: DataSource, task: Task) -> Task:
    """The task with its labels filled in from the training split's feature type, if its entry does not list them.

    Raises RequestError if the split cannot be read, RowError if it has no such column or no names for it.
    """
    if task.labels_from is None:
        return task
    (_, split), *_ = task.parts(task.train or "train")
    table = table_of(data_source, task, split, data_source.source_language)
    file, features = table.files[0][0], table.features
    if task.labels_from not in features:
        raise RowError(task.name, file, 0, _missing(task.labels_from, features))
    feature = features[task.labels_from]
    label = feature.feature if isinstance(feature, datasets.List) else feature
    if not isinstance(label, datasets.ClassLabel):
        raise RowError(task.name, file, 0, f"the type of column {task.labels_from!r} names no class labels")
    return replace(task, labels=tuple(label.names), labels_from=None)


def _missing(column: str, columns: Iterable[str]) -> str:
    return f"no column {column!r}; columns: {', '.join(columns)}"


# Rows become examples


def examples(task: Task, table: Table, use: Use) -> Loaded:
    """The examples of all rows that the task keeps. Raises RowError for the first invalid row, with the number of further ones,
    RequestError if there are no rows, or too many need a repair."""
    kept: list[Example] = []
    left_out, repairs, first = 0, Counter[Repair](), dict[Repair, str]()
    refused: list[tuple[int, Row, str]] = []
    for number, row in enumerate(table):
        try:
            made = repaired(task, row, use)
            _check_labels(task, made.example)
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            refused.append((number, row, _reason(error, row)))
            continue
        if made.rules:
            repairs.update(made.rules)
            first |= {rule: _row_name(table, number, row) for rule in made.rules - first.keys()}
        if made.example is not None:
            kept.append(made.example)
        elif not made.dropped:
            left_out += 1
    if refused:
        number, row, reason = refused[0]
        file, index = table.location(number)
        raise RowError(task.name, file, index, reason, _id(row), len(refused) - 1)
    _check_repairs(task, table, repairs, first)
    if not kept:
        raise RequestError(f"{task.name}: {table.files[0][0]} has no rows" + (" to train on" if len(table) else ""))
    return Loaded(kept, Counts(len(table), len(kept), left_out, dict(repairs), first))


def _reason(error: Exception, row: Row) -> str:
    return _missing(error.args[0], row) if isinstance(error, KeyError) else str(error)


def _row_name(table: Table, number: int, row: Row) -> str:
    """A row's file, index and id, for messages."""
    file, index = table.location(number)
    return f"{file}: row {index}{_id(row)}"


def _id(row: Row) -> str:
    name = next((row[column] for column in ID_COLUMNS if column in row and row[column] is not None), None)
    return "" if name is None else f" (id {str(name)[:80]})"


def _check_repairs(task: Task, table: Table, repairs: Counter[Repair], first: dict[Repair, str]) -> None:
    for rule, count in repairs.items():
        share = task.source.repairs[rule]
        if count > allowed(share, len(table)):
            raise RequestError(
                f"{task.name}: {count:,} of the {len(table):,} rows need {rule}, more than the {share:.0%} expected"
                f" of this source; is it the right file? The first: {first[rule]}"
            )


def _check_labels(task: Task, example: Example | None) -> None:
    match example:
        case Pair(label=label):
            labels: tuple[str, ...] = (label,)
        case Tagged(tags=tags):
            labels = tags
        case Choice(choices=choices) if len(choices) != task.choices:
            # Batches group sequences by this number; another number would misalign all that follow.
            raise ValueError(f"{len(choices)} choices, not {task.choices}")
        case _:
            return
    for label in labels:
        if label not in task.labels:
            raise ValueError(f"unknown label {label!r}; labels: {', '.join(task.labels)}{_integer_hint(label)}")


def _integer_hint(label: str) -> str:
    return ", by name: the file does not say what its integers mean" if label.lstrip("-").isdigit() else ""


# Tables


def table_of(data_source: DataSource, task: Task, split: str, language: str) -> Table:
    """The rows of one part of a split. Raises RequestError if they cannot be read."""
    name, wanted = parse_split(split)
    match data_source:
        case HubSource():
            folder = data_source.folder_of(task)
            if folder is not None:
                return _from_folder(folder, task, split, language)
            table = split_files.table(_repository(data_source, task), task.source.hub_config(language), name)
            return _of_language(task, table, language).part(wanted)
        case MiniSource():
            file = _written(data_source.root, task.source.path(language)) / f"{name}.parquet"
            return parquet_table([file], [f"{task.source.path(language)}/{name}.parquet"]).part(wanted)
        case FolderSource():
            return _from_folder(data_source, task, split, language)
    raise TypeError(f"no reader for {data_source!r}")


def _of_language(task: Task, table: Table, language: str) -> Table:
    """The rows of one language, by id prefix where the source has one. Raises RowError for a row with no known prefix."""
    source = task.source
    if not source.prefix:
        return table
    prefixes = [source.id_prefix(code) for code in source.keys]
    try:
        known = table.by_prefix("id", prefixes)
    except KeyError:
        raise RowError(task.name, table.files[0][0], 0, _missing("id", table.features)) from None
    except pyarrow.ArrowNotImplementedError:
        raise RowError(task.name, table.files[0][0], 0, "column 'id' holds no text") from None
    unknown = set(table.rows.tolist()).difference(*(own.rows.tolist() for own in known))
    if unknown:
        number = table.rows.tolist().index(min(unknown))
        file, index = table.location(number)
        raise RowError(
            task.name, file, index, f"its id starts with none of {', '.join(prefixes)}", more=len(unknown) - 1
        )
    return known[list(source.keys).index(language)]


def _from_folder(folder: FolderSource, task: Task, split: str, language: str) -> Table:
    file = folder.file(task, split, language)
    return parquet_table([file], [str(file.relative_to(folder.root))]).part(parse_split(split)[1])


def _repository(hub: HubSource, task: Task) -> Repository:
    """The task's repository: the pinned one, else from the hub."""
    return hub.repositories.get(hub.key(task)) or look_up(
        str(task.source.hub), "dataset", task.source.requested_revision
    )


def content(data_source: DataSource, task: Task, split: str, language: str) -> Any:
    """Digests of the files of a split and what else determines its rows, as canonical data. Raises RequestError if a file is
    unavailable."""
    if not isinstance(data_source, HubSource):
        return data_source.identity(task, split, (language,))
    return [
        folder.identity(part, name, (language,))
        if (folder := data_source.folder_of(part)) is not None
        else _content_of(data_source, part, name, language)
        for part, name in task.parts(split)
    ]


def _content_of(hub: HubSource, task: Task, split: str, language: str) -> dict[str, Any]:
    repository, config = _repository(hub, task), task.source.hub_config(language)
    files = split_files.files(repository, config, parse_split(split)[0])
    return {
        "files": [file_digest(file) for file in files],
        # Class names may stand in the card instead of the files.
        "classes": repository.class_names.get(config, {}),
        "split": split,
        "prefix": task.source.id_prefix(language),
    }


def _written(root: Path, folder: str) -> Path:
    """The folder of a mini data set, generated if missing: by one process, while others wait."""
    from stilts_ray.mini import build  # real data do not need the generator

    done = root / folder / ".complete"
    # A version with fewer splits may have written it.
    files = [done, *(root / folder / f"{split}.parquet" for split in build.splits(folder))]
    if not all(file.exists() for file in files):
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / f"{folder.replace('/', '_')}.lock"):
            if not all(file.exists() for file in files):
                build.write(folder, root)
                done.touch()
    return root / folder
