"""Reads the rows of a task and makes examples of them.

A row that does not fit is refused, unless its source has a rule for what is wrong with it (`stilts_ray.data.repairs`). What
rules did, and which rows the data set's own rule leaves out, is counted.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import datasets
import pyarrow
from filelock import FileLock

from stilts_ray.data import split_files as repositories
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
"""Where data sets keep the names of their rows."""


VERSION = 1
"""Raised when code changes what is made of the same rows, for all tasks."""


@dataclass(frozen=True)
class Counts:
    """What became of the rows of a split.

    rows: in the files. examples: made of them. left_out: rows that are none by the data set's own rule. repairs: how many rows
    needed each rule. first: the first row that did, as messages name it.
    """

    rows: int
    examples: int
    left_out: int = 0
    repairs: dict[Repair, int] = field(default_factory=dict)
    first: dict[Repair, str] = field(default_factory=dict)


def counts_of(document: Mapping[str, Any]) -> Counts:
    """The counts that `dataclasses.asdict` wrote. Raises TypeError or ValueError for anything else."""
    repairs = {Repair(rule): int(count) for rule, count in document["repairs"].items()}
    first = {Repair(rule): str(place) for rule, place in document["first"].items()}
    return Counts(**{**document, "repairs": repairs, "first": first})


def together(parts: Sequence[Counts]) -> Counts:
    """The counts of several parts or languages."""
    repairs = sum((Counter(part.repairs) for part in parts), Counter[Repair]())
    first = {rule: place for part in reversed(parts) for rule, place in part.first.items()}
    numbers = (sum(part.rows for part in parts), sum(part.examples for part in parts), sum(p.left_out for p in parts))
    return Counts(*numbers, dict(repairs), first)


@dataclass(frozen=True)
class Loaded:
    """The examples of a split, and what became of its rows."""

    examples: list[Example]
    counts: Counts


def load(data_source: DataSource, task: Task, split: str, language: str) -> list[Example]:
    """The examples of a split. Raises RequestError if it cannot be read, RowError for the first row that does not fit."""
    return read(data_source, task, split, language).examples


def read(data_source: DataSource, task: Task, split: str, language: str) -> Loaded:
    """The examples of a split with the counts. Raises as `load`, and RequestError where a rule is needed by more rows than the
    source states."""
    training = split == task.train
    use = Use(training)
    parts = [
        examples(labelled(data_source, part), table_of(data_source, part, name, language), use)
        for part, name in task.parts(split)
    ]
    counts = together([part.counts for part in parts])
    if not training and counts.examples + counts.left_out != counts.rows:
        raise AssertionError(f"{task.name} {split} ({language}): a row of a test set is lost")
    return Loaded([example for part in parts for example in part.examples], counts)


def labelled(data_source: DataSource, task: Task) -> Task:
    """The task with its labels filled in, where they are those of the training split's own feature type.

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
    """Makes an example of every row that the task keeps. Raises RowError for the first that does not fit, with the number of
    all others, RequestError if there are none, or a rule is needed too often."""
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
            first |= {rule: _called(table, number, row) for rule in made.rules - first.keys()}
        if made.example is not None:
            kept.append(made.example)
        elif not made.dropped:
            left_out += 1
    if refused:
        number, row, reason = refused[0]
        file, place = table.place(number)
        raise RowError(task.name, file, place, reason, _id(row), len(refused) - 1)
    _check_repairs(task, table, repairs, first)
    if not kept:
        raise RequestError(f"{task.name}: {table.files[0][0]} has no rows" + (" to train on" if len(table) else ""))
    return Loaded(kept, Counts(len(table), len(kept), left_out, dict(repairs), first))


def _reason(error: Exception, row: Row) -> str:
    return _missing(error.args[0], row) if isinstance(error, KeyError) else str(error)


def _called(table: Table, number: int, row: Row) -> str:
    """A row as messages name it."""
    file, place = table.place(number)
    return f"{file}: row {place}{_id(row)}"


def _id(row: Row) -> str:
    name = next((row[column] for column in ID_COLUMNS if column in row and row[column] is not None), None)
    return "" if name is None else f" (id {str(name)[:80]})"


def _check_repairs(task: Task, table: Table, repairs: Counter[Repair], first: dict[Repair, str]) -> None:
    for rule, count in repairs.items():
        share = task.source.repairs[rule]
        if count > allowed(share, len(table)):
            raise RequestError(
                f"{task.name}: {count:,} of the {len(table):,} rows need {rule}, more than the {share:.0%} that are to be"
                f" expected of this source; is it the right file? The first: {first[rule]}"
            )


