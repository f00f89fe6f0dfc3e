"""A few rows of every task in the hub's columns and feature types, written for these tests.

Class labels and tags stand here by name; `write` makes integers of them, as in the hub's files.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from datasets import ClassLabel, Features, List, Value

from stilts_ray.mini.build import write_parquet
from stilts_ray.tasks import TASKS, Task
from stilts_ray.tasks.base import Repair, parse_split

Row = dict[str, Any]


@dataclass(frozen=True)
class Bad:
    """An invalid row: a valid one with the values of `change`. The error has `reason` in its message unless the source has
    `rules`. stays: whether the repaired row is kept in training."""

    change: Row
    reason: str
    rules: tuple[Repair, ...] = ()
    stays: bool = False


BLANK, NULL = (Repair.DROP_BLANK,), (Repair.BLANK_FOR_NULL, Repair.DROP_BLANK)
REALIGN, UNANSWERED = (Repair.REALIGN_ANSWER,), (Repair.DROP_UNANSWERED,)


@dataclass(frozen=True)
class Fixture:
    """features: of the hub's files. rows: language -> rows, the source language first. bad: invalid rows. left_out: changes
    that turn a valid row into one that the data set's own rule excludes."""

    features: Features
    rows: Mapping[str, Sequence[Row]]
    bad: tuple[Bad, ...]
    left_out: tuple[Row, ...] = ()


