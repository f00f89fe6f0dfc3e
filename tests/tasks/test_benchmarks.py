import pytest

from stilts_ray.errors import RequestError
from stilts_ray.evaluation.submission import FORMATS
from stilts_ray.metrics.answers import RULES
from stilts_ray.tasks import TASKS, Kind
from stilts_ray.tasks.benchmarks import (
    AVERAGED,
    BENCHMARKS,
    GROUPS,
    group_means,
    languages,
    overall,
    task_average,
)
from tests.evaluation.trees import CASES, COUNTS


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_every_task_has_as_many_languages_as_the_paper_says(benchmark: str) -> None:
    assert {task: len(set(codes)) for task, codes in languages(benchmark).items()} == COUNTS[benchmark]
    assert all(len(set(codes)) == len(codes) for codes in languages(benchmark).values())


def test_the_benchmarks_cover_forty_and_fifty_languages() -> None:
    forty, fifty = (set().union(*map(set, BENCHMARKS[name].values())) for name in ("xtreme", "xtreme-r"))
    assert len(forty) == 40
    assert fifty - forty == {"az", "gu", "ht", "lt", "pa", "pl", "qu", "ro", "uk", "wo"}
    assert forty < fifty


def test_xtreme_r_keeps_and_extends_xtreme() -> None:
    old, new = BENCHMARKS["xtreme"], BENCHMARKS["xtreme-r"]
    assert set(old) - set(new) == {"pawsx", "bucc2018"}
    assert set(new) - set(old) == {"xcopa", "mewslix", "lareqa"}
    extended = {task: set(new[task]) - set(old[task]) for task in old if task in new and old[task] != new[task]}
    assert extended == {
        "udpos": {"lt", "pl", "uk", "wo", "ro"},
        "panx": {"qu", "pl", "uk", "az", "lt", "pa", "gu", "ro"},
        "xquad": {"ro"},
        "tatoeba": {"az", "lt", "pl", "uk", "ro"},
    }


def test_what_a_sweep_tests_on_is_what_xtreme_scores() -> None:
    """The languages that google-research/xtreme's evaluate.py lists (commit 838c13b)."""
    tatoeba = (
        "af ar bg bn de el es et eu fa fi fr he hi hu id it ja jv ka kk ko ml mr nl pt ru sw ta te th tl tr ur vi zh"
    )
    xtreme = {
        "xnli": "ar bg de el en es fr hi ru sw th tr ur vi zh",
        "pawsx": "de en es fr ja ko zh",
        "udpos": "af ar bg de el en es et eu fa fi fr he hi hu id it ja kk ko mr nl pt ru ta te th tl tr ur vi yo zh",
        "panx": " ".join(sorted([*tatoeba.split(), "en", "ms", "my", "yo"])),
        "xquad": "ar de el en es hi ru th tr vi zh",
        "mlqa": "ar de en es hi vi zh",
        "tydiqa": "ar bn en fi id ko ru sw te",
        "bucc2018": "de fr ru zh",
        "tatoeba": tatoeba,
    }
    assert {task: " ".join(codes) for task, codes in BENCHMARKS["xtreme"].items()} == xtreme
    more = {task: BENCHMARKS["xtreme-r"][task] for task in ("xcopa", "mewslix", "lareqa")}
    assert more == {
        "xcopa": ("et", "ht", "id", "it", "qu", "sw", "ta", "th", "tr", "vi", "zh"),
        "mewslix": ("ar", "de", "en", "es", "fa", "ja", "pl", "ro", "ta", "tr", "uk"),
        "lareqa": BENCHMARKS["xtreme"]["xquad"],
    }
    assert len(BENCHMARKS["xtreme"]) == 9
    assert len(BENCHMARKS["xtreme-r"]) == 10


def test_a_sweep_compares_answers_as_a_submission_is_scored() -> None:
    for name, form in FORMATS.items():
        if name in TASKS and TASKS[name].kind is Kind.SPAN:
            assert form.score is RULES[TASKS[name].answers], name


def test_every_task_has_a_form_an_average_and_one_group() -> None:
    tasks = {task for benchmark in BENCHMARKS.values() for task in benchmark}
    assert tasks == set(FORMATS) == set(AVERAGED) == set(CASES)
    assert sorted(task for members in GROUPS.values() for task in members) == sorted(tasks)


def test_a_tasks_average_is_plain_over_languages_and_its_metrics() -> None:
    assert task_average("xnli", [{"accuracy": 80.0}, {"accuracy": 61.0}]) == 70.5
    assert task_average("mlqa", [{"em": 40.0, "f1": 60.0}, {"em": 0.0, "f1": 20.0}]) == 30.0
    assert task_average("udpos", [{"f1": 70.0, "accuracy": 90.0}]) == 70.0


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_there_is_an_overall_average_only_of_all_tasks(benchmark: str) -> None:
    averages = {task: float(place) for place, task in enumerate(BENCHMARKS[benchmark])}
    count = len(averages)
    assert overall(benchmark, averages) == (count - 1) / 2
    assert overall(benchmark, averages | {"another": 100.0}) == (count - 1) / 2
    for task in averages:
        assert overall(benchmark, {name: value for name, value in averages.items() if name != task}) is None


def test_groups_are_those_of_the_benchmark() -> None:
    averages = {"xnli": 80.0, "pawsx": 90.0, "xcopa": 60.0, "udpos": 70.0, "tatoeba": 1.0, "bucc2018": 2.0}
    assert group_means("xtreme", averages) == {"classification": 85.0, "retrieval": 1.5}
    assert group_means("xtreme-r", averages) == {"classification": 70.0}


def test_an_unknown_benchmark_is_one_line() -> None:
    with pytest.raises(RequestError, match=r"unknown benchmark 'xtreme_r'; did you mean 'xtreme-r'\?"):
        languages("xtreme_r")
