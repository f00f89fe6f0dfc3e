"""Natural language inference: entailment, contradiction or neutral."""

from dataclasses import replace

from stilts_ray.tasks.base import Kind, Row, Source, Task
from stilts_ray.tasks.columns import label, text
from stilts_ray.tasks.examples import Pair

LABELS = ("entailment", "neutral", "contradiction")


def inference(row: Row) -> Pair:
    """MNLI's columns."""
    return Pair(text(row, "premise"), text(row, "hypothesis"), label(row, "label"))


def with_gold_label(row: Row) -> Pair | None:
    """SNLI's columns. A pair without annotator agreement has no gold label (-1 in the hub's files, "-" in SNLI's own) and is
    excluded."""
    return None if row["label"] in (None, -1, "-") else inference(row)


MNLI = Task(
    name="mnli",
    kind=Kind.SEQUENCE_CLASSIFICATION,
    source=Source(hub="nyu-mll/glue", config="mnli", folder="glue/mnli"),
    example=inference,
    labels=LABELS,
    train="train",
    dev="validation_matched",
    rows={"train": 392_702, "validation_matched": 9_815},
    tokens=45,
)

XNLI_LANGUAGES = ("ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh")

# MNLI's training pairs, machine-translated; the English ones are MNLI's own.
MNLI_TRANSLATED = Task(
    name="mnli_translated",
    kind=Kind.SEQUENCE_CLASSIFICATION,
    source=Source(hub="facebook/xnli", config="{}", folder="mnli_translated/{}"),
    example=inference,
    labels=LABELS,
    train="train",
    dev="validation",
    train_languages=XNLI_LANGUAGES,
    machine_translated=True,
    rows={"train": 392_702, "validation": 2_490},
    tokens=45,
)

XNLI = Task(
    name="xnli",
    kind=Kind.SEQUENCE_CLASSIFICATION,
    source=Source(hub="facebook/xnli", config="{}", folder="xnli/{}"),
    example=inference,
    labels=LABELS,
    test="test",
    languages=XNLI_LANGUAGES,
    train_on=("mnli",),
    rows={"test": 5_010},
)

SNLI = Task(
    name="snli",
    kind=Kind.SEQUENCE_CLASSIFICATION,
    source=Source(hub="stanfordnlp/snli", config="plain_text", folder="snli/plain_text"),
    example=with_gold_label,
    labels=LABELS,
    train="train",
    dev="validation",
    rows={"train": 550_152},  # pairs without a gold label included
    tokens=30,
)

ANLI_ROWS = {
    "train_r1": 16_946, "train_r2": 45_460, "train_r3": 100_459, "dev_r1": 1_000, "dev_r2": 1_000, "dev_r3": 1_200,
}  # fmt: skip

ANLI = Task(
    name="anli",
    kind=Kind.SEQUENCE_CLASSIFICATION,
    source=Source(hub="facebook/anli", config="plain_text", folder="anli/plain_text"),
    example=inference,
    labels=LABELS,
    train="train_r1+train_r2+train_r3",
    # In this order, a recipe with few `dev_examples` selects on the first round.
    dev="dev_r1+dev_r2+dev_r3",
    rows=ANLI_ROWS,
    tokens=96,
)

# ANLI's rounds, of increasing difficulty.
ANLI_R1 = replace(ANLI, name="anli_r1", train="train_r1", dev="dev_r1")
ANLI_R2 = replace(ANLI, name="anli_r2", train="train_r2", dev="dev_r2")
ANLI_R3 = replace(ANLI, name="anli_r3", train="train_r3", dev="dev_r3")

# ANLI+ of X-STILTs (arXiv 2005.13013): ANLI, MNLI and SNLI concatenated under one head, so that each is sampled in
# proportion to its size (jiant, guides/tasks/task_specific.md).
ANLI_PLUS = replace(ANLI, name="anli_plus", also=(MNLI, SNLI))
