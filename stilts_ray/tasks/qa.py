"""Span question answering in SQuAD's columns."""

from stilts_ray.tasks.base import Kind, Row, Source, Span, Task


def squad(row: Row) -> Span:
    """SQuAD v1.1: every question has at least one answer in its context."""
    answers = tuple(zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True))
    if not answers:
        raise ValueError("no answer")
    return Span(row["id"], row["context"], row["question"], answers)


SQUAD = Task(
    name="squad",
    kind=Kind.SPAN,
    source=Source(hub="rajpurkar/squad", config="plain_text", folder="squad/plain_text"),
    example=squad,
    train="train",
    dev="validation",
    train_size=87_599,
    tokens=205,
)

XQUAD = Task(
    name="xquad",
    kind=Kind.SPAN,
    source=Source(hub="google/xquad", config="xquad.{}", folder="xquad/{}"),
    example=squad,
    test="validation",
    languages=("en", "es", "de", "el", "ru", "tr", "ar", "vi", "th", "zh", "hi"),
    train_on="squad",
)
