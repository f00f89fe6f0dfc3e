"""Rows of parquet files, of which only the columns that are looked at are read."""

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
"""Rows of which values are made at once: of some data sets not all have room beside the examples."""


@dataclass(frozen=True)
class Table:
    """Some rows of some files.

    features: types of the columns. read: name of a column -> its values, of all rows of the files. rows: [rows], which of
    these are meant. files: name and number of rows of each file, in their order.
    """

    features: datasets.Features
    read: Callable[[str], pyarrow.ChunkedArray]
    rows: NDArray[np.int64]
    files: tuple[tuple[str, int], ...]

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> pyarrow.ChunkedArray:
        """The values of a column. Raises KeyError if there is none."""
        if name not in self.features:
            raise KeyError(name)
        values = self.read(name)
        return values if len(values) == len(self.rows) else values.take(pyarrow.array(self.rows))

    def part(self, wanted: slice) -> "Table":
        """Some of the rows."""
        return replace(self, rows=self.rows[wanted])

    def beginning(self, name: str, prefix: str) -> "Table":
        """The rows whose text in a column begins so."""
        mask = pyarrow.compute.starts_with(self.column(name), prefix)
        return replace(self, rows=self.rows[np.asarray(mask.fill_null(False))])

    def place(self, number: int) -> tuple[str, int]:
        """File of a row, and its number there, counted from 0."""
        row = int(self.rows[number])
        for name, count in self.files:
            if row < count:
                return name, row
            row -= count
        raise IndexError(number)

    def __iter__(self) -> Iterator[Row]:
        """Rows with class labels mapped from integers to names; -1, the hub's word for no label, becomes None. An integer
        without a name stays, and is no label of any task."""
        columns: dict[str, pyarrow.ChunkedArray] = {}
        for start in range(0, len(self), BLOCK):
            block = _Block(self, columns, start)
            yield from (_Row(block, number) for number in range(min(BLOCK, len(self) - start)))


class _Block(dict[str, list[Any]]):
    """The values of a block of rows, column by column, made when they are first asked for."""

    def __init__(self, table: Table, columns: dict[str, pyarrow.ChunkedArray], start: int) -> None:
        self.table, self.columns, self.start = table, columns, start

    def __missing__(self, name: str) -> list[Any]:
        if name not in self.columns:
            self.columns[name] = self.table.column(name)
        values = self.columns[name].slice(self.start, BLOCK).to_pylist()
        self[name] = named(values, self.table.features[name])
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


def named(column: list[Any], feature: Any) -> list[Any]:
    """The values of a column with names for the integers of class labels."""
    if isinstance(feature, datasets.ClassLabel):
        names = {-1: None, **dict(enumerate(feature.names))}
        return [names.get(value, value) for value in column]
    if isinstance(feature, datasets.List) and isinstance(feature.feature, datasets.ClassLabel):
        return [None if values is None else named(values, feature.feature) for values in column]
    return column


def parquet_table(
    files: Sequence[Path], names: Sequence[str], class_names: Mapping[str, Sequence[str]] | None = None
) -> Table:
    """All rows of parquet files of one form, called `names` in messages. class_names: column -> what its classes are called,
    where the files do not say. Raises RequestError for what cannot be read."""
    schemas, counts = zip(*(_opened(path, path.stat().st_mtime_ns) for path in files), strict=True)
    if any(schema.names != schemas[0].names for schema in schemas):
        raise RequestError(f"{names[0]} and {names[-1]} have not the same columns")
    own = datasets.Features.from_arrow_schema(schemas[0])
    return Table(
        features=datasets.Features({name: _typed(own[name], (class_names or {}).get(name, ())) for name in own}),
        read=partial(_column, tuple(files)),
        rows=np.arange(sum(counts)),
        files=tuple(zip(names, counts, strict=True)),
    )


def _typed(feature: Any, names: Sequence[str]) -> Any:
    """A column's type, with names for its integers where it has none."""
    if isinstance(feature, datasets.List):
        return datasets.List(_typed(feature.feature, names))
    if names and isinstance(feature, datasets.Value) and "int" in feature.dtype:
        return datasets.ClassLabel(names=list(names))
    return feature


def dataset_table(dataset: datasets.Dataset, name: str) -> Table:
    """The rows of a data set in memory, called `name` in messages."""
    return Table(dataset.features, dataset.data.column, np.arange(len(dataset)), ((name, len(dataset)),))


@lru_cache(maxsize=1024)
def _opened(path: Path, changed: int) -> tuple[pyarrow.Schema, int]:
    try:
        metadata = parquet.read_metadata(path)
        return metadata.schema.to_arrow_schema(), metadata.num_rows
    except (OSError, ValueError) as error:
        raise RequestError(f"cannot read {path}: {first_line(error)}") from None


def _column(files: tuple[Path, ...], name: str) -> pyarrow.ChunkedArray:
    try:
        parts = [parquet.ParquetFile(path).read(columns=[name]).column(0) for path in files]
    except (OSError, ValueError) as error:
        raise RequestError(f"cannot read {files[0].parent}: {first_line(error)}") from None
    return pyarrow.chunked_array([chunk for part in parts for chunk in part.chunks], type=parts[0].type)
