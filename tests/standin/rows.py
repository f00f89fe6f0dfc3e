"""The fixture rows of all tasks as the rows of hub repositories: joined by file, in every language, as many as are wished."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from string import ascii_lowercase
from typing import Any

from datasets import Features

from stilts_ray.tasks import TASKS, Kind, Task
from stilts_ray.tasks.base import parse_split
from tests.tasks.rows import FIXTURES, Row

NUMBERED = ("id", "uid", "idx", "ind", "pubid", "source_id")
"""Columns that name a row."""

TOLD_APART = (
    "mention",
    "description",
    "source_sentence",
    "sentence1",
    "question1",
    "premise",
    "question",
    "ctx_a",
    "context",
)
"""Columns with text that may get a word more; of each row the first of them does. Answers stay where they are."""

NEUTRAL_TAGS = {"pos_tags": "X", "ner_tags": "O"}
"""Column of tags -> the tag of a word that is added to a sentence."""


@dataclass(frozen=True)
class Table:
    """The rows of a split of a configuration of a repository; class labels stand there by name."""

    repository: str
    config: str
    split: str
    features: Features
    rows: Sequence[Row]


@dataclass(frozen=True)
class _Piece:
    """What one task reads of a table in one language.

    before: so many rows stand before or in the slice that the task means. fixed: there is one row whatever is wished.
    """

    table: tuple[str, str, str]
    language: str
    prefix: str
    features: Features
    base: Sequence[Row]
    mark: str
    before: int
    fixed: bool


def tables(wished: int | None = None) -> list[Table]:
    """All tables that the tasks read, in the order of the tasks.

    wished: rows of a split, in each language; None: as many as the fixtures have. Raises ValueError if two tasks would read
    different rows from one table.
    """
    pieces: dict[tuple[tuple[str, str, str], str], _Piece] = {}
    for piece in _pieces():
        known = pieces.setdefault((piece.table, piece.language), piece)
        if (known.features, known.base) != (piece.features, piece.base):
            raise ValueError(f"two tasks with different fixture rows read {piece.table} ({piece.language})")
        pieces[piece.table, piece.language] = replace(known, before=max(known.before, piece.before))
    joined: dict[tuple[str, str, str], list[_Piece]] = {}
    for piece in pieces.values():
        joined.setdefault(piece.table, []).append(piece)
    # Which split it is of those of its configuration.
    turns = Counter[tuple[str, str]]()
    made = []
    for name, parts in joined.items():
        rows = [row for part in parts for row in turned(_rows(part, wished), turns[name[:2]])]
        made.append(Table(*name, parts[0].features, rows))
        turns[name[:2]] += 1
    return made


def turned(rows: Sequence[Row], places: int) -> list[Row]:
    """The same rows, beginning with one that many places behind the first. Splits of the same rows in the same order would be
    one file to the hub's clients, which know contents by their digests."""
    start = places % len(rows)
    return [*rows[start:], *rows[:start]]


def _pieces() -> Iterator[_Piece]:
    for task in TASKS.values():
        for split in dict.fromkeys(split for split in (task.train, task.dev, task.test) if split):
            for part, name in task.parts(split):
                if part.source.hub is not None:
                    yield from (_piece(part, name, language) for language in _languages(task, split))


def _languages(task: Task, split: str) -> tuple[str, ...]:
    """The languages in which the repository has a split. Training and selection are in English, whatever else there is."""
    trained = ("en", *task.train_languages) if split in (task.train, task.dev) else ()
    tested = (task.languages or ("en",)) if split == task.test else ()
    return tuple(dict.fromkeys((*trained, *tested)))


def _piece(task: Task, split: str, language: str) -> _Piece:
    fixture, (name, bounds) = FIXTURES[task.name], parse_split(split)
    source = language if language in fixture.rows else list(fixture.rows)[-1]
    return _Piece(
        table=(task.source.hub or "", task.source.hub_config(language), name),
        language=language,
        prefix=task.source.id_prefix(language),
        features=fixture.features,
        base=fixture.rows[source],
        mark="" if source == language else language,
        before=max(bounds.start or 0, bounds.stop or 0),
        fixed=task.kind is Kind.MINING,
    )


def _rows(piece: _Piece, wished: int | None) -> list[Row]:
    count = len(piece.base) if piece.fixed or wished is None else wished
    rows = replicated(piece.base, piece.before + count, piece.mark)
    named = [row | {"id": piece.prefix + row["id"]} for row in rows] if piece.prefix else rows
    return [row | {"langs": [piece.language] * len(row["langs"])} if "langs" in row else row for row in named]


def replicated(rows: Sequence[Row], count: int, mark: str = "") -> list[Row]:
    """So many rows: these, and the same over again under other names and with a word more. mark: another word for them all,
    the language that they stand for."""
    return [_copy(rows[place % len(rows)], place // len(rows), len(rows), mark) for place in range(count)]


def _copy(row: Row, number: int, step: int, mark: str) -> Row:
    words = [word for word in (mark, _letters(number)) if word]
    # The table of candidates has an entity once.
    names = (*NUMBERED, "entity_id") if "description" in row else NUMBERED
    renamed = {name: _renamed(row[name], number, step) for name in names if name in row}
    return _told_apart(row | renamed, words) if words else row


def _letters(number: int) -> str:
    """A number in letters, which the tests' tokenizers know."""
    return _letters(number // 26) + ascii_lowercase[number % 26] if number else ""


def _renamed(name: str | int, number: int, step: int) -> str | int:
    if isinstance(name, int):
        return name + number * step
    return f"{name}-{number}" if number else name


def _told_apart(row: Row, words: Sequence[str]) -> Row:
    if "tokens" in row:
        tags = next(name for name in NEUTRAL_TAGS if name in row)
        more = {"tokens": words, tags: [NEUTRAL_TAGS[tags]] * len(words), "langs": [""] * len(words)}
        return row | {name: [*row[name], *values] for name, values in more.items() if name in row}
    column = next(name for name in TOLD_APART if name in row)
    return row | {column: _longer(row[column], " ".join(words))}


def _longer(text: Any, words: str) -> Any:
    """A text, or each of several, with words at its end; a line break stays the last of it."""
    if isinstance(text, list):
        return [_longer(one, words) for one in text]
    kept = text.rstrip("\n")
    return f"{kept} {words}{text[len(kept) :]}"
