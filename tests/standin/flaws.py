"""The flaws that published rows have, put into rows of the stand-in's repositories."""

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow as arrow
import pyarrow.parquet as parquet

from tests.standin.content import Commit, Files, Repository
from tests.standin.repositories import written

Row = dict[str, Any]
Change = Callable[[Sequence[Row], Sequence[int]], list[Row]]
"""Rows, and the places of those that are to be flawed -> the same number of rows."""

NO_BREAK_SPACE = "\u00a0"
ABSENT = "This stands nowhere."


def _at(rows: Sequence[Row], places: Sequence[int], change: Callable[[Row], Row]) -> list[Row]:
    return [row | change(row) if place in places else row for place, row in enumerate(rows)]


def stripped_context(rows: Sequence[Row], places: Sequence[int]) -> list[Row]:
    """The context lost its leading blanks and the answers were not moved: they begin one or two characters too late, by
    turns."""

    def late(row: Row, blanks: int) -> Row:
        starts = [start + blanks for start in row["answers"]["answer_start"]]
        return row | {"answers": row["answers"] | {"answer_start": starts}}

    turns = {place: 1 + turn % 2 for turn, place in enumerate(places)}
    return [late(row, turns[place]) if place in turns else row for place, row in enumerate(rows)]


def absent_answer(rows: Sequence[Row], places: Sequence[int]) -> list[Row]:
    """The context does not have the answer's text anywhere."""
    return _at(rows, places, lambda row: {"answers": {"text": [ABSENT], "answer_start": [0]}})


def no_answer(rows: Sequence[Row], places: Sequence[int]) -> list[Row]:
    """There is no answer where every question should have one."""
    return _at(rows, places, lambda row: {"answers": {"text": [], "answer_start": []}})


def repeated_id(rows: Sequence[Row], places: Sequence[int]) -> list[Row]:
    """A row has the id of the one before it."""
    return [row | {"id": rows[place - 1]["id"]} if place in places else row for place, row in enumerate(rows)]


def empty_second_question(rows: Sequence[Row], places: Sequence[int]) -> list[Row]:
    """The second question of a pair is empty."""
    return _at(rows, places, lambda row: {"question2": ""})


def blank_sentences(rows: Sequence[Row], places: Sequence[int]) -> list[Row]:
    """Both sentences of a translated pair are blank, one of them not quite empty."""
    return _at(rows, places, lambda row: {"sentence1": "", "sentence2": " "})


def null_second_context(rows: Sequence[Row], places: Sequence[int]) -> list[Row]:
    """The half sentence that opens the endings is null."""
    return _at(rows, places, lambda row: {"ctx_b": None})


def blank_token(rows: Sequence[Row], places: Sequence[int]) -> list[Row]:
    """The first word of a sentence is a non-breaking space."""
    return _at(rows, places, lambda row: {"tokens": [NO_BREAK_SPACE, *row["tokens"][1:]]})


@dataclass(frozen=True)
class Flaw:
    """So many rows of a split have a flaw. prefix: how the ids of these rows begin, where a split holds several languages."""

    repository: str
    config: str
    split: str
    change: Change
    count: int
    prefix: str = ""


TYDIQA, XTREME = "google-research-datasets/tydiqa", "google/xtreme"

FLAWS = (
    Flaw("rajpurkar/squad", "plain_text", "train", stripped_context, 1),
    Flaw("rajpurkar/squad", "plain_text", "train", no_answer, 1),
    Flaw("rajpurkar/squad", "plain_text", "validation", stripped_context, 1),
    Flaw("rajpurkar/squad", "plain_text", "validation", absent_answer, 1),
    Flaw("rajpurkar/squad_v2", "squad_v2", "train", stripped_context, 1),
    Flaw("rajpurkar/squad_v2", "squad_v2", "train", absent_answer, 1),
    Flaw("rajpurkar/squad_v2", "squad_v2", "validation", stripped_context, 2),
    Flaw(XTREME, "MLQA.de.de", "test", stripped_context, 1),
    Flaw(XTREME, "MLQA.de.de", "test", absent_answer, 1),
    Flaw("google/xquad", "xquad.de", "validation", repeated_id, 1),
    Flaw("google/xquad", "xquad.de", "validation", stripped_context, 1),
    Flaw("google/xquad", "xquad.zh", "validation", absent_answer, 1),
    Flaw(TYDIQA, "secondary_task", "train", stripped_context, 2, "english-"),
    Flaw(TYDIQA, "secondary_task", "train", absent_answer, 1, "english-"),
    Flaw(TYDIQA, "secondary_task", "validation", stripped_context, 1, "finnish-"),
    Flaw(TYDIQA, "secondary_task", "validation", absent_answer, 1, "finnish-"),
    Flaw("nyu-mll/glue", "qqp", "train", empty_second_question, 2),
    Flaw("google-research-datasets/paws-x", "de", "train", blank_sentences, 2),
    Flaw("Rowan/hellaswag", "default", "train", null_second_context, 2),
    Flaw("Rowan/hellaswag", "default", "validation", null_second_context, 1),
    Flaw(XTREME, "udpos.English", "train", blank_token, 1),
    Flaw(XTREME, "PAN-X.de", "test", blank_token, 1),
)
"""All of them. No row has two. Of two hundred rows of a language at most two are flawed, but in TyDiQA's train three."""


def flawed_rows(repository: str, config: str, split: str, prefix: str = "") -> dict[str, int]:
    """Name of a flaw -> how many rows of a split have it. prefix: of one language's rows only."""
    here = [flaw for flaw in FLAWS if (flaw.repository, flaw.config, flaw.split) == (repository, config, split)]
    return {flaw.change.__name__: flaw.count for flaw in here if flaw.prefix.startswith(prefix)}


@lru_cache
def flawed(repositories: tuple[Repository, ...]) -> tuple[Repository, ...]:
    """The repositories with the flaws of `FLAWS` on their main branches; the commits without them stay.

    Raises FileNotFoundError if a repository has not the file of a split.
    """
    return tuple(_flawed(repository) for repository in repositories)


def _flawed(repository: Repository) -> Repository:
    own = [flaw for flaw in FLAWS if flaw.repository == repository.id]
    if not own:
        return repository
    files = dict(repository.main.files)
    for config, split in dict.fromkeys((flaw.config, flaw.split) for flaw in own):
        path = _path(files, config, split)
        files[path] = _changed(files[path], [flaw for flaw in own if (flaw.config, flaw.split) == (config, split)])
    return repository.with_commit(Commit(files, "Rows as they were published", "2024-06-01T12:00:00.000Z"))


def _path(files: Files, config: str, split: str) -> str:
    path = f"{'data' if config == 'default' else config}/{split}-00000-of-00001.parquet"
    if path not in files:
        raise FileNotFoundError(path)
    return path


def _changed(content: bytes, flaws: Iterable[Flaw]) -> bytes:
    """A parquet file with flaws, each in rows of its own. The first row has none, so that every flawed one has a row before
    it."""
    table = parquet.read_table(io.BytesIO(content))
    rows: list[Row] = table.to_pylist()
    taken: dict[str, int] = {}
    for flaw in flaws:
        own = [place for place, row in enumerate(rows) if not flaw.prefix or row["id"].startswith(flaw.prefix)]
        start = taken.get(flaw.prefix, 1)
        taken[flaw.prefix] = start + flaw.count
        rows = flaw.change(rows, own[start : taken[flaw.prefix]])
    return written(arrow.Table.from_pylist(rows, schema=table.schema))
