"""Means over seeds and over tasks; what collapsed and diverged trials count for."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stilts_ray.evaluation.averages import average, average_name, over_seeds
from stilts_ray.store.records import ScoredTrial
from stilts_ray.tasks.benchmarks import BENCHMARKS


def trial(seed: int, score: float | None, collapsed: bool = False, **languages: float) -> ScoredTrial:
    per_language = {code: {"score": value, "accuracy": value / 2} for code, value in languages.items()}
    return ScoredTrial(seed=seed, learning_rate=1e-5, score=score, collapsed=collapsed, languages=per_language)


def test_mean_and_sample_deviation_over_seeds() -> None:
    trials = [trial(0, 60.0, en=70.0, de=50.0), trial(1, 66.0, en=72.0, de=60.0), trial(2, 63.0, en=71.0, de=55.0)]
    means = over_seeds(trials)
    assert means.score == 63.0
    assert means.sd == pytest.approx(3.0)
    assert means.collapsed == 0
    assert means.languages == {"en": {"score": 71.0, "accuracy": 35.5}, "de": {"score": 55.0, "accuracy": 27.5}}


def test_collapsed_trials_are_counted_and_left_out_of_the_means() -> None:
    means = over_seeds([trial(0, 60.0, en=60.0), trial(1, 33.0, True, en=33.0), trial(2, None, True)])
    assert (means.score, means.sd, means.collapsed) == (60.0, None, 2)
    assert means.languages["en"]["score"] == 60.0


def test_where_all_collapsed_the_collapsed_trials_are_the_result() -> None:
    means = over_seeds([trial(0, 33.0, True, en=33.0), trial(1, 35.0, True, en=35.0)])
    assert (means.score, means.collapsed) == (34.0, 2)


def test_where_nothing_was_scored_there_is_no_score() -> None:
    means = over_seeds([trial(0, None, True)])
    assert (means.score, means.sd, means.collapsed, means.languages) == (None, None, 1, {})


@given(st.lists(st.floats(0, 100), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_trials_does_not_matter(scores: list[float], random: Any) -> None:
    trials = [trial(seed, score, en=score) for seed, score in enumerate(scores)]
    one, other = over_seeds(trials), over_seeds(random.sample(trials, len(trials)))
    for name in ("score", "sd", "collapsed"):
        assert getattr(one, name) == pytest.approx(getattr(other, name))
    assert one.score is not None
    assert min(scores) <= one.score + 1e-9
    assert one.score <= max(scores) + 1e-9


def test_average_is_plain_and_only_there_if_every_task_is() -> None:
    assert average({"xnli": 70.0, "udpos": 80.0, "tatoeba": 30.0}) == 60.0
    assert average({"xnli": 70.0, "udpos": None}) is None
    assert average({}) is None


def test_a_benchmarks_average_has_its_name_only_with_all_tasks_in_all_languages() -> None:
    for name, tasks in BENCHMARKS.items():
        whole = list(tasks.items())
        assert average_name(whole) == average_name(whole[::-1]) == f"{name}/avg"
        assert average_name(whole[:-1]) == f"partial/avg_of_{len(whole) - 1}"
        assert average_name([*whole[:-1], ("mnli", ("en",))]) == f"partial/avg_of_{len(whole)}"
        assert average_name([*whole[:-1], (whole[-1][0], whole[-1][1][1:])]) == f"partial/avg_of_{len(whole)}"
        assert average_name([*whole, whole[0]]) == f"partial/avg_of_{len(whole) + 1}"
    assert average_name([]) == "partial/avg_of_0"
