"""The row "best per target": for each target the score of its best intermediate. Pure.

The best of ten scores is too high by what chance made of it, so none is chosen by the score that is shown (`choose`). The
baseline is not among the candidates: in what is published of X-STILTs, too, the best intermediate may be below it (PAN-X).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import mean
from typing import Any

from stilts_ray.evaluation.averages import average, cell
from stilts_ray.report.paired import gap, sound

Cell = Mapping[str, Any]
Intermediate = tuple[str, ...]

NAME = "best per target"
MARK = "†"
"""Of a score whose intermediate was chosen by test scores of other seeds."""
RULE = (
    "for each target the score of its best intermediate, which is the one with the highest dev score in the source language"
    " after training on the target (mean over seeds, the first of equals): by the same data learning rates are chosen. A"
    " target without training has no dev score. There each seed takes the intermediate with the highest test score over the"
    f" other seeds ({MARK}): no run is chosen by its own score, and the result is that of a choice made with one seed"
    " fewer; but the texts are the same, so what happens to suit these is still in it. With one seed such a target has no"
    " choice, and no score. Collapsed runs do not count. The baseline is no candidate, so a difference may be negative."
)


class By(StrEnum):
    """What intermediates were chosen by."""

    DEV = "dev score"
    OTHERS = "other seeds"


@dataclass(frozen=True, slots=True)
class Choice:
    """The intermediate of each seed, and by what it was chosen; none, and why, where there is no choice to be made."""

    by: By | None
    of: Mapping[int, Intermediate]
    reason: str = ""

    @property
    def names(self) -> list[str]:
        """What was chosen, each once."""
        return list(dict.fromkeys("+".join(name) for name in self.of.values()))


def choose(cells: Mapping[Intermediate, Cell | None]) -> Choice:
    """The best of the cells of one target, by `RULE`. There is no choice before all of them are done."""
    undone = ["+".join(name) for name, found in cells.items() if found is None]
    if undone or not cells:
        return _none(f"{undone[0]} is not done" if undone else "no intermediate")
    done = {name: found for name, found in cells.items() if found is not None}
    scores = {name: sound(found) for name, found in done.items()}
    if not any(scores.values()):
        return _none("every run collapsed")
    seeds = sorted({run["seed"] for found in done.values() for run in found["seeds"]})
    if dev := _dev(done):
        return Choice(By.DEV, dict.fromkeys(seeds, _first(dev)))
    if len(seeds) < 2:
        return _none("no dev score, one seed")
    others = {
        seed: _means({n: [v for s, v in own.items() if s != seed] for n, own in scores.items()}) for seed in seeds
    }
    return Choice(By.OTHERS, {seed: _first(means) for seed, means in others.items() if means})


def best_rows(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The row of each encoder that has two intermediates at least, from the rows of the result table.

    {"encoder", "average", "delta", "cells": {target: {"score", "sd", "delta", "collapsed", "chosen": [intermediate's name],
    "by", "reason", "seeds": [{"intermediate", and what a run of the table has}]}}}; deltas are from the baseline row.
    """
    found = []
    for encoder in dict.fromkeys(row["encoder"] for row in rows):
        own = {tuple(row["intermediate"]): row for row in rows if row["encoder"] == encoder}
        baseline = own.pop((), None)
        if len(own) > 1:
            found.append(_row(encoder, own, baseline))
    return found


def notes(row: Mapping[str, Any]) -> list[str]:
    """What was chosen in a row of `best_rows`, a line for each way of choosing, and why nothing was."""
    told = {
        By.DEV: "by dev score in the source language",
        By.OTHERS: f"by test scores of the other seeds ({MARK})",
        None: "no choice",
    }
    lines = []
    for by, how in told.items():
        reasons: dict[str, list[str]] = {}
        for target, found in row["cells"].items():
            if found["by"] == by:
                reasons.setdefault(" or ".join(found["chosen"]) or found["reason"], []).append(target)
        if reasons:
            lines.append(f"{how}: " + "; ".join(f"{', '.join(targets)} ({name})" for name, targets in reasons.items()))
    return lines


def _none(reason: str) -> Choice:
    return Choice(None, {}, reason)


def _dev(cells: Mapping[Intermediate, Cell]) -> dict[Intermediate, float]:
    """Mean dev score of the sound runs; without those that have none."""
    return _means(
        {
            name: [run["dev"] for run in found["seeds"] if run["seed"] in sound(found) and run["dev"] is not None]
            for name, found in cells.items()
        }
    )


def _means(values: Mapping[Intermediate, Sequence[float]]) -> dict[Intermediate, float]:
    return {name: mean(own) for name, own in values.items() if own}


def _first(means: Mapping[Intermediate, float]) -> Intermediate:
    """The highest, the first of equals."""
    return max(means, key=means.__getitem__)


def _row(
    encoder: str, own: Mapping[Intermediate, Mapping[str, Any]], baseline: Mapping[str, Any] | None
) -> dict[str, Any]:
    targets = list(next(iter(own.values()))["cells"])
    bases = baseline["cells"] if baseline is not None else {}
    cells = {
        target: _cell({name: row["cells"][target] for name, row in own.items()}, bases.get(target))
        for target in targets
    }
    overall = average({target: found["score"] for target, found in cells.items()})
    delta = gap(overall, baseline["average"] if baseline is not None else None)
    return {"encoder": encoder, "average": overall, "delta": delta, "cells": cells}


def _cell(cells: Mapping[Intermediate, Cell | None], base: Cell | None) -> dict[str, Any]:
    choice = choose(cells)
    runs = [
        {"intermediate": list(name), **run}
        for seed, name in choice.of.items()
        for run in (cells[name] or {"seeds": []})["seeds"]
        if run["seed"] == seed
    ]
    whole = cell([{**run, "languages": {}} for run in runs])
    return {
        **{name: whole[name] for name in ("score", "sd", "collapsed")},
        "delta": gap(whole["score"], base["score"] if base is not None else None),
        "chosen": choice.names,
        "by": choice.by,
        "reason": choice.reason,
        "seeds": runs,
    }
