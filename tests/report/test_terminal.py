"""The table on a terminal: one line a row at 100 columns with four targets, two in a narrower one."""

import io
import re
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text

from stilts_ray.config import Mixture, Search
from stilts_ray.plan.build import Plan
from stilts_ray.report import terminal
from stilts_ray.report.best import BestCell, By
from stilts_ray.report.cells import CellTrial, Score
from stilts_ray.report.table import results
from stilts_ray.store.state import state_of
from stilts_ray.store.store import Store
from tests.report import fakes

FOUR = {"targets": ["xnli", "udpos", "xquad", "tatoeba"], "languages": {}}


def shown(plan: Plan, store: Store, width: int = 100) -> list[str]:
    console = Console(width=width, file=io.StringIO(), record=True)
    terminal.show(results(plan, state_of(store).steps), console)
    return [line.rstrip() for line in console.export_text().splitlines() if line.strip()]


def test_four_targets_fit_into_a_hundred_columns(store: Store) -> None:
    plan = fakes.small(**FOUR, intermediates=[(), ("hellaswag",), ("hellaswag", "mnli", "squad")])
    fakes.execute_job(plan, store)
    lines = shown(plan, store)
    (baseline,) = (line for line in lines if line.lstrip().startswith("baseline"))
    (single, mixture) = (line for line in lines if line.lstrip().startswith("hellaswag"))
    assert single.count("±") == 4
    assert single.count("(") == 5, "four differences and that of the average"
    assert baseline.count("(") == 0
    assert mixture.count("±") == 4
    place = next(number for number, line in enumerate(lines) if line.lstrip().startswith("best per"))
    assert lines[place].count("±") == 4
    assert lines[place].count("†") == 1, "tatoeba has no dev score"
    assert lines[place + 1].strip() == "target"
    assert lines[place + 2].startswith("means over languages and 2 seeds ±")
    assert lines[-2].startswith("best per target, by dev score in the source language: xnli")
    assert lines[-1].startswith("best per target, by test scores of the other seeds (†): tatoeba (hellaswag")


def test_a_narrow_terminal_breaks_cells_between_score_and_difference(store: Store) -> None:
    plan = fakes.small(**FOUR, intermediates=[(), ("hellaswag",)])
    fakes.execute_job(plan, store)
    lines = shown(plan, store, width=72)
    place = next(number for number, line in enumerate(lines) if line.lstrip().startswith("hellaswag"))
    assert lines[place].count("±") == 4
    assert "(" not in lines[place]
    assert lines[place + 1].count("(") == 5


def test_several_encoders_have_headings(store: Store) -> None:
    plan = fakes.small(encoders=[fakes.encoder("one"), fakes.encoder("two", 128)])
    fakes.execute_job(plan, store)
    lines = [line.strip() for line in shown(plan, store)]
    assert lines[0] == "small"
    first, best = lines.index("two"), [n for n, line in enumerate(lines) if line.startswith("best per  ")]
    assert lines.index("one") < best[0] < first < best[1]
    assert sum(line.startswith("best per target, two, by dev score") for line in lines) == 1
    assert shown(fakes.small(), store)[0] == "small: mini"


def test_collapsed_trials_are_named_and_missing_cells_are_dashes(store: Store) -> None:
    plan = fakes.small()
    fakes.execute_job(plan, store, collapsing="mini.squad.udpos-lr0.001-s1", failing="hellaswag")
    text = "\n".join(shown(plan, store))
    assert text.count("1 of 2 collapsed") == 1
    # Of the row itself, and of the best per target, which waits for it.
    assert text.count("–") == 4 + 4
    assert text.endswith("best per target, no choice: udpos, xquad, tatoeba (hellaswag+squad is not done)")


TRIALS = tuple(CellTrial(seed=seed, learning_rate=1e-5, score=50.0, collapsed=False, dev=None) for seed in (0, 1))


def cell(**changes: Any) -> Score:
    return Score(**{"score": 50.0, "sd": 1.0, "delta": 1.0, "trials": TRIALS, **changes})


def chosen(by: By, **changes: Any) -> BestCell:
    return BestCell(**{"score": 50.0, "sd": 1.0, "delta": 1.0, **changes}, by=by, trials=(), chosen=(), reason="")


def texts(*cells: Score | None) -> list[Text]:
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


def test_what_was_chosen_is_marked_and_never_bold() -> None:
    best = [chosen(By.OTHERS, score=60.0), chosen(By.OTHERS, score=4.0, sd=None), chosen(By.DEV)]
    made = terminal._column([cell(score=51.0)], best)
    assert [text.plain for text in made] == [
        "51.0 ±1.0  (+1.0)",
        "60.0 ±1.0† (+1.0)",
        " 4.0†      (+1.0)",
        "50.0 ±1.0  (+1.0)",
    ]
    assert [any(span.style == "bold" for span in text.spans) for text in made] == [True, False, False, False]


def test_eleven_rows_on_nine_targets(store: Store) -> None:
    """As in the paper's table: nothing is cut off, in a narrow terminal either."""
    targets = ["xnli", "pawsx", "udpos", "panx", "xquad", "mlqa", "tydiqa", "bucc2018", "tatoeba"]
    tasks = ("anli_plus", "mnli", "qqp", "squad_v2", "squad", "hellaswag", "ccg", "cosmosqa", "commonsense_qa")
    rows = [(), *((name,) for name in tasks), Mixture(tasks=tasks, name="all-nine")]
    plan = fakes.small(targets=targets, languages={}, intermediates=rows, search=Search(learning_rates=(1e-3,)))
    fakes.execute_job(plan, store)
    for width, parts in ((220, 1), (130, 1), (80, 2), (60, 4)):
        lines = shown(plan, store, width)
        end = next(number for number, line in enumerate(lines) if line.startswith("means over"))
        heads = [line.split()[1:] for line in lines[:end] if line.startswith(" intermediate")]
        assert len(heads) == parts
        assert [name for head in heads for name in head] == [*targets, "average"]
        # Ten rows and the best with nine spreads each, the baseline without those of retrieval.
        assert len(re.findall(r"\d\.\d ±\d\.\d", "\n".join(lines[:end]))) == 11 * 9 + 7
        assert sum(line.startswith(" best per") for line in lines[:end]) == parts


def test_a_cell_of_diverged_trials_alone() -> None:
    (text,) = texts(cell(score=None, sd=None, delta=None, collapsed=2))
    assert text.plain == "2 of 2 collapsed"


def test_nothing_is_shown_of_a_sweep_without_targets(store: Store) -> None:
    assert shown(fakes.small(targets=[], languages={}), store) == []
