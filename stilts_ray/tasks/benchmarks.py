"""XTREME (arXiv 2003.11080) and XTREME-R (arXiv 2104.07412): tasks, languages and averages.

Source: google-research/xtreme, evaluate.py, commit 838c13b. It lists LAReQA in XTREME-R without languages and without a
scoring rule; here LAReQA has the languages of XQuAD, from which it is made, and enters averages like any other task.
"""

from collections.abc import Mapping, Sequence
from statistics import mean

from stilts_ray.errors import RequestError, did_you_mean
from stilts_ray.tasks import TASKS


def _languages(*names: str) -> dict[str, tuple[str, ...]]:
    """Name in a submission -> test languages of the task, in alphabetical order."""
    return {TASKS[name].form: tuple(sorted(TASKS[name].languages)) for name in names}


BENCHMARKS: dict[str, dict[str, tuple[str, ...]]] = {
    "xtreme": _languages(
        "xnli", "pawsx", "udpos", "panx", "xquad", "mlqa", "tydiqa", "bucc2018", "tatoeba",
    ),
    "xtreme-r": _languages(
        "xnli", "xcopa", "udpos_xr", "panx_xr", "xquad_xr", "mlqa", "tydiqa", "tatoeba_xr", "mewslix", "lareqa",
    ),
}  # fmt: skip
"""Benchmark -> task -> languages. A task is scored in all of its languages or not at all."""

GROUPS: dict[str, tuple[str, ...]] = {
    "classification": ("xnli", "pawsx", "xcopa"),
    "tagging": ("udpos", "panx"),
    "qa": ("xquad", "mlqa", "tydiqa"),
    "retrieval": ("bucc2018", "tatoeba", "mewslix", "lareqa"),
}
"""Task groups whose mean papers report. A benchmark's group has the tasks that the benchmark has."""

AVERAGED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("xnli", "pawsx", "xcopa", "tatoeba"), ("accuracy",)),
    **dict.fromkeys(("udpos", "panx", "bucc2018"), ("f1",)),
    **dict.fromkeys(("xquad", "mlqa", "tydiqa"), ("em", "f1")),
    **dict.fromkeys(("mewslix", "lareqa"), ("map@20",)),
}
"""Task -> metrics whose mean is the task's score in a language."""


def languages(benchmark: str) -> dict[str, tuple[str, ...]]:
    """Task -> languages of a benchmark. Raises RequestError, suggesting the closest benchmark."""
    if benchmark not in BENCHMARKS:
        raise RequestError(f"unknown benchmark '{benchmark}'; {did_you_mean(benchmark, list(BENCHMARKS))}")
    return BENCHMARKS[benchmark]


def task_average(task: str, per_language: Sequence[Mapping[str, float]]) -> float:
    """The unweighted mean of the task's metrics over languages, English included."""
    return mean(metrics[name] for metrics in per_language for name in AVERAGED[task])


def overall(benchmark: str, averages: Mapping[str, float]) -> float | None:
    """The unweighted mean of the task averages: nine in XTREME, ten in XTREME-R, LAReQA included. None if one is missing."""
    tasks = languages(benchmark)
    return mean(averages[task] for task in tasks) if set(tasks) <= set(averages) else None


def group_means(benchmark: str, averages: Mapping[str, float]) -> dict[str, float]:
    """Group -> unweighted mean of its task averages, for groups whose tasks are all present."""
    tasks = languages(benchmark)
    groups = {name: [task for task in members if task in tasks] for name, members in GROUPS.items()}
    return {
        name: mean(averages[task] for task in members)
        for name, members in groups.items()
        if set(members) <= set(averages)
    }
