"""What a task may find in a row's columns: each value comes out in its type, or an error says what stands there instead.

Rows are files of others: a copy that went through CSV, pandas or another library has numbers for names, null for empty
text, or another nesting. A missing column is a KeyError, as of any mapping.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from stilts_ray.tasks.base import Row

STATED = "stated answer_start"
"""Where a row whose answers were moved has the offsets that it had."""


class Unread(ValueError):
    """A text that is not there. `column`: where it was looked for."""

    def __init__(self, column: str, what: str) -> None:
        self.column = column
        super().__init__(f"column {column!r} {what}")


class NullText(Unread):
    """Null where a text is wanted, as an empty one is after a round trip through CSV or pandas."""


class BlankText(Unread):
    """A text of nothing, or of white space alone."""


class Blank(str):
    """A blank text that a rule has let through."""

    __slots__ = ()


def let_through(value: Any) -> Any:
    """What stands in a column, its blank texts marked as known."""
    match value:
        case str():
            return value if value.strip() else Blank(value)
        case Mapping():
            return {name: let_through(each) for name, each in value.items()}
        case Sequence():
            return [let_through(each) for each in value] or [Blank("")]
    return value


def text(row: Row, column: str) -> str:
    """A text. Raises NullText or BlankText where there is none, ValueError for anything else."""
    return _filled(optional_text(row, column), column)


def optional_text(row: Row, column: str) -> str:
    """A text that may be blank. Raises NullText for null, ValueError for anything else."""
    value = row[column]
    if value is None:
        raise NullText(column, "is null, not text")
    if not isinstance(value, str):
        raise ValueError(f"column {column!r} is {_kind(value)}, not text")
    return value


def name(row: Row, column: str) -> str:
    """What a row is called, by a text or a number. Raises ValueError where it has no name."""
    value = row[column]
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise ValueError(f"column {column!r} is {_kind(value) if value != '' else 'empty'}, not a name")
    return str(value)


def texts(row: Row, column: str) -> tuple[str, ...]:
    """A list of texts. Raises BlankText where one is blank, ValueError for anything else."""
    return _texts(row[column], column)


def _filled(value: str, column: str) -> str:
    if isinstance(value, Blank):
        return str(value)
    if not value.strip():
        raise BlankText(column, "is empty" if not value else "is white space")
    return value


def _texts(value: Any, column: str) -> tuple[str, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ValueError(f"column {column!r} is {_kind(value)}, not a list of texts")
    for number, each in enumerate(value):
        if not isinstance(each, str):
            raise ValueError(f"column {column!r} holds {_kind(each)} at place {number}, not text")
        if not each.strip() and not isinstance(each, Blank):
            raise BlankText(column, f"holds no text at place {number}")
    return tuple(map(str, value))


def texts_within(row: Row, column: str, name: str) -> tuple[str, ...]:
    """A list of texts that an object in a column holds under a name. Raises as `texts`."""
    (found,) = within(row, column, name)
    return _texts(found, column)


def joined_within(row: Row, column: str, name: str) -> str:
    """A list of texts that an object in a column holds under a name, as one text. Raises BlankText if all are blank, ValueError
    for anything but texts."""
    (found,) = within(row, column, name)
    parts = _texts(let_through(found), column)
    if not any(part.strip() for part in parts) and not any(isinstance(part, Blank) for part in found):
        raise BlankText(column, "holds no text")
    return " ".join(parts)


def within(row: Row, column: str, *names: str) -> tuple[Sequence[Any], ...]:
    """The lists that an object in a column holds under those names. Raises ValueError for anything else."""
    value = row[column]
    wanted = ", ".join(f"'{name}': [...]" for name in names)
    if not isinstance(value, Mapping):
        raise ValueError(f"column {column!r} is {_kind(value)}, not an object {{{wanted}}}")
    for name in names:
        if not isinstance(value.get(name), Sequence) or isinstance(value[name], str):
            raise ValueError(f"column {column!r} holds {_kind(value.get(name))} as '{name}'; it must be {{{wanted}}}")
    return tuple(value[name] for name in names)


def label(row: Row, column: str) -> str:
    """The name of a class. A number is taken for the name that it spells ('0' and '1' are PAWS-X's), never for a place among
    the names. Raises ValueError for anything else, and where a row has none."""
    return _label(row[column], column)


def labels(row: Row, column: str) -> tuple[str, ...]:
    """Names of classes, one for each word. Raises ValueError as `label`."""
    value = row[column]
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ValueError(f"column {column!r} is {_kind(value)}, not a list")
    return tuple(_label(each, column) for each in value)


def place(row: Row, column: str, names: Sequence[str]) -> int:
    """The place among `names` of the one that stands in a column. Raises ValueError for what is none of them."""
    name = label(row, column)
    if name not in names:
        raise ValueError(f"column {column!r} is {name!r}, none of {', '.join(names)}")
    return names.index(name)


def number(row: Row, column: str) -> float:
    """A finite number. Raises ValueError for anything else."""
    value = row[column]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"column {column!r} is {_kind(value)}, not a finite number")
    return float(value)


def pairs(row: Row, column: str) -> tuple[tuple[int, int], ...]:
    """A list of pairs of whole numbers. Raises ValueError for anything else."""
    found = []
    for pair in row[column] if isinstance(row[column], Sequence) else ():
        match pair:
            case [int(first), int(second)]:
                found.append((first, second))
            case _:
                raise ValueError(f"column {column!r} holds {pair!r}, not a pair of whole numbers")
    return tuple(found)


def answers(row: Row) -> tuple[tuple[str, int | None], ...]:
    """SQuAD's answers with their offsets in the context, None for one whose place is not known. Raises ValueError for another
    nesting, as that of SQuAD's own files."""
    found, starts = within(row, "answers", "text", "answer_start")
    if len(found) != len(starts):
        raise ValueError(f"column 'answers' holds {len(found)} texts and {len(starts)} offsets")
    for start in starts:
        if start is not None and (not isinstance(start, int) or isinstance(start, bool)):
            raise ValueError(f"column 'answers' holds {_kind(start)} as an offset, not a whole number")
    return tuple(zip(_texts(found, "answers"), starts, strict=True))


def _label(value: Any, column: str) -> str:
    if value is None or value == "":
        raise ValueError(f"column {column!r}: the row has no label")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"column {column!r} is {_kind(value)}, not a label")
    return str(value)


def _kind(value: Any) -> str:
    """What a value is, in the words of JSON."""
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
