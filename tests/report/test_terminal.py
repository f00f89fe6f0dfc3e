"""The table on a terminal: one line a row at 100 columns with four targets, two in a narrower one."""

import io
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text

from stilts_ray.plan import Plan
from stilts_ray.report import terminal
from stilts_ray.report.state import state_of
from stilts_ray.report.table import results
from stilts_ray.store import Store
from tests.report import fakes

FOUR = {"targets": ["xnli", "udpos", "xquad", "tatoeba"], "languages": {}}


def shown(plan: Plan, store: Store, width: int = 100) -> list[str]:
    console = Console(width=width, file=io.StringIO(), record=True)
    terminal.show(results(plan, state_of(store).steps), console)
    return [line.rstrip() for line in console.export_text().splitlines() if line.strip()]


def test_four_targets_fit_into_a_hundred_columns(store: Store) -> None:
    plan = fakes.small(**FOUR, intermediates=[(), ("hellaswag",), ("hellaswag", "mnli", "squad")])
    fakes.carry_out(plan, store)
    lines = shown(plan, store)
    (baseline,) = (line for line in lines if line.lstrip().startswith("baseline"))
    (single, mixture) = (line for line in lines if line.lstrip().startswith("hellaswag"))
    assert single.count("±") == 4
    assert single.count("(") == 5, "four differences and that of the average"
    assert baseline.count("(") == 0
    assert mixture.count("±") == 4
    assert lines[-1].startswith("means over languages and 2 seeds ±")


def test_a_narrow_terminal_breaks_cells_between_score_and_difference(store: Store) -> None:
    plan = fakes.small(**FOUR, intermediates=[(), ("hellaswag",)])
    fakes.carry_out(plan, store)
    lines = shown(plan, store, width=72)
    place = next(number for number, line in enumerate(lines) if line.lstrip().startswith("hellaswag"))
    assert lines[place].count("±") == 4
    assert "(" not in lines[place]
    assert lines[place + 1].count("(") == 5


def test_several_encoders_have_headings(store: Store) -> None:
    plan = fakes.small(encoders=[fakes.encoder("one"), fakes.encoder("two", 128)])
    fakes.carry_out(plan, store)
    lines = [line.strip() for line in shown(plan, store)]
    assert lines[0] == "small"
    assert lines.index("one") < lines.index("two")
    assert shown(fakes.small(), store)[0] == "small: mini"


def test_collapsed_runs_are_named_and_missing_cells_are_dashes(store: Store) -> None:
    plan = fakes.small()
    fakes.carry_out(plan, store, collapsing="mini.squad.udpos-lr0.001-s1", failing="hellaswag")
    text = "\n".join(shown(plan, store))
    assert text.count("1 of 2 collapsed") == 1
    assert text.count("–") == 4


def cell(**changes: Any) -> dict[str, Any]:
    return {"score": 50.0, "sd": 1.0, "delta": 1.0, "collapsed": 0, "seeds": [{}, {}], **changes}


def texts(*cells: dict[str, Any] | None) -> list[Text]:
    return terminal._column(cells)


def test_columns_are_aligned() -> None:
    plain = [text.plain for text in texts(cell(score=4.05, sd=None), cell(score=100.0, sd=10.0), cell(delta=None))]
    assert plain == ["  4.0       (+1.0)", "100.0 ±10.0 (+1.0)", " 50.0 ±1.0 "]


@pytest.mark.parametrize(
    ("delta", "text", "colour"),
    [(1.26, "(+1.3)", "green"), (-1.26, "(-1.3)", "red"), (-0.04, "(+0.0)", "dim"), (0.04, "(+0.0)", "dim")],
)
def test_differences_are_coloured_by_what_is_read(delta: float, text: str, colour: str) -> None:
    (made,) = texts(cell(delta=delta))
    assert made.plain.endswith(text)
    assert made.spans[-1].style == colour


def test_the_best_of_a_column_is_bold() -> None:
    bold = [any(span.style == "bold" for span in text.spans) for text in texts(cell(), None, cell(score=51.0))]
    assert bold == [False, False, True]


def test_a_cell_of_diverged_runs_alone() -> None:
    (text,) = texts(cell(score=None, sd=None, delta=None, collapsed=2))
    assert text.plain == "2 of 2 collapsed"


def test_nothing_is_shown_of_a_sweep_without_targets(store: Store) -> None:
    assert shown(fakes.small(targets=[], languages={}), store) == []
