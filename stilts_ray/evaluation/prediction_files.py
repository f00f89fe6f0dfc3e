"""A sweep's predictions and its data's labels as files of XTREME's submission tree."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stilts_ray.evaluation.metrics import gold_label
from stilts_ray.evaluation.pool import Pool
from stilts_ray.evaluation.submission import FORMS, write_labels, write_predictions
from stilts_ray.tasks.base import Kind, Task
from stilts_ray.tasks.examples import Comparable, Example, Query, Span, Tagged


def has_form(task: Task) -> bool:
    """Whether the tree has a place for the task's predictions."""
    return task.form in FORMS


def keep_predictions(
    folder: Path, task: Task, language: str, examples: Sequence[Example], found: Sequence[Any]
) -> None:
    """Writes predictions, as `evaluation.predict` and its like make them, if the tree has a place for them; of a pool the
    names of candidates (`Pool.named`).

    Sentences to mine are named by language and place, from 1 (`de-7`). Raises RequestError as `write_predictions`.
    """
    if not has_form(task):
        return
    match task.kind:
        case Kind.SPAN:
            written: Any = {e.id: text for e, text in zip(examples, found, strict=True) if isinstance(e, Span)}
        case Kind.DUAL:
            written = {e.id: names for e, names in zip(examples, found, strict=True) if isinstance(e, Query)}
        case Kind.MINING:
            written = [pair for mined in found for pair in _named(mined.pairs, language)]
        case _:
            written = found
    write_predictions(folder, task.form, language, written)


def keep_labels(folder: Path, task: Task, examples: Mapping[str, Sequence[Example]]) -> None:
    """Writes the right answers of all languages, if the tree has a place for them: of one alone it is not known what is
    right in a pool of several. Raises RequestError as `write_predictions`."""
    if not has_form(task):
        return
    pool = Pool.of({language: [e for e in those if isinstance(e, Query)] for language, those in examples.items()})
    for language, those in examples.items():
        write_labels(folder, task.form, language, _right(task, language, those, pool))


def _right(task: Task, language: str, examples: Sequence[Example], pool: Pool) -> Any:
    match task.kind:
        case Kind.SPAN:
            return {e.id: [text for text, _ in e.answers] for e in examples if isinstance(e, Span)}
        case Kind.DUAL:
            return {e.id: pool.right[e.id] for e in examples if isinstance(e, Query)}
        case Kind.MINING:
            return [pair for e in examples if isinstance(e, Comparable) for pair in _named(e.test.gold, language)]
        case Kind.TAGGING:
            return [list(e.tags) for e in examples if isinstance(e, Tagged)]
        case Kind.RETRIEVAL:
            return list(range(len(examples)))
        case _:
            return [gold_label(example) for example in examples]


def _named(pairs: frozenset[tuple[int, int]], language: str) -> list[tuple[str, str]]:
    return [(f"{language}-{i + 1}", f"en-{j + 1}") for i, j in sorted(pairs)]