def write(features: Features, rows: Sequence[Row], path: Path) -> None:
    """Writes a parquet file with the feature types in its metadata, as the hub does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_parquet({name: [row[name] for row in rows] for name in features}, features, path)


def file_rows(split: str, rows: Sequence[Row]) -> list[Row]:
    """The rows of a split's file. For a slice, the file ends with `rows`, and repetitions of them fill it up to the bounds of
    the slice."""
    bounds = parse_split(split)[1]
    return [*islice(cycle(rows), max(bounds.start or 0, bounds.stop or 0)), *rows]


def file_of(task: Task, split: str, language: str, root: Path) -> Path:
    """Path of a one-part split below a data folder."""
    return root / task.source.path(language) / f"{parse_split(split)[0]}.parquet"


def write_split(task: Task, split: str, language: str, root: Path) -> None:
    """Writes the fixture rows of every part of a split below a data folder."""
    for part, name in task.parts(split):
        fixture = FIXTURES[part.name]
        write(fixture.features, file_rows(name, fixture.rows[language]), file_of(part, name, language, root))


def rows_of(task: Task, split: str, language: str) -> list[Row]:
    """The fixture rows of a split, of all its parts."""
    parts = [(name, FIXTURES[part.name].rows[language]) for part, name in task.parts(split)]
    return [row for name, rows in parts for row in file_rows(name, rows)[parse_split(name)[1]]]


def splits() -> Iterator[tuple[Task, str, str]]:
    """All splits with fixtures, as (task, split, language). Training data are in the source language alone, unless the task
    has further training languages."""
    for name, fixture in FIXTURES.items():
        task = TASKS[name]
        for language in fixture.rows:
            for split in dict.fromkeys(split for split in (task.train, task.dev, task.test) if split):
                source_only = task.languages and split in (task.train, task.dev) and split != task.test
                if language in ("en", *task.train_languages) or not source_only:
                    yield task, split, language


def texts() -> Iterator[str]:
    """Every text of every row, for a tokenizer that knows all of their characters."""
    for fixture in FIXTURES.values():
        for rows in fixture.rows.values():
            yield from _strings(list(rows))


def _strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            yield from _strings(list(value.values()))
        case list() | tuple():
            for item in value:
                yield from _strings(item)


# Natural language inference

INFERENCE = ClassLabel(names=["entailment", "neutral", "contradiction"])

NLI_EN = [
    {"premise": "Two children fly a red kite.", "hypothesis": "Children play outside.", "label": "entailment"},
    {"premise": "The baker opens at six.", "hypothesis": "The baker sells rye bread.", "label": "neutral"},
    {"premise": "Nobody came to the lecture.", "hypothesis": "The lecture hall was full.", "label": "contradiction"},
    {"premise": "A woman repairs her bicycle.", "hypothesis": "Someone repairs a bicycle.", "label": "entailment"},
    {"premise": "My brother lives in a small town.", "hypothesis": "He likes the town.", "label": "neutral"},
    {"premise": "The lake was frozen all winter.", "hypothesis": "The lake never froze.", "label": "contradiction"},
    {"premise": "Rain fell on the empty market.", "hypothesis": "It rained.", "label": "entailment"},
    {"premise": "The train is late again.", "hypothesis": "The train is on time.", "label": "contradiction"},
]

NLI_DE = [
    {"premise": "Zwei Kinder lassen einen Drachen steigen.", "hypothesis": "Kinder spielen.", "label": "entailment"},
    {"premise": "Die Bäckerei öffnet um sechs.", "hypothesis": "Sie verkauft Brot.", "label": "neutral"},
    {"premise": "Niemand kam zum Vortrag.", "hypothesis": "Der Saal war voll.", "label": "contradiction"},
    {"premise": "Der See war zugefroren.", "hypothesis": "Auf dem See lag Eis.", "label": "entailment"},
]

PREMISE_BAD = (
    Bad({"premise": " \n"}, "column 'premise' is white space", BLANK),
    Bad({"hypothesis": ""}, "column 'hypothesis' is empty", BLANK),
    Bad({"premise": None}, "column 'premise' is null, not text", NULL),
)
NLI_BAD = (*PREMISE_BAD, Bad({"label": -1}, "the row has no label"))

MNLI = Fixture(
    Features({"premise": Value("string"), "hypothesis": Value("string"), "label": INFERENCE, "idx": Value("int32")}),
    {"en": [row | {"idx": number} for number, row in enumerate(NLI_EN)]},
    NLI_BAD,
)

XNLI = Fixture(
    Features({"premise": Value("string"), "hypothesis": Value("string"), "label": INFERENCE}),
    {"en": NLI_EN, "de": NLI_DE},
    NLI_BAD,
)

SNLI = Fixture(XNLI.features, {"en": NLI_EN[:5]}, PREMISE_BAD, left_out=({"label": -1}, {"label": None}))

ANLI = Fixture(
    Features({"uid": Value("string"), **XNLI.features, "reason": Value("string")}),
    {"en": [row | {"uid": f"u{number}", "reason": ""} for number, row in enumerate(NLI_EN[2:])]},
    NLI_BAD,
)

# Paraphrases


def paraphrase(columns: tuple[str, str], first: str, second: str, label: str | float) -> Row:
    """A row of two texts in the columns of that name."""
    return {columns[0]: first, columns[1]: second, "label": label}


def paraphrase_bad(columns: tuple[str, str]) -> tuple[Bad, ...]:
    """Rows that are refused, in the columns of that name."""
    return (
        Bad({columns[0]: ""}, f"column {columns[0]!r} is empty", BLANK),
        Bad({columns[1]: "\t"}, f"column {columns[1]!r} is white space", BLANK),
        Bad({columns[1]: None}, f"column {columns[1]!r} is null, not text", NULL),
        Bad({"label": -1}, "the row has no label"),
    )


SENTENCES, QUESTIONS = ("sentence1", "sentence2"), ("question1", "question2")

PAWSX_ROWS = {
    "en": [
        paraphrase(SENTENCES, "Anna taught Bo to sail.", "Bo was taught to sail by Anna.", "1"),
        paraphrase(SENTENCES, "Anna taught Bo to sail.", "Bo taught Anna to sail.", "0"),
        paraphrase(SENTENCES, "The ferry runs from Lund to Vik.", "The ferry runs from Vik to Lund.", "0"),
        paraphrase(SENTENCES, "In May the old bridge was closed.", "The old bridge was closed in May.", "1"),
        paraphrase(SENTENCES, "The red house is near the mill.", "The mill is near the red house.", "1"),
        paraphrase(SENTENCES, "He sold wine and bought salt.", "He sold salt and bought wine.", "0"),
    ],
    "de": [
        paraphrase(SENTENCES, "Anna lehrte Bo segeln.", "Bo lehrte Anna segeln.", "0"),
        paraphrase(SENTENCES, "Im Mai wurde die Brücke gesperrt.", "Die Brücke wurde im Mai gesperrt.", "1"),
        paraphrase(SENTENCES, "Das Haus liegt bei der Mühle.", "Die Mühle liegt bei dem Haus.", "1"),
    ],
}

PAWSX = Fixture(
    Features(
        {
            "id": Value("int32"),
            **dict.fromkeys(SENTENCES, Value("string")),
            "label": ClassLabel(names=["0", "1"]),
        }
    ),
    {language: [row | {"id": n} for n, row in enumerate(rows, start=1)] for language, rows in PAWSX_ROWS.items()},
    paraphrase_bad(SENTENCES),
)

QQP_EN = [
    paraphrase(QUESTIONS, "How do I tune a piano?", "How can I tune my piano?", "duplicate"),
    paraphrase(QUESTIONS, "How do I tune a piano?", "How do I sell a piano?", "not_duplicate"),
    paraphrase(QUESTIONS, "Why is the sea salty?", "What makes the sea salty?", "duplicate"),
    paraphrase(QUESTIONS, "When do swallows leave?", "Where do swallows live?", "not_duplicate"),
    paraphrase(QUESTIONS, "Is rye bread healthy?", "How long does rye bread keep?", "not_duplicate"),
]

QQP = Fixture(
    Features(
        {
            **dict.fromkeys(QUESTIONS, Value("string")),
            "label": ClassLabel(names=["not_duplicate", "duplicate"]),
            "idx": Value("int32"),
        }
    ),
    {"en": [row | {"idx": number} for number, row in enumerate(QQP_EN)]},
    paraphrase_bad(QUESTIONS),
)

# Similarity

STSB_EN = [
    paraphrase(SENTENCES, "A man plays a flute.", "A man is playing the flute.", 5.0),
    paraphrase(SENTENCES, "Two dogs run on the beach.", "A dog runs along the beach.", 3.75),
    paraphrase(SENTENCES, "A woman slices an onion.", "A man slices bread.", 1.5),
    paraphrase(SENTENCES, "The ferry leaves at noon.", "Rye bread keeps for a week.", 0.0),
    paraphrase(SENTENCES, "The old mill was sold.", "They sold the mill in May.", 4.25),
]

STSB = Fixture(
    Features({**dict.fromkeys(SENTENCES, Value("string")), "label": Value("float32"), "idx": Value("int32")}),
    {"en": [row | {"idx": number} for number, row in enumerate(STSB_EN)]},
    (
        Bad({"sentence1": ""}, "column 'sentence1' is empty", BLANK),
        Bad({"sentence2": None}, "column 'sentence2' is null, not text", NULL),
        Bad({"label": None}, "column 'label' is null, not a finite number"),
        Bad({"label": float("nan")}, "column 'label' is the number nan, not a finite number"),
        # GLUE's test split has no grades.
        Bad({"label": -1.0}, "column 'label' is the number -1.0, not a similarity from 0 to 5"),
    ),
)

# Span question answering


def question(number: int, context: str, text: str, *answers: str) -> Row:
    """A row in SQuAD's columns; each answer is where it first occurs."""
    found = {"text": list(answers), "answer_start": [context.index(answer) for answer in answers]}
    return {"id": f"q{number}", "title": "Test", "context": context, "question": text, "answers": found}


