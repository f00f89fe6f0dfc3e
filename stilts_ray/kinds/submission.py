"""How a kind's predictions and gold labels stand in files of XTREME's submission tree."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from stilts_ray.metrics.pool import Pool
from stilts_ray.metrics.scores import Scores, accuracy


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionFormat:
    """The files of a task, and the rule that scores them.

    suffix: of the files' names.
    predictions, labels: text of a file -> values (`stilts_ray.metrics.formats`). text: predictions -> text of a file.
    label_text: labels -> text, if that is another. score: labels, predictions, language -> metrics. All of these raise
    ValueError for malformed input.
    predicted: examples, what is predicted for them, language -> values for `text`. gold: examples, language, pool of all
    languages' candidates -> values for `label_text`.
    """

    suffix: str
    predictions: Callable[[str], Any]
    labels: Callable[[str], Any]
    text: Callable[[Any], str]
    label_text: Callable[[Any], str] | None = None
    score: Callable[[Any, Any, str], Scores]
    predicted: Callable[[Sequence[Any], Sequence[Any], str], Any] = lambda examples, found, language: found
    gold: Callable[[Sequence[Any], str, Pool], Any]


def accuracy_of_lines(gold: Sequence[object], predicted: Sequence[object], language: str) -> Scores:
    """Accuracy, for files with a label or an index per line."""
    return {"accuracy": accuracy(gold, predicted)}
