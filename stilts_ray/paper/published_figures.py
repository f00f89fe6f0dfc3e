"""Published figures of XLM-R Large with and without intermediate training, and ours beside them. Pure.

Only figures seen in a public source: the baseline, and the best model per target. The tables of arXiv 2005.13013 are not among
them, nor is a figure per intermediate task.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from stilts_ray import tasks
from stilts_ray.report.best import By, choose
from stilts_ray.report.cells import Cell, TableRow
from stilts_ray.report.table import ResultTable, intermediate_name

BASELINE = "XLM-R Large"
BEST = "X-STILTs, best intermediate per target"
QUOTED = "X-STILTs as quoted for mT5"

LEADERBOARD = "XTREME's leaderboard in RemBERT's paper (arXiv 2010.12821, table 16)"
MT5 = "README of google-research/multilingual-t5 (November 2020; probably figures of the paper's first version)"
LOG = "the authors' replication log: pull request 128 of jiant-dev/jiant-dev (2020-07-29)"
ISSUE = "issue 56 of google-research/xtreme"


@dataclass(frozen=True, slots=True)
class Figure:
    """A published value in 0-100: of a language, or the plain mean over all languages of the task. note: differences in
    method."""

    source: str
    benchmark: str
    row: str
    task: str
    metric: str
    value: float
    language: str | None = None
    note: str = ""


def _row(source: str, row: str, cells: Mapping[tuple[str, str], float]) -> Iterator[Figure]:
    return (Figure(source, "XTREME test", row, task, metric, value) for (task, metric), value in cells.items())


# Task and metric of the leaderboard's columns; QA has two.
_COLUMNS = (
    ("xnli", "accuracy"), ("pawsx", "accuracy"), ("udpos", "f1"), ("panx", "f1"), ("xquad", "f1"), ("xquad", "em"),
    ("mlqa", "f1"), ("mlqa", "em"), ("tydiqa", "f1"), ("tydiqa", "em"),
)  # fmt: skip
_LEADERBOARD = {
    BASELINE: (79.2, 86.4, 73.8, 65.4, 76.6, 60.8, 71.6, 53.2, 65.1, 45.0),
    BEST: (80.0, 87.9, 74.9, 64.0, 78.7, 63.3, 72.4, 53.7, 76.0, 59.5),
}
_QUOTED = {
    ("xnli", "accuracy"): 80.4, ("pawsx", "accuracy"): 87.7, ("panx", "f1"): 64.7, ("xquad", "f1"): 77.2,
    ("mlqa", "f1"): 72.3, ("tydiqa", "f1"): 76.0,
}  # fmt: skip

_BUCC = {"de": 77.7, "fr": 62.7, "ru": 79.2, "zh": 66.5}
_TATOEBA = {
    "af": 30.5, "ar": 20.4, "bg": 39.0, "bn": 13.3, "de": 63.9, "el": 18.9, "es": 48.0, "et": 25.8, "eu": 19.9,
    "fa": 42.0, "fi": 41.5, "fr": 48.1, "he": 28.0, "hi": 38.3, "hu": 42.5, "id": 47.0, "it": 42.3, "ja": 41.8,
    "jv": 10.2, "ka": 11.8, "kk": 17.4, "ko": 35.5, "ml": 19.4, "mr": 15.2, "nl": 52.6, "pt": 47.2, "ru": 42.1,
    "sw": 7.9, "ta": 9.1, "te": 19.7, "th": 27.4, "tl": 10.3, "tr": 37.8, "ur": 22.5, "vi": 38.3, "zh": 41.2,
}  # fmt: skip


def _retrieval(task: str, metric: str, mean_value: float, values: Mapping[str, float], note: str) -> Iterator[Figure]:
    """Without training: the mean over tokens of hidden layer 14, at most 256 tokens."""
    figures = [(None, mean_value), *values.items()]
    return (Figure(LOG, "XTREME dev", BASELINE, task, metric, value, code, note) for code, value in figures)


FIGURES: tuple[Figure, ...] = (
    *(
        figure
        for row, values in _LEADERBOARD.items()
        for figure in _row(LEADERBOARD, row, dict(zip(_COLUMNS, values, strict=True)))
    ),
    *_row(MT5, QUOTED, _QUOTED),
    *_retrieval("bucc2018", "f1", 71.5, _BUCC, "dev set, its threshold chosen on it"),
    *_retrieval("tatoeba", "accuracy", 31.0, _TATOEBA, ""),
    Figure(ISSUE, "XTREME", BASELINE, "udpos", "f1", 74.2),
    Figure(ISSUE, "XTREME", BASELINE, "udpos", "accuracy", 78.23),
    Figure(ISSUE, "XTREME", BASELINE, "udpos", "f1", 96.15, "en"),
    Figure(ISSUE, "XTREME", BASELINE, "udpos", "accuracy", 96.7, "en"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """A figure and ours. ours: None until it is measured. difference: None also if the two are over different languages."""

    encoder: str
    intermediate: str
    figure: Figure
    ours: float | None
    difference: float | None
    note: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """unpublished: our cells without a published figure, as (encoder, intermediate, target)."""

    lines: tuple[Line, ...]
    unpublished: tuple[tuple[str, str, str], ...]


def compare(document: ResultTable) -> Comparison:
    """Published figures beside ours, for each encoder.

    XLM-R Large is compared with the baseline; X-STILTs, for each target, with its best row, chosen by dev score as in the
    result table (`stilts_ray.report.best`). Without such a choice it is the row with the highest test score, which is biased
    upwards as a maximum of several.
    """
    found: list[Line | None] = []
    for rows in document.encoders.values():
        found += [_line(row, figure) for figure in FIGURES for row in _beside(figure, rows)]
    lines = tuple(line for line in found if line is not None)
    published = {(line.encoder, line.intermediate, line.figure.task) for line in lines}
    cells = [(*_names(row), target) for row in document.rows for target, cell in row.cells.items() if cell is not None]
    return Comparison(lines, tuple(cell for cell in cells if cell not in published))


def _names(row: TableRow) -> tuple[str, str]:
    return row.encoder, intermediate_name(row.intermediate)


def _beside(figure: Figure, rows: Sequence[TableRow]) -> Sequence[TableRow]:
    """The row that a figure is compared with, if this sweep has one."""
    kind = [row for row in rows if bool(row.intermediate) == (figure.row != BASELINE)]
    there = [row for row in kind if figure.task in row.cells]
    choice = choose({row.intermediate: row.cells[figure.task] for row in there})
    if choice.by == By.DEV and figure.row != BASELINE:
        return [row for row in there if row.intermediate in choice.of.values()]
    return sorted(there, key=lambda row: _score(row.cells[figure.task]), reverse=True)[:1]


def _score(cell: Cell | None) -> float:
    return float("-inf") if cell is None or cell.score is None else cell.score


def _line(row: TableRow, figure: Figure) -> Line | None:
    """None for a language that was not tested."""
    cell = row.cells[figure.task]
    languages = cell.languages if cell is not None else {}
    found = {code: metrics[figure.metric] for code, metrics in languages.items() if figure.metric in metrics}
    collapsed = f"{cell.collapsed} of {len(cell.trials)} trials collapsed" if cell and cell.collapsed else ""
    if figure.language is not None:
        ours = found.get(figure.language)
        return None if ours is None else Line(*_names(row), figure, ours, ours - figure.value, collapsed)
    if not found:
        return Line(*_names(row), figure, None, None, collapsed or "not measured")
    ours, everywhere = mean(found.values()), set(tasks.get(figure.task).languages)
    if set(found) != everywhere:
        shared = len(everywhere & set(found))
        note = f"{shared} of its {len(everywhere)} languages" if shared else "other languages"
        return Line(*_names(row), figure, ours, None, ", ".join(filter(None, (note, collapsed))))
    return Line(*_names(row), figure, ours, ours - figure.value, collapsed)
