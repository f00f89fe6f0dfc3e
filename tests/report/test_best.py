"""The best intermediate of a target is never chosen by the score that is shown."""

import pytest

from stilts_ray.report.best import BestCell, BestRow, By, best_rows, choose, notes
from tests.report.documents import Scores, cell, document

SQUAD, MNLI = ("squad",), ("mnli",)


def best(rows: dict[str, dict[str, Scores]]) -> BestRow:
    (found,) = best_rows(document(rows).rows)
    return found


def test_dev_scores_choose_not_test_scores() -> None:
    choice = choose({SQUAD: cell([60.0, 62.0], dev=[80.0, 81.0]), MNLI: cell([50.0, 52.0], dev=[79.0, 84.0])})
    assert choice.by == By.DEV
    assert choice.of == {0: MNLI, 1: MNLI}, "81.5 is above 80.5"
    assert choose({SQUAD: cell([1.0], dev=80.0), MNLI: cell([2.0], dev=80.0)}).of == {0: SQUAD}, "the first of equals"


def test_without_dev_scores_each_seed_is_chosen_for_by_the_others() -> None:
    # Without seed 0: 20 and 25; without seed 1: 30 and 28; without seed 2: 34 and 29.
    choice = choose({SQUAD: cell([44.0, 24.0, 16.0]), MNLI: cell([32.0, 26.0, 24.0])})
    assert choice.by == By.OTHERS
    assert choice.of == {0: MNLI, 1: SQUAD, 2: SQUAD}
    assert choice.names == ("mnli", "squad")


def test_collapsed_trials_choose_nothing() -> None:
    lucky = cell([60.0, 60.0], dev=[99.0, 80.0], collapsed=[0])
    assert choose({SQUAD: lucky, MNLI: cell([50.0, 50.0], dev=81.0)}).of == {0: MNLI, 1: MNLI}
    # Seed 0 has no sound trial of squad to go by, seed 1 has that of seed 0.
    without_dev = {SQUAD: cell([60.0, 90.0], collapsed=[1]), MNLI: cell([50.0, 50.0])}
    assert choose(without_dev).of == {0: MNLI, 1: SQUAD}
    diverged = cell([None, None], dev=[None, None])
    assert choose({SQUAD: diverged, MNLI: cell([1.0, 1.0], dev=50.0)}).of == {0: MNLI, 1: MNLI}


def test_where_there_is_no_choice_the_reason_is_said() -> None:
    assert choose({SQUAD: cell([1.0]), MNLI: cell([2.0])}).reason == "no dev score, one seed"
    assert choose({SQUAD: cell([1.0], dev=1.0), ("a", "b"): None}).reason == "a+b is not done"
    assert choose({SQUAD: cell([None]), MNLI: cell([1.0], collapsed=[0])}).reason == "every trial collapsed"
    # One sound seed: there is something to choose for the other by, and nothing to show.
    squad, mnli = cell([1.0, None]), cell([2.0, None])
    assert choose({SQUAD: squad, MNLI: mnli}).of == {1: MNLI}
    alone = best({"squad": {"tatoeba": squad}, "mnli": {"tatoeba": mnli}}).cells["tatoeba"]
    assert (alone.score, alone.collapsed) == (None, 1)
    assert choose({}).reason == "no intermediate"


def test_a_row_of_chosen_cells() -> None:
    rows: dict[str, dict[str, Scores]] = {
        "": {"xnli": cell([50.0, 52.0], dev=90.0), "tatoeba": cell([30.0], rate=None)},
        "squad": {"xnli": cell([60.0, 61.0], dev=80.0), "tatoeba": [40.0, 20.0]},
        "mnli": {"xnli": cell([55.0, 57.0], dev=85.0), "tatoeba": [28.0, 38.0]},
    }
    found = best(rows)
    xnli, tatoeba = found.cells["xnli"], found.cells["tatoeba"]
    assert (xnli.score, xnli.sd, xnli.delta) == (56.0, pytest.approx(2**0.5), 5.0)
    assert (xnli.chosen, xnli.by, xnli.collapsed) == (("mnli",), "dev score", 0)
    # Seed 0 by seed 1: mnli's 28; seed 1 by seed 0: squad's 20. Honest, and below both.
    assert (tatoeba.score, tatoeba.delta, tatoeba.chosen) == (24.0, -6.0, ("mnli", "squad"))
    assert [(trial.seed, trial.intermediate, trial.score) for trial in tatoeba.trials] == [
        (0, MNLI, 28.0),
        (1, SQUAD, 20.0),
    ]
    assert found.average == 40.0
    assert found.delta is None, "these rows have no averages"
    assert notes(found) == [
        "by dev score in the source language: xnli (mnli)",
        "by test scores of the other seeds (†): tatoeba (mnli or squad)",
    ]


def test_one_seed_leaves_untrained_targets_empty() -> None:
    rows: dict[str, dict[str, Scores]] = {
        "": {"xnli": cell([50.0], dev=90.0), "tatoeba": cell([30.0], rate=None), "bucc2018": cell([30.0], rate=None)},
        "squad": {"xnli": cell([60.0], dev=80.0), "tatoeba": [40.0], "bucc2018": [40.0]},
        "mnli": {"xnli": cell([55.0], dev=85.0), "tatoeba": [20.0], "bucc2018": [40.0]},
    }
    found = best(rows)
    assert (found.cells["xnli"].score, found.cells["xnli"].sd) == (55.0, None)
    assert found.cells["tatoeba"] == BestCell(
        score=None, sd=None, collapsed=0, delta=None, chosen=(), by=None, reason="no dev score, one seed", trials=()
    )
    assert found.average is None
    assert notes(found)[-1] == "no choice: tatoeba, bucc2018 (no dev score, one seed)"


def test_a_chosen_cell_is_that_of_its_row_with_its_collapsed_trials() -> None:
    squad = cell([60.0, 64.0, 10.0], dev=[80.0, 80.0, 33.0], collapsed=[2])
    found = best({"squad": {"xnli": squad}, "mnli": {"xnli": cell([70.0, 70.0, 70.0], dev=50.0)}})
    made = found.cells["xnli"]
    assert (made.score, made.collapsed, made.delta) == (62.0, 1, None)


def test_rows_are_there_only_where_there_is_something_to_choose() -> None:
    one: dict[str, dict[str, Scores]] = {"": {"xnli": [50.0]}, "squad": {"xnli": [60.0]}}
    assert best_rows(document(one).rows) == []
    assert best_rows([]) == []
    two = document({**one, "mnli": {"xnli": [70.0]}}, "b").rows
    found = best_rows([*document({"squad": {"xnli": [1.0]}, "mnli": {"xnli": [1.0]}}, "a").rows, *two])
    assert [row.encoder for row in found] == ["a", "b"]
