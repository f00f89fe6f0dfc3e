"""Reads the rows of a task and makes examples of them.

A row that does not fit is refused, never dropped; left out are only those that the data set's own rule leaves out.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet as parquet
from filelock import FileLock

from stilts_ray.errors import RequestError, RowError, Unavailable, first_line
from stilts_ray.origin import Folder, Hub, Mini, Origin, sliced
from stilts_ray.tasks.base import Row, Task
from stilts_ray.tasks.examples import Choice, Example, Pair, Tagged

BLOCK = 10_000
"""Rows that are read at once: of some data sets not all columns of all rows have room beside the examples."""


def load(origin: Origin, task: Task, split: str, language: str) -> list[Example]:
    """The examples of a split. Raises RequestError if it cannot be read, RowError for the first row that does not fit."""
    made: list[Example] = []
    for part, name in task.parts(split):
        table = _table(origin, part, name, language)
        blocks = (table.select(range(at, min(at + BLOCK, len(table)))) for at in range(0, len(table), BLOCK))
        rows = (row for block in blocks for row in named_rows(block))
        made += examples(labelled(origin, part), f"{part.source.path(language)}/{name}", rows)
    return made


def labelled(origin: Origin, task: Task) -> Task:
    """The task with its labels filled in, where they are those of the training split's own feature type.

    Raises RequestError if the split cannot be read, RowError if it has no such column or no names for it.
    """
    if task.labels_from is None:
        return task
    (_, split), *_ = task.parts(task.train or "train")
    language = origin.source_language
    features, place = _table(origin, task, split, language).features, f"{task.source.path(language)}/{split}"
    if task.labels_from not in features:
        raise RowError(task.name, place, 0, _missing(task.labels_from, features))
    feature = features[task.labels_from]
    label = feature.feature if isinstance(feature, datasets.List) else feature
    if not isinstance(label, datasets.ClassLabel):
        raise RowError(task.name, place, 0, f"the type of column {task.labels_from!r} names no class labels")
    return replace(task, labels=tuple(label.names), labels_from=None)


def _missing(column: str, columns: Iterable[str]) -> str:
    return f"no column {column!r}; columns: {', '.join(columns)}"


def examples(task: Task, split: str, rows: Iterable[Row]) -> list[Example]:
    """Makes an example of every row that the task keeps. Raises RowError for the first that does not fit."""
    made = []
    for number, row in enumerate(rows):
        try:
            example = task.example(row)
            if example is None:
                continue
            _known_labels(task, example)
        except KeyError as error:
            raise RowError(task.name, split, number, _missing(error.args[0], row)) from None
        except (ValueError, TypeError, AttributeError) as error:
            raise RowError(task.name, split, number, str(error)) from None
        made.append(example)
    if not made:
        raise RequestError(f"{task.name}: {split} has no rows")
    return made


def _known_labels(task: Task, example: Example) -> None:
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
            raise ValueError(f"unknown label {label!r}; labels: {', '.join(task.labels)}")


def named_rows(table: datasets.Dataset) -> list[dict[str, Any]]:
    """Rows with class labels mapped from integers to names; -1, the hub's word for no label, becomes None. An integer
    without a name stays, and is no label of any task."""
    columns = {name: _named(column, table.features[name]) for name, column in table.to_dict().items()}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _named(column: list[Any], feature: Any) -> list[Any]:
    if isinstance(feature, datasets.ClassLabel):
        names = {-1: None, **dict(enumerate(feature.names))}
        return [names.get(value, value) for value in column]
    if isinstance(feature, datasets.List) and isinstance(feature.feature, datasets.ClassLabel):
        return [_named(values, feature.feature) for values in column]
    return column


def _table(origin: Origin, task: Task, split: str, language: str) -> datasets.Dataset:
    match origin:
        case Hub() if task.source.hub is None and (folder := origin.folder()):
            return _from_file(folder.file(task, split, language), split)
        case Hub():
            return _from_hub(origin, task, split, language)
        case Mini():
            written = _written(origin.root, task.source.path(language))
            return _from_file(written / f"{sliced(split)[0]}.parquet", split)
        case Folder():
            return _from_file(origin.file(task, split, language), split)
    raise TypeError(f"no reader for {origin!r}")


def _from_hub(hub: Hub, task: Task, split: str, language: str) -> datasets.Dataset:
    config, revision, prefix = task.source.hub_config(language), hub.revision(task), task.source.id_prefix(language)
    try:
        table = datasets.load_dataset(hub.repository(task), config, split=split, revision=revision)
        return table.filter(lambda row: row["id"].startswith(prefix)) if prefix else table
    except Exception as error:
        # The hub's libraries raise anything from ConnectionError to their own families, with long chains.
        what = f"{task.name}: cannot load {hub.repository(task)} ({config}, {split}, {revision}) from the hub"
        raise Unavailable(f"{what}: {first_line(error)}; or give its files with --data-dir") from None


def _from_file(path: Path, split: str) -> datasets.Dataset:
    """The rows of a file that are in the split."""
    try:
        table = parquet.read_table(path)
        rows = range(table.num_rows)[sliced(split)[1]]
        return datasets.Dataset(table.slice(rows.start, len(rows)))
    except (OSError, ValueError) as error:
        raise RequestError(f"cannot read {path}: {first_line(error)}") from None


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
