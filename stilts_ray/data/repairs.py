"""Known flaws of published rows, and what is done about each (`Repair`): small pure functions of a row.

What the code of others does with them: google-research/xtreme and jiant read the publishers' own files, whose offsets are
right, so that only the hub's conversions need `realign_answer`; a question whose answer is not found is left out of training
by transformers' SQuAD processor ("Could not find answer"), as here.
"""

from collections import ChainMap, Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

from stilts_ray.tasks.base import Repair, Row, Task
from stilts_ray.tasks.columns import STATED_OFFSETS, Blank, BlankText, NullText, accept_blank, answers, text
from stilts_ray.tasks.examples import Asked, Example, Mention, Span

FEW = 5
"""So many rows of a file, but never more than half of them, may need a repair whatever share of it they are: one row of a
dozen is no wrong file."""


@dataclass(frozen=True)
class Use:
    """What the rows of a split are read for. training: whether a row may be left out. ids: how often each stood in an earlier
    row."""

    training: bool
    ids: Counter[str] = field(default_factory=Counter)


T = TypeVar("T")
Named = Span | Asked | Mention
"""Examples whose predictions are named by their ids."""

Rule = Callable[[Row, Use], Row | None]
"""Gives the row itself if there is nothing to repair, a repaired one, or None for one that is left out."""


def drop_unanswered(row: Row, use: Use) -> Row | None:
    """Nothing to train on; in a test set the empty answer is right, as SQuAD 2.0 has it."""
    if row["answers"] is not None and answers(row):
        return row
    return None if use.training else _with(row, answers=_listed([(Blank(""), None)]))


def realign_answer(row: Row, use: Use) -> Row | None:
    """Answers where their text is, at the offset nearest to the stated one, of two the first; without one it is the first
    place that counts, if it is needed to train on."""
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
    """The offset nearest to the stated one at which the context has the answer, None if it has none."""
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
"""What is looked at before an example is made, in this order."""


class Made(NamedTuple):
    """What a row became. example: None for one that is left out. rules: those that were needed. dropped: whether it was a rule
    that left it out, and not the data set's own."""

    example: Example | None
    rules: set[Repair]
    dropped: bool = False


def repaired(task: Task, row: Row, use: Use) -> Made:
    """The example that a row becomes by the rules of the task's source. Raises what `Task.example` does for a row that no rule
    covers."""
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
    """A number behind an id that stood before; the same for the same rows in every language."""
    ids[example.id] += 1
    if ids[example.id] == 1:
        return example
    return distinct_id(replace(example, id=f"{example.id}#{ids[example.id]}"), ids)


def _noted(before: T, after: T, rule: Repair, did: set[Repair]) -> T:
    if after is not before:
        did.add(rule)
    return after


def allowed(share: float, rows: int) -> int:
    """How many of so many rows may need a repair that is expected in that share of them."""
    return max(int(share * rows), min(FEW, rows // 2))
