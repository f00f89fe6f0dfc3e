"""Differences between cells of the result table, paired by seed. Pure.

Collapsed and diverged trials are left out of both sides of a difference.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Protocol

from scipy.stats import t as student

BySeed = Mapping[int, float]


class Trial(Protocol):
    """What pairing reads of a trial. score: None if it diverged."""

    @property
    def seed(self) -> int: ...

    @property
    def learning_rate(self) -> float | None: ...

    @property
    def score(self) -> float | None: ...

    @property
    def collapsed(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds and its 95% interval by Student's t; low and high are None for a single seed."""

    value: float
    low: float | None
    high: float | None
    seeds: int

    def above(self, bound: float) -> bool:
        """Whether the whole interval is above the bound; without an interval, whether the value is."""
        return (self.value if self.low is None else self.low) > bound


def difference(one: Sequence[Trial], other: Sequence[Trial]) -> BySeed:
    """`one` minus `other`, the trials of two cells."""
    mine, theirs = valid_scores(one), valid_scores(other)
    # The baseline of an untrained target is the encoder itself: a single trial, the partner of every seed.
    if theirs and all(trial.learning_rate is None for trial in other):
        theirs = dict.fromkeys(mine, mean(theirs.values()))
    return {seed: mine[seed] - theirs[seed] for seed in mine if seed in theirs}


def valid_scores(trials: Iterable[Trial]) -> dict[int, float]:
    """Scores by seed of the trials that neither collapsed nor diverged."""
    return {trial.seed: trial.score for trial in trials if trial.score is not None and not trial.collapsed}


def average(parts: Iterable[BySeed]) -> BySeed:
    """The mean of several, seed by seed, over the seeds that all of them have."""
    found = list(parts)
    shared = set.intersection(*(set(part) for part in found)) if found else set()
    return {seed: mean(part[seed] for part in found) for seed in sorted(shared)}


def estimate(values: BySeed) -> Estimate:
    """Mean over seeds with its interval. Needs at least one seed."""
    middle, error, count = mean(values.values()), standard_error(values), len(values)
    if error is None:
        return Estimate(middle, None, None, count)
    half = float(student.ppf(0.975, count - 1)) * error
    return Estimate(middle, middle - half, middle + half, count)


def standard_error(values: BySeed) -> float | None:
    """Of the mean over seeds: sample standard deviation over the root of their number; None for fewer than two."""
    return stdev(values.values()) / len(values) ** 0.5 if len(values) > 1 else None


def gap(score: float | None, base: float | None) -> float | None:
    """`score` minus `base`, of two means; None if either is unknown."""
    return None if score is None or base is None else score - base
