"""What arXiv 2005.13013 is said to have found, as claims that a result table is held against. Pure.

Texts and figures are those of this project's issue, which quotes the paper; the 5.4 also stands in its abstract (second
version, AACL 2020), whose words on the two alternatives are weaker: they do not *consistently* beat English training.
The figures are of XLM-R Large, nine intermediate tasks and XTREME; ours are of the sweep at hand, whatever its encoder and
targets. So a claim is checked for its direction, and the figures are shown beside one another.

All checks compare runs seed by seed (`stilts_ray.report.paired`). A difference is there if its whole 95% interval is above
the bound; with one seed there is no interval, the difference alone decides, and the verdict says so.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from inspect import cleandoc
from statistics import mean
from typing import Any

from stilts_ray.report.paired import BySeed, Estimate, average, difference, estimate
from stilts_ray.report.table import Document, intermediate_name

Intermediate = tuple[str, ...]
BASELINE: Intermediate = ()

LARGE = 10.0
"""Points from which a gain is called large. The bound is ours; the source gives none."""
UNTRAINED = ("bucc2018", "tatoeba")
"""Targets without training data."""
MLM = re.compile(r"mlm[\d.]+@")
"""How the part of a row begins that says which share of its batches is raw text (`Mixture.parts`)."""
TRANSLATED = re.compile(r"_translated(@.*)?$")
"""How a machine-translated intermediate task ends, with its languages."""
BAND = re.compile(r"%\]$")
"""How a task ends of which only a band of the rows is trained on."""


class Outcome(StrEnum):
    """What a check says of a claim."""

    HOLDS = "holds"
    FAILS = "does not hold"
    OPEN = "not measured"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: the estimate, what it says of the claim, and what one must know beside it."""

    estimate: Estimate
    holds: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement, where it is from, its figure if it has one, and how it is checked: on one encoder's rows, for a subject."""

    name: str
    text: str
    source: str
    figure: float | None
    check: Callable[["Rows", str], Finding]
    subject: str = ""

    @property
    def rule(self) -> str:
        """How the claim is made a question of numbers: the docstring of its check."""
        return " ".join(cleandoc(self.check.__doc__ or "").split())


@dataclass(frozen=True, slots=True)
class Verdict:
    """A claim held against the rows of an encoder."""

    claim: Claim
    encoder: str
    outcome: Outcome
    estimate: Estimate | None
    note: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        claim, found = self.claim, self.estimate
        return {
            "claim": claim.name,
            "text": claim.text,
            "source": claim.source,
            "rule": claim.rule,
            "published": claim.figure,
            "encoder": self.encoder,
            "outcome": str(self.outcome),
            "ours": found.value if found else None,
            "interval": [found.low, found.high] if found and found.low is not None else None,
            "seeds": found.seeds if found else 0,
            "note": self.note,
        }


class Unmeasured(Exception):
    """A claim cannot be checked on these rows, and why. It does not leave this module."""


# Rows


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one encoder: intermediate tasks, sorted -> target -> cell, None where it is not done."""

    cells: Mapping[Intermediate, Mapping[str, Mapping[str, Any] | None]]

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(next(iter(self.cells.values())))

    @property
    def seeds(self) -> int:
        """Runs of a cell."""
        return max((len(cell["seeds"]) for row in self.cells.values() for cell in row.values() if cell), default=0)

    def singles(self) -> list[Intermediate]:
        """Rows with one intermediate task, plain: neither raw text nor a translation, nor a part of its rows."""
        found: list[Intermediate] = [row for row in self.cells if len(row) == 1 and _plain(row)]
        if not found:
            raise Unmeasured("no row with one intermediate task")
        return found

    def mixture(self) -> Intermediate:
        """The row with the most tasks, plain."""
        found = [row for row in self.cells if len(row) > 1 and _plain(row)]
        if not found:
            raise Unmeasured("no row with several intermediate tasks")
        return max(found, key=len)

    def difference(self, one: Intermediate, other: Intermediate, targets: Sequence[str] | None = None) -> BySeed:
        """`one` minus `other`, as the mean over `targets` (None: all)."""
        pairs = [(self._cell(one, target), self._cell(other, target)) for target in targets or self.targets]
        return _shared(difference(*pair) for pair in pairs)

    def gain(self, row: Intermediate, targets: Sequence[str] | None = None) -> BySeed:
        """Difference from the baseline."""
        return self.difference(row, BASELINE, targets)

    def _cell(self, row: Intermediate, target: str) -> Mapping[str, Any]:
        if row not in self.cells:
            raise Unmeasured(f"no row {intermediate_name(row)}")
        if target not in self.cells[row]:
            raise Unmeasured(f"no target {target}")
        cell = self.cells[row][target]
        if cell is None:
            raise Unmeasured(f"{intermediate_name(row)} on {target} is not done")
        return cell


def _plain(row: Intermediate) -> bool:
    return not any(MLM.match(name) or TRANSLATED.search(name) or BAND.search(name) for name in row)


def _shared(parts: Iterable[BySeed]) -> BySeed:
    found = average(parts)
    if not found:
        raise Unmeasured("no seed with sound runs of all that is compared")
    return found


# Checks


def improves(rows: Rows, task: str) -> Finding:
    """The row with this one intermediate task is above the baseline on the mean over the sweep's targets: the interval of the
    difference is above 0."""
    return _above(rows.gain((task,)), _targets(rows))


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
    is above 0. For each seed the best row is chosen by the other seeds, so that no score is both chosen and counted; with one
    seed it is, and the difference is too high."""
    trained = [row for row in rows.cells if row != BASELINE]
    if not trained:
        raise Unmeasured("no row with an intermediate task")
    parts, chosen = [], []
    for target in rows.targets:
        gains = {row: rows.gain(row, [target]) for row in trained}
        best = {seed: max(gains, key=lambda row: _others(gains[row], seed)) for seed in _shared(gains.values())}
        parts.append({seed: gains[row][seed] for seed, row in best.items()})
        chosen.append(f"{target}: {' or '.join(dict.fromkeys(map(intermediate_name, best.values())))}")
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
    gain is not above 0. With few seeds that is easily so; the upper end says what gain is still possible."""
    found = estimate(_mean_gain(rows, target))
    return Finding(found, not found.above(0), _counted(rows, target))


def beats_mlm(rows: Rows, _: str) -> Finding:
    """Rows with raw text beside their intermediate tasks (continued MLM) are, on average over such pairs, below the same rows
    without it, on the mean over the sweep's targets: the interval of the difference is above 0."""
    return _beaten(rows, lambda row: tuple(name for name in row if not MLM.match(name)), "with raw text")


