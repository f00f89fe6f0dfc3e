"""Typed access to a row's columns: a value of the expected type, or an error that says what the column holds.

A copy of a data set that went through CSV, pandas or another library may have numbers for names, null for empty text, or
another nesting. A missing column raises KeyError, as for any mapping.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from stilts_ray.tasks.base import Row

STATED_OFFSETS = "stated answer_start"
"""Column with the original offsets of a row whose answers were realigned."""


class MissingText(ValueError):
    """A missing text. column: the column that should hold it."""

    def __init__(self, column: str, what: str) -> None:
        self.column = column
        super().__init__(f"column {column!r} {what}")


class NullText(MissingText):
    """Null instead of text: what CSV and pandas make of an empty text."""


class BlankText(MissingText):
    """An empty text, or one of white space only."""


class Blank(str):
    """A blank text that a repair rule has accepted."""

    __slots__ = ()


def accept_blank(value: Any) -> Any:
    """The value of a column with its blank texts marked as accepted (`Blank`)."""
    match value:
        case str():
            return value if value.strip() else Blank(value)
        case Mapping():
            return {name: accept_blank(each) for name, each in value.items()}
        case Sequence():
            return [accept_blank(each) for each in value] or [Blank("")]
    return value


def text(row: Row, column: str) -> str:
    """A non-blank text. Raises NullText, BlankText, or ValueError for any other type."""
    return _non_blank(optional_text(row, column), column)


def optional_text(row: Row, column: str) -> str:
    """A text that may be blank. Raises NullText, or ValueError for any other type."""
    value = row[column]
    if value is None:
        raise NullText(column, "is null, not text")
    if not isinstance(value, str):
        raise ValueError(f"column {column!r} is {_json_type(value)}, not text")
    return value


def name(row: Row, column: str) -> str:
    """A row's identifier, a text or a number. Raises ValueError if there is none."""
    value = row[column]
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise ValueError(f"column {column!r} is {_json_type(value) if value != '' else 'empty'}, not a name")
    return str(value)


def texts(row: Row, column: str) -> tuple[str, ...]:
    """A list of texts. Raises BlankText if one is blank, ValueError for any other type."""
    return _texts(row[column], column)


def _non_blank(value: str, column: str) -> str:
    if isinstance(value, Blank):
        return str(value)
    if not value.strip():
        raise BlankText(column, "is empty" if not value else "is white space")
    return value


def _texts(value: Any, column: str) -> tuple[str, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ValueError(f"column {column!r} is {_json_type(value)}, not a list of texts")
    for number, each in enumerate(value):
        if not isinstance(each, str):
            raise ValueError(f"column {column!r} holds {_json_type(each)} at index {number}, not text")
        if not each.strip() and not isinstance(each, Blank):
            raise BlankText(column, f"holds no text at index {number}")
    return tuple(map(str, value))


def texts_within(row: Row, column: str, name: str) -> tuple[str, ...]:
    """A list of texts in a field of an object column. Raises as `texts`."""
    (found,) = within(row, column, name)
    return _texts(found, column)


def joined_within(row: Row, column: str, name: str) -> str:
    """A list of texts in a field of an object column, joined by spaces. Raises BlankText if all are blank, ValueError for any
    other type."""
    (found,) = within(row, column, name)
    parts = _texts(accept_blank(found), column)
    if not any(part.strip() for part in parts) and not any(isinstance(part, Blank) for part in found):
        raise BlankText(column, "holds no text")
    return " ".join(parts)


def within(row: Row, column: str, *names: str) -> tuple[Sequence[Any], ...]:
    """The lists in these fields of an object column. Raises ValueError for any other type."""
    value = row[column]
    wanted = ", ".join(f"'{name}': [...]" for name in names)
    if not isinstance(value, Mapping):
        raise ValueError(f"column {column!r} is {_json_type(value)}, not an object {{{wanted}}}")
    for name in names:
        if not isinstance(value.get(name), Sequence) or isinstance(value[name], str):
            raise ValueError(
                f"column {column!r} holds {_json_type(value.get(name))} as '{name}'; it must be {{{wanted}}}"
            )
    return tuple(value[name] for name in names)


def label(row: Row, column: str) -> str:
    """The name of a class. A number is read as the name that it spells (PAWS-X's classes are '0' and '1'), never as an index.
    Raises ValueError for any other type or a missing label."""
    return _label(row[column], column)


def labels(row: Row, column: str) -> tuple[str, ...]:
    """A list of class names. Raises ValueError as `label`."""
    value = row[column]
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ValueError(f"column {column!r} is {_json_type(value)}, not a list")
    return tuple(_label(each, column) for each in value)


def label_index(row: Row, column: str, names: Sequence[str]) -> int:
    """The index in `names` of a column's label. Raises ValueError if it is none of them."""
    name = label(row, column)
    if name not in names:
        raise ValueError(f"column {column!r} is {name!r}, none of {', '.join(names)}")
    return names.index(name)


def number(row: Row, column: str) -> float:
    """A finite number. Raises ValueError for anything else."""
    value = row[column]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"column {column!r} is {_json_type(value)}, not a finite number")
    return float(value)


def pairs(row: Row, column: str) -> tuple[tuple[int, int], ...]:
    """A list of pairs of integers. Raises ValueError for any other type."""
    found = []
    for pair in row[column] if isinstance(row[column], Sequence) else ():
        match pair:
            case [int(first), int(second)]:
                found.append((first, second))
            case _:
                raise ValueError(f"column {column!r} holds {pair!r}, not a pair of integers")
    return tuple(found)


def answers(row: Row) -> tuple[tuple[str, int | None], ...]:
    """SQuAD's answers as (text, character offset in the context); offset None: unknown. Raises ValueError for another nesting,
    such as that of SQuAD's own files."""
    found, starts = within(row, "answers", "text", "answer_start")
    if len(found) != len(starts):
        raise ValueError(f"column 'answers' holds {len(found)} texts and {len(starts)} offsets")
    for start in starts:
        if start is not None and (not isinstance(start, int) or isinstance(start, bool)):
            raise ValueError(f"column 'answers' holds {_json_type(start)} as an offset, not an integer")
    return tuple(zip(_texts(found, "answers"), starts, strict=True))


def _label(value: Any, column: str) -> str:
    if value is None or value == "":
        raise ValueError(f"column {column!r}: the row has no label")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"column {column!r} is {_json_type(value)}, not a label")
    return str(value)


def _json_type(value: Any) -> str:
    """A value's type, in JSON's terms."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return f"the number {value}"
        case str():
            return "text"
        case Mapping():
            return "an object"
        case Sequence():
            return "a list"
    return type(value).__name__
