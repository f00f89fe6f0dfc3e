"""The result table holds what its records say, and nothing for what is not there yet."""

from statistics import mean, stdev
from typing import Any

import pytest

from stilts_ray.plan.steps import Evaluation
from stilts_ray.report.table import intermediate_name, results
from stilts_ray.store.state import state_of
from stilts_ray.store.store import Store
from tests.report import fakes

CELL = {"score", "sd", "seeds", "delta", "collapsed", "languages", "signature"}


def table(store: Store, **how: Any) -> list[dict[str, Any]]:
    plan = fakes.small()
    fakes.execute_job(plan, store, **how)
    return list(results(plan, state_of(store).steps)["rows"])


def test_has_the_promised_form(store: Store) -> None:
    plan = fakes.small()
    fakes.execute_job(plan, store)
    document = results(plan, state_of(store).steps)
    assert set(document) == {"sweep", "average_name", "rows", "best_per_target", "groups"}
    assert (document["sweep"], document["average_name"]) == ("small", "partial/avg_of_3")
    assert [row["intermediate"] for row in document["rows"]] == [[], ["squad"], ["hellaswag", "squad"]]
    for row in document["rows"]:
        assert set(row) == {"encoder", "intermediate", "mixture", "average", "delta", "cells"}
        assert list(row["cells"]) == ["udpos", "xquad", "tatoeba"]
        for cell in row["cells"].values():
            assert set(cell) == CELL
            assert all(set(seed) == {"seed", "learning_rate", "score", "collapsed", "dev"} for seed in cell["seeds"])
            assert set(cell["languages"]) == {"qab", "qba"}


def test_means_spreads_and_differences(store: Store) -> None:
    baseline, squad, _ = table(store)
    cell = squad["cells"]["xquad"]
    scores = [seed["score"] for seed in cell["seeds"]]
    assert len(scores) == 2
    assert cell["score"] == pytest.approx(mean(scores))
    assert cell["sd"] == pytest.approx(stdev(scores))
    assert cell["delta"] == pytest.approx(cell["score"] - baseline["cells"]["xquad"]["score"])
    assert squad["average"] == pytest.approx(mean(c["score"] for c in squad["cells"].values()))
    assert squad["delta"] == pytest.approx(squad["average"] - baseline["average"])
    assert baseline["delta"] is None
    assert {c["delta"] for c in baseline["cells"].values()} == {None}
    assert baseline["cells"]["tatoeba"]["sd"] is None, "an encoder has no seeds"
    assert baseline["cells"]["tatoeba"]["seeds"][0]["learning_rate"] is None


def test_dev_scores_are_those_of_the_targets_training(store: Store) -> None:
    plan = fakes.small()
    fakes.execute_job(plan, store)
    records = state_of(store).steps
    for row, made in zip(plan.conditions, results(plan, records)["rows"], strict=True):
        for target in ("udpos", "xquad"):
            evaluation = plan.by_digest[row.cells[target]]
            assert isinstance(evaluation, Evaluation)
            runs = records[evaluation.of]["runs"]
            assert [run["dev"] for run in made["cells"][target]["seeds"]] == [runs["0"]["score"], runs["1"]["score"]]
        # An intermediate run's dev score is of another task, and says nothing of retrieval.
        assert {run["dev"] for run in made["cells"]["tatoeba"]["seeds"]} == {None}


def test_the_best_per_target_is_there_where_there_is_something_to_choose(store: Store) -> None:
    plan = fakes.small()
    fakes.execute_job(plan, store)
    (best,) = results(plan, state_of(store).steps)["best_per_target"]
    assert {target: cell["by"] for target, cell in best["cells"].items()} == {
        "udpos": "dev score",
        "xquad": "dev score",
        "tatoeba": "other seeds",
    }
    one = fakes.small(intermediates=[(), ("squad",)])
    assert results(one, state_of(store).steps)["best_per_target"] == []


def test_each_encoder_is_held_against_its_own_baseline(store: Store) -> None:
    plan = fakes.small(encoders=[fakes.encoder("one"), fakes.encoder("two", 128)], intermediates=[(), ("squad",)])
    fakes.execute_job(plan, store)
    rows = results(plan, state_of(store).steps)["rows"]
    for baseline, row in (rows[:2], rows[2:]):
        assert baseline["encoder"] == row["encoder"]
        assert row["delta"] == pytest.approx(row["average"] - baseline["average"])


def test_without_a_baseline_there_is_no_difference(store: Store) -> None:
    plan = fakes.small(intermediates=[("squad",)])
    fakes.execute_job(plan, store)
    (row,) = results(plan, state_of(store).steps)["rows"]
    assert row["average"] is not None
    assert row["delta"] is None
    assert {cell["delta"] for cell in row["cells"].values()} == {None}


def test_what_is_not_there_yet_is_none(store: Store) -> None:
    rows = table(store, failing="squad.udpos")
    assert [row["cells"]["udpos"] is None for row in rows] == [False, True, True]
    assert [row["average"] is None for row in rows] == [False, True, True]
    assert rows[1]["cells"]["xquad"]["delta"] is not None
    empty = results(fakes.small(), {})["rows"]
    assert all(row["average"] is None and set(row["cells"].values()) == {None} for row in empty)


def test_collapsed_runs_are_counted_and_stay_listed(store: Store) -> None:
    start = "hellaswag-squad"
    *_, mixture = table(store, collapsing=f"{start}.udpos-lr0.001-s1", diverging=f"{start}.squad-lr0.001-s1")
    cell, lost = mixture["cells"]["udpos"], mixture["cells"]["xquad"]
    assert (cell["collapsed"], len(cell["seeds"]), cell["sd"]) == (1, 2, None)
    assert [seed["collapsed"] for seed in cell["seeds"]] == [False, True]
    assert cell["score"] == cell["seeds"][0]["score"]
    assert (lost["collapsed"], lost["seeds"][1]["score"]) == (1, None)
    assert lost["score"] == lost["seeds"][0]["score"]


def test_names_of_intermediates() -> None:
    assert [intermediate_name(names) for names in ((), ("squad",), ["a", "b"])] == ["baseline", "squad", "a+b"]
