"""Published figures beside ours, and verdicts on the paper's claims, on a terminal and as Markdown."""

from collections.abc import Iterable, Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stilts_ray.paper.claims import Outcome, Verdict
from stilts_ray.paper.published_figures import Comparison, Line
from stilts_ray.report.paired import Estimate
from stilts_ray.report.pipes import table

FIGURE_COLUMNS = ("target", "language", "metric", "published", "ours", "difference", "our row", "note")
CLAIM_COLUMNS = ("claim", "published", "ours [95%]", "verdict", "note")
COLORS = {Outcome.HOLDS: "green", Outcome.FAILS: "red", Outcome.OPEN: "dim"}


def appendix(comparison: Comparison | None, verdicts: Sequence[Verdict]) -> str:
    """Sections of a report for both; "" for what there is none of."""
    published = published_markdown(comparison) if comparison is not None else ""
    sections = {"## Beside published figures": published, "## Claims": claims_markdown(verdicts)}
    return "".join(f"\n{title}\n\n{text}" for title, text in sections.items() if text)


# Published figures


def show_published(comparison: Comparison, console: Console) -> None:
    """Prints the published figures for the cells of this sweep, their sources, and the cells without one."""
    for name, lines in _grouped(comparison.lines).items():
        grid = _grid(name, FIGURE_COLUMNS, numbers=("published", "ours", "difference"))
        for line in lines:
            grid.add_row(*map(Text, _figure_cells(line)))
        console.print(grid)
    for text in _remarks(comparison):
        console.print(text, style="dim", highlight=False, markup=False)


def published_markdown(comparison: Comparison) -> str:
    """The same as Markdown."""
    parts = [
        f"### {name}\n\n{table(FIGURE_COLUMNS, map(_figure_cells, lines))}"
        for name, lines in _grouped(comparison.lines).items()
    ]
    return "\n".join([*parts, "".join(f"- {text}\n" for text in _remarks(comparison))])


def _grouped(lines: Iterable[Line]) -> dict[str, list[Line]]:
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(f"{line.encoder} beside {line.figure.row}", []).append(line)
    return groups


def _figure_cells(line: Line) -> tuple[str, ...]:
    figure = line.figure
    # With the decimals that were published, one at least.
    theirs = max(f"{figure.value:.1f}", f"{figure.value:g}", key=len)
    values = theirs, _number(line.ours, ".1f"), _number(line.difference, "+.1f")
    note = "; ".join(filter(None, (line.note, figure.note)))
    return figure.task, figure.language or "mean", figure.metric, *values, line.intermediate, note


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(round(value, 1) or 0.0, form)


def _remarks(comparison: Comparison) -> list[str]:
    sources: dict[str, dict[str, list[str]]] = {}
    for line in comparison.lines:
        named = sources.setdefault(f"{line.figure.benchmark}, {line.figure.source}", {})
        named.setdefault(line.figure.row, []).append(line.figure.task)
    rows: dict[str, list[str]] = {}
    for encoder, intermediate, target in comparison.unpublished:
        rows.setdefault(f"{encoder}, {intermediate}", []).append(target)
    lacking = [f"no published figure: {_listed(rows)}"] if rows else []
    return [*(f"{source}: {_listed(named)}" for source, named in sources.items()), *lacking]


def _listed(groups: Mapping[str, Iterable[str]]) -> str:
    return "; ".join(f"{name} ({', '.join(dict.fromkeys(values))})" for name, values in groups.items())


# Claims


def show_claims(verdicts: Sequence[Verdict], console: Console) -> None:
    """Prints a table of claims and verdicts for each encoder, and how to read it."""
    for encoder, found in _by_encoder(verdicts).items():
        grid = _grid(encoder, CLAIM_COLUMNS, numbers=("published",))
        for verdict in found:
            claim, figure, ours, outcome, note = _claim_cells(verdict)
            grid.add_row(Text(claim), Text(figure), Text(ours), Text(outcome, COLORS[verdict.outcome]), Text(note))
        console.print(grid)
    if verdicts:
        console.print(LEGEND, style="dim", highlight=False)


def claims_markdown(verdicts: Sequence[Verdict]) -> str:
    """The same as Markdown, with the rule by which each claim was checked."""
    parts = [
        f"### {encoder}\n\n{table(CLAIM_COLUMNS, map(_claim_cells, found))}"
        for encoder, found in _by_encoder(verdicts).items()
    ]
    rules = dict.fromkeys(
        f"- {verdict.claim.text} {verdict.claim.rule} ({verdict.claim.source})\n" for verdict in verdicts
    )
    return "\n".join([*parts, f"{LEGEND}\n", "".join(rules)]) if verdicts else ""


LEGEND = (
    "Differences in points, paired by seed, with their 95% intervals. Published figures are of XLM-R Large on XTREME."
)


def _by_encoder(verdicts: Iterable[Verdict]) -> dict[str, list[Verdict]]:
    found: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        found.setdefault(verdict.encoder, []).append(verdict)
    return found


def _claim_cells(verdict: Verdict) -> tuple[str, ...]:
    claim, figure = verdict.claim, verdict.claim.figure
    published = "" if figure is None else f"{figure:+.1f}"
    return claim.text, published, _interval(verdict.estimate), str(verdict.outcome), verdict.note


def _interval(found: Estimate | None) -> str:
    if found is None:
        return "–"
    interval = "" if found.low is None else f" [{_number(found.low, '+.1f')}, {_number(found.high, '+.1f')}]"
    return f"{_number(found.value, '+.1f')}{interval}"


def _grid(title: str, columns: Sequence[str], numbers: Sequence[str]) -> Table:
    grid = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in columns:
        number = name in numbers
        grid.add_column(name, justify="right" if number else "left", no_wrap=number, overflow="fold")
    return grid
