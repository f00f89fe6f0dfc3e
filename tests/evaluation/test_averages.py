from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stilts_ray.evaluation.averages import average, average_name, cell
from stilts_ray.tasks.benchmarks import BENCHMARKS


def entry(seed: int, score: float | None, collapsed: bool = False, **languages: float) -> dict[str, Any]:
    per_language = {code: {"score": value, "accuracy": value / 2} for code, value in languages.items()}
    return {"seed": seed, "learning_rate": 1e-5, "score": score, "collapsed": collapsed, "languages": per_language}


def test_mean_and_sample_deviation_over_seeds() -> None:
    runs = [entry(0, 60.0, en=70.0, de=50.0), entry(1, 66.0, en=72.0, de=60.0), entry(2, 63.0, en=71.0, de=55.0)]
    result = cell(runs)
    assert result["score"] == 63.0
    assert result["sd"] == pytest.approx(3.0)
    assert result["collapsed"] == 0
    assert result["languages"] == {"en": {"score": 71.0, "accuracy": 35.5}, "de": {"score": 55.0, "accuracy": 27.5}}
    assert result["seeds"] == runs


def test_collapsed_runs_are_counted_and_left_out_of_the_means() -> None:
    runs = [entry(0, 60.0, en=60.0), entry(1, 33.0, True, en=33.0), entry(2, None, True)]
    result = cell(runs)
    assert (result["score"], result["sd"], result["collapsed"]) == (60.0, None, 2)
    assert result["languages"]["en"]["score"] == 60.0
    assert result["seeds"] == runs, "every run stays listed"


def test_where_all_collapsed_the_collapsed_runs_are_the_result() -> None:
    result = cell([entry(0, 33.0, True, en=33.0), entry(1, 35.0, True, en=35.0)])
    assert (result["score"], result["collapsed"]) == (34.0, 2)


def test_where_nothing_was_scored_there_is_no_score() -> None:
    result = cell([entry(0, None, True)])
    assert (result["score"], result["sd"], result["collapsed"], result["languages"]) == (None, None, 1, {})


@given(st.lists(st.floats(0, 100), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_runs_does_not_matter(scores: list[float], random: Any) -> None:
    runs = [entry(seed, score, en=score) for seed, score in enumerate(scores)]
    shuffled = random.sample(runs, len(runs))
    one, other = cell(runs), cell(shuffled)
    for name in ("score", "sd", "collapsed"):
        assert one[name] == pytest.approx(other[name])
    assert min(scores) <= one["score"] + 1e-9
    assert one["score"] <= max(scores) + 1e-9


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
