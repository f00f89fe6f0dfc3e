"""Training tokens of a plan and of a loop over its pairs, on small sweeps counted by hand."""

from typing import Any

import pytest

from stilts_ray.config import Encoder, Mixture, Pretraining, Recipe, Search, Shape
from stilts_ray.plan.build import Plan
from stilts_ray.plan.calibration import Calibration, Speed
from stilts_ray.plan.costs import compare_costs, comparison_lines, costs, critical_paths
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
"""Tokens of a trial, by the measured mean lengths (tasks/nli.py, tasks/qa.py)."""
PADDED_MNLI, PADDED_SQUAD = 100 * 50, 100 * 300
SPEED = Speed(packed=100.0, padded=200.0, mean_length=45.0, padded_length=50, batch_size=10)

SHAPE = Shape(layers=2, hidden=16, heads=2, feed_forward=24)
NEW = Encoder(name="new", weights=Pretraining(languages=("en",), vocabulary=200, shape=SHAPE, tokens=10**9))


def small(**changes: Any) -> Plan:
    """Two conditions and three targets, of which two are trained, on MNLI and on SQuAD."""
    request = {
        "intermediates": [(), ("squad",)],
        "targets": ["xnli", "xquad", "tatoeba"],
        "recipes": RECIPES,
        **LEARNING,
    }
    return planned(**(request | changes))


def calibration(device: str = "H200", **encoders: Speed) -> Calibration:
    return Calibration(device=device, date="2026-11-21", versions={}, encoders=encoders)


def test_a_plan_trains_each_study_once_and_the_loop_each_pair_from_the_encoder() -> None:
    """Baseline: MNLI, SQuAD, nothing. After SQuAD: SQuAD and MNLI, SQuAD and SQuAD, SQuAD. All SQuAD training from the encoder
    is one study."""
    total = costs(small())
    assert total.pairs == 6
    assert total.own == {"owner/xlmr": TRIALS * (2 * MNLI + 2 * SQUAD)}
    assert total.unshared == {"owner/xlmr": TRIALS * (2 * MNLI + 5 * SQUAD)}
    assert total.naive == {"owner/xlmr": TRIALS * (2 * PADDED_MNLI + 5 * PADDED_SQUAD)}


def test_the_ratio_is_sharing_times_packing() -> None:
    comparison = compare_costs(small(), None)
    assert comparison is not None
    assert comparison.sharing == pytest.approx((2 * MNLI + 2 * SQUAD) / (2 * MNLI + 5 * SQUAD), abs=1e-4)
    assert comparison.packing == pytest.approx((2 * MNLI + 5 * SQUAD) / (2 * PADDED_MNLI + 5 * PADDED_SQUAD), abs=1e-4)
    assert comparison.ratio == pytest.approx(comparison.sharing * comparison.packing, abs=1e-4)


def test_choices_are_padded_separately() -> None:
    recipe = Recipe(epochs=1, batch_size=10, max_length=80, train_examples=100)
    total = costs(planned(intermediates=[("hellaswag",)], targets=["tatoeba"], recipe=recipe))
    assert total.own == {"owner/xlmr": 100 * 214}
    assert total.naive == {"owner/xlmr": 100 * 4 * 80}


