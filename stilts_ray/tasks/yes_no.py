"""Yes/no question answering about a text."""

from stilts_ray.tasks.base import Kind, Row, Source, Task
from stilts_ray.tasks.columns import joined_within, label, text
from stilts_ray.tasks.examples import Pair


def pubmedqa(row: Row) -> Pair:
    """PubMedQA's columns: the question, and the abstract's sections without its conclusion."""
    return Pair(text(row, "question"), joined_within(row, "context", "contexts"), label(row, "final_decision"))


# Questions are generated from titles, answers from conclusions. The first rows of the only split are dev.
PUBMEDQA = Task(
    name="pubmedqa",
    kind=Kind.SEQUENCE_CLASSIFICATION,
    source=Source(hub="qiaojin/PubMedQA", config="pqa_artificial", folder="pubmedqa/pqa_artificial"),
    example=pubmedqa,
    labels=("yes", "no"),
    # F1 of "no": nearly all answers are "yes", so accuracy would select a model that always answers "yes".
    metric="f1",
    train="train[1000:]",
    dev="train[:1000]",
    rows={"train": 211_269},  # README on the hub (commit 323752a)
)
