"""The generated languages on a terminal."""

from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

# Broken so that a line fits in a terminal of 80 columns.
TEXTS = ("code", "name", "family", "script", "word\norder", "morphology")
NUMBERS = ("cog-\nnates %", "over-\nlap %", "dis-\ntance", "related-\nness")


def show(sets: dict[str, list[dict[str, Any]]], console: Console) -> None:
    """Prints a table for each set of languages (`stilts_ray.mini.describe.everything`), and a legend."""
    for name, languages in sets.items():
        console.print(language_table(name, languages))
    console.print(
        "cognates: concepts whose word has the same origin as in the pivot language (the first one); overlap: those "
        "spelled the same; distance: share of the traits of grammar that differ; relatedness: mean of cognates, overlap "
        "and 1 - distance",
        style="dim",
        highlight=False,
    )


def language_table(name: str, languages: Sequence[dict[str, Any]]) -> Table:
    """A line per language; the first one is the pivot language."""
    table = Table(title=name, title_justify="left", box=SIMPLE_HEAD, padding=(0, 0), pad_edge=False)
    for column in TEXTS:
        table.add_column(column)
    for column in NUMBERS:
        table.add_column(column, justify="right")
    for language in languages:
        grammar = language["grammar"]
        table.add_row(
            *(language[key] for key in ("code", "name", "family", "script")),
            *(grammar[key] for key in ("order", "morphology")),
            *(f"{100 * language[key]:.0f}" for key in ("cognates", "overlap")),
            *(f"{language[key]:.2f}" for key in ("distance", "relatedness")),
        )
    return table
