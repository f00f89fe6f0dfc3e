"""Answer retrieval with a dual encoder: which sentence, of all texts in all languages, answers a question?

Source of the rules: google-research/xtreme, third_party/processors/lareqa.py and third_party/utils_lareqa.py. The script there
trains for 3 epochs at 2e-5, on questions of 96 and candidates of 256 tokens. Its batches of 4, whose gradients are summed
over 4, set 3 wrong candidates against each right one; here all those of a batch are wrong for each other's questions, so
that `batch_size` says more than how often weights change.
"""

from stilts_ray.tasks.base import Kind, Repair, Row, Source, Task
from stilts_ray.tasks.columns import STATED, pairs, text
from stilts_ray.tasks.examples import Asked, Passage
from stilts_ray.tasks.qa import OR_NONE, SQUAD, XQUAD, squad
from stilts_ray.tasks.sentences import sentence_breaks


def asked(row: Row) -> Asked | None:
    """SQuAD's columns; what answers a question is the sentence in which its first answer begins; as in the
    published code, a question whose answer begins in none is left out.

    Sentences are those of the column `sentence_breaks`, [[start, stop], ...], where there is one, as in the files of
    google-research-datasets/lareqa. The hub's rows have none and are split by `stilts_ray.tasks.sentences`, so that
    their candidates are not quite the published 13,014.
    """
    span, passage = squad(row), _passage(row)
    start = span.answers[0][1]
    # The published code looks at the offset alone, and so does this where the text is nowhere.
    answer = passage.holding(row[STATED][0] if start is None else start)
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
"""Raise its version, and LAReQA's, with every change of the rule for sentences: rows do not tell."""

LAREQA = Task(
    name="lareqa",
    kind=Kind.DUAL,
    # As XQuAD's, of which these are the rows; a question without an answer has no sentence either.
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
