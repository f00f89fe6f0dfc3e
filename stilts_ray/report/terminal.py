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
    table = Table(title=document["sweep"], title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("intermediate", no_wrap=True)
    for target in targets:
        # In a narrow terminal a cell becomes two lines, score and difference.
        table.add_column(target, min_width=len("99.9 ±9.9"))
    table.add_column("average")
    columns = {target: [row["cells"][target] for row in rows] for target in targets}
    averages = [{"score": row["average"], "sd": None, "delta": row["delta"], "collapsed": 0} for row in rows]
    texts = [*(_column(cells) for cells in columns.values()), _column(averages)]
    several = len({row["encoder"] for row in rows}) > 1
    if not several:
        table.title = f"{document['sweep']}: {rows[0]['encoder']}"
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
    text = "means over languages" + (f" and {seeds} seeds" if seeds > 1 else "")
    if any(cell["sd"] is not None for cell in _cells(document)):
        text += " ± deviation over seeds"
    if any(cell["delta"] is not None for cell in _cells(document)):
        text += " (difference from the baseline)"
    return f"{text}; best in bold"


def _cells(document: Document) -> Iterable[Cell]:
    return (cell for row in document["rows"] for cell in row["cells"].values() if cell is not None)


def _column(cells: Sequence[Cell | None]) -> list[Text]:
    """Texts of equal layout: score, spread and difference stand below one another."""
    there = [cell for cell in cells if cell is not None and cell["score"] is not None]
    best = max((cell["score"] for cell in there), default=None)
    score, spread = (max((len(part(cell)) for cell in there), default=0) for part in (_score, _spread))
    return [_text(cell, best, score, spread) for cell in cells]


def _text(cell: Cell | None, best: float | None, score: int, spread: int) -> Text:
    if cell is None or (cell["score"] is None and not cell["collapsed"]):
        return Text("–", "dim")
    text = Text()
    if cell["score"] is not None:
        text.append(_score(cell).rjust(score), "bold" if cell["score"] == best else "")
        text.append(_spread(cell).ljust(spread), "dim")
    if cell["delta"] is not None:
        delta = round(cell["delta"], 1) or 0.0  # and never -0.0
        text.append(f" ({delta:+.1f})", "green" if delta > 0 else "red" if delta < 0 else "dim")
    if cell["collapsed"]:
        text.rstrip()
        text.append(f"{chr(10) if text else ''}{cell['collapsed']} of {len(cell['seeds'])} collapsed", "yellow")
    return text


def _score(cell: Cell) -> str:
    return f"{cell['score']:.1f}"


def _spread(cell: Cell) -> str:
    return f" ±{cell['sd']:.1f}" if cell["sd"] is not None else ""
