"""Training tokens of a plan and of a loop over its pairs, counted by hand on small sweeps."""

from typing import Any

import pytest

from stilts_ray.config import Encoder, Mixture, Pretraining, Recipe, Search, Shape
from stilts_ray.plan.build import Plan
from stilts_ray.plan.calibration import Calibration, Speed
from stilts_ray.plan.costs import compared, costs, in_words, longest_paths
from stilts_ray.plan.steps import Condition, Evaluation, Pretrain, Study
from stilts_ray.report.overview import overview
from stilts_ray.store.state import state_of
from stilts_ray.store.store import Store
from tests.execution.fakes import RANDOM, planned
from tests.execution.test_sweeps import on_hub

LEARNING = {"search": Search(learning_rates=(1e-5, 3e-5, 5e-5)), "seeds": (0, 1)}
TRIALS = 4
RECIPES = {
    "mnli": Recipe(epochs=1, batch_size=10, max_length=50, train_examples=100),
    "squad": Recipe(epochs=1, batch_size=10, max_length=300, train_examples=100),
}
MNLI, SQUAD = 100 * 45, 100 * 205
"""Tokens of a trial: mean lengths as measured (tasks/nli.py, tasks/qa.py)."""
PADDED_MNLI, PADDED_SQUAD = 100 * 50, 100 * 300
SPEED = Speed(packed=100.0, padded=200.0, mean_length=45.0, padded_length=50, batch_size=10)

SHAPE = Shape(layers=2, hidden=16, heads=2, feed_forward=24)
NEW = Encoder(name="new", weights=Pretraining(languages=("en",), vocabulary=200, shape=SHAPE, tokens=10**9))


def small(**changes: Any) -> Plan:
    """Two rows and three targets, of which two are trained, on MNLI and on SQuAD."""
    asked = {"intermediates": [(), ("squad",)], "targets": ["xnli", "xquad", "tatoeba"], "recipes": RECIPES, **LEARNING}
    return planned(**(asked | changes))


def calibration(device: str = "H200", **encoders: Speed) -> Calibration:
    return Calibration(device=device, date="2026-11-21", versions={}, encoders=encoders)


def test_each_study_is_trained_once_and_each_pair_from_the_encoder_on() -> None:
    """Baseline: MNLI, SQuAD, nothing. After SQuAD: SQuAD and MNLI, SQuAD and SQuAD, SQuAD. Of these SQuAD from the encoder is
    one study."""
    found = costs(small())
    assert found.pairs == 6
    assert found.own == {"owner/xlmr": TRIALS * (2 * MNLI + 2 * SQUAD)}
    assert found.unshared == {"owner/xlmr": TRIALS * (2 * MNLI + 5 * SQUAD)}
    assert found.naive == {"owner/xlmr": TRIALS * (2 * PADDED_MNLI + 5 * PADDED_SQUAD)}


def test_what_makes_the_ratio() -> None:
    found = compared(small(), None)
    assert found is not None
    assert found["sharing"] == pytest.approx((2 * MNLI + 2 * SQUAD) / (2 * MNLI + 5 * SQUAD), abs=1e-4)
    assert found["packing"] == pytest.approx((2 * MNLI + 5 * SQUAD) / (2 * PADDED_MNLI + 5 * PADDED_SQUAD), abs=1e-4)
    assert found["ratio"] == pytest.approx(found["sharing"] * found["packing"], abs=1e-4)


def test_alternatives_are_padded_one_by_one() -> None:
    recipe = Recipe(epochs=1, batch_size=10, max_length=80, train_examples=100)
    found = costs(planned(intermediates=[("hellaswag",)], targets=["tatoeba"], recipe=recipe))
    assert found.own == {"owner/xlmr": 100 * 214}
    assert found.naive == {"owner/xlmr": 100 * 4 * 80}