MILL = (
    "The old mill by the river was built in 1782 by Anna Lind. It ground rye for three villages. "
    "After the flood of 1901 its wheel stood still, and since 1950 it has been a small museum."
)
SHIP = "The Aurora left the harbour at dawn. She carried salt, (cheap) wine and 40 crates of oranges."

SQUAD_EN = [
    question(0, MILL, "Who built the mill?", "Anna Lind", "Lind"),
    question(1, MILL, "When was the mill built?", "1782", "in 1782"),
    question(2, MILL, "What is the mill today?", "a small museum", "museum"),
    question(3, SHIP, "When did the Aurora leave?", "at dawn", "dawn"),
    question(4, SHIP, "How many crates of oranges were there?", "40"),
    question(5, SHIP, "What did the ship carry first?", "salt"),
]

XQUAD_ZH = [
    question(0, "河边的旧磨坊由安娜于1782年建造。它为三个村庄磨麦子。", "谁建造了磨坊?", "安娜"),
    question(1, "河边的旧磨坊由安娜于1782年建造。它为三个村庄磨麦子。", "磨坊是哪一年建造的?", "1782年"),
    question(2, "北京的冬天又冷又干,很少下雪。", "哪里的冬天很冷?", "北京"),
]

SPAN_BAD = (
    Bad({"question": ""}, "column 'question' is empty", BLANK),
    Bad({"context": "Another text."}, "is not at character", REALIGN),
    Bad({"answers": {"text": ["Nobody"], "answer_start": [3]}}, "answer 'Nobody' is not at character 3", REALIGN),
    Bad({"answers": {"text": [MILL], "answer_start": [-1]}}, "is not at character -1", REALIGN, stays=True),
    Bad({"answers": {"text": ["museum"], "answer_start": [-7]}}, "is not at character -7", REALIGN, stays=True),
    Bad(
        {"answers": {"text": ["The", " "], "answer_start": [0, 3]}}, "column 'answers' holds no text at index 1", BLANK
    ),
)
NO_ANSWERS = {"answers": None}
NULL_ANSWERS = "column 'answers' is null, not an object {'text': [...], 'answer_start': [...]}"
SQUAD_BAD = (
    *SPAN_BAD,
    Bad({"answers": {"text": [], "answer_start": []}}, "no answer", UNANSWERED),
    Bad(NO_ANSWERS, NULL_ANSWERS, UNANSWERED),
)

SQUAD_V2_EN = [
    *SQUAD_EN,
    question(6, MILL, "Who painted the mill?"),
    question(7, SHIP, "Where did the Aurora sink?"),
    question(8, f"{SHIP} {MILL}", "What was the wheel made of?"),
    question(9, f"{MILL} {SHIP} {MILL}", "Who sank the Aurora?"),
]

SQUAD_FEATURES = {
    "id": Value("string"),
    "title": Value("string"),
    "context": Value("string"),
    "question": Value("string"),
    "answers": {"text": List(Value("string")), "answer_start": List(Value("int32"))},
}

SQUAD = Fixture(Features(SQUAD_FEATURES), {"en": SQUAD_EN}, SQUAD_BAD)

SQUAD_V2 = Fixture(Features(SQUAD_FEATURES), {"en": SQUAD_V2_EN}, SPAN_BAD)

XQUAD = Fixture(
    Features({name: feature for name, feature in SQUAD_FEATURES.items() if name != "title"}),
    {
        language: [{name: value for name, value in row.items() if name != "title"} for row in rows]
        for language, rows in {"en": SQUAD_EN, "zh": XQUAD_ZH}.items()
    },
    SQUAD_BAD,
)

# An answer that begins with the space between two sentences.
BETWEEN = {"answers": {"text": [" It"], "answer_start": [MILL.index(" It ground")]}}

SQUAD_R = Fixture(SQUAD.features, SQUAD.rows, SQUAD_BAD, left_out=(BETWEEN,))

LAREQA = Fixture(XQUAD.features, XQUAD.rows, SQUAD_BAD, left_out=(BETWEEN,))

ARLEN = {
    "Q9": "The Upper Mill is a water mill of 1782 in Arlen. It ground rye until 1950.",
    "Q8": "Jo Lind was mayor of Arlen from 1920 to 1931.",
    "Q7": "Jo Vik (born 1951) is a Norwegian singer.",
    "Q1": "Arlen ist eine kleine Stadt am Fluss.",
}
LINKED = [
    ("the mill: In 1901 { the mill } was flooded.", "Q9"),
    ("Vik: On Monday { Vik } sang in Arlen.", "Q7"),
    ("Upper Mill: Nobody has repaired the { Upper Mill } .", "Q9"),
    ("mayor: The former { mayor } opened the bridge.", "Q8"),
]

WIKIPEDIA_PAIRS = Fixture(
    Features(dict.fromkeys(("mention", "entity"), Value("string"))),
    {"en": [{"mention": text, "entity": ARLEN[name]} for text, name in LINKED]},
    (
        Bad({"mention": " "}, "column 'mention' is white space", BLANK),
        Bad({"entity": ""}, "column 'entity' is empty", BLANK),
        Bad({"entity": None}, "column 'entity' is null, not text", NULL),
    ),
)

