"""The laboratory's tables in Markdown, made from its document, and their insertion into `docs/laboratory.md`."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

GROUPS = ("pivot", "related", "unrelated", "other script")
Cell = dict[str, Any]


def markdown(head: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    head = list(head)
    rows = [head, ["---"] * len(head), *map(list, lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def value(cell: Cell | None) -> str:
    """A mean, with its standard error if it is over more than one value."""
    if cell is None:
        return ""
    return f"{cell['mean']:.1f}" + (f" ±{cell['se']:.1f}" if cell["n"] > 1 else "")


def gain(cell: Cell) -> str:
    """A difference, in bold if it exceeds two standard errors."""
    text = f"{cell['mean']:+.1f} ±{cell['se']:.1f}"
    return f"**{text}**" if abs(cell["mean"]) > 2 * cell["se"] else text


def transfer(document: Cell) -> str:
    """One row per target and encoder, and one for the model-free baseline."""
    lines = []
    for target, results in document["transfer"].items():
        for name in ("mini", "random", "guess"):
            cells = results[name]
            if cells:
                label = f"guess: {cells['what']}" if name == "guess" else f"{name} encoder"
                rank = f"{results['spearman']:.2f}" if name == "mini" else ""
                lines.append([target, label, *(value(cells.get(group)) for group in GROUPS), rank])
    return markdown(["target", "", *GROUPS, "ρ"], lines)


def intermediates(document: Cell) -> str:
    """One row per intermediate task."""
    rows = document["intermediates"]
    targets = list(next(iter(rows.values())))
    return markdown(
        ["", *targets], [[row, *(gain(cells[target]) for target in targets)] for row, cells in rows.items()]
    )


def gains(document: Cell) -> str:
    """One row per target and intermediate task that improves it, by group of languages."""
    lines = [
        [target, row, *(gain(cells[target]["groups"][group]) for group in GROUPS)]
        for row, cells in document["intermediates"].items()
        for target in cells
        if cells[target]["mean"] > 2 * cells[target]["se"]
    ]
    return markdown(["target", "after", *GROUPS], sorted(lines))


def mixing(document: Cell) -> str:
    """One row per target and share of text in two languages."""
    shares = document["mixing"]
    return markdown(
        ["target", "% in two languages", *GROUPS],
        [
            [target, str(int(share)), *(value(shares[share][target].get(group)) for group in GROUPS)]
            for target in next(iter(shares.values()))
            for share in shares
        ],
    )


def relatedness(document: Cell) -> str:
    """One row per language of the second set."""
    languages = document["relatedness"]
    return markdown(
        ["", "the pivot's words", "udpos", "tatoeba"],
        [
            [code, f"{100 * cells['cognates']:.0f}%", value(cells["udpos"]), value(cells.get("tatoeba"))]
            for code, cells in languages.items()
        ],
    )


def sizes(document: Cell) -> str:
    """One row per size of the intermediate task."""
    rows = document["sizes"]
    targets = list(next(iter(rows.values())))
    return markdown(
        ["rows of SQuAD", *targets],
        [[size, *(gain(cells[target]) for target in targets)] for size, cells in rows.items()],
    )


def short(document: Cell) -> str:
    """For the README: mini's encoder, and in brackets the encoder with random weights."""

    def both(results: Cell, group: str) -> str:
        if group not in results["mini"]:
            return ""
        return f"{results['mini'][group]['mean']:.1f} ({results['random'][group]['mean']:.1f})"

    lines = [[target, *(both(results, group) for group in GROUPS)] for target, results in document["transfer"].items()]
    return markdown(["", *GROUPS], lines)


TABLES: dict[str, tuple[str, Callable[[Cell], str]]] = {
    "transfer": ("transfer", transfer),
    "short": ("transfer", short),
    "intermediates": ("intermediates", intermediates),
    "gains": ("intermediates", gains),
    "sizes": ("sizes", sizes),
    "mixing": ("mixing", mixing),
    "relatedness": ("relatedness", relatedness),
}
"""Name -> the part of the document shown, and the function that renders it."""


def filled(text: str, document: Cell) -> str:
    """The text with each measured table inserted between `<!-- name -->` and `<!-- end -->`."""
    for name, (part, table) in TABLES.items():
        if part not in document:
            continue
        block = f"<!-- {name} -->\n\n{table(document)}\n\n<!-- end -->"
        text = re.sub(rf"<!-- {name} -->.*?<!-- end -->", lambda _, block=block: block, text, flags=re.DOTALL)
    return text


def fill(path: Path, document: Cell) -> None:
    """Updates the tables in a file."""
    path.write_text(filled(path.read_text(encoding="utf-8"), document), encoding="utf-8")
