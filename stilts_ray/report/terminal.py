"""The result table on a terminal."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stilts_ray.report.table import Document

Cell = dict[str, Any]


def show(document: Document, console: Console) -> None:
    """Prints the table and its legend."""
    if document["rows"]:
        console.print(result_table(document))
        console.print(legend(document), style="dim", highlight=False)


def result_table(document: Document) -> Table:
    """A line per encoder and intermediate, a column per target, and the average."""
    rows = document["rows"]
    targets = list(rows[0]["cells"])
    table = Table(title=document["sweep"], title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("intermediate")
    for target in targets:
        table.add_column(target)
    table.add_column("average")
    columns = {target: [row["cells"][target] for row in rows] for target in targets}
    averages = [{"score": row["average"], "sd": None, "delta": row["delta"], "collapsed": 0} for row in rows]
    texts = [*(_column(cells) for cells in columns.values()), _column(averages)]
    several = len({row["encoder"] for row in rows}) > 1
    for number, row in enumerate(rows):
        if several and (number == 0 or rows[number - 1]["encoder"] != row["encoder"]):
            table.add_section()
            table.add_row(Text(row["encoder"], "bold"))
        # A mixture breaks between its tasks.
        name = "\n+".join(row["intermediate"]) or "baseline"
        table.add_row(name, *(column[number] for column in texts))
    return table


def legend(document: Document) -> str:
    """One line on how to read the table."""
    seeds = max((len(cell["seeds"]) for cell in _cells(document)), default=1)
    parts = ["score in 0-100, mean over languages" + (f" and {seeds} seeds" if seeds > 1 else "")]
    if any(cell["sd"] is not None for cell in _cells(document)):
        parts.append("± standard deviation over seeds")
    if any(cell["delta"] is not None for cell in _cells(document)):
        parts.append("(difference from the baseline)")
    parts.append("bold: best of its column")
    return "; ".join(parts)


def _cells(document: Document) -> Iterable[Cell]:
    return (cell for row in document["rows"] for cell in row["cells"].values() if cell is not None)


def _column(cells: Sequence[Cell | None]) -> list[Text]:
    """Texts of equal layout: score, spread and difference stand below one another."""
    there = [cell for cell in cells if cell is not None and cell["score"] is not None]
    best = max((cell["score"] for cell in there), default=None)
    spread = max((len(_spread(cell)) for cell in there), default=0)
    return [_text(cell, best, spread) for cell in cells]


def _text(cell: Cell | None, best: float | None, spread: int) -> Text:
    if cell is None or (cell["score"] is None and not cell["collapsed"]):
        return Text("–", "dim")
    text = Text()
    if cell["score"] is not None:
        text.append(f"{cell['score']:.1f}", "bold" if cell["score"] == best and best is not None else "")
        text.append(_spread(cell).ljust(spread), "dim")
    if cell["delta"] is not None:
        text.append(f" ({cell['delta']:+.1f})", _colour(cell["delta"]))
    if cell["collapsed"]:
        text.rstrip()
        text.append(f"{chr(10) if text else ''}{cell['collapsed']} of {len(cell['seeds'])} collapsed", "yellow")
    return text


def _spread(cell: Cell) -> str:
    return f" ±{cell['sd']:.1f}" if cell["sd"] is not None else ""


def _colour(delta: float) -> str:
    if round(delta, 1) == 0:
        return "dim"
    return "green" if delta > 0 else "red"
