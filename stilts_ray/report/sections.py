"""The result table as Markdown: the table itself, its best rows, its scores by language and by language group. Pure."""

from collections.abc import Iterable, Iterator, Sequence

from stilts_ray.report.best import MARK, NAME, RULE, notes
from stilts_ray.report.cells import Score
from stilts_ray.report.groups import SOURCE, UNKNOWN, GroupEntry, ordered, sources
from stilts_ray.report.pipes import table
from stilts_ray.report.table import ResultTable, intermediate_name

# The result table


def whole(document: ResultTable) -> str:
    """The result table, how to read it, and what its rows "best per target" were chosen by."""
    return "\n".join(filter(None, (_result_table(document), _how(document), _best(document))))


def _result_table(document: ResultTable) -> str:
    rows, best = document.rows, document.best_per_target
    columns = [
        *(_column([row.cells[t] for row in rows], [row.cells[t] for row in best]) for t in document.targets),
        _column([row.overall for row in rows], [row.overall for row in best]),
    ]
    names = [intermediate_name(row.intermediate) for row in rows] + [NAME] * len(best)
    lines = [(row.encoder, *line) for row, *line in zip([*rows, *best], names, *columns, strict=True)]
    head = ["encoder", "intermediate", *document.targets, "average"]
    return table(head, [line for encoder in document.encoders for line in lines if line[0] == encoder])


def _column(cells: Sequence[Score | None], chosen: Sequence[Score]) -> list[str]:
    best = max((cell.score for cell in cells if cell and cell.score is not None), default=None)
    # A chosen cell repeats one above it; in bold it would look like one more best row.
    return [*(_cell(cell, best) for cell in cells), *(_cell(cell, None) for cell in chosen)]


def _cell(cell: Score | None, best: float | None) -> str:
    if cell is None:
        return "–"
    parts = []
    if cell.score is not None:
        score = f"{cell.score:.1f}"
        parts.append(f"**{score}**" if cell.score == best else score + MARK * cell.chosen_on_test)
    if cell.sd is not None:
        parts.append(f"±{cell.sd:.1f}")
    if cell.delta is not None:
        parts.append(f"({round(cell.delta, 1) or 0.0:+.1f})")
    if cell.collapsed:
        parts.append(f"[{cell.collapsed} of {len(cell.trials)} collapsed]")
    return " ".join(parts) or "–"


def _how(document: ResultTable) -> str:
    name = document.average_name
    part = f"`{name}`, which is no benchmark's average"
    average = part if name.startswith("partial/") else f"`{name}`, the benchmark's overall average"
    return (
        "A cell is the plain mean over the target's languages, the source language included where it is tested, then over"
        " seeds; ± is the sample standard deviation over seeds; in parentheses is the difference from the baseline of the"
        " same encoder. A collapsed trial (its loss was not finite, or it is no better on dev data than a constant"
        " prediction) is counted and named, and left out of means unless every trial collapsed. The average is the plain"
        f" mean over targets: {average}.\n"
    )


def _best(document: ResultTable) -> str:
    lines = "".join(f"- {row.encoder}, {line}\n" for row in document.best_per_target for line in notes(row))
    return f"The row *{NAME}* has {RULE}\n\n{lines}" if lines else ""


# Languages


def by_language(document: ResultTable) -> Iterator[str]:
    """A section per target and encoder: languages down, intermediates across."""
    for target in document.targets:
        for encoder, rows in document.encoders.items():
            cells = [(row, cell.languages) for row in rows if (cell := row.cells[target]) and cell.languages]
            codes = cells[0][1] if cells else {}
            lines = [[code, *(f"{scores[code]['score']:.1f}" for _, scores in cells)] for code in codes]
            if lines:
                names = [intermediate_name(row.intermediate) for row, _ in cells]
                yield f"### {target}: {encoder}\n\n{table(['language', *names], lines)}"


def by_group(document: ResultTable, trait: str) -> str:
    """How to read it, the languages of each group, then a section per target and encoder: groups down, intermediates
    across."""
    entries = document.groups[trait]
    places: dict[str, list[GroupEntry]] = {}
    for entry in entries:
        places.setdefault(f"### {trait}, {entry.target}: {entry.encoder}", []).append(entry)
    tables = [f"{title}\n\n{_group_table(trait, found)}" for title, found in places.items()]
    return "\n".join([_grouping(trait, entries), _members(entries), *tables]) if tables else ""


def _grouping(trait: str, entries: Sequence[GroupEntry]) -> str:
    text = (
        "A cell is the plain mean over the languages of a group (their number stands beside its name), then over seeds; in"
        " parentheses is the difference from the baseline of the same encoder, paired by seed and without collapsed trials, ±"
        f" its standard error over seeds. The {SOURCE}, in which targets are trained, is in no group; it has a line of its"
        f" own. Groups are {sources(trait, entries)}."
    )
    if any(entry.group == UNKNOWN for entry in entries):
        text += f" Languages that these do not cover are *{UNKNOWN}*."
    trained = {intermediate_name(entry.intermediate): entry.trained_in for entry in entries if entry.trained_in}
    if trained:
        rows = ", ".join(f"{name} ({', '.join(codes)})" for name, codes in trained.items())
        text += f" Not zero-shot, as the intermediate is trained in them: {rows}."
    return f"{text}\n"


def _members(entries: Iterable[GroupEntry]) -> str:
    found: dict[str, set[str]] = {}
    for entry in entries:
        found.setdefault(entry.group, set()).update(entry.languages)
    return "".join(f"- {name}: {', '.join(sorted(found[name]))}\n" for name in ordered(found))


def _group_table(trait: str, entries: Sequence[GroupEntry]) -> str:
    rows = list(dict.fromkeys(intermediate_name(entry.intermediate) for entry in entries))
    found = {(entry.group, intermediate_name(entry.intermediate)): entry for entry in entries}
    counts = {entry.group: len(entry.languages) for entry in entries}
    lines = [
        [f"{name} ({counts[name]})", *(_group_cell(found.get((name, row))) for row in rows)] for name in ordered(counts)
    ]
    return table([trait, *rows], lines)


def _group_cell(entry: GroupEntry | None) -> str:
    if entry is None:
        return "–"
    error = f" ±{entry.standard_error:.1f}" if entry.standard_error is not None else ""
    delta = f" ({round(entry.delta, 1) or 0.0:+.1f}{error})" if entry.delta is not None else ""
    return f"{entry.score:.1f}{delta}"
