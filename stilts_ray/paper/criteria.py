"""Checks of claims against numbers: comparisons between the rows of one encoder. Pure.

All checks compare trials paired by seed (`stilts_ray.report.paired`). A difference counts if its whole 95% interval is above
the bound; with one seed there is no interval, and the difference alone decides. A check's docstring is its rule, which reports
print.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from stilts_ray import tasks
from stilts_ray.config import Mixture
from stilts_ray.report.best import Intermediate, choose
from stilts_ray.report.cells import Cell
from stilts_ray.report.paired import BySeed, Estimate, average, difference, estimate
from stilts_ray.report.table import intermediate_name

BASELINE: Intermediate = ()

LARGE = 10.0
"""Points from which a gain is called large. The bound is ours; the source gives none."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check: the estimate, whether the claim holds, and a note."""

    estimate: Estimate
    holds: bool
    note: str = ""


class Unmeasured(Exception):
    """Raised with the reason if a claim cannot be checked on these rows. There is no verdict then."""


# Rows


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one encoder, by the parts of their names. cells: by target, None until its evaluation is done."""

    mixtures: Mapping[Intermediate, Mixture]
    cells: Mapping[Intermediate, Mapping[str, Cell | None]]

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(next(iter(self.cells.values())))

    @property
    def seeds(self) -> int:
        """Number of trials of a cell."""
        return max((len(cell.trials) for row in self.cells.values() for cell in row.values() if cell), default=0)

    def single(self, task: str) -> Intermediate:
        """The row with this one intermediate task, plain."""
        return self.like(Mixture(tasks=(task,)))

    def singles(self) -> list[Intermediate]:
        """Rows with one intermediate task, plain."""
        found = [row for row, mixture in self.mixtures.items() if len(mixture.tasks) == 1 and _plain(mixture)]
        if not found:
            raise Unmeasured("no row with one intermediate task")
        return found

    def mixture(self) -> Intermediate:
        """The row with the most tasks, plain."""
        found = [row for row, mixture in self.mixtures.items() if len(mixture.tasks) > 1 and _plain(mixture)]
        if not found:
            raise Unmeasured("no row with several intermediate tasks")
        return max(found, key=lambda row: len(self.mixtures[row].tasks))

    def like(self, mixture: Mixture) -> Intermediate:
        """The row of that mixture, under any name."""
        found = [row for row, own in self.mixtures.items() if _unnamed(own) == _unnamed(mixture)]
        if not found:
            raise Unmeasured(f"no row {intermediate_name(_unnamed(mixture).parts)}")
        return found[0]

    def difference(self, one: Intermediate, other: Intermediate, targets: Sequence[str] | None = None) -> BySeed:
        """`one` minus `other`, as the mean over `targets` (None: all)."""
        pairs = [(self._cell(one, target), self._cell(other, target)) for target in targets or self.targets]
        return _shared(difference(mine.trials, theirs.trials) for mine, theirs in pairs)

    def gain(self, row: Intermediate, targets: Sequence[str] | None = None) -> BySeed:
        """Difference from the baseline."""
        return self.difference(row, BASELINE, targets)

    def _cell(self, row: Intermediate, target: str) -> Cell:
        if row not in self.cells:
            raise Unmeasured(f"no row {intermediate_name(row)}")
        if target not in self.cells[row]:
            raise Unmeasured(f"no target {target}")
        cell = self.cells[row][target]
        if cell is None:
            raise Unmeasured(f"{intermediate_name(row)} on {target} is not done")
        return cell


def _unnamed(mixture: Mixture) -> Mixture:
    return mixture.replace(name=None)


def _plain(mixture: Mixture) -> bool:
    """Whether it has only tasks in the source language, with any sampling weights."""
    return _unnamed(mixture) == Mixture(tasks=mixture.tasks, cap=mixture.cap, temperature=mixture.temperature)


def _translated(mixture: Mixture) -> bool:
    return bool(mixture.languages) and all(tasks.get(name).machine_translated for name in mixture.tasks)


def _shared(parts: Iterable[BySeed]) -> BySeed:
    found = average(parts)
    if not found:
        raise Unmeasured("no seed without collapsed trials")
    return found


# Checks


def improves(rows: Rows, task: str) -> Finding:
    """The row with this one intermediate task is above the baseline on the mean over the sweep's targets: the interval of the
    difference is above 0."""
    return _above(rows.gain(rows.single(task)), _targets(rows))


def mixture_improves(rows: Rows, _: str) -> Finding:
    """The row with the most intermediate tasks (two at least) is above the baseline on the mean over the sweep's targets: the
    interval of the difference is above 0."""
    row = rows.mixture()
    return _above(rows.gain(row), f"{intermediate_name(row)}; {_targets(rows)}")


def mixture_is_best(rows: Rows, _: str) -> Finding:
    """The row with the most intermediate tasks (two at least) is above the best row with a single one, on the mean over the
    sweep's targets: the interval of the difference is above 0. Which single row is best is seen on the same scores."""
    row, gains = rows.mixture(), {single: rows.gain(single) for single in rows.singles()}
    best = max(gains, key=lambda single: mean(gains[single].values()))
    return _above(rows.difference(row, best), f"{intermediate_name(row)} against {intermediate_name(best)}")


