"""Validation of every row before training, so that no sweep fails on one in its tenth hour; and the row counts of records."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from stilts_ray import tasks
from stilts_ray.data import cache
from stilts_ray.data.rows import Counts
from stilts_ray.data.sources import DataSource, MiniSource
from stilts_ray.errors import RequestError

Split = tuple[str, str, str]
"""Task, split and language."""


@dataclass(frozen=True)
class CheckedSplit:
    """A split and its row counts."""

    task: str
    split: str
    language: str
    counts: Counts

    @property
    def name(self) -> str:
        """The split's name in records and messages."""
        return f"{self.task} {self.split} ({self.language})"

    @property
    def repairs(self) -> str | None:
        """One line on the repairs that rows needed; None if none did."""
        if not self.counts.repairs:
            return None
        rules = ", ".join(f"{rule} {count:,}" for rule, count in self.counts.repairs.items())
        return f"{self.name}: repaired of {self.counts.rows:,} rows: {rules}"


def check_rows(data_source: DataSource, splits: Iterable[Split]) -> list[CheckedSplit]:
    """Validates every row of the splits; returns their counts. Raises RequestError if a split cannot be read, RowError for the
    first invalid row."""
    return [
        CheckedSplit(*split, cache.counts(data_source, tasks.get(split[0]), *split[1:]))
        for split in dict.fromkeys(splits)
    ]


def size_warnings(data_source: DataSource, checked: Iterable[CheckedSplit]) -> list[str]:
    """A line for each split of real data whose size differs from the published one."""
    if isinstance(data_source, MiniSource):
        return []
    lines = (size_warning(each.task, each.split, each.language, each.counts.rows) for each in checked)
    return [line for line in lines if line]


def size_warning(task: str, split: str, language: str, rows: int) -> str | None:
    """One line if a split's number of rows differs from the published one."""
    known = tasks.get(task).published_rows(split, language)
    if known is None or known == rows:
        return None
    return f"{task} {split} ({language}) has {rows:,} rows, not the published {known:,}"


def refuse_repairs(checked: Iterable[CheckedSplit]) -> None:
    """Raises RequestError for the first row that needs a repair, with the number of further ones."""
    needing = [each for each in checked if each.counts.repairs]
    if not needing:
        return
    rule, first = next(iter(needing[0].counts.first.items()))
    count = sum(count for each in needing for count in each.counts.repairs.values())
    more = f"; and {count - 1:,} more repairs in {len(needing)} splits" if count > 1 else ""
    raise RequestError(f"{needing[0].task}: {first} needs {rule}, which --strict refuses{more}")


def rows_read(checked: Iterable[CheckedSplit]) -> dict[str, Any]:
    """The row counts of a record: {"<task> <split> (<language>)": {"rows", "examples", "left_out", "repairs"}}."""
    return {
        each.name: {
            "rows": each.counts.rows,
            "examples": each.counts.examples,
            "left_out": each.counts.left_out,
            "repairs": {str(rule): count for rule, count in each.counts.repairs.items()},
        }
        for each in checked
    }