def _check_labels(task: Task, example: Example | None) -> None:
    match example:
        case Pair(label=label):
            labels: tuple[str, ...] = (label,)
        case Tagged(tags=tags):
            labels = tags
        case Choice(choices=choices) if len(choices) != task.choices:
            # Sequences are grouped by this number: one row with another would shift all after it.
            raise ValueError(f"{len(choices)} choices, not {task.choices}")
        case _:
            return
    for label in labels:
        if label not in task.labels:
            raise ValueError(f"unknown label {label!r}; labels: {', '.join(task.labels)}{_nameless(label)}")


def _nameless(label: str) -> str:
    return ", by name: the file does not say what its numbers stand for" if label.lstrip("-").isdigit() else ""


# Tables


def table_of(data_source: DataSource, task: Task, split: str, language: str) -> Table:
    """The rows of a split of one part. Raises RequestError if they cannot be read."""
    name, wanted = parse_split(split)
    match data_source:
        case HubSource():
            folder = data_source.folder_of(task)
            if folder is not None:
                return _from_folder(folder, task, split, language)
            table = repositories.table(_repository(data_source, task), task.source.hub_config(language), name)
            return _of_language(task, table, language).part(wanted)
        case MiniSource():
            file = _written(data_source.root, task.source.path(language)) / f"{name}.parquet"
            return parquet_table([file], [f"{task.source.path(language)}/{name}.parquet"]).part(wanted)
        case FolderSource():
            return _from_folder(data_source, task, split, language)
    raise TypeError(f"no reader for {data_source!r}")


def _of_language(task: Task, table: Table, language: str) -> Table:
    """The rows of one language, where ids say which each row is in. Raises RowError for one that is in none."""
    source = task.source
    if not source.prefix:
        return table
    prefixes = [source.id_prefix(code) for code in source.keys]
    try:
        known = table.beginning("id", prefixes)
    except KeyError:
        raise RowError(task.name, table.files[0][0], 0, _missing("id", table.features)) from None
    except pyarrow.ArrowNotImplementedError:
        raise RowError(task.name, table.files[0][0], 0, "column 'id' holds no text") from None
    strange = set(table.rows.tolist()).difference(*(own.rows.tolist() for own in known))
    if strange:
        number = table.rows.tolist().index(min(strange))
        file, place = table.place(number)
        raise RowError(
            task.name, file, place, f"its id begins with none of {', '.join(prefixes)}", more=len(strange) - 1
        )
    return known[list(source.keys).index(language)]


def _from_folder(folder: FolderSource, task: Task, split: str, language: str) -> Table:
    file = folder.file(task, split, language)
    return parquet_table([file], [str(file.relative_to(folder.root))]).part(parse_split(split)[1])


def _repository(hub: HubSource, task: Task) -> Repository:
    """What was looked up of the task's repository, or is now."""
    return hub.repositories.get(hub.key(task)) or look_up(str(task.source.hub), "dataset", task.source.asked_for)


def content(data_source: DataSource, task: Task, split: str, language: str) -> Any:
    """What the rows of a split are, by the bytes that are read: canonical data. Raises RequestError if they cannot be had."""
    if not isinstance(data_source, HubSource):
        return data_source.identity(task, split, (language,))
    return [
        folder.identity(part, name, (language,))
        if (folder := data_source.folder_of(part)) is not None
        else _read_from(data_source, part, name, language)
        for part, name in task.parts(split)
    ]


def _read_from(hub: HubSource, task: Task, split: str, language: str) -> dict[str, Any]:
    repository, config = _repository(hub, task), task.source.hub_config(language)
    files = repositories.files(repository, config, parse_split(split)[0])
    return {
        "files": [file_digest(file) for file in files],
        # Files may leave it to the card to say what their integers stand for.
        "classes": repository.class_names.get(config, {}),
        "split": split,
        "prefix": task.source.id_prefix(language),
    }


def _written(root: Path, folder: str) -> Path:
    """The folder of a mini data set, written first if it is not there: by one process, the others wait."""
    from stilts_ray.mini import build  # real data need no generator

    done = root / folder / ".complete"
    # A version that knew fewer splits may have written it.
    files = [done, *(root / folder / f"{split}.parquet" for split in build.splits(folder))]
    if not all(file.exists() for file in files):
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / f"{folder.replace('/', '_')}.lock"):
            if not all(file.exists() for file in files):
                datasets.disable_progress_bars()
                build.write(folder, root)
                done.touch()
    return root / folder