def best_per_target_improves(rows: Rows, _: str) -> Finding:
    """The best row of each target is above the baseline, on the mean over the sweep's targets: the interval of the difference
    is above 0. The best is chosen as in the result table: by the dev score in the source language, and for a
    target that has none, for each seed, by the test scores of the other seeds; with one seed such a target is not measured."""
    trained = [row for row in rows.cells if row != BASELINE]
    if not trained:
        raise Unmeasured("no row with an intermediate task")
    parts, chosen = [], []
    for target in rows.targets:
        choice = choose({row: rows.cells[row][target] for row in trained})
        if not choice.of:
            raise Unmeasured(f"no choice on {target}: {choice.reason}")
        gains = {row: rows.gain(row, [target]) for row in set(choice.of.values())}
        parts.append({seed: gains[row][seed] for seed, row in choice.of.items() if seed in gains[row]})
        chosen.append(f"{target}: {' or '.join(choice.names)}")
    return _above(_shared(parts), "; ".join(chosen))


def gains_are_large(rows: Rows, target: str) -> Finding:
    """The rows with a single intermediate task are, on average, more than 10 points above the baseline on this target: the
    interval of the mean gain is above 10. The bound is ours; the source says "large"."""
    found = estimate(_mean_gain(rows, target))
    return Finding(found, found.above(LARGE), _counted(rows, target))


def many_gain(rows: Rows, target: str) -> Finding:
    """More than half of the rows with a single intermediate task are above the baseline on this target, each by an interval
    above 0. "Many" as more than half is ours. The figure is the mean gain of all of them."""
    holds = 2 * len(_gaining(rows, target)) > len(rows.singles())
    return Finding(estimate(_mean_gain(rows, target)), holds, _counted(rows, target))


def does_not_gain(rows: Rows, target: str) -> Finding:
    """The rows with a single intermediate task are, on average, not above the baseline on this target: the interval of the mean
    gain is not above 0. With few seeds that is likely; the upper end of the interval is the largest gain still possible."""
    found = estimate(_mean_gain(rows, target))
    return Finding(found, not found.above(0), _counted(rows, target))


def beats_mlm(rows: Rows, _: str) -> Finding:
    """Rows with raw text beside their intermediate tasks (continued MLM) are, on average over such pairs, below the same rows
    without it, on the mean over the sweep's targets: the interval of the difference is above 0."""
    pairs = {row: mixture.replace(masked=None) for row, mixture in rows.mixtures.items() if mixture.masked}
    return _beaten(rows, pairs, "with raw text")


def beats_translation(rows: Rows, _: str) -> Finding:
    """Rows with machine-translated intermediate data are, on average over such pairs, below the same rows in English, on the
    mean over the sweep's targets: the interval of the difference is above 0."""
    translated = {row: mixture for row, mixture in rows.mixtures.items() if _translated(mixture)}
    pairs = {row: mixture.replace(languages=()) for row, mixture in translated.items()}
    return _beaten(rows, pairs, "with translated data")


def _beaten(rows: Rows, english: Mapping[Intermediate, Mixture], what: str) -> Finding:
    """english: row -> the mixture that is expected to be above it."""
    if not english:
        raise Unmeasured(f"no row {what}")
    pairs = {row: rows.like(mixture) for row, mixture in english.items()}
    names = [f"{intermediate_name(plain)} against {intermediate_name(row)}" for row, plain in pairs.items()]
    return _above(_shared(rows.difference(plain, row) for row, plain in pairs.items()), ", ".join(names))


def _above(values: BySeed, note: str) -> Finding:
    found = estimate(values)
    return Finding(found, found.above(0), note)


def _mean_gain(rows: Rows, target: str) -> BySeed:
    return _shared(rows.gain(row, [target]) for row in rows.singles())


def _gaining(rows: Rows, target: str) -> list[Intermediate]:
    return [row for row in rows.singles() if estimate(rows.gain(row, [target])).above(0)]


def _targets(rows: Rows) -> str:
    return f"over {', '.join(rows.targets)}"


def _counted(rows: Rows, target: str) -> str:
    return f"{len(_gaining(rows, target))} of {len(rows.singles())} intermediate tasks gain"
