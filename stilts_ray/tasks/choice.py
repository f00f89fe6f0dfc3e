"""Multiple choice: which continuation fits, or which answer is right?"""

from collections.abc import Sequence

from stilts_ray.tasks.base import Kind, Row, Source, Task
from stilts_ray.tasks.examples import Choice, filled


def hellaswag(row: Row) -> Choice:
    """HellaSwag's columns. The half sentence `ctx_b` opens each ending, as in jiant."""
    endings = tuple(f"{row['ctx_b']} {ending}".strip() for ending in row["endings"])
    return Choice(row["ctx_a"], endings, int(row["label"]))


def cosmosqa(row: Row) -> Choice:
    """Cosmos QA's columns, read as in jiant: the text, then the question."""
    return Choice(_prompt(row, "context", "question"), tuple(row[f"answer{n}"] for n in range(4)), row["label"])


def commonsense_qa(row: Row) -> Choice:
    """CommonsenseQA's columns; the answer is named by its letter."""
    choices = row["choices"]
    return Choice(row["question"], tuple(choices["text"]), _place(row["answerKey"], choices["label"]))


def case_hold(row: Row) -> Choice:
    """CaseHOLD's columns in LexGLUE: a text with the mark <HOLDING>, and what may stand there. The label is the ending's
    place, by name or by number."""
    return Choice(row["context"], tuple(row["endings"]), _place(str(row["label"]), tuple("01234")))


def social_i_qa(row: Row) -> Choice:
    """Social IQa's columns, read as in jiant and XTREME-R; answers are counted from "1"."""
    answers = tuple(row[f"answer{letter}"] for letter in "ABC")
    return Choice(_prompt(row, "context", "question"), answers, _place(row["label"], ("1", "2", "3")))


def copa(row: Row) -> Choice:
    """COPA's columns in SuperGLUE: the label names the column."""
    return _causal(row, _place(row["label"], ("choice1", "choice2")))


def xcopa(row: Row) -> Choice:
    """XCOPA's columns: the label counts from 0."""
    return _causal(row, row["label"])


def _causal(row: Row, label: int) -> Choice:
    """The question in XTREME-R's words, which are English whatever the language of the rest (google-research/xtreme,
    third_party/run_xcopa.py, commit c061466)."""
    asked = row["question"]
    _place(asked, ("cause", "effect"))
    return Choice(f"{_prompt(row, 'premise')} What was the {asked}?", (row["choice1"], row["choice2"]), label)


def _prompt(row: Row, *columns: str) -> str:
    """The texts of several columns, one after the other; none may be empty."""
    texts = {column: row[column] for column in columns}
    filled(**texts)
    return " ".join(texts.values())


def _place(name: str, names: Sequence[str]) -> int:
    if name not in names:
        raise ValueError(f"{name!r} is none of {', '.join(names)}")
    return names.index(name)


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

COSMOSQA = Task(
    name="cosmosqa",
    kind=Kind.CHOICE,
    # The repository itself is a script, which `datasets` no longer runs; the hub's own conversion is on a branch.
    source=Source(hub="allenai/cosmos_qa", branch="refs/convert/parquet", folder="cosmos_qa/default"),
    example=cosmosqa,
    choices=4,
    train="train",
    dev="validation",
    train_size=25_262,
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
    train_size=9_741,
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
    train_size=33_410,
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
    train_size=45_000,  # its tokens are not measured yet
)

COPA = Task(
    name="copa",
    kind=Kind.CHOICE,
    source=Source(hub="aps/super_glue", config="copa", folder="super_glue/copa"),
    example=copa,
    choices=2,
    train="train",
    dev="validation",
    train_size=400,
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
)
