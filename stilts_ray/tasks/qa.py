"""Extractive question answering with SQuAD's columns."""

from dataclasses import replace

from stilts_ray.tasks.base import COPIED, Kind, Repair, Row, Source, Task
from stilts_ray.tasks.columns import answers, name, text
from stilts_ray.tasks.examples import Span

# Repairs that the hub's conversions of SQuAD-like rows may need, with the maximum share of rows.
REPAIRS: dict[Repair, float] = {
    **COPIED,
    Repair.DISTINCT_IDS: 0.01,
    Repair.REALIGN_ANSWER: 0.01,
    Repair.DROP_UNANSWERED: 0.01,
}
OR_NONE: dict[Repair, float] = {rule: REPAIRS[rule] for rule in REPAIRS if rule is not Repair.DROP_UNANSWERED}


def squad_v2(row: Row) -> Span:
    """SQuAD 2.0's columns. A question without answers is unanswerable."""
    return Span(name(row, "id"), text(row, "context"), text(row, "question"), answers(row))


def squad(row: Row) -> Span:
    """SQuAD v1.1's columns. Every question has at least one answer in its context."""
    span = squad_v2(row)
    if not span.answers:
        raise ValueError("column 'answers' has no answer")
    return span


SQUAD = Task(
    name="squad",
    kind=Kind.SPAN,
    source=Source(hub="rajpurkar/squad", config="plain_text", folder="squad/plain_text", repairs=REPAIRS),
    example=squad,
    train="train",
    dev="validation",
    rows={"train": 87_599, "validation": 10_570},
    tokens=205,
)

SQUAD_V2 = Task(
    name="squad_v2",
    kind=Kind.SPAN_OR_NONE,
    source=Source(hub="rajpurkar/squad_v2", config="squad_v2", folder="squad_v2/squad_v2", repairs=OR_NONE),
    example=squad_v2,
    train="train",
    dev="validation",
    rows={"train": 130_319, "validation": 11_873},
    tokens=205,
)

XQUAD = Task(
    name="xquad",
    kind=Kind.SPAN,
    # The hub's conversion stripped leading spaces of contexts but kept the offsets: 169 of 14,280 rows, and in zh, where 54 of
    # the first 500 contexts began with a space, every ninth row.
    source=Source(
        hub="google/xquad", config="xquad.{}", folder="xquad/{}", repairs=REPAIRS | {Repair.REALIGN_ANSWER: 0.2}
    ),
    example=squad,
    test="validation",
    languages=("en", "es", "de", "el", "ru", "tr", "ar", "vi", "th", "zh", "hi"),
    train_on=("squad",),
    rows={"validation": 1_190},
)

# XTREME-R's twelve languages.
XQUAD_XR = replace(XQUAD, name="xquad_xr", extends="xquad", languages=(*XQUAD.languages, "ro"))

MLQA = Task(
    name="mlqa",
    kind=Kind.SPAN,
    # Context and question in the same language, as in XTREME; the hub also has all cross-language pairs.
    source=Source(hub="google/xtreme", config="MLQA.{0}.{0}", folder="mlqa/{}", repairs=REPAIRS),
    example=squad,
    test="test",
    languages=("en", "es", "de", "ar", "hi", "vi", "zh"),
    answers="mlqa",
    train_on=("squad",),
    rows={
        "test": {"en": 11_590, "ar": 5_335, "de": 4_517, "es": 5_253, "hi": 4_918, "vi": 5_495, "zh": 5_137},
    },
)

# One hub configuration holds all languages; ids start with the language's name.
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
        # As for XQuAD: 1,283 of the 5,077 dev rows, and four in ten in Arabic.
        repairs=REPAIRS | {Repair.REALIGN_ANSWER: 0.6},
    ),
    example=squad,
    train="train",
    # As in XTREME, the published dev files are the test set, so model selection uses the English part of the test set.
    dev="validation",
    test="validation",
    languages=tuple(TYDIQA_NAMES),
    train_languages=tuple(TYDIQA_NAMES),
    rows={"train": {"en": 3_696}},
    tokens=205,
)
