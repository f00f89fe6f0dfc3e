"""A sweep's predictions and gold labels as files of XTREME's submission tree."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stilts_ray.evaluation.submission import FORMATS, write_labels, write_predictions
from stilts_ray.metrics.pool import Pool
from stilts_ray.tasks.base import Task
from stilts_ray.tasks.examples import Example, Query


def in_tree(task: Task) -> bool:
    """Whether the tree has a folder for the task's predictions."""
    return task.form in FORMATS


def keep_predictions(
    folder: Path, task: Task, language: str, examples: Sequence[Example], found: Sequence[Any]
) -> None:
    """Writes the predictions of a `LanguageResult`, if the tree has a folder for them. Raises RequestError as
    `write_predictions`."""
    if in_tree(task):
        write_predictions(folder, task.form, language, FORMATS[task.form].predicted(examples, found, language))


def keep_labels(folder: Path, task: Task, examples: Mapping[str, Sequence[Example]]) -> None:
    """Writes the gold labels of all languages, if the tree has a folder for them: a pool of several languages is known only
    from all of them. Raises RequestError as `write_predictions`."""
    if not in_tree(task):
        return
    pool = Pool.of({language: [e for e in those if isinstance(e, Query)] for language, those in examples.items()})
    for language, those in examples.items():
        write_labels(folder, task.form, language, FORMATS[task.form].gold(those, language, pool))
