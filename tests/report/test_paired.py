"""Differences are paired by seed, without collapsed trials; their interval is Student's."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from stilts_ray.report.cells import CellTrial
from stilts_ray.report.paired import average, difference, estimate
from tests.report import documents


def cell(*args: Any, **how: Any) -> tuple[CellTrial, ...]:
    return documents.cell(*args, **how).trials


def test_seeds_are_paired() -> None:
    assert difference(cell([3.0, 5.0, 9.0]), cell([1.0, 4.0, 2.0])) == {0: 2.0, 1: 1.0, 2: 7.0}


def test_collapsed_and_diverged_trials_take_their_partners_with_them() -> None:
    assert difference(cell([3.0, 5.0, None]), cell([1.0, 4.0, 2.0], collapsed=[0])) == {1: 1.0}
    assert difference(cell([None]), cell([1.0])) == {}


def test_a_baseline_that_is_the_encoder_is_compared_with_every_trial() -> None:
    assert difference(cell([3.0, 5.0]), cell([1.0], rate=None)) == {0: 2.0, 1: 4.0}
    assert difference(cell([3.0, 5.0]), cell([1.0])) == {0: 2.0}, "a trial of its own seed is not"
    assert difference(cell([3.0, 5.0]), cell([None], rate=None)) == {}


def test_averages_are_over_the_seeds_that_all_have() -> None:
    assert average([{0: 1.0, 1: 2.0, 2: 9.0}, {2: 1.0, 1: 4.0}]) == {1: 3.0, 2: 5.0}
    assert average([]) == {}


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=9).filter(lambda values: max(values) - min(values) > 1e-3))
def test_the_interval_is_that_of_a_paired_t_test(values: list[float]) -> None:
    found = estimate(dict(enumerate(values)))
    wanted = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.low, found.high) == (pytest.approx(wanted.low, abs=1e-6), pytest.approx(wanted.high, abs=1e-6))
    assert found.above(wanted.low - 1e-3)
    assert not found.above(wanted.low + 1e-3)


def test_one_seed_has_no_interval() -> None:
    found = estimate({3: 1.5})
    assert (found.value, found.low, found.high, found.seeds) == (1.5, None, None, 1)
    assert found.above(1.0)
    assert not found.above(1.5)


def test_equal_differences_have_an_interval_of_no_width() -> None:
    found = estimate({0: 2.0, 1: 2.0})
    assert (found.low, found.high) == (2.0, 2.0)
