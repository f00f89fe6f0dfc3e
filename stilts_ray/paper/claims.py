"""What arXiv 2005.13013 is said to have found, as claims that a result table is held against. Pure.

Texts and figures are those of this project's issue, which quotes the paper; the 5.4 also stands in its abstract (second
version, AACL 2020), whose words on the two alternatives are weaker: they do not *consistently* beat English training.
The figures are of XLM-R Large, nine intermediate tasks and XTREME; ours are of the sweep at hand, whatever its encoder and
targets. So a claim is checked for its direction (`stilts_ray.paper.criteria`), and the figures are shown beside one another.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from inspect import cleandoc
from typing import Any

from stilts_ray.config import Mixture
from stilts_ray.paper import criteria as checks
from stilts_ray.paper.criteria import Finding, Rows, Unmeasured
from stilts_ray.report.paired import Estimate
from stilts_ray.report.table import Document

UNTRAINED = ("bucc2018", "tatoeba")
"""Targets without training data."""


class Outcome(StrEnum):
    """What a check says of a claim."""

    HOLDS = "holds"
    FAILS = "does not hold"
    OPEN = "not measured"


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement, where it is from, its figure if it has one, and how it is checked: on one encoder's rows, for a subject."""

    name: str
    text: str
    source: str
    figure: float | None
    check: Callable[[Rows, str], Finding]
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


def judge(document: Document, claims: Sequence[Claim] = CLAIMS) -> list[Verdict]:
    """Every claim on the rows of every encoder (`stilts_ray.report.table.results` makes the document)."""
    encoders: dict[str, list[Mapping[str, Any]]] = {}
    for row in document["rows"]:
        encoders.setdefault(row["encoder"], []).append(row)
    return [_verdict(claim, name, _rows(own)) for name, own in encoders.items() for claim in claims]


def _rows(rows: Iterable[Mapping[str, Any]]) -> Rows:
    named = {tuple(row["intermediate"]): row for row in rows}
    mixtures = {name: Mixture.model_validate(row["mixture"]) for name, row in named.items()}
    return Rows(mixtures, {name: row["cells"] for name, row in named.items()})


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