def test_a_pair_on_difficulty_quantiles_includes_the_study_that_ranks_its_examples() -> None:
    plan = planned(intermediates=[Mixture(tasks=("squad",), difficulty_quantiles=(0, 0.5))], recipes=RECIPES)
    assert costs(plan).unshared == {"owner/xlmr": SQUAD + SQUAD // 2 + MNLI}


def test_tokens_are_counted_per_encoder_without_pretraining() -> None:
    plan = planned(encoders=[RANDOM, NEW], recipes={"mnli": RECIPES["mnli"]})
    assert costs(plan).own == {"owner/xlmr": MNLI, "new XLM-R of 2 x 16 (2 heads, 24), vocabulary 200": MNLI}


@pytest.mark.parametrize("changes", [{"targets": ["tatoeba"]}, {"intermediates": [("squad",)], "targets": []}])
def test_without_trained_pairs_there_is_no_comparison(changes: dict[str, Any]) -> None:
    assert compare_costs(planned(**changes), None) is None
    assert comparison_lines(None) == []


def test_the_papers_plan_costs_at_most_a_quarter_of_the_loop() -> None:
    comparison = compare_costs(on_hub("paper"), None)
    assert comparison is not None
    assert comparison.pairs == 11 * 9
    assert comparison.ratio <= 1 / 4
    assert comparison.ratio == pytest.approx(comparison.train_tokens / comparison.naive_train_tokens, abs=1e-4)


# Hours


def test_hours_are_tokens_divided_by_measured_speed() -> None:
    plan, slow = small(), SPEED.model_copy(update={"packed": 10.0})
    comparison = compare_costs(plan, calibration(**{"owner/xlmr": SPEED, "other": slow}))
    assert comparison is not None
    assert comparison.uncalibrated == ()
    assert comparison.hours == round(TRIALS * (2 * MNLI + 2 * SQUAD) / 100 / 3600, 2)
    assert comparison.naive_hours == round(TRIALS * (2 * PADDED_MNLI + 5 * PADDED_SQUAD) / 200 / 3600, 2)
    assert f"GPU-hours on H200: {comparison.hours}; naive: {comparison.naive_hours}" in comparison_lines(comparison)


@pytest.mark.parametrize("given", [None, calibration(other=SPEED)])
def test_an_uncalibrated_encoder_is_named(given: Calibration | None) -> None:
    comparison = compare_costs(small(), given)
    assert comparison is not None
    assert (comparison.hours, comparison.naive_hours, comparison.uncalibrated) == (None, None, ("owner/xlmr",))
    assert any("no calibration for owner/xlmr" in line for line in comparison_lines(comparison))


def test_a_cpu_calibration_gives_no_gpu_hours(store: Store) -> None:
    plan = small()
    for device, left in (("cpu", None), ("H200", round(TRIALS * (2 * MNLI + 2 * SQUAD) / 100 / 3600, 2))):
        document = overview(plan, state_of(store), calibration(device, **{"owner/xlmr": SPEED}))
        assert document.totals.gpu_hours == left
        assert any(line.startswith("hours on a CPU") for line in comparison_lines(document.comparison)) == (
            left is None
        )


# Critical paths


def paths_of(plan: Plan) -> dict[str, int]:
    """Name of a study -> length of its critical path."""
    return {step.name: critical_paths(plan)[step.digest] for step in plan.steps if isinstance(step, Study)}


def test_the_critical_path_to_the_end_of_the_plan() -> None:
    """SQuAD's search, then its other seed beside the target's search, then the target's other seed."""
    paths = paths_of(small())
    assert paths["xlmr.squad.mnli"] == paths["xlmr.mnli"] == 2 * MNLI
    assert paths["xlmr.squad.squad"] == 2 * SQUAD
    assert paths["xlmr.squad"] == 3 * SQUAD
    assert paths_of(small(seeds=(0,)))["xlmr.squad"] == 2 * SQUAD


def test_rounds_are_sequential() -> None:
    search = Search(learning_rates=(1e-5, 3e-5, 5e-5), trials_per_round=2)
    assert paths_of(small(search=search))["xlmr.squad"] == (2 + 2 + 1) * SQUAD
    assert paths_of(small(search=search, seeds=(0,)))["xlmr.squad"] == (2 + 2) * SQUAD


def test_evaluations_have_empty_paths_and_pretraining_has_the_longest() -> None:
    plan = small(encoders=[NEW])
    paths = critical_paths(plan)
    assert {paths[step.digest] for step in plan.steps if isinstance(step, Evaluation | Condition)} == {0}
    (pretrain,) = (step for step in plan.steps if isinstance(step, Pretrain))
    assert paths[pretrain.digest] == 10**9 + 3 * SQUAD
