"""The result table holds what its records say, and nothing for what is not there yet."""

from statistics import mean, stdev
from typing import Any

import pytest

from stilts_ray.plan.steps import Evaluation
from stilts_ray.report.cells import Cell, TableRow
from stilts_ray.report.paired import gap
from stilts_ray.report.table import intermediate_name, results
from stilts_ray.store.records import StudyRecord
from stilts_ray.store.state import state_of
from stilts_ray.store.store import Store
from tests.report import fakes

CELL = {"score", "sd", "trials", "delta", "collapsed", "languages", "signature"}


def table(store: Store, **how: Any) -> tuple[TableRow, ...]:
    plan = fakes.small()
    fakes.execute_job(plan, store, **how)
    return results(plan, state_of(store).steps).rows


def cell_of(row: TableRow, target: str) -> Cell:
    found = row.cells[target]
    assert found is not None
    return found


def test_as_json(store: Store) -> None:
    plan = fakes.small()
    fakes.execute_job(plan, store)
    document = results(plan, state_of(store).steps).model_dump(mode="json")
    assert set(document) == {"sweep", "average_name", "rows", "best_per_target", "groups"}
    assert (document["sweep"], document["average_name"]) == ("small", "partial/avg_of_3")
    assert [row["intermediate"] for row in document["rows"]] == [[], ["squad"], ["hellaswag", "squad"]]
    for row in document["rows"]:
        assert set(row) == {"encoder", "intermediate", "mixture", "average", "delta", "cells"}
        assert list(row["cells"]) == ["udpos", "xquad", "tatoeba"]
        for cell in row["cells"].values():
            assert set(cell) == CELL
            assert all(set(t) == {"seed", "learning_rate", "score", "collapsed", "dev"} for t in cell["trials"])
            assert set(cell["languages"]) == {"qab", "qba"}


def test_means_spreads_and_differences(store: Store) -> None:
    baseline, squad, _ = table(store)
    cell = cell_of(squad, "xquad")
    scores = [trial.score for trial in cell.trials if trial.score is not None]
    assert len(scores) == 2
    assert cell.score == pytest.approx(mean(scores))
    assert cell.sd == pytest.approx(stdev(scores))
    assert cell.delta == gap(cell.score, cell_of(baseline, "xquad").score)
    means = [cell_of(squad, target).score for target in squad.cells]
    assert squad.average == pytest.approx(mean(score for score in means if score is not None))
    assert squad.delta == gap(squad.average, baseline.average)
    assert squad.delta is not None
    assert baseline.delta is None
    assert {cell_of(baseline, target).delta for target in baseline.cells} == {None}
    assert cell_of(baseline, "tatoeba").sd is None, "an encoder has no seeds"
    assert cell_of(baseline, "tatoeba").trials[0].learning_rate is None


def test_dev_scores_are_those_of_the_targets_training(store: Store) -> None:
    plan = fakes.small()
    fakes.execute_job(plan, store)
    records = state_of(store).steps
    for row, made in zip(plan.conditions, results(plan, records).rows, strict=True):
        for target in ("udpos", "xquad"):
            evaluation = plan.by_digest[row.cells[target]]
            assert isinstance(evaluation, Evaluation)
            study = records[evaluation.of]
            assert isinstance(study, StudyRecord)
            wanted = [study.selected[seed].score for seed in (0, 1)]
            assert [trial.dev for trial in cell_of(made, target).trials] == wanted
        # The dev score of an intermediate is of another task, not of retrieval.
        assert {trial.dev for trial in cell_of(made, "tatoeba").trials} == {None}


def test_the_best_per_target_is_there_where_there_is_something_to_choose(store: Store) -> None:
    plan = fakes.small()
    fakes.execute_job(plan, store)
    (best,) = results(plan, state_of(store).steps).best_per_target
    assert {target: cell.by for target, cell in best.cells.items()} == {
        "udpos": "dev score",
        "xquad": "dev score",
        "tatoeba": "other seeds",
    }
    one = fakes.small(intermediates=[(), ("squad",)])
    assert results(one, state_of(store).steps).best_per_target == ()


def test_each_encoder_is_compared_with_its_own_baseline(store: Store) -> None:
    plan = fakes.small(encoders=[fakes.encoder("one"), fakes.encoder("two", 128)], intermediates=[(), ("squad",)])
    fakes.execute_job(plan, store)
    rows = results(plan, state_of(store).steps).rows
    for baseline, row in (rows[:2], rows[2:]):
        assert baseline.encoder == row.encoder
        assert row.delta is not None
        assert row.delta == gap(row.average, baseline.average)


def test_without_a_baseline_there_is_no_difference(store: Store) -> None:
    plan = fakes.small(intermediates=[("squad",)])
    fakes.execute_job(plan, store)
    (row,) = results(plan, state_of(store).steps).rows
    assert row.average is not None
    assert row.delta is None
    assert {cell_of(row, target).delta for target in row.cells} == {None}


def test_what_is_not_there_yet_is_none(store: Store) -> None:
    rows = table(store, failing="squad.udpos")
    assert [row.cells["udpos"] is None for row in rows] == [False, True, True]
    assert [row.average is None for row in rows] == [False, True, True]
    assert cell_of(rows[1], "xquad").delta is not None
    empty = results(fakes.small(), {}).rows
    assert all(row.average is None and set(row.cells.values()) == {None} for row in empty)


def test_collapsed_trials_are_counted_and_stay_listed(store: Store) -> None:
    parent = "hellaswag-squad"
    *_, mixture = table(store, collapsing=f"{parent}.udpos-lr0.001-s1", diverging=f"{parent}.squad-lr0.001-s1")
    cell, lost = cell_of(mixture, "udpos"), cell_of(mixture, "xquad")
    assert (cell.collapsed, len(cell.trials), cell.sd) == (1, 2, None)
    assert [trial.collapsed for trial in cell.trials] == [False, True]
    assert cell.score == cell.trials[0].score
    assert (lost.collapsed, lost.trials[1].score) == (1, None)
    assert lost.score == lost.trials[0].score


def test_names_of_intermediates() -> None:
    assert [intermediate_name(names) for names in ((), ("squad",), ["a", "b"])] == ["baseline", "squad", "a+b"]
