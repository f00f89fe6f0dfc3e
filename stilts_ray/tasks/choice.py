"""Multiple choice: the most plausible continuation, or the correct answer."""

from stilts_ray.tasks.base import COPIED, Kind, Repair, Row, Source, Task
from stilts_ray.tasks.columns import label, label_index, optional_text, text, texts, texts_within, within
from stilts_ray.tasks.examples import Choice

NUMBERS = ("0", "1", "2", "3", "4")
"""How labels spell the index of the correct choice."""


def hellaswag(row: Row) -> Choice:
    """HellaSwag's columns. The half sentence `ctx_b` is prepended to each ending, as in jiant."""
    opening = optional_text(row, "ctx_b")
    endings = tuple(f"{opening} {ending}".strip() for ending in texts(row, "endings"))
    return Choice(text(row, "ctx_a"), endings, label_index(row, "label", NUMBERS[:4]))


def cosmosqa(row: Row) -> Choice:
    """Cosmos QA's columns. The prompt is the text, then the question, as in jiant."""
    answers = tuple(text(row, f"answer{n}") for n in range(4))
    return Choice(_prompt(row, "context", "question"), answers, label_index(row, "label", NUMBERS[:4]))


def commonsense_qa(row: Row) -> Choice:
    """CommonsenseQA's columns. The label is the answer's letter."""
    (letters,) = within(row, "choices", "label")
    return Choice(text(row, "question"), texts_within(row, "choices", "text"), label_index(row, "answerKey", letters))


def case_hold(row: Row) -> Choice:
    """CaseHOLD's columns in LexGLUE: a text with the placeholder <HOLDING> and its candidate holdings. The label is the
    ending's index, as a class name or a number."""
    return Choice(text(row, "context"), texts(row, "endings"), label_index(row, "label", NUMBERS))


def social_i_qa(row: Row) -> Choice:
    """Social IQa's columns. The prompt is that of jiant and XTREME-R; labels count from "1"."""
    answers = tuple(text(row, f"answer{letter}") for letter in "ABC")
    return Choice(_prompt(row, "context", "question"), answers, label_index(row, "label", NUMBERS[1:4]))


def copa(row: Row) -> Choice:
    """COPA's columns in SuperGLUE. The label is the name of a column."""
    return _causal(row, label_index(row, "label", ("choice1", "choice2")))


def xcopa(row: Row) -> Choice:
    """XCOPA's columns. Labels count from 0."""
    return _causal(row, label_index(row, "label", NUMBERS[:2]))


def _causal(row: Row, right: int) -> Choice:
    """The prompt of XTREME-R, with an English question in every language (google-research/xtreme,
    third_party/run_xcopa.py, commit c061466)."""
    label_index(row, "question", ("cause", "effect"))
    prompt = f"{text(row, 'premise')} What was the {label(row, 'question')}?"
    return Choice(prompt, (text(row, "choice1"), text(row, "choice2")), right)


def _prompt(row: Row, *columns: str) -> str:
    """The texts of several columns, joined by spaces."""
    return " ".join(text(row, column) for column in columns)


HELLASWAG = Task(
    name="hellaswag",
    kind=Kind.CHOICE,
    # WikiHow's rows have an empty `ctx_b`, which CSV and pandas turn into null.
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
    # The main branch holds a script, which `datasets` no longer runs; the hub's own conversion is on this branch.
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
    # allenai/social_i_qa holds a script; this repository has its rows.
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
    # As in XTREME-R: COPA is small, so Social IQa is trained first.
    train_on=("social_i_qa", "copa"),
    rows={"test": 500},
)
