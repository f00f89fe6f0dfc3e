"""Span question answering in SQuAD's columns."""

from dataclasses import replace

from stilts_ray.tasks.base import Kind, Row, Source, Task
from stilts_ray.tasks.examples import Span


def squad_v2(row: Row) -> Span:
    """SQuAD 2.0: a question without answers is unanswerable."""
    answers = tuple(zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True))
    return Span(row["id"], row["context"], row["question"], answers)


def squad(row: Row) -> Span:
    """SQuAD v1.1: every question has at least one answer in its context."""
    span = squad_v2(row)
    if not span.answers:
        raise ValueError("no answer")
    return span


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

SQUAD_V2 = Task(
    name="squad_v2",
    kind=Kind.SPAN_OR_NONE,
    source=Source(hub="rajpurkar/squad_v2", config="squad_v2", folder="squad_v2/squad_v2"),
    example=squad_v2,
    train="train",
    dev="validation",
    train_size=130_319,
    tokens=205,
)

XQUAD = Task(
    name="xquad",
    kind=Kind.SPAN,
    source=Source(hub="google/xquad", config="xquad.{}", folder="xquad/{}"),
    example=squad,
    test="validation",
    languages=("en", "es", "de", "el", "ru", "tr", "ar", "vi", "th", "zh", "hi"),
    train_on=("squad",),
)

# XTREME-R's twelve languages.
XQUAD_XR = replace(XQUAD, name="xquad_xr", extends="xquad", languages=(*XQUAD.languages, "ro"))

MLQA = Task(
    name="mlqa",
    kind=Kind.SPAN,
    # Text and question in one language, as in XTREME; the hub has every pair of them.
    source=Source(hub="google/xtreme", config="MLQA.{0}.{0}", folder="mlqa/{}"),
    example=squad,
    test="test",
    languages=("en", "es", "de", "ar", "hi", "vi", "zh"),
    answers="mlqa",
    train_on=("squad",),
)

# The hub's configuration holds all languages; their names begin the ids.
TYDIQA_NAMES = {
    "ar": "arabic", "bn": "bengali", "en": "english", "fi": "finnish", "id": "indonesian", "ko": "korean",
    "ru": "russian", "sw": "swahili", "te": "telugu",
}  # fmt: skip

TYDIQA = Task(
    name="tydiqa",
    kind=Kind.SPAN,
    source=Source(
        hub="google-research-datasets/tydiqa",
        config="secondary_task",
        folder="tydiqa/{}",
        keys=TYDIQA_NAMES,
        prefix="{}-",
    ),
    example=squad,
    train="train",
    # As in XTREME: the published dev files are the test, so selection sees the English part of it.
    dev="validation",
    test="validation",
    languages=tuple(TYDIQA_NAMES),
    train_languages=tuple(TYDIQA_NAMES),
    train_size=3_696,
    tokens=205,
)
