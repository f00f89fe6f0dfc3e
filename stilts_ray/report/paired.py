"""Differences between cells of the result table, run by run: seed s of one with seed s of the other. Pure.

Collapsed and diverged runs are left out, and with them their partners.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

from scipy.stats import t as student

BySeed = Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds and its 95% interval by Student's t; low and high are None for a single seed."""

    value: float
    low: float | None
    high: float | None
    seeds: int

    def above(self, bound: float) -> bool:
        """Is all of the interval above the bound? Without an interval: is the value?"""
        return (self.value if self.low is None else self.low) > bound


def difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> BySeed:
    """`one` minus `other`, two cells."""
    mine, theirs = sound(one), sound(other)
    # An untrained target's baseline is the encoder itself: one run, to be compared with each.
    if theirs and all(run["learning_rate"] is None for run in other["seeds"]):
        theirs = dict.fromkeys(mine, mean(theirs.values()))
    return {seed: mine[seed] - theirs[seed] for seed in mine if seed in theirs}


def sound(cell: Mapping[str, Any]) -> dict[int, float]:
    """Scores of a cell's runs by seed, without those that collapsed or diverged."""
    return {run["seed"]: run["score"] for run in cell["seeds"] if run["score"] is not None and not run["collapsed"]}


def average(parts: Iterable[BySeed]) -> BySeed:
    """The mean of several, seed by seed, over the seeds that all of them have."""
    found = list(parts)
    shared = set.intersection(*(set(part) for part in found)) if found else set()
    return {seed: mean(part[seed] for part in found) for seed in sorted(shared)}


def estimate(values: BySeed) -> Estimate:
    """Mean over seeds with its interval; there must be one seed at least."""
    middle, error, count = mean(values.values()), standard_error(values), len(values)
    if error is None:
        return Estimate(middle, None, None, count)
    half = float(student.ppf(0.975, count - 1)) * error
    return Estimate(middle, middle - half, middle + half, count)


def standard_error(values: BySeed) -> float | None:
    """Of the mean over seeds: sample standard deviation over the root of their number; None for fewer than two."""
    return stdev(values.values()) / len(values) ** 0.5 if len(values) > 1 else None


def gap(score: float | None, base: float | None) -> float | None:
    """`score` minus `base`, of two means; None where one is not known."""
    return None if score is None or base is None else score - base