def beats_translation(rows: Rows, _: str) -> Finding:
    """Rows with machine-translated intermediate data are, on average over such pairs, below the same rows in English, on the
    mean over the sweep's targets: the interval of the difference is above 0."""
    return _beaten(rows, lambda row: tuple(sorted(TRANSLATED.sub("", name) for name in row)), "with translated data")


def _beaten(rows: Rows, english: Callable[[Intermediate], Intermediate], what: str) -> Finding:
    pairs = {row: english(row) for row in rows.cells if english(row) not in (row, BASELINE)}
    if not pairs:
        raise Unmeasured(f"no row {what}")
    names = [f"{intermediate_name(plain)} against {intermediate_name(row)}" for row, plain in pairs.items()]
    return _above(_shared(rows.difference(plain, row) for row, plain in pairs.items()), ", ".join(names))


def _above(values: BySeed, note: str) -> Finding:
    found = estimate(values)
    return Finding(found, found.above(0), note)


def _mean_gain(rows: Rows, target: str) -> BySeed:
    return _shared(rows.gain(row, [target]) for row in rows.singles())


def _gaining(rows: Rows, target: str) -> list[Intermediate]:
    return [row for row in rows.singles() if estimate(rows.gain(row, [target])).above(0)]


def _others(values: BySeed, seed: int) -> float:
    return mean([value for other, value in values.items() if other != seed] or [values[seed]])


def _targets(rows: Rows) -> str:
    return f"over {', '.join(rows.targets)}"


def _counted(rows: Rows, target: str) -> str:
    return f"{len(_gaining(rows, target))} of {len(rows.singles())} intermediate tasks gain"


# The claims

SOURCE = "arXiv 2005.13013, as this project's issue quotes it"

CLAIMS: tuple[Claim, ...] = (
    Claim("squad", "SQuAD as the intermediate task improves the average over targets.", SOURCE, 8.2, improves, "squad"),
    Claim("mnli", "MNLI as the intermediate task improves the average over targets.", SOURCE, 7.5, improves, "mnli"),
    Claim(
        "hellaswag",
        "HellaSwag as the intermediate task improves the average over targets.",
        SOURCE,
        7.0,
        improves,
        "hellaswag",
    ),
    Claim(
        "multi-task",
        "A mixture of intermediate tasks (the paper's: all nine) improves it as well.",
        SOURCE,
        8.7,
        mixture_improves,
    ),
    Claim("multi-task best", "That mixture is the best choice of all.", SOURCE, None, mixture_is_best),
    Claim(
        "best per target",
        "The best model of each target is above the encoder without intermediate training on XTREME.",
        f"{SOURCE}; abstract of its second version",
        5.4,
        best_per_target_improves,
    ),
    *(
        Claim(
            f"{target} large",
            f"Gains on {target}, which has no training data, are large.",
            SOURCE,
            None,
            gains_are_large,
            target,
        )
        for target in UNTRAINED
    ),
    Claim("tydiqa gains", "TyDiQA gains with many intermediate tasks.", SOURCE, None, many_gain, "tydiqa"),
    Claim("xnli does not", "XNLI does not gain.", SOURCE, None, does_not_gain, "xnli"),
    Claim(
        "English, MLM",
        "English intermediate training beats continuing the masked LM beside it.",
        SOURCE,
        None,
        beats_mlm,
    ),
    Claim(
        "English, translation",
        "English intermediate training beats machine-translated intermediate data.",
        SOURCE,
        None,
        beats_translation,
    ),
)


def judge(document: Document, claims: Sequence[Claim] = CLAIMS) -> list[Verdict]:
    """Every claim on the rows of every encoder (`stilts_ray.report.table.results` makes the document)."""
    encoders: dict[str, dict[Intermediate, Mapping[str, Any]]] = {}
    for row in document["rows"]:
        encoders.setdefault(row["encoder"], {})[tuple(sorted(row["intermediate"]))] = row["cells"]
    return [_verdict(claim, name, Rows(cells)) for name, cells in encoders.items() for claim in claims]


def _verdict(claim: Claim, encoder: str, rows: Rows) -> Verdict:
    try:
        found = claim.check(rows, claim.subject)
    except Unmeasured as reason:
        return Verdict(claim, encoder, Outcome.OPEN, None, str(reason))
    counted = found.estimate.seeds
    notes = [f"{rows.seeds - counted} of {rows.seeds} seeds left out: collapsed" if counted < rows.seeds else ""]
    notes += ["one seed: no interval" if found.estimate.low is None else "", found.note]
    outcome = Outcome.HOLDS if found.holds else Outcome.FAILS
    return Verdict(claim, encoder, outcome, found.estimate, "; ".join(filter(None, notes)))
