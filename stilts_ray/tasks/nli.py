"""Natural language inference: does the premise entail, contradict or leave open the hypothesis?"""

from stilts_ray.tasks.base import Kind, Pair, Row, Source, Task

LABELS = ("entailment", "neutral", "contradiction")


def inference(row: Row) -> Pair:
    """MNLI's columns."""
    return Pair(row["premise"], row["hypothesis"], row["label"])


MNLI = Task(
    name="mnli",
    kind=Kind.PAIR,
    source=Source(hub="nyu-mll/glue", config="mnli", folder="glue/mnli"),
    example=inference,
    labels=LABELS,
    train="train",
    dev="validation_matched",
    train_size=392_702,
    tokens=45,
)

XNLI = Task(
    name="xnli",
    kind=Kind.PAIR,
    source=Source(hub="facebook/xnli", config="{}", folder="xnli/{}"),
    example=inference,
    labels=LABELS,
    test="test",
    languages=("ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh"),
    train_on="mnli",
)