# Whether the hub's rows have the release's `example_id` is not known.
MEWSLIX = Fixture(
    Features(dict.fromkeys(("mention", "entity_id"), Value("string"))),
    {
        "en": [{"mention": text, "entity_id": name} for text, name in LINKED],
        "de": [
            {"mention": "Mühle: Die { Mühle } bleibt zu.", "entity_id": "Q9"},
            {"mention": "Lind: Er sprach von { Lind } .", "entity_id": "Q8"},
            {"mention": "Jo Vik: Auch { Jo Vik } kam.", "entity_id": "Q7"},
        ],
    },
    (
        Bad({"mention": ""}, "column 'mention' is empty", BLANK),
        Bad({"entity_id": ""}, "column 'entity_id' is empty", BLANK),
    ),
)

CANDIDATE_ENTITIES = Fixture(
    Features(dict.fromkeys(("entity_id", "description"), Value("string"))),
    {"en": [{"entity_id": name, "description": text} for name, text in ARLEN.items()]},
    (
        Bad({"entity_id": ""}, "column 'entity_id' is empty", BLANK),
        Bad({"description": "\n"}, "column 'description' is white space", BLANK),
    ),
)

MYLLY = "Mylly on rakennettu vuonna 1782. Sen pyörä seisoo."

TYDIQA_FI = [
    question(0, MYLLY, "Milloin mylly rakennettiin?", "1782"),
    question(1, MYLLY, "Mikä seisoo?", "pyörä"),
    question(2, MYLLY, "Mikä on rakennettu?", "Mylly"),
]

MLQA_ZH = [row | {"title": "测试"} for row in XQUAD_ZH]

MLQA = Fixture(Features(SQUAD_FEATURES), {"en": SQUAD_EN, "zh": MLQA_ZH}, SQUAD_BAD)

TYDIQA = Fixture(Features(SQUAD_FEATURES), {"en": SQUAD_EN, "fi": TYDIQA_FI}, SQUAD_BAD)

# Multiple choice


def scene(number: int, first: str, second: str, label: str, *endings: str) -> Row:
    """A row in HellaSwag's columns."""
    return {
        "ind": number,
        "activity_label": "Testing",
        "ctx_a": first,
        "ctx_b": second,
        "ctx": f"{first} {second}",
        "endings": list(endings),
        "source_id": f"test~{number}",
        "split": "train",
        "split_type": "indomain",
        "label": label,
    }


HELLASWAG = Fixture(
    Features(
        {
            "ind": Value("int32"),
            "activity_label": Value("string"),
            "ctx_a": Value("string"),
            "ctx_b": Value("string"),
            "ctx": Value("string"),
            "endings": List(Value("string")),
            "source_id": Value("string"),
            "split": Value("string"),
            "split_type": Value("string"),
            "label": Value("string"),
        }
    ),
    {
        "en": [
            scene(0, "A man fills a kettle.", "he", "0", "heats it.", "reads it.", "folds it.", "sings it."),
            scene(1, "A girl ties her shoes.", "she", "2", "eats them.", "boils them.", "starts to run.", "melts."),
            scene(2, "The dog hears the bell.", "", "1", "It bakes.", "It runs to the door.", "It types.", "It rusts."),
            scene(3, "Snow covers the road.", "a plough", "3", "sings.", "reads.", "sleeps.", "clears the way."),
            scene(4, "They set up the tent.", "then they", "0", "light a fire.", "evaporate.", "rust.", "hatch."),
            scene(5, "He opens the piano.", "he", "1", "drinks it.", "begins to play.", "peels it.", "waters it."),
        ]
    },
    (
        Bad({"ctx_a": " "}, "column 'ctx_a' is white space", BLANK),
        Bad(
            {"ctx_b": "", "endings": ["runs.", "", "sits.", "eats."]},
            "column 'endings' holds no text at index 1",
            BLANK,
        ),
        Bad({"ctx_b": None}, "column 'ctx_b' is null", (Repair.BLANK_FOR_NULL,), stays=True),
        Bad({"endings": ["runs.", "sits.", "eats."]}, "3 choices"),
        Bad({"label": "4"}, "column 'label' is '4', none of 0, 1, 2, 3"),
        Bad({"label": "-1"}, "column 'label' is '-1', none of 0, 1, 2, 3"),
        Bad({"label": ""}, "the row has no label"),
    ),
)


def answered(number: int, context: str, question: str, label: int, *answers: str) -> Row:
    """A row in Cosmos QA's columns."""
    told = {f"answer{place}": answer for place, answer in enumerate(answers)}
    return {"id": f"c{number}", "context": context, "question": question, **told, "label": label}


COSMOSQA = Fixture(
    Features(
        {
            **dict.fromkeys(("id", "context", "question", *(f"answer{n}" for n in range(4))), Value("string")),
            "label": Value("int32"),
        }
    ),
    {
        "en": [
            answered(0, "My train was late .", "Why was I cold ?", 1, "I ran .", "I waited .", "I slept .", "None ."),
            answered(1, "Bo sold his boat .", "What now ?", 0, "He walks .", "He sails .", "He sinks .", "None ."),
            answered(2, "The oven broke .", "What of the bread ?", 3, "It rose .", "It sang .", "It ran .", "None ."),
            answered(3, "Anna won again .", "How is she ?", 2, "Ill .", "Lost .", "Glad .", "None ."),
        ]
    },
    (
        Bad({"context": " "}, "column 'context' is white space", BLANK),
        Bad({"question": ""}, "column 'question' is empty", BLANK),
        Bad({"question": None}, "column 'question' is null, not text", NULL),
        Bad({"answer2": ""}, "column 'answer2' is empty", BLANK),
        Bad({"label": -1}, "'-1', none of 0, 1, 2, 3"),
        Bad({"label": 4}, "'4', none of 0, 1, 2, 3"),
    ),
)


