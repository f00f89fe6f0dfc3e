"""What is shown of published figures and claims, on a terminal and as Markdown."""

import io

import pytest
from rich.console import Console

from stilts_ray.paper import findings
from stilts_ray.paper.claims import CLAIMS, judge
from stilts_ray.paper.published_figures import compare
from tests.paper.test_claims import PAPER
from tests.paper.test_published_figures import whole
from tests.report.documents import cell, document

MADE = document(
    {
        "": {
            "xnli": whole("xnli", accuracy=79.0),
            "udpos": cell([50.0], languages={"en": {"f1": 96.0, "accuracy": 97.0}}),
        },
        "mnli": {"xnli": whole("xnli", accuracy=80.0), "udpos": None},
    }
)


def printed(width: int = 120) -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    return Console(width=width, file=file), file


def lines(text: str) -> list[list[str]]:
    return [[part.strip() for part in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]


def test_published_figures_as_markdown() -> None:
    found = lines(findings.published_markdown(compare(MADE)))
    for wanted in (
        ["xnli", "mean", "accuracy", "79.2", "79.0", "-0.2", "baseline", ""],
        ["xnli", "mean", "accuracy", "80.0", "80.0", "+0.0", "mnli", ""],
        ["udpos", "mean", "accuracy", "78.23", "97.0", "–", "baseline", "1 of its 33 languages"],
        ["udpos", "en", "f1", "96.15", "96.0", "-0.2", "baseline", ""],
        ["udpos", "mean", "f1", "74.9", "–", "–", "mnli", "not measured"],
    ):
        assert wanted in found, wanted


def test_published_figures_name_their_sources_and_what_has_none() -> None:
    made = document({"": {"xnli": None}, "squad": {"xnli": [50.0]}, "mnli": {"xnli": [60.0]}})
    text = findings.published_markdown(compare(made))
    assert (
        "- XTREME test, XTREME's leaderboard in RemBERT's paper (arXiv 2010.12821, table 16): XLM-R Large (xnli)"
        in text
    )
    assert text.endswith("- no published figure: large, squad (xnli)\n")


@pytest.mark.parametrize("width", [80, 120])
def test_published_figures_on_a_terminal(width: int) -> None:
    console, file = printed(width)
    findings.show_published(compare(MADE), console)
    text = file.getvalue()
    assert "large beside XLM-R Large" in text
    assert "96.15" in text
    assert max(map(len, text.splitlines())) <= width
    console, file = printed()
    findings.show_published(compare(document({"": {"xcopa": [50.0]}})), console)
    assert file.getvalue() == "no published figure: large, baseline (xcopa)\n"


def test_claims_on_a_terminal() -> None:
    console, file = printed()
    findings.show_claims(judge(document({**PAPER, "squad": {**PAPER["squad"], "xnli": None}})), console)
    text = file.getvalue()
    assert text.count("not measured") >= 2
    assert text.count("holds") >= 1
    assert "squad on xnli is not done" in text
    console, file = printed()
    findings.show_claims([], console)
    assert file.getvalue() == ""


def test_claims_as_markdown_come_with_their_rules() -> None:
    text = findings.claims_markdown(judge(document(PAPER)))
    (squad,) = [line for line in lines(text) if line[0].startswith("SQuAD")]
    assert squad[1:] == ["+8.2", "+13.5 [+13.3, +13.7]", "holds", "over xnli, tydiqa, bucc2018, tatoeba"]
    assert all(claim.text in text and claim.rule in text and claim.source in text for claim in CLAIMS)
    assert findings.claims_markdown([]) == ""


def test_the_appendix_of_a_report_has_what_was_asked_for() -> None:
    assert findings.appendix(None, []) == ""
    both = findings.appendix(compare(MADE), judge(MADE))
    assert both.startswith("\n## Beside published figures\n\n### large beside XLM-R Large\n\n| target |")
    assert "\n\n## Claims\n\n### large\n\n| claim |" in both
    assert "\n\n\n" not in both
