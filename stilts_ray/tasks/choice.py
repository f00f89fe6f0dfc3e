"""Multiple choice: which continuation fits?"""

from stilts_ray.tasks.base import Choice, Kind, Row, Source, Task


def hellaswag(row: Row) -> Choice:
    """HellaSwag's columns. The half sentence `ctx_b` opens each ending, as in jiant."""
    endings = tuple(f"{row['ctx_b']} {ending}".strip() for ending in row["endings"])
    return Choice(row["ctx_a"], endings, int(row["label"]))


HELLASWAG = Task(
    name="hellaswag",
    kind=Kind.CHOICE,
    source=Source(hub="Rowan/hellaswag", folder="hellaswag/default"),
    example=hellaswag,
    choices=4,
    train="train",
    dev="validation",
    train_size=39_905,
    tokens=214,
)