def known(number: int, question: str, key: str, *texts: str) -> Row:
    """A row in CommonsenseQA's columns."""
    choices = {"label": list("ABCDE"), "text": list(texts)}
    return {"id": f"k{number}", "question": question, "question_concept": "test", "choices": choices, "answerKey": key}


FOUR = {"label": list("ABCD"), "text": ["sea", "sky", "mill", "oven"]}

COMMONSENSE_QA = Fixture(
    Features(
        {
            **dict.fromkeys(("id", "question", "question_concept"), Value("string")),
            "choices": {"label": List(Value("string")), "text": List(Value("string"))},
            "answerKey": Value("string"),
        }
    ),
    {
        "en": [
            known(0, "Where does a baker bake?", "C", "sea", "sky", "oven", "lake", "road"),
            known(1, "What flies?", "A", "kite", "mill", "bread", "anchor", "brick"),
            known(2, "What is salty?", "E", "snow", "tea", "milk", "rain", "sea water"),
            known(3, "What barks?", "B", "cat", "dog", "cow", "hen", "goat"),
        ]
    },
    (
        Bad({"question": "\t"}, "column 'question' is white space", BLANK),
        Bad({"answerKey": ""}, "the row has no label"),
        Bad({"answerKey": "F"}, "column 'answerKey' is 'F', none of A, B, C, D, E"),
        Bad(
            {"choices": {**FOUR, "label": list("ABCDE"), "text": [*FOUR["text"], ""]}},
            "column 'choices' holds no text at index 4",
            BLANK,
        ),
        Bad({"choices": FOUR, "answerKey": "B"}, "4 choices, not 5"),
    ),
)


def social(context: str, question: str, label: str, *answers: str) -> Row:
    """A row in Social IQa's columns."""
    told = {f"answer{letter}": answer for letter, answer in zip("ABC", answers, strict=True)}
    return {"context": context, "question": question, **told, "label": label}


SOCIAL_COLUMNS = ("context", "question", "answerA", "answerB", "answerC", "label")

SOCIAL_I_QA = Fixture(
    Features(dict.fromkeys(SOCIAL_COLUMNS, Value("string"))),
    {
        "en": [
            social("Bo hid the key.", "How does Anna feel?", "1", "cross", "asleep", "tall"),
            social("Anna lent Bo a boat.", "What will Bo do?", "3", "melt", "rust", "thank her"),
            social("Bo forgot the tent.", "Why?", "2", "he was a tent", "he was in a hurry", "it rained later"),
            social("Anna fed the goat.", "What does the goat do?", "2", "sings", "eats", "reads"),
        ]
    },
    (
        Bad({"context": ""}, "column 'context' is empty", BLANK),
        Bad({"question": " "}, "column 'question' is white space", BLANK),
        Bad({"answerC": ""}, "column 'answerC' is empty", BLANK),
        Bad({"label": "0"}, "column 'label' is '0', none of 1, 2, 3"),
        Bad({"label": ""}, "the row has no label"),
    ),
)


def causal(number: int, premise: str, question: str, label: Any, *choices: str) -> Row:
    """A row in COPA's columns."""
    told = {"choice1": choices[0], "choice2": choices[1]}
    return {"premise": premise, **told, "question": question, "idx": number, "label": label}


COPA_FEATURES = {**dict.fromkeys(("premise", "choice1", "choice2", "question"), Value("string")), "idx": Value("int32")}
COPA_BAD = (
    Bad({"premise": ""}, "column 'premise' is empty", BLANK),
    Bad({"choice2": " "}, "column 'choice2' is white space", BLANK),
    Bad({"question": "why"}, "column 'question' is 'why', none of cause, effect"),
)

COPA = Fixture(
    Features({**COPA_FEATURES, "label": ClassLabel(names=["choice1", "choice2"])}),
    {
        "en": [
            causal(0, "The lake froze.", "cause", "choice2", "It was noon.", "It was cold."),
            causal(1, "The lake froze.", "effect", "choice1", "We skated.", "We sailed."),
            causal(2, "Bo lost the key.", "effect", "choice1", "He waited outside.", "He opened the door."),
            causal(3, "Anna laughed.", "cause", "choice2", "She fell asleep.", "She heard a joke."),
        ]
    },
    (*COPA_BAD, Bad({"label": -1}, "the row has no label")),
)

XCOPA = Fixture(
    Features({**COPA_FEATURES, "label": Value("int32"), "changed": Value("bool")}),
    {
        "it": [
            causal(0, "Il lago è gelato.", "cause", 1, "Era mezzogiorno.", "Faceva freddo.") | {"changed": False},
            causal(1, "Il lago è gelato.", "effect", 0, "Abbiamo pattinato.", "Siamo salpati.") | {"changed": False},
            causal(2, "Anna rideva.", "cause", 1, "Si è addormentata.", "Era allegra.") | {"changed": True},
        ],
        "tr": [
            causal(0, "Göl dondu.", "cause", 1, "Öğlendi.", "Hava soğuktu.") | {"changed": False},
            causal(1, "Göl dondu.", "effect", 0, "Kaydık.", "Yelken açtık.") | {"changed": False},
            causal(2, "Anna güldü.", "cause", 1, "Uyudu.", "Neşeliydi.") | {"changed": False},
        ],
    },
    (*COPA_BAD, Bad({"label": -1}, "'-1', none of 0, 1"), Bad({"label": 2}, "'2', none of 0, 1")),
)


