"""Learning-rate search: proposals, pruning thresholds and selection."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stilts_ray.config import LogUniform, Search
from stilts_ray.execution.search import ObservedTrial, best, propose, pruning_thresholds
from stilts_ray.store.records import End, TrainRecord
from tests.execution.fakes import curve

SPACE = LogUniform(low=1e-6, high=1e-3, trials=30)


def observed(rate: float, *scores: float, end: End = "finished", collapsed: bool = False) -> ObservedTrial:
    """A trial with these dev scores."""
    record = TrainRecord(
        name="trial",
        digest="d" * 64,
        step="s" * 64,
        end=end,
        score=scores[-1] if scores and end != "diverged" else None,
        collapsed=collapsed,
        learning_rate=rate,
        seed=0,
        curve=curve(scores),
    )
    return ObservedTrial(rate, record)


def searched(search: Search, seed: int = 0) -> list[list[float]]:
    """Rounds of a search whose optimum is 1e-4."""
    history: list[ObservedTrial] = []
    rounds: list[list[float]] = []
    while rates := propose(search, history, seed):
        rounds.append(rates)
        history += [observed(rate, 10.0, -abs(rate - 1e-4)) for rate in rates]
    return rounds


# Proposals


@pytest.mark.parametrize("trials_per_round, sizes", [(2, [2, 2, 1]), (5, [5]), (8, [5]), (1, [1] * 5)])
def test_a_list_of_rates_is_proposed_in_its_order_by_rounds(trials_per_round: int, sizes: list[int]) -> None:
    rates = (5e-5, 1e-5, 3e-5, 2e-5, 4e-5)
    rounds = searched(Search(learning_rates=rates, trials_per_round=trials_per_round))
    assert [len(part) for part in rounds] == sizes
    assert tuple(rate for part in rounds for rate in part) == rates


@pytest.mark.parametrize("trials_per_round", [1, 4, 8, 64])
def test_sampled_rates_have_the_requested_number_and_bounds(trials_per_round: int) -> None:
    rounds = searched(Search(learning_rates=SPACE, trials_per_round=trials_per_round))
    rates = [rate for part in rounds for rate in part]
    assert len(rates) == SPACE.trials
    assert all(len(part) <= trials_per_round for part in rounds)
    assert all(SPACE.low <= rate <= SPACE.high for rate in rates)
    assert len(set(rates)) > 0.9 * len(rates), "each round has its own seed, so none repeats earlier rates"


def test_rounded_rates_stay_within_bounds() -> None:
    """Rounding to six digits leaves bounds that agree in six digits; Optuna rejects trials outside the bounds."""
    narrow = LogUniform(low=1.2345612e-5, high=1.2345633e-5, trials=4)
    for part in searched(Search(learning_rates=narrow, trials_per_round=2)):
        assert all(narrow.low <= rate <= narrow.high for rate in part)


def test_proposals_depend_on_history_and_seed_alone() -> None:
    search = Search(learning_rates=SPACE, trials_per_round=4)
    assert searched(search) == searched(search)
    assert searched(search)[0] != searched(search, seed=1)[0]
    history = [observed(rate, 1.0, 50.0) for rate in propose(search, [], 0)]
    other = [observed(one.learning_rate, 1.0, 50.0 + number) for number, one in enumerate(history)]
    late = [history + [observed(1e-5 * (n + 1), 1.0, 30.0) for n in range(8)] for history in (history, other)]
    assert propose(search, late[0], 0) == propose(search, late[0], 0)
    assert propose(search, late[0], 0) != propose(search, late[1], 0), "results matter"


def test_a_search_converges_to_the_best_rates() -> None:
    rounds = searched(Search(learning_rates=LogUniform(low=1e-6, high=1e-3, trials=40), trials_per_round=5))
    late = sorted(rate for part in rounds[5:] for rate in part)
    assert 2e-5 < late[len(late) // 2] < 3e-4


def test_failed_pruned_and_diverged_trials_are_valid_history() -> None:
    search = Search(learning_rates=SPACE, trials_per_round=3)
    history = [
        ObservedTrial(1e-5, None),
        observed(2e-5, 40.0, end="pruned"),
        observed(3e-5, end="diverged", collapsed=True),
        observed(4e-5, 10.0, end="diverged", collapsed=True),
        observed(5e-5, 50.0, 60.0),
        observed(6e-5, 33.0, 33.0, collapsed=True),
    ]
    assert len(propose(search, history, 0)) == 3


@given(st.integers(0, 2**63), st.integers(1, 6))
def test_any_seed_is_valid(seed: int, trials_per_round: int) -> None:
    rates = propose(Search(learning_rates=SPACE, trials_per_round=trials_per_round), [], seed)
    assert rates == propose(Search(learning_rates=SPACE, trials_per_round=trials_per_round), [], seed)
    assert len(rates) == trials_per_round


# Pruning


def test_no_thresholds_without_history_or_with_a_factor_of_1() -> None:
    assert pruning_thresholds(2.0, []) == ()
    assert pruning_thresholds(2.0, [ObservedTrial(1e-5, None)]) == ()
    assert pruning_thresholds(1.0, [observed(1e-5, 10.0, 20.0)]) == ()


@pytest.mark.parametrize(
    "reduction_factor, thresholds",
    [(2.0, (30.0, 50.0)), (4.0, (40.0, 80.0)), (4 / 3, (20.0, 40.0)), (1e9, (40.0, 80.0)), (3.4, (30.0, 50.0))],
)
def test_a_threshold_is_the_worst_score_that_is_not_pruned(
    reduction_factor: float, thresholds: tuple[float, ...]
) -> None:
    history = [
        observed(1e-5, *scores)
        for scores in ((10.0, 80.0, 1.0), (20.0, 50.0, 2.0), (30.0, 40.0, 3.0), (40.0, 5.0, 4.0))
    ]
    assert pruning_thresholds(reduction_factor, history) == thresholds, "none for the last evaluation"


def test_pruned_trials_count_at_the_evaluations_they_reached() -> None:
    history = [observed(1e-5, 10.0, 20.0, 30.0), observed(2e-5, 50.0, end="pruned"), ObservedTrial(3e-5, None)]
    assert pruning_thresholds(2.0, history) == (50.0, 20.0)


@given(st.lists(st.lists(st.floats(0, 100), min_size=1, max_size=4), min_size=1, max_size=6), st.floats(1.01, 100))
def test_thresholds_do_not_depend_on_the_order_and_let_the_best_pass(
    curves: list[list[float]], reduction_factor: float
) -> None:
    history = [observed(1e-5, *curve) for curve in curves]
    thresholds = pruning_thresholds(reduction_factor, history)
    assert thresholds == pruning_thresholds(reduction_factor, history[::-1])
    assert len(thresholds) == max(len(curve) for curve in curves) - 1
    for number, threshold in enumerate(thresholds):
        scores = [curve[number] for curve in curves if len(curve) > number]
        assert threshold in scores
        assert sum(score >= threshold for score in scores) >= len(scores) / reduction_factor


# Selection


def test_the_best_dev_score_is_selected_and_the_first_of_equals() -> None:
    history = [observed(1e-5, 40.0), observed(2e-5, 60.0), observed(3e-5, 60.0), observed(4e-5, 50.0)]
    assert best(history) is history[1]


def test_only_finished_trials_are_selected() -> None:
    history = [
        ObservedTrial(1e-5, None),
        observed(2e-5, 99.0, end="pruned"),
        observed(3e-5, 98.0, end="diverged", collapsed=True),
        observed(4e-5, 10.0),
    ]
    assert best(history) is history[3]
    assert best(history[:3]) is None
    assert best([]) is None


def test_a_collapsed_trial_is_selected_only_if_all_collapsed() -> None:
    collapsed, sound = observed(1e-5, 66.0, collapsed=True), observed(2e-5, 50.0)
    assert best([collapsed, sound]) is sound
    assert best([collapsed]) is collapsed


def test_a_score_of_zero_is_a_score() -> None:
    zero = observed(1e-5, 0.0)
    assert best([ObservedTrial(2e-5, None), zero]) is zero
    assert zero.score == 0.0
