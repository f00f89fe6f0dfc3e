"""Averages over languages, seeds and tasks, by XTREME's rules. Pure; no torch."""

from collections.abc import Collection, Mapping, Sequence
from statistics import mean, stdev
from typing import Any

from stilts_ray.tasks.benchmarks import BENCHMARKS

Entry = dict[str, Any]
"""The result of one run on a target: seed, learning_rate, score (None if it diverged), collapsed, languages."""


def cell(entries: Sequence[Entry]) -> dict[str, Any]:
    """The result of a study's runs on one target, over seeds.

    Collapsed runs are counted, and excluded from the means unless there is no other; every run stays listed. `sd` is the sample
    standard deviation over seeds, None for fewer than two.
    """
    scored = [entry for entry in entries if entry["score"] is not None]
    valid = [entry for entry in scored if not entry["collapsed"]] or scored
    scores = [entry["score"] for entry in valid]
    return {
        "score": mean(scores) if scores else None,
        "sd": stdev(scores) if len(scores) > 1 else None,
        "collapsed": sum(bool(entry["collapsed"]) for entry in entries),
        "languages": _per_language([entry["languages"] for entry in valid]),
        "seeds": list(entries),
    }


def _per_language(runs: Sequence[Mapping[str, Mapping[str, float]]]) -> dict[str, dict[str, float]]:
    if not runs:
        return {}
    return {
        language: {metric: mean(run[language][metric] for run in runs) for metric in metrics}
        for language, metrics in runs[0].items()
    }


def average(scores: Mapping[str, float | None]) -> float | None:
    """Unweighted mean over tasks; None if one has no score."""
    values = [value for value in scores.values() if value is not None]
    return mean(values) if values and len(values) == len(scores) else None


def average_name(tested: Sequence[tuple[str, Collection[str]]]) -> str:
    """A benchmark's average has its name only if all of its tasks are tested, each in all of its languages.

    tested: for each target its name in the benchmarks (`Task.form`) and its test languages.
    """
    by_task = {form: set(codes) for form, codes in tested}
    for name, tasks in BENCHMARKS.items():
        if len(tested) == len(by_task) and by_task == {task: set(codes) for task, codes in tasks.items()}:
            return f"{name}/avg"
    return f"partial/avg_of_{len(tested)}"
