"""XTREME (arXiv 2003.11080) and XTREME-R (arXiv 2104.07412) as data: their tasks, languages and averages.

Source: google-research/xtreme, evaluate.py, commit 838c13b. It lists LAReQA in XTREME-R, but without languages and
without a rule; here it has those of XQuAD, from which it is made, and counts in averages like any other task.
"""

from collections.abc import Mapping, Sequence
from statistics import mean

from stilts_ray.errors import RequestError, did_you_mean


def _codes(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_XNLI = _codes("ar bg de el en es fr hi ru sw th tr ur vi zh")
_UDPOS = _codes("af ar bg de el en es et eu fa fi fr he hi hu id it ja kk ko mr nl pt ru ta te th tl tr ur vi yo zh")
_TATOEBA = _codes(
    "af ar bg bn de el es et eu fa fi fr he hi hu id it ja jv ka kk ko ml mr nl pt ru sw ta te th tl tr ur vi zh"
)
_PANX = tuple(sorted((*_TATOEBA, "en", "ms", "my", "yo")))
_XQUAD = _codes("ar de el en es hi ru th tr vi zh")
_MLQA = _codes("ar de en es hi vi zh")
_TYDIQA = _codes("ar bn en fi id ko ru sw te")

BENCHMARKS: dict[str, dict[str, tuple[str, ...]]] = {
    "xtreme": {
        "xnli": _XNLI,
        "pawsx": _codes("de en es fr ja ko zh"),
        "udpos": _UDPOS,
        "panx": _PANX,
        "xquad": _XQUAD,
        "mlqa": _MLQA,
        "tydiqa": _TYDIQA,
        "bucc2018": _codes("de fr ru zh"),
        "tatoeba": _TATOEBA,
    },
    "xtreme-r": {
        "xnli": _XNLI,
        "xcopa": _codes("et ht id it qu sw ta th tr vi zh"),
        "udpos": (*_UDPOS, *_codes("lt pl uk wo ro")),
        "panx": (*_PANX, *_codes("qu pl uk az lt pa gu ro")),
        "xquad": (*_XQUAD, "ro"),
        "mlqa": _MLQA,
        "tydiqa": _TYDIQA,
        "tatoeba": (*_TATOEBA, *_codes("az lt pl uk ro")),
        "mewslix": _codes("ar de en es fa ja pl ro ta tr uk"),
        "lareqa": _XQUAD,
    },
}
"""Benchmark -> task -> languages. A task is scored in all of its languages, or not at all."""

GROUPS: dict[str, tuple[str, ...]] = {
    "classification": ("xnli", "pawsx", "xcopa"),
    "tagging": ("udpos", "panx"),
    "qa": ("xquad", "mlqa", "tydiqa"),
    "retrieval": ("bucc2018", "tatoeba", "mewslix", "lareqa"),
}
"""Tasks whose mean papers print as one number; of a benchmark, those that it has."""

AVERAGED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("xnli", "pawsx", "xcopa", "tatoeba"), ("accuracy",)),
    **dict.fromkeys(("udpos", "panx", "bucc2018"), ("f1",)),
    **dict.fromkeys(("xquad", "mlqa", "tydiqa"), ("em", "f1")),
    **dict.fromkeys(("mewslix", "lareqa"), ("map@20",)),
}
"""Task -> the metrics whose mean is the task's average."""


def languages(benchmark: str) -> dict[str, tuple[str, ...]]:
    """The languages of each task of a benchmark. Raises RequestError naming the nearest benchmark."""
    if benchmark not in BENCHMARKS:
        raise RequestError(f"unknown benchmark '{benchmark}'; {did_you_mean(benchmark, list(BENCHMARKS))}")
    return BENCHMARKS[benchmark]


def task_average(task: str, per_language: Sequence[Mapping[str, float]]) -> float:
    """The plain mean over languages, English included, of the task's metrics."""
    return mean(metrics[name] for metrics in per_language for name in AVERAGED[task])


def overall(benchmark: str, averages: Mapping[str, float]) -> float | None:
    """The plain mean of the tasks' averages: of nine in XTREME, of ten in XTREME-R, LAReQA among them. None unless all
    are there."""
    tasks = languages(benchmark)
    return mean(averages[task] for task in tasks) if set(tasks) <= set(averages) else None


def group_means(benchmark: str, averages: Mapping[str, float]) -> dict[str, float]:
    """The plain mean of each group's tasks, for the groups of which all tasks are there."""
    tasks = languages(benchmark)
    groups = {name: [task for task in members if task in tasks] for name, members in GROUPS.items()}
    return {
        name: mean(averages[task] for task in members)
        for name, members in groups.items()
        if set(members) <= set(averages)
    }
