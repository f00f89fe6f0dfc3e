"""The row "best per target": for each target the score of its best intermediate. Pure.

The maximum of ten scores is biased upwards, so no intermediate is chosen by the score that is shown (`choose`). The baseline is
not among the candidates: in the published X-STILTs results, too, the best intermediate may be below it (PAN-X).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import mean

from stilts_ray.evaluation.averages import average, over_seeds
from stilts_ray.report.cells import Cell, CellTrial, Row, Score, TableRow
from stilts_ray.report.paired import gap, valid_scores
from stilts_ray.store.records import ScoredTrial

Intermediate = tuple[str, ...]

NAME = "best per target"
MARK = "†"
"""Of a score whose intermediate was chosen by test scores of other seeds."""
RULE = (
    "for each target the score of its best intermediate, which is the one with the highest dev score in the source language"
    " after training on the target (mean over seeds, the first of equals): learning rates are selected on the same data. A"
    " target without training has no dev score. There each seed takes the intermediate with the highest test score over the"
    f" other seeds ({MARK}): no trial is chosen by its own score, and the choice is made with one seed fewer; but it is made"
    " on the same test texts, so the score may still be too high. With one seed such a target has no choice, and no score."
    " Collapsed trials do not count. The baseline is no candidate, so a difference may be negative."
)


class By(StrEnum):
    """What intermediates were chosen by."""

    DEV = "dev score"
    OTHERS = "other seeds"


@dataclass(frozen=True, slots=True)
class Choice:
    """The intermediate of each seed, and what it was chosen by; without a choice: none, and the reason."""

    by: By | None
    of: Mapping[int, Intermediate]
    reason: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The chosen intermediates, each once."""
        return tuple(dict.fromkeys("+".join(name) for name in self.of.values()))


class BestTrial(CellTrial):
    """A trial of the intermediate that was chosen for its seed."""

    intermediate: Intermediate


class BestCell(Score):
    """The best of a target. chosen: names of intermediates. by: what they were chosen by; without a choice None, and the
    reason."""

    trials: tuple[BestTrial, ...]
    chosen: tuple[str, ...]
    by: By | None
    reason: str

    @property
    def chosen_on_test(self) -> bool:
        return self.by is By.OTHERS


class BestRow(Row):
    """The best per target of an encoder."""

    cells: dict[str, BestCell]


def choose(cells: Mapping[Intermediate, Cell | None]) -> Choice:
    """The best of the cells of one target, by `RULE`. There is no choice before all of them are done."""
    undone = ["+".join(name) for name, found in cells.items() if found is None]
    if undone or not cells:
        return _none(f"{undone[0]} is not done" if undone else "no intermediate")
    done = {name: found.trials for name, found in cells.items() if found is not None}
    scores = {name: valid_scores(trials) for name, trials in done.items()}
    if not any(scores.values()):
        return _none("every trial collapsed")
    seeds = sorted({trial.seed for trials in done.values() for trial in trials})
    if dev := _dev(done):
        return Choice(By.DEV, dict.fromkeys(seeds, _first(dev)))
    if len(seeds) < 2:
        return _none("no dev score, one seed")
    others = {
        seed: _means({n: [v for s, v in own.items() if s != seed] for n, own in scores.items()}) for seed in seeds
    }
    return Choice(By.OTHERS, {seed: _first(means) for seed, means in others.items() if means})


def best_rows(rows: Sequence[TableRow]) -> list[BestRow]:
    """A row for each encoder with at least two intermediates, from the rows of the result table."""
    found = []
    for encoder in dict.fromkeys(row.encoder for row in rows):
        own = {row.intermediate: row for row in rows if row.encoder == encoder}
        baseline = own.pop((), None)
        if len(own) > 1:
            found.append(_row(encoder, own, baseline))
    return found


def notes(row: BestRow) -> list[str]:
    """What was chosen in a row, a line for each way of choosing, and why nothing was."""
    ways = {
        By.DEV: "by dev score in the source language",
        By.OTHERS: f"by test scores of the other seeds ({MARK})",
        None: "no choice",
    }
    lines = []
    for by, how in ways.items():
        reasons: dict[str, list[str]] = {}
        for target, found in row.cells.items():
            if found.by == by:
                reasons.setdefault(" or ".join(found.chosen) or found.reason, []).append(target)
        if reasons:
            lines.append(f"{how}: " + "; ".join(f"{', '.join(targets)} ({name})" for name, targets in reasons.items()))
    return lines


def _none(reason: str) -> Choice:
    return Choice(None, {}, reason)


def _dev(cells: Mapping[Intermediate, Sequence[CellTrial]]) -> dict[Intermediate, float]:
    """Mean dev score of the trials that neither collapsed nor diverged, for the intermediates that have any."""
    return _means(
        {
            name: [trial.dev for trial in trials if trial.seed in valid_scores(trials) and trial.dev is not None]
            for name, trials in cells.items()
        }
    )


def _means(values: Mapping[Intermediate, Sequence[float]]) -> dict[Intermediate, float]:
    return {name: mean(own) for name, own in values.items() if own}


def _first(means: Mapping[Intermediate, float]) -> Intermediate:
    """The highest, the first of equals."""
    return max(means, key=means.__getitem__)


def _row(encoder: str, own: Mapping[Intermediate, TableRow], baseline: TableRow | None) -> BestRow:
    targets = next(iter(own.values())).cells
    bases = baseline.cells if baseline is not None else {}
    cells = {
        target: _cell({name: row.cells[target] for name, row in own.items()}, bases.get(target)) for target in targets
    }
    overall = average({target: found.score for target, found in cells.items()})
    delta = gap(overall, baseline.average if baseline is not None else None)
    return BestRow(encoder=encoder, average=overall, delta=delta, cells=cells)


def _cell(cells: Mapping[Intermediate, Cell | None], base: Cell | None) -> BestCell:
    choice = choose(cells)
    trials = tuple(
        BestTrial(**dict(trial), intermediate=name)
        for seed, name in choice.of.items()
        if (cell := cells[name]) is not None
        for trial in cell.trials
        if trial.seed == seed
    )
    means = over_seeds([ScoredTrial(**trial.model_dump(exclude={"dev", "intermediate"})) for trial in trials])
    return BestCell(
        score=means.score,
        sd=means.sd,
        delta=gap(means.score, base.score if base is not None else None),
        collapsed=means.collapsed,
        trials=trials,
        chosen=choice.names,
        by=choice.by,
        reason=choice.reason,
    )