def holding(context: str, label: str, *endings: str) -> Row:
    """A row in CaseHOLD's columns."""
    return {"context": context, "endings": [f"holding that {ending}" for ending in endings], "label": label}


CASE_HOLD = Fixture(
    Features(
        {"context": Value("string"), "endings": List(Value("string")), "label": ClassLabel(names=list("01234"))}
    ),
    {
        "en": [
            holding(
                "A mill may be sold with its stream. See Lind v. Berg (<HOLDING>).", "1",
                "rye is a grain", "water goes with the wheel", "boats need a name", "dogs may bark", "rent is due in May",
            ),
            holding(
                "Nobody has to mend what he did not break. Cf. Vik v. Lund (<HOLDING>).", "0",
                "a neighbour owed no repair", "a sale was void", "a well was public", "oaths bind", "a road was private",
            ),
            holding(
                "Silence is no consent. See Ek v. Ask (<HOLDING>).", "4",
                "a horse is a chattel", "a roof was unsafe", "bells may ring", "a fence was too high",
                "no answer made no contract",
            ),
            holding(
                "A promise needs a witness (<HOLDING>).", "2",
                "a tax was due", "a ship was lost", "unheard words bind nobody", "a cow strayed", "a gate was shut",
            ),
        ]
    },
    (
        Bad({"context": " "}, "column 'context' is white space", BLANK),
        Bad({"endings": ["a", "b", "", "d", "e"]}, "column 'endings' holds no text at index 2", BLANK),
        Bad({"endings": ["a", "b", "c", "d"]}, "4 choices"),
        Bad({"label": -1}, "the row has no label"),
    ),
)  # fmt: skip

# Yes or no


def studied(number: int, question: str, answer: str, *sections: str) -> Row:
    """A row in the columns of PubMedQA's artificial part."""
    return {
        "pubid": number,
        "question": question,
        "context": {"contexts": list(sections), "labels": ["METHODS"] * len(sections), "meshes": ["Humans"]},
        "long_answer": "That is what was found.",
        "final_decision": answer,
    }


PUBMEDQA = Fixture(
    Features(
        {
            "pubid": Value("int32"),
            "question": Value("string"),
            "context": {name: List(Value("string")) for name in ("contexts", "labels", "meshes")},
            "long_answer": Value("string"),
            "final_decision": Value("string"),
        }
    ),
    {
        "en": [
            studied(1, "Does rye bread satisfy?", "yes", "Twelve bakers ate rye.", "All twelve were full."),
            studied(2, "Is tea bad for sleep?", "no", "Tea was drunk at ten.", "Sleep was as long as before."),
            studied(3, "Do dogs calm children?", "yes", "Dogs came to a ward.", "Pulse rates fell.", "So did noise."),
            studied(4, "Are long walks harmful?", "no", "Nobody who walked was harmed."),
            studied(5, "Does salt raise pressure?", "yes", "More salt, more pressure."),
            studied(6, "Is honey a remedy?", "yes", "Coughs were fewer with honey."),
        ]
    },
    (
        Bad({"question": " "}, "column 'question' is white space", BLANK),
        Bad(
            {"context": {"contexts": ["", " "], "labels": [], "meshes": []}},
            "'context' holds no text",
            BLANK,
        ),
        Bad({"context": {"contexts": [], "labels": [], "meshes": []}}, "'context' holds no text", BLANK),
        Bad({"final_decision": "maybe"}, "unknown label 'maybe'; labels: yes, no"),
        Bad({"final_decision": None}, "the row has no label"),
    ),
)

# Tagging

UPOS = [
    "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM",
    "PART", "PRON", "PROPN", "PUNCT", "SCONJ", "SYM", "VERB", "X",
]  # fmt: skip


def sentence(tagged: str, column: str = "pos_tags") -> Row:
    """A row in the columns of a tagging task from "word/TAG word/TAG"."""
    pairs = [word.split("/", 1) for word in tagged.split()]
    return {"tokens": [word for word, _ in pairs], column: [tag for _, tag in pairs]}


def tagged_bad(column: str, tag: str) -> tuple[Bad, ...]:
    """Rows that are refused, with tags in that column; `tag` is one of them."""
    return (
        Bad({"tokens": ["one", "two"], column: [tag]}, "2 words but 1 tags"),
        Bad({"tokens": [], column: []}, "no words"),
        Bad({"tokens": ["one", ""], column: [tag, tag]}, "column 'tokens' holds no text at index 1", BLANK),
        Bad({"tokens": ["one"], column: [-1]}, "the row has no label"),
    )


UDPOS = Fixture(
    Features({"tokens": List(Value("string")), "pos_tags": List(ClassLabel(names=UPOS))}),
    {
        "en": [
            sentence("The/DET cat/NOUN sleeps/VERB ./PUNCT"),
            sentence("Anna/PROPN and/CCONJ Bo/PROPN will/AUX come/VERB because/SCONJ they/PRON promised/VERB ./PUNCT"),
            sentence("Oh/INTJ ,/PUNCT three/NUM %/SYM is/AUX not/PART very/ADV much/ADJ !/PUNCT"),
            sentence("He/PRON waited/VERB in/ADP the/DET uninhabited/ADJ lighthouse/NOUN ./PUNCT"),
            sentence("Etc/X ./PUNCT"),
            sentence("New/PROPN York/PROPN never/ADV sleeps/VERB"),
        ],
        "de": [
            sentence("Die/DET Katze/NOUN schläft/VERB tief/ADV ./PUNCT"),
            sentence("Wir/PRON haben/AUX Donaudampfschifffahrt/NOUN gesagt/VERB ,/PUNCT weil/SCONJ es/PRON ging/VERB"),
            sentence("Grüße/NOUN aus/ADP Köln/PROPN"),
        ],
    },
    tagged_bad("pos_tags", "NUM"),
)

