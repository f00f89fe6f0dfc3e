"""Paraphrase identification: two sentences, or two questions, with the same meaning."""

from stilts_ray.tasks.base import Kind, Row, Source, Task
from stilts_ray.tasks.columns import label, text
from stilts_ray.tasks.examples import Pair


def sentences(row: Row) -> Pair:
    """PAWS-X's columns."""
    return Pair(text(row, "sentence1"), text(row, "sentence2"), label(row, "label"))


def questions(row: Row) -> Pair:
    """QQP's columns."""
    return Pair(text(row, "question1"), text(row, "question2"), label(row, "label"))


QQP = Task(
    name="qqp",
    kind=Kind.SEQUENCE_CLASSIFICATION,
    source=Source(hub="nyu-mll/glue", config="qqp", folder="glue/qqp"),
    example=questions,
    labels=("not_duplicate", "duplicate"),
    metric="acc_and_f1",
    train="train",
    dev="validation",
    rows={"train": 363_846, "validation": 40_430},
    tokens=33,
)

# Machine-translated training pairs exist in all of them.
PAWSX_LANGUAGES = ("de", "en", "es", "fr", "ja", "ko", "zh")

PAWSX = Task(
    name="pawsx",
    kind=Kind.SEQUENCE_CLASSIFICATION,
    source=Source(hub="google-research-datasets/paws-x", config="{}", folder="pawsx/{}"),
    example=sentences,
    labels=("0", "1"),
    train="train",
    dev="validation",
    test="test",
    languages=PAWSX_LANGUAGES,
    train_languages=PAWSX_LANGUAGES,
    machine_translated=True,
    rows={"train": 49_401, "validation": 2_000, "test": 2_000},
    tokens=63,
)
