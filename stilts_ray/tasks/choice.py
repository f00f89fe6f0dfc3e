"""Multiple choice: which continuation fits, or which answer is right?"""

from stilts_ray.tasks.base import COPIED, Kind, Repair, Row, Source, Task
from stilts_ray.tasks.columns import label, optional_text, place, text, texts, texts_within, within
from stilts_ray.tasks.examples import Choice

NUMBERS = ("0", "1", "2", "3", "4")
"""How labels spell the place of the right choice."""


def hellaswag(row: Row) -> Choice:
    """HellaSwag's columns. The half sentence `ctx_b` opens each ending, as in jiant."""
    opening = optional_text(row, "ctx_b")
    endings = tuple(f"{opening} {ending}".strip() for ending in texts(row, "endings"))
    return Choice(text(row, "ctx_a"), endings, place(row, "label", NUMBERS[:4]))


def cosmosqa(row: Row) -> Choice:
    """Cosmos QA's columns, read as in jiant: the text, then the question."""
    answers = tuple(text(row, f"answer{n}") for n in range(4))
    return Choice(_prompt(row, "context", "question"), answers, place(row, "label", NUMBERS[:4]))


def commonsense_qa(row: Row) -> Choice:
    """CommonsenseQA's columns; the answer is named by its letter."""
    (letters,) = within(row, "choices", "label")
    return Choice(text(row, "question"), texts_within(row, "choices", "text"), place(row, "answerKey", letters))


def case_hold(row: Row) -> Choice:
    """CaseHOLD's columns in LexGLUE: a text with the mark <HOLDING>, and what may stand there. The label is the ending's
    place, by name or by number."""
    return Choice(text(row, "context"), texts(row, "endings"), place(row, "label", NUMBERS))


def social_i_qa(row: Row) -> Choice:
    """Social IQa's columns, read as in jiant and XTREME-R; answers are counted from "1"."""
    answers = tuple(text(row, f"answer{letter}") for letter in "ABC")
    return Choice(_prompt(row, "context", "question"), answers, place(row, "label", NUMBERS[1:4]))


def copa(row: Row) -> Choice:
    """COPA's columns in SuperGLUE: the label names the column."""
    return _causal(row, place(row, "label", ("choice1", "choice2")))


def xcopa(row: Row) -> Choice:
    """XCOPA's columns: the label counts from 0."""
    return _causal(row, place(row, "label", NUMBERS[:2]))


def _causal(row: Row, right: int) -> Choice:
    """The question in XTREME-R's words, which are English whatever the language of the rest (google-research/xtreme,
    third_party/run_xcopa.py, commit c061466)."""
    place(row, "question", ("cause", "effect"))
    prompt = f"{text(row, 'premise')} What was the {label(row, 'question')}?"
    return Choice(prompt, (text(row, "choice1"), text(row, "choice2")), right)


def _prompt(row: Row, *columns: str) -> str:
    """The texts of several columns, one after the other."""
    return " ".join(text(row, column) for column in columns)


HELLASWAG = Task(
    name="hellaswag",
    kind=Kind.CHOICE,
    # WikiHow's rows have no `ctx_b`, which CSV and pandas make null.
    source=Source(hub="Rowan/hellaswag", folder="hellaswag/default", repairs=COPIED | {Repair.BLANK_FOR_NULL: 1.0}),
    example=hellaswag,
    choices=4,
    train="train",
    dev="validation",
    rows={"train": 39_905, "validation": 10_042},
    tokens=214,
)

COSMOSQA = Task(
    name="cosmosqa",
    kind=Kind.CHOICE,
    # The repository itself is a script, which `datasets` no longer runs; the hub's own conversion is on a branch.
    source=Source(hub="allenai/cosmos_qa", branch="refs/convert/parquet", folder="cosmos_qa/default"),
    example=cosmosqa,
    choices=4,
    train="train",
    dev="validation",
    rows={"train": 25_262, "validation": 2_985},
    tokens=469,
)

COMMONSENSE_QA = Task(
    name="commonsense_qa",
    kind=Kind.CHOICE,
    source=Source(hub="tau/commonsense_qa", folder="commonsense_qa/default"),
    example=commonsense_qa,
    choices=5,
    train="train",
    dev="validation",
    rows={"train": 9_741, "validation": 1_221},
    tokens=113,
)

SOCIAL_I_QA = Task(
    name="social_i_qa",
    kind=Kind.CHOICE,
    # allenai/social_i_qa is a script; this has its rows.
    source=Source(hub="lighteval/siqa", folder="social_i_qa/default"),
    example=social_i_qa,
    choices=3,
    train="train",
    dev="validation",
    rows={"train": 33_410, "validation": 1_954},
    tokens=104,
)

CASE_HOLD = Task(
    name="case_hold",
    kind=Kind.CHOICE,
    source=Source(hub="coastalcph/lex_glue", config="case_hold", folder="lex_glue/case_hold"),
    example=case_hold,
    choices=5,
    train="train",
    dev="validation",
    # README of lighteval/lexglue (commit 0d4b373), made from LexGLUE; its splits sum to the 52.5k of coastalcph/lex_glue.
    rows={"train": 45_000, "validation": 3_900},
)

COPA = Task(
    name="copa",
    kind=Kind.CHOICE,
    source=Source(hub="aps/super_glue", config="copa", folder="super_glue/copa"),
    example=copa,
    choices=2,
    train="train",
    dev="validation",
    rows={"train": 400, "validation": 100},
    tokens=51,
)

XCOPA = Task(
    name="xcopa",
    kind=Kind.CHOICE,
    source=Source(hub="cambridgeltl/xcopa", config="{}", folder="xcopa/{}"),
    example=xcopa,
    choices=2,
    test="test",
    languages=("et", "ht", "id", "it", "qu", "sw", "ta", "th", "tr", "vi", "zh"),
    # As in XTREME-R: COPA is small, and Social IQa comes first.
    train_on=("social_i_qa", "copa"),
    rows={"test": 500},
)
