"""LAReQA, answer retrieval with a dual encoder: the sentence that answers a question, out of all texts in all languages.

Source of the rules: google-research/xtreme, third_party/processors/lareqa.py and third_party/utils_lareqa.py. Its script
trains for 3 epochs at 2e-5, with questions of 96 and candidates of 256 tokens. Its batches of 4, with gradients summed over
4 of them, give each question 3 negatives. Here every other candidate of the batch is a negative, so `batch_size` also sets
the number of negatives.
"""

from stilts_ray.tasks.base import Kind, Repair, Row, Source, Task
from stilts_ray.tasks.columns import STATED_OFFSETS, pairs, text
from stilts_ray.tasks.examples import Asked, Passage
from stilts_ray.tasks.qa import OR_NONE, SQUAD, XQUAD, squad
from stilts_ray.tasks.sentences import sentence_breaks


def asked(row: Row) -> Asked | None:
    """SQuAD's columns. The gold sentence is the one in which the first answer starts; a question whose answer starts in no
    sentence is excluded, as in the published code.

    Sentences come from the column `sentence_breaks`, [[start, stop], ...], if there is one, as in the files of
    google-research-datasets/lareqa. The hub's rows lack it and are split by `stilts_ray.tasks.sentences`, so that the number
    of candidates differs slightly from the published 13,014.
    """
    span, passage = squad(row), _passage(row)
    start = span.answers[0][1]
    # The published code uses the offset alone; so does this if the answer's text does not occur in the context.
    answer = passage.sentence_at(row[STATED_OFFSETS][0] if start is None else start)
    return None if answer is None else Asked(span.id, span.question, passage, answer)


def _passage(row: Row) -> Passage:
    context, given = text(row, "context"), row.get("sentence_breaks")
    return Passage(context, sentence_breaks(context) if given is None else pairs(row, "sentence_breaks"))


SQUAD_R = Task(
    name="squad_r",
    kind=Kind.DUAL,
    source=SQUAD.source,
    example=asked,
    train="train",
    dev="validation",
    rows=SQUAD.rows,
    tokens=250,
)
"""Bump its version, and LAReQA's, when the sentence-splitting rule changes: the rows stay the same."""

LAREQA = Task(
    name="lareqa",
    kind=Kind.DUAL,
    # Repairs as for XQuAD, whose rows these are; a question without an answer has no gold sentence.
    source=Source(
        hub="google-research-datasets/xquad_r",
        config="{}",
        folder="lareqa/{}",
        repairs=OR_NONE | {Repair.REALIGN_ANSWER: 0.2},
    ),
    example=asked,
    test="validation",
    languages=XQUAD.languages,
    train_on=("squad_r",),
)
