"""What is asked of a task's kind in many tests, in one call."""

from collections.abc import Sequence
from typing import Any

from stilts_ray.data.encoded import Encoded, TokenizationConfig
from stilts_ray.kinds import kind_of, scoring_of
from stilts_ray.metrics.scores import Scores
from stilts_ray.models.model import Model
from stilts_ray.tasks import Task


def encode(task: Task, examples: Sequence[Any], tokenizer: Any, tokenization: TokenizationConfig) -> Encoded:
    """The examples' token sequences."""
    return kind_of(task).encode(task, examples, tokenizer, tokenization)


def predict(model: Model, task: Task, examples: Sequence[Any], encoded: Encoded, max_answer: int) -> list[Any]:
    """The predictions of the task's head."""
    return scoring_of(task).predict(model, task, examples, encoded, max_answer)


def score(task: Task, examples: Sequence[Any], predictions: Sequence[Any], language: str = "en") -> Scores:
    """The predictions' metrics."""
    return scoring_of(task).score(task, examples, predictions, language)


def majority(task: Task, examples: Sequence[Any]) -> float:
    """The best score of a constant prediction."""
    return scoring_of(task).majority(task, examples)