NER = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]

PANX_ROWS = {
    "en": [
        sentence("Anna/B-PER Lind/I-PER lives/O in/O Vik/B-LOC ./O", "ner_tags"),
        sentence("The/O Vik/B-ORG Rowing/I-ORG Club/I-ORG won/O", "ner_tags"),
        sentence("Port/B-LOC of/I-LOC Lund/I-LOC", "ner_tags"),
        sentence("Bo/B-PER left/O the/O Mill/B-ORG Museum/I-ORG", "ner_tags"),
    ],
    "de": [
        sentence("Anna/B-PER Lind/I-PER wohnt/O in/O Köln/B-LOC", "ner_tags"),
        sentence("Ruderverein/B-ORG Süd/I-ORG", "ner_tags"),
        sentence("Bo/B-PER fährt/O nach/O Bad/B-LOC Grün/I-LOC", "ner_tags"),
    ],
}

PANX = Fixture(
    Features(
        {
            "tokens": List(Value("string")),
            "ner_tags": List(ClassLabel(names=NER)),
            "langs": List(Value("string")),
        }
    ),
    {code: [row | {"langs": [code] * len(row["tokens"])} for row in rows] for code, rows in PANX_ROWS.items()},
    tagged_bad("ner_tags", "O"),
)

UDPOS_XR = Fixture(
    UDPOS.features,
    {
        "en": UDPOS.rows["en"],
        "pl": [
            sentence("Kot/NOUN śpi/VERB ./PUNCT"),
            sentence("Anna/PROPN nie/PART przyszła/VERB ,/PUNCT bo/SCONJ padało/VERB"),
        ],
    },
    UDPOS.bad,
)

PANX_XR = Fixture(
    Features({**PANX.features, "spans": List(Value("string"))}),
    {
        "en": [row | {"spans": []} for row in PANX.rows["en"]],
        "de": [row | {"spans": []} for row in PANX.rows["de"]],
        "uk": [
            sentence("Анна/B-PER живе/O в/O Києві/B-LOC", "ner_tags") | {"langs": ["uk"] * 4, "spans": []},
            sentence("Клуб/B-ORG Дніпро/I-ORG", "ner_tags") | {"langs": ["uk"] * 2, "spans": []},
        ],
    },
    PANX.bad,
)

# In no order that a program would give them.
SUPERTAGS = ["N", "(S[dcl]\\NP)/NP", "NP[nb]/N", ".", "S[dcl]\\NP", "N/N", "(S\\NP)\\(S\\NP)"]

CCG = Fixture(
    Features({"tokens": List(Value("string")), "tags": List(ClassLabel(names=SUPERTAGS))}),
    {
        "en": [
            sentence("The/NP[nb]/N baker/N sells/(S[dcl]\\NP)/NP rye/N/N bread/N ./.", "tags"),
            sentence("The/NP[nb]/N lake/N froze/S[dcl]\\NP early/(S\\NP)\\(S\\NP) ./.", "tags"),
            sentence("Old/N/N mills/N grind/(S[dcl]\\NP)/NP rye/N", "tags"),
            sentence("Rain/N fell/S[dcl]\\NP ./.", "tags"),
        ]
    },
    tagged_bad("tags", "N"),
)

# Retrieval


def translated(foreign: str, english: str, code: str) -> Row:
    """A row in the columns of google/xtreme's tatoeba; the hub keeps the line break."""
    return {
        "source_sentence": f"{foreign}\n",
        "target_sentence": f"{english}\n",
        "source_lang": code,
        "target_lang": "eng",
    }


TATOEBA = Fixture(
    Features({name: Value("string") for name in ("source_sentence", "target_sentence", "source_lang", "target_lang")}),
    {
        "de": [
            translated("Der Hund bellt.", "The dog barks.", "deu"),
            translated("Ich trinke gern heißen Tee.", "I like to drink hot tea.", "deu"),
            translated("Morgen fahren wir ans Meer.", "Tomorrow we go to the sea.", "deu"),
            translated("Wer hat das Fenster geöffnet?", "Who opened the window?", "deu"),
        ],
        "zh": [
            translated("狗在叫。", "The dog barks.", "cmn"),
            translated("我喜欢喝热茶。", "I like to drink hot tea.", "cmn"),
            translated("谁打开了窗户?", "Who opened the window?", "cmn"),
        ],
    },
    (
        Bad({"source_sentence": "\n"}, "column 'source_sentence' is white space", BLANK),
        Bad({"target_sentence": "  "}, "column 'target_sentence' is white space", BLANK),
    ),
)

TATOEBA_XR = Fixture(
    Features(dict.fromkeys(SENTENCES, Value("string"))),
    {
        code: [{"sentence1": row["source_sentence"], "sentence2": row["target_sentence"]} for row in rows]
        for code, rows in TATOEBA.rows.items()
    },
    (
        Bad({"sentence1": ""}, "column 'sentence1' is empty", BLANK),
        Bad({"sentence2": "\n"}, "column 'sentence2' is white space", BLANK),
    ),
)

