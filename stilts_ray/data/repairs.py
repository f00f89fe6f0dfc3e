"""Repair rules for known flaws of published rows (`Repair`), as small pure functions of a row.

In other codebases: google-research/xtreme and jiant read the publishers' own files, whose offsets are correct, so only the
hub's conversions need `realign_answer`; transformers' SQuAD processor drops a training question whose answer is not found
("Could not find answer"), as here.
"""

from collections import ChainMap, Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

from stilts_ray.tasks.base import Repair, Row, Task
from stilts_ray.tasks.columns import STATED_OFFSETS, Blank, BlankText, NullText, accept_blank, answers, text
from stilts_ray.tasks.examples import Asked, Example, Mention, Span

FEW = 5
"""This many rows of a file, but at most half of it, may need a repair regardless of their share: one flawed row in a dozen does
not mean a wrong file."""


@dataclass(frozen=True)
class Use:
    """The context in which a split's rows are read. training: whether rows may be dropped. ids: occurrences of each id in
    earlier rows."""

    training: bool
    ids: Counter[str] = field(default_factory=Counter)


T = TypeVar("T")
Named = Span | Asked | Mention
"""Examples whose predictions are keyed by id."""

Rule = Callable[[Row, Use], Row | None]
"""Returns the row itself if it needs no repair, a repaired row, or None for a dropped one."""


def drop_unanswered(row: Row, use: Use) -> Row | None:
    """Drops a question without answer from training; in a test set its answer is the empty text, as in SQuAD 2.0."""
    if row["answers"] is not None and answers(row):
        return row
    return None if use.training else _with(row, answers=_listed([(Blank(""), None)]))


def realign_answer(row: Row, use: Use) -> Row | None:
    """Moves each answer to the occurrence of its text nearest to the stated offset, the first one if two are equally near. In
    training, an answer without offset gets the first occurrence."""
    context, stated = text(row, "context"), answers(row)
    first = 0 if use.training else None
    wanted = [(answer, first if start is None else start) for answer, start in stated]
    placed = [(answer, start if start is None else nearest(context, answer, start)) for answer, start in wanted]
    if use.training:
        placed = [(answer, start) for answer, start in placed if start is not None]
    if placed == list(stated):
        return row
    return _with(row, **{STATED_OFFSETS: [start for _, start in stated]}, answers=_listed(placed)) if placed else None


def nearest(context: str, answer: str, stated: int) -> int | None:
    """Offset of the answer's occurrence nearest to `stated`; None if it does not occur in the context."""
    if stated >= 0 and context.startswith(answer, stated):
        return stated
    before, after = context.rfind(answer, 0, max(0, stated) + len(answer)), context.find(answer, max(0, stated))
    found = [start for start in (before, after) if start >= 0]
    return min(found, key=lambda start: (abs(start - stated), start), default=None)


def _listed(placed: list[tuple[str, int | None]]) -> dict[str, list[Any]]:
    return {"text": [answer for answer, _ in placed], "answer_start": [start for _, start in placed]}


def _with(row: Row, **changed: Any) -> Row:
    return ChainMap(changed, row)  # type: ignore[arg-type]


ROW_RULES: dict[Repair, Rule] = {
    Repair.DROP_UNANSWERED: drop_unanswered,
    Repair.REALIGN_ANSWER: realign_answer,
}
"""Rules applied to the row before an example is made, in this order."""


class Made(NamedTuple):
    """The result for one row. example: None if the row is excluded. rules: repairs that it needed. dropped: whether a repair
    rule excluded it, rather than the data set's own rule."""

    example: Example | None
    rules: set[Repair]
    dropped: bool = False


def repaired(task: Task, row: Row, use: Use) -> Made:
    """The example of a row after the repairs of the task's source. Raises what `Task.example` raises for a row that no rule
    repairs."""
    rules, did = task.source.repairs, set[Repair]()
    while True:
        try:
            kept = _by_row_rules(task, row, use, did)
            example = None if kept is None else task.example(kept)
            if Repair.DISTINCT_IDS in rules and isinstance(example, Named) and not use.training:
                example = _noted(example, distinct_id(example, use.ids), Repair.DISTINCT_IDS, did)
            return Made(example, did, kept is None)
        except NullText as error:
            if Repair.BLANK_FOR_NULL not in rules:
                raise
            did.add(Repair.BLANK_FOR_NULL)
            row = _with(row, **{error.column: ""})
        except BlankText as error:
            if Repair.DROP_BLANK not in rules:
                raise
            did.add(Repair.DROP_BLANK)
            if use.training:
                return Made(None, did, dropped=True)
            row = _with(row, **{error.column: accept_blank(row[error.column])})


def _by_row_rules(task: Task, row: Row, use: Use, did: set[Repair]) -> Row | None:
    for name, rule in ROW_RULES.items():
        if name in task.source.repairs:
            changed = rule(row, use)
            if changed is None:
                did.add(name)
                return None
            row = _noted(row, changed, name, did)
    return row


def distinct_id(example: Named, ids: Counter[str]) -> Named:
    """Appends a number to a repeated id; parallel rows of different languages get the same id."""
    ids[example.id] += 1
    if ids[example.id] == 1:
        return example
    return distinct_id(replace(example, id=f"{example.id}#{ids[example.id]}"), ids)


def _noted(before: T, after: T, rule: Repair, did: set[Repair]) -> T:
    if after is not before:
        did.add(rule)
    return after


def allowed(share: float, rows: int) -> int:
    """Maximum number of rows that may need a repair. share: maximum share of the source. rows: rows of the file."""
    return max(int(share * rows), min(FEW, rows // 2))
