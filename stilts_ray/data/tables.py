"""Rows of parquet files. Only the columns that are accessed are read."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow
import pyarrow.compute
import pyarrow.parquet as parquet
from numpy.typing import NDArray

from stilts_ray.errors import RequestError, first_line
from stilts_ray.tasks.base import Row

BLOCK = 10_000
"""Rows converted to Python at a time: some data sets do not fit into memory beside their examples."""


@dataclass(frozen=True)
class Table:
    """A selection of the rows of several files.

    features: types of the columns.
    read: column name -> its values in all rows of the files.
    rows: [rows] indices of the selected rows.
    files: name and number of rows of each file, in order.
    """

    features: datasets.Features
    read: Callable[[str], pyarrow.ChunkedArray]
    rows: NDArray[np.int64]
    files: tuple[tuple[str, int], ...]

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> pyarrow.ChunkedArray:
        """The values of a column in the selected rows. Raises KeyError if there is no such column."""
        if name not in self.features:
            raise KeyError(name)
        values = self.read(name)
        return values if len(values) == len(self.rows) else values.take(pyarrow.array(self.rows))

    def part(self, wanted: slice) -> "Table":
        """A slice of the rows."""
        return replace(self, rows=self.rows[wanted])

    def by_prefix(self, name: str, prefixes: Sequence[str]) -> list["Table"]:
        """For each prefix, the rows whose text in a column starts with it. Raises KeyError if there is no such column,
        pyarrow.ArrowNotImplementedError if it holds no text."""
        column = self.column(name)
        masks = [pyarrow.compute.starts_with(column, prefix).fill_null(False) for prefix in prefixes]
        return [replace(self, rows=self.rows[np.asarray(mask)]) for mask in masks]

    def location(self, number: int) -> tuple[str, int]:
        """A row's file and its index there, from 0."""
        row = int(self.rows[number])
        for name, count in self.files:
            if row < count:
                return name, row
            row -= count
        raise IndexError(number)

    def __iter__(self) -> Iterator[Row]:
        """The rows with class labels mapped from integers to names; -1, the hub's missing label, becomes None. An integer
        without a name stays an integer, which is no task's label."""
        columns: dict[str, pyarrow.ChunkedArray] = {}
        for start in range(0, len(self), BLOCK):
            block = _Block(self, columns, start)
            yield from (_Row(block, number) for number in range(min(BLOCK, len(self) - start)))


class _Block(dict[str, list[Any]]):
    """The values of a block of rows, by column, converted on first access."""

    def __init__(self, table: Table, columns: dict[str, pyarrow.ChunkedArray], start: int) -> None:
        self.table, self.columns, self.start = table, columns, start

    def __missing__(self, name: str) -> list[Any]:
        if name not in self.columns:
            self.columns[name] = self.table.column(name)
        values = self.columns[name].slice(self.start, BLOCK).to_pylist()
        self[name] = with_class_names(values, self.table.features[name])
        return self[name]


class _Row(Mapping[str, Any]):
    __slots__ = ("block", "number")

    def __init__(self, block: _Block, number: int) -> None:
        self.block, self.number = block, number

    def __getitem__(self, name: str) -> Any:
        return self.block[name][self.number]

    def __iter__(self) -> Iterator[str]:
        return iter(self.block.table.features)

    def __len__(self) -> int:
        return len(self.block.table.features)


def with_class_names(column: list[Any], feature: Any) -> list[Any]:
    """A column's values with class labels mapped from integers to names."""
    if isinstance(feature, datasets.ClassLabel):
        names = {-1: None, **dict(enumerate(feature.names))}
        return [names.get(value, value) for value in column]
    if isinstance(feature, datasets.List) and isinstance(feature.feature, datasets.ClassLabel):
        return [None if values is None else with_class_names(values, feature.feature) for values in column]
    return column


def parquet_table(
    files: Sequence[Path], names: Sequence[str], class_names: Mapping[str, Sequence[str]] | None = None
) -> Table:
    """All rows of parquet files with the same columns. names: the files' names in messages. class_names: column -> class names,
    where the files do not have them. Raises RequestError for an unreadable or differing file."""
    features, counts = zip(*(_schema_and_length(path, path.stat().st_mtime_ns) for path in files), strict=True)
    for name, other in zip(names, features, strict=True):
        # Types may be wider in one file than in another; class names must be the same.
        if list(other) != list(features[0]) or _classes(other) != _classes(features[0]):
            raise RequestError(f"{names[0]} and {name} differ in columns or classes")
    return Table(
        features=_with_class_names(features[0], class_names or {}),
        read=partial(_column, tuple(files)),
        rows=np.arange(sum(counts)),
        files=tuple(zip(names, counts, strict=True)),
    )


def _with_class_names(features: datasets.Features, class_names: Mapping[str, Sequence[str]]) -> datasets.Features:
    return datasets.Features({name: _typed(features[name], class_names.get(name, ())) for name in features})


def _classes(features: datasets.Features) -> dict[str, list[str]]:
    inner = {
        name: feature.feature if isinstance(feature, datasets.List) else feature for name, feature in features.items()
    }
    return {name: feature.names for name, feature in inner.items() if isinstance(feature, datasets.ClassLabel)}


def _typed(feature: Any, names: Sequence[str]) -> Any:
    """A column's type, with class names for its integers if it has none."""
    if isinstance(feature, datasets.List):
        return datasets.List(_typed(feature.feature, names))
    if names and isinstance(feature, datasets.Value) and "int" in feature.dtype:
        return datasets.ClassLabel(names=list(names))
    return feature


def dataset_table(
    dataset: datasets.Dataset, name: str, class_names: Mapping[str, Sequence[str]] | None = None
) -> Table:
    """The rows of a data set in memory. name: its name in messages. class_names: as in `parquet_table`."""
    features = _with_class_names(dataset.features, class_names or {})
    return Table(features, dataset.data.column, np.arange(len(dataset)), ((name, len(dataset)),))


@lru_cache(maxsize=1024)
def _schema_and_length(path: Path, changed: int) -> tuple[datasets.Features, int]:
    try:
        metadata = parquet.read_metadata(path)
        return datasets.Features.from_arrow_schema(metadata.schema.to_arrow_schema()), metadata.num_rows
    except (OSError, ValueError, TypeError, KeyError, pyarrow.ArrowException) as error:
        raise RequestError(f"cannot read {path}: {first_line(error)}") from None


def _column(files: tuple[Path, ...], name: str) -> pyarrow.ChunkedArray:
    try:
        parts = [parquet.ParquetFile(path).read(columns=[name]) for path in files]
        whole = pyarrow.concat_tables(parts, promote_options="permissive")
        return whole.column(name)
    except (OSError, ValueError, KeyError, pyarrow.ArrowException) as error:
        raise RequestError(f"cannot read column {name!r} of {files[0].parent}: {first_line(error)}") from None