def test_a_pair_on_a_band_pays_for_the_study_that_ranks_its_rows() -> None:
    plan = planned(intermediates=[Mixture(tasks=("squad",), difficulty_quantiles=(0, 0.5))], recipes=RECIPES)
    assert costs(plan).unshared == {"owner/xlmr": SQUAD + SQUAD // 2 + MNLI}


def test_encoders_are_counted_apart_and_pretraining_is_not() -> None:
    plan = planned(encoders=[RANDOM, NEW], recipes={"mnli": RECIPES["mnli"]})
    assert costs(plan).own == {"owner/xlmr": MNLI, "new XLM-R of 2 x 16 (2 heads, 24), vocabulary 200": MNLI}


@pytest.mark.parametrize("changes", [{"targets": ["tatoeba"]}, {"intermediates": [("squad",)], "targets": []}])
def test_without_trained_pairs_nothing_is_compared(changes: dict[str, Any]) -> None:
    assert compared(planned(**changes), None) is None
    assert in_words(None) == []


def test_the_papers_grid_takes_at_most_a_quarter() -> None:
    found = compared(on_hub("paper"), None)
    assert found is not None
    assert found["pairs"] == 11 * 9
    assert found["ratio"] <= 1 / 4
    assert found["ratio"] == pytest.approx(found["train_tokens"] / found["naive_train_tokens"], abs=1e-4)


# Hours


def test_hours_are_tokens_by_measured_speed() -> None:
    plan, slow = small(), SPEED.model_copy(update={"packed": 10.0})
    found = compared(plan, calibration(**{"owner/xlmr": SPEED, "other": slow}))
    assert found is not None
    assert found["uncalibrated"] == []
    assert found["hours"] == round(TRIALS * (2 * MNLI + 2 * SQUAD) / 100 / 3600, 2)
    assert found["naive_hours"] == round(TRIALS * (2 * PADDED_MNLI + 5 * PADDED_SQUAD) / 200 / 3600, 2)
    assert f"GPU-hours on H200: {found['hours']}; naive: {found['naive_hours']}" in in_words(found)


@pytest.mark.parametrize("given", [None, calibration(other=SPEED)])
def test_without_a_calibration_of_the_encoder_it_says_so(given: Calibration | None) -> None:
    found = compared(small(), given)
    assert found is not None
    assert (found["hours"], found["naive_hours"], found["uncalibrated"]) == (None, None, ["owner/xlmr"])
    assert any("no calibration for owner/xlmr" in line for line in in_words(found))


def test_a_cpu_gives_no_gpu_hours(store: Store) -> None:
    plan = small()
    for device, left in (("cpu", None), ("H200", round(TRIALS * (2 * MNLI + 2 * SQUAD) / 100 / 3600, 2))):
        document = overview(plan, state_of(store), calibration(device, **{"owner/xlmr": SPEED}))
        assert document.totals.gpu_hours == left
        assert any(line.startswith("hours on a CPU") for line in in_words(document.comparison)) == (left is None)


# Longest ways


def paths_of(plan: Plan) -> dict[str, int]:
    """Of studies, by name."""
    return {step.name: longest_paths(plan)[step.digest] for step in plan.steps if isinstance(step, Study)}


def test_the_longest_way_to_the_end() -> None:
    """SQuAD's search, then its other seed beside the target's search, then the target's other seed."""
    paths = paths_of(small())
    assert paths["xlmr.squad.mnli"] == paths["xlmr.mnli"] == 2 * MNLI
    assert paths["xlmr.squad.squad"] == 2 * SQUAD
    assert paths["xlmr.squad"] == 3 * SQUAD
    assert paths_of(small(seeds=(0,)))["xlmr.squad"] == 2 * SQUAD


def test_rounds_follow_each_other() -> None:
    search = Search(learning_rates=(1e-5, 3e-5, 5e-5), trials_per_round=2)
    assert paths_of(small(search=search))["xlmr.squad"] == (2 + 2 + 1) * SQUAD
    assert paths_of(small(search=search, seeds=(0,)))["xlmr.squad"] == (2 + 2) * SQUAD


def test_what_trains_nothing_has_nothing_ahead_and_an_encoder_has_all() -> None:
    plan = small(encoders=[NEW])
    ahead = longest_paths(plan)
    assert {ahead[step.digest] for step in plan.steps if isinstance(step, Evaluation | Condition)} == {0}
    (pretrain,) = (step for step in plan.steps if isinstance(step, Pretrain))
    assert ahead[pretrain.digest] == 10**9 + 3 * SQUAD
