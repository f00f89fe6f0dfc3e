"""Claims of arXiv 2005.13013, tested on a result table. Pure.

Texts and figures are those of this project's issue, which quotes the paper; the 5.4 is also in its abstract (second version,
AACL 2020), whose words on the two alternatives are weaker: they do not *consistently* beat English training. The figures are of
XLM-R Large, nine intermediate tasks and XTREME; ours are of the sweep, with any encoder and targets. So only the direction of a
claim is checked (`stilts_ray.paper.criteria`), and the figures are shown side by side.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from inspect import cleandoc
from typing import Any

from stilts_ray.paper import criteria as checks
from stilts_ray.paper.criteria import Finding, Rows, Unmeasured
from stilts_ray.report.cells import TableRow
from stilts_ray.report.paired import Estimate
from stilts_ray.report.table import ResultTable

UNTRAINED = ("bucc2018", "tatoeba")
"""Targets without training data."""


class Outcome(StrEnum):
    """The result of checking a claim."""

    HOLDS = "holds"
    FAILS = "does not hold"
    OPEN = "not measured"


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement, its source, its figure if there is one, and its check, which takes an encoder's rows and the subject."""

    name: str
    text: str
    source: str
    figure: float | None
    check: Callable[[Rows, str], Finding]
    subject: str = ""

    @property
    def rule(self) -> str:
        """How the claim is checked: the docstring of its check."""
        return " ".join(cleandoc(self.check.__doc__ or "").split())


@dataclass(frozen=True, slots=True)
class Verdict:
    """A claim checked on the rows of an encoder."""

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


# The claims

SOURCE = "arXiv 2005.13013, as this project's issue quotes it"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        "squad",
        "SQuAD as the intermediate task improves the average over targets.",
        SOURCE,
        8.2,
        checks.improves,
        "squad",
    ),
    Claim(
        "mnli",
        "MNLI as the intermediate task improves the average over targets.",
        SOURCE,
        7.5,
        checks.improves,
        "mnli",
    ),
    Claim(
        "hellaswag",
        "HellaSwag as the intermediate task improves the average over targets.",
        SOURCE,
        7.0,
        checks.improves,
        "hellaswag",
    ),
    Claim(
        "multi-task",
        "A mixture of intermediate tasks (the paper's: all nine) improves it as well.",
        SOURCE,
        8.7,
        checks.mixture_improves,
    ),
    Claim("multi-task best", "That mixture is the best choice of all.", SOURCE, None, checks.mixture_is_best),
    Claim(
        "best per target",
        "The best model of each target is above the encoder without intermediate training on XTREME.",
        f"{SOURCE}; abstract of its second version",
        5.4,
        checks.best_per_target_improves,
    ),
    *(
        Claim(
            f"{target} large",
            f"Gains on {target}, which has no training data, are large.",
            SOURCE,
            None,
            checks.gains_are_large,
            target,
        )
        for target in UNTRAINED
    ),
    Claim("tydiqa gains", "TyDiQA gains with many intermediate tasks.", SOURCE, None, checks.many_gain, "tydiqa"),
    Claim("xnli does not", "XNLI does not gain.", SOURCE, None, checks.does_not_gain, "xnli"),
    Claim(
        "English, MLM",
        "English intermediate training beats continuing the masked LM beside it.",
        SOURCE,
        None,
        checks.beats_mlm,
    ),
    Claim(
        "English, translation",
        "English intermediate training beats machine-translated intermediate data.",
        SOURCE,
        None,
        checks.beats_translation,
    ),
)


def judge(document: ResultTable, claims: Sequence[Claim] = CLAIMS) -> list[Verdict]:
    """Checks every claim on the rows of every encoder."""
    return [_verdict(claim, name, _rows(own)) for name, own in document.encoders.items() for claim in claims]


def _rows(rows: Sequence[TableRow]) -> Rows:
    return Rows({row.intermediate: row.mixture for row in rows}, {row.intermediate: row.cells for row in rows})


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
