"""Averages over languages, seeds and tasks, by XTREME's rules. Pure; no torch."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from stilts_ray.store.records import ByLanguage, ScoredTrial
from stilts_ray.tasks.benchmarks import BENCHMARKS


@dataclass(frozen=True)
class SeedMeans:
    """A target's scores over the trials of a study; fields as in `EvaluationRecord`."""

    score: float | None
    sd: float | None
    collapsed: int
    languages: ByLanguage


def over_seeds(trials: Sequence[ScoredTrial]) -> SeedMeans:
    """Means over trials. Collapsed trials are counted, and enter the means only if every trial collapsed."""
    scored = [trial for trial in trials if trial.score is not None]
    sound = [trial for trial in scored if not trial.collapsed] or scored
    scores = [trial.score for trial in sound if trial.score is not None]
    return SeedMeans(
        score=mean(scores) if scores else None,
        sd=stdev(scores) if len(scores) > 1 else None,
        collapsed=sum(trial.collapsed for trial in trials),
        languages=_per_language([trial.languages for trial in sound]),
    )


def _per_language(trials: Sequence[ByLanguage]) -> ByLanguage:
    if not trials:
        return {}
    return {
        language: {metric: mean(trial[language][metric] for trial in trials) for metric in metrics}
        for language, metrics in trials[0].items()
    }


def average(scores: Mapping[str, float | None]) -> float | None:
    """Plain mean over tasks; None if one has no score."""
    values = [value for value in scores.values() if value is not None]
    return mean(values) if values and len(values) == len(scores) else None


def average_name(tested: Sequence[tuple[str, Collection[str]]]) -> str:
    """A benchmark's average has its name only if all of its tasks are there, each in all of its languages.

    tested: of each target its name in the benchmarks (`Task.form`) and the languages it is tested in.
    """
    there = {form: set(codes) for form, codes in tested}
    for name, tasks in BENCHMARKS.items():
        if len(tested) == len(there) and there == {task: set(codes) for task, codes in tasks.items()}:
            return f"{name}/avg"
    return f"partial/avg_of_{len(tested)}"
