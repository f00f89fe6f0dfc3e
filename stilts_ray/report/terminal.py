"""The result table on a terminal."""

from collections.abc import Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from stilts_ray.report.best import MARK, NAME, notes
from stilts_ray.report.cells import Score
from stilts_ray.report.table import ResultTable


def show(document: ResultTable, console: Console) -> None:
    """Prints the table and its legend."""
    if document.rows:
        for table in result_tables(document, console.width):
            console.print(table)
        console.print(legend(document), style="dim", highlight=False)
        for line in remarks(document):
            console.print(line, style="dim", highlight=False, markup=False)


def result_tables(document: ResultTable, width: int) -> list[Table]:
    """A line per encoder and intermediate, a column per target and one for the average; the best per target is the last of an
    encoder's lines. A table that is too wide is split by columns into as few tables as fit."""
    columns = _columns(document)
    names, tables = list(columns), []
    for parts in range(1, len(names) + 1):
        size = -(-len(names) // parts)
        chosen = [names[start : start + size] for start in range(0, len(names), size)]
        tables = [_table(document, {name: columns[name] for name in part}) for part in chosen]
        # Rich cuts off what does not fit.
        if all(Measurement.get(_WIDE, _WIDE.options, table).minimum <= width for table in tables):
            break
    encoders = list(document.encoders)
    tables[0].title = document.sweep + (f": {encoders[0]}" if len(encoders) == 1 else "")
    return tables


_WIDE = Console(width=10_000)
"""For measuring: a terminal's own width would bound the measurement."""


def _columns(document: ResultTable) -> dict[str, list[Text]]:
    """By header; in each the cells of all rows, then those of the best per target."""
    rows, best = document.rows, document.best_per_target
    targets = {
        target: _column([row.cells[target] for row in rows], [row.cells[target] for row in best])
        for target in document.targets
    }
    return targets | {"average": _column([row.overall for row in rows], [row.overall for row in best])}


def _table(document: ResultTable, columns: Mapping[str, Sequence[Text]]) -> Table:
    rows, best = document.rows, document.best_per_target
    table = Table(title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("intermediate", no_wrap=True)
    for name, texts in columns.items():
        # In a narrow terminal a cell becomes two lines, score and difference.
        least = len("99.9 ±9.9") + any(MARK in text.plain for text in texts)
        table.add_column(name, min_width=None if name == "average" else least)
    # A mixture breaks between its tasks.
    names = ["\n+".join(row.intermediate) or "baseline" for row in rows] + ["best per\ntarget"] * len(best)
    lines = [(row.encoder, *line) for row, *line in zip([*rows, *best], names, *columns.values(), strict=True)]
    for encoder in document.encoders:
        if len(document.encoders) > 1:
            table.add_section()
            table.add_row(Text(encoder, "bold"))
        for of, *line in lines:
            if of == encoder:
                table.add_row(*line)
    return table


def remarks(document: ResultTable) -> list[str]:
    """What the best per target was chosen by, and what was chosen."""
    several = len(document.encoders) > 1
    names = {row.encoder: f"{NAME}, {row.encoder}" if several else NAME for row in document.best_per_target}
    return [f"{names[row.encoder]}, {line}" for row in document.best_per_target for line in notes(row)]


def legend(document: ResultTable) -> str:
    """One line on how to read the table."""
    seeds = max((len(cell.trials) for cell in document.cells), default=1)
    text = "means over languages" + (f" and {seeds} seeds" if seeds > 1 else "")
    if any(cell.sd is not None for cell in document.cells):
        text += " ± deviation over seeds"
    if any(cell.delta is not None for cell in document.cells):
        text += " (difference from the baseline)"
    return f"{text}; best in bold"


def _column(cells: Sequence[Score | None], chosen: Sequence[Score] = ()) -> list[Text]:
    """Texts of equal layout: score, spread and difference stand below one another. `chosen` come last and repeat cells above
    them, so none of them is in bold."""
    there = [cell for cell in (*cells, *chosen) if cell is not None and cell.score is not None]
    best = max((cell.score for cell in cells if cell is not None and cell.score is not None), default=None)
    score, spread = (max((len(part(cell)) for cell in there), default=0) for part in (_score, _spread))
    plain = [_text(cell, None, score, spread) for cell in chosen]
    return [*(_text(cell, best, score, spread) for cell in cells), *plain]


def _text(cell: Score | None, best: float | None, score: int, spread: int) -> Text:
    if cell is None or (cell.score is None and not cell.collapsed):
        return Text("–", "dim")
    text = Text()
    if cell.score is not None:
        text.append(_score(cell).rjust(score), "bold" if cell.score == best else "")
        text.append(_spread(cell).ljust(spread), "dim")
    if cell.delta is not None:
        delta = round(cell.delta, 1) or 0.0  # and never -0.0
        text.append(f" ({delta:+.1f})", "green" if delta > 0 else "red" if delta < 0 else "dim")
    if cell.collapsed:
        text.rstrip()
        text.append(f"{chr(10) if text else ''}{cell.collapsed} of {len(cell.trials)} collapsed", "yellow")
    return text


def _score(cell: Score) -> str:
    return f"{cell.score:.1f}"


def _spread(cell: Score) -> str:
    return (f" ±{cell.sd:.1f}" if cell.sd is not None else "") + MARK * cell.chosen_on_test