# Mining

DOGS = ["Der Hund bellt.", "Ein Hund schläft vor dem Haus."]
BUCC_DE = {
    "sentence1": [
        *DOGS,
        "Der Zug kommt um acht.",
        "Wir essen heute Fisch.",
        "Niemand kennt den alten Weg.",
        "Im Garten steht ein Apfelbaum.",
        "Alle Rechte vorbehalten.",
        "Seite eins von zwei.",
        "Das Meer war ruhig.",
        "Alle Rechte vorbehalten.",
        "Sie liest einen langen Brief.",
        "Morgen wird es regnen.",
        "Der Turm ist sehr hoch.",
    ],
    "sentence2": [
        "We eat fish today.",
        "The dog barks.",
        "All rights reserved.",
        "The train comes at eight.",
        "A dog sleeps in front of the house.",
        "Nobody knows the old path.",
        "There is an apple tree in the garden.",
        "He forgot his umbrella.",
        "The meeting lasted until noon.",
        "Oranges are cheap this year.",
        "She never wrote again.",
        "The clock has stopped.",
    ],
    "gold": [[1, 2], [2, 5], [3, 4], [4, 1], [5, 6], [6, 7], [7, 3]],
}
BUCC_ZH = {
    "sentence1": ["狗在叫。", "火车八点到。", "我们今天吃鱼。", "大海很平静。"],
    "sentence2": ["The train comes at eight.", "The dog barks.", "We eat fish today.", "The clock has stopped."],
    "gold": [[1, 2], [2, 1], [3, 3]],
}

BUCC2018 = Fixture(
    Features({**dict.fromkeys(SENTENCES, List(Value("string"))), "gold": List(List(Value("int64")))}),
    {"de": [BUCC_DE], "zh": [BUCC_ZH]},
    (
        Bad({"sentence1": [*BUCC_DE["sentence1"], " "]}, "column 'sentence1' holds no text at index 13"),
        Bad({"sentence2": ["", *BUCC_DE["sentence2"]]}, "column 'sentence2' holds no text at index 0"),
        Bad({"gold": [[0, 1], [2, 5]]}, "gold names sentence 0 of 13"),
        Bad({"gold": [[1, 2], [2, 13]]}, "gold names sentence 13 of 12"),
        Bad({"gold": [[1, 2]]}, "too few gold pairs"),
        Bad({"gold": []}, "too few gold pairs"),
        Bad({"gold": [[1, 2, 3], [2, 5, 6]]}, "holds [1, 2, 3], not a pair of integers"),
    ),
)

# Raw text

MLM_TEXT = Fixture(
    Features({"text": Value("string")}),
    {
        "en": [
            {"text": "The river rises in the hills and crosses two countries on its way to the sea."},
            {"text": "A good map shows what is there, and leaves out what nobody needs."},
            {"text": "In spring the farmers sow barley; in autumn they count what the hail has left."},
            {"text": "The museum opens at nine and closes when the last visitor has gone home."},
            {"text": "Bread is flour, water, salt and time."},
            {"text": "Every evening the old man walked to the harbour and looked for the ship."},
            {"text": "The library has four thousand books and one very patient cat."},
            {"text": "Winter came early, and the children built a bridge of snow."},
        ],
        "de": [
            {"text": "Der Fluss entspringt in den Hügeln und mündet nach langem Weg ins Meer."},
            {"text": "Eine gute Karte zeigt, was da ist, und lässt weg, was niemand braucht."},
            {"text": "Im Frühling säen die Bauern Gerste, im Herbst zählen sie, was übrig blieb."},
            {"text": "Brot ist Mehl, Wasser, Salz und Zeit."},
        ],
    },
    (
        Bad({"text": "\t"}, "column 'text' is white space", BLANK),
        Bad({"text": None}, "column 'text' is null, not text", NULL),
    ),
)

FIXTURES: dict[str, Fixture] = {
    "mnli": MNLI,
    "mnli_translated": XNLI,
    "snli": SNLI,
    **dict.fromkeys(("anli", "anli_r1", "anli_r2", "anli_r3", "anli_plus"), ANLI),
    "qqp": QQP,
    "stsb": STSB,
    "squad": SQUAD,
    "squad_v2": SQUAD_V2,
    "squad_r": SQUAD_R,
    "hellaswag": HELLASWAG,
    "cosmosqa": COSMOSQA,
    "commonsense_qa": COMMONSENSE_QA,
    "social_i_qa": SOCIAL_I_QA,
    "copa": COPA,
    "case_hold": CASE_HOLD,
    "pubmedqa": PUBMEDQA,
    "xcopa": XCOPA,
    "ccg": CCG,
    "xnli": XNLI,
    "pawsx": PAWSX,
    "udpos": UDPOS,
    "panx": PANX,
    "xquad": XQUAD,
    "mlqa": MLQA,
    "tydiqa": TYDIQA,
    "bucc2018": BUCC2018,
    "tatoeba": TATOEBA,
    "udpos_xr": UDPOS_XR,
    "panx_xr": PANX_XR,
    "xquad_xr": XQUAD,
    "tatoeba_xr": TATOEBA_XR,
    "lareqa": LAREQA,
    "wikipedia_pairs": WIKIPEDIA_PAIRS,
    "mewslix": MEWSLIX,
    "candidate_entities": CANDIDATE_ENTITIES,
    "mlm_text": MLM_TEXT,
    "mlm_parallel": MLM_TEXT,
    "mlm_switched": MLM_TEXT,
}
