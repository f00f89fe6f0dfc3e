"""Semantic textual similarity: how much do two sentences mean the same?"""

from stilts_ray.tasks.base import Kind, Row, Source, Task
from stilts_ray.tasks.columns import number, text
from stilts_ray.tasks.examples import GradedPair

MOST = 5.0
"""The grade of two sentences that mean the same; 0 is that of two on different topics."""


def similarity(row: Row) -> GradedPair:
    """STS-B's columns in GLUE."""
    grade = number(row, "label")
    if not 0 <= grade <= MOST:
        raise ValueError(f"column 'label' is the number {grade}, not a similarity from 0 to {MOST:g}")
    return GradedPair(text(row, "sentence1"), text(row, "sentence2"), grade)


STSB = Task(
    name="stsb",
    kind=Kind.REGRESSION,
    source=Source(hub="nyu-mll/glue", config="stsb", folder="glue/stsb"),
    example=similarity,
    train="train",
    dev="validation",
    rows={"train": 5_749, "validation": 1_500},  # its tokens are not measured yet
)
