"""What a task is: a named source of rows, how a row becomes an example, and how examples are scored.

An example is checked when it is made, so whatever works with examples need not look again. Head, loss and metric follow
from the kind.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Row = Mapping[str, Any]
"""A row in the hub's columns; class labels already mapped from integers to their names."""


def every(row: Row) -> bool:
    """No row is left out."""
    return True


class Kind(StrEnum):
    """What is predicted."""

    PAIR = "pair classification"
    CHOICE = "multiple choice"
    SPAN = "span QA"
    SPAN_OR_NONE = "span QA with unanswerable questions"
    TAGGING = "tagging"
    RETRIEVAL = "retrieval"
    MINING = "sentence mining"
    DUAL = "dual-encoder retrieval"
    CANDIDATES = "candidates of a retrieval"
    TEXT = "masked LM"


BY_VECTOR = frozenset({Kind.RETRIEVAL, Kind.MINING})
"""Kinds that compare the sentence vectors of a layer; nothing is trained for them."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts and the name of the relation between them."""

    first: str
    second: str
    label: str

    def __post_init__(self) -> None:
        filled(first=self.first, second=self.second)


@dataclass(frozen=True, slots=True)
class Choice:
    """A prompt, its possible continuations and the index of the right one."""

    prompt: str
    choices: tuple[str, ...]
    label: int

    def __post_init__(self) -> None:
        filled(prompt=self.prompt, **{f"choice {i}": text for i, text in enumerate(self.choices)})
        if not 0 <= self.label < len(self.choices):
            raise ValueError(f"label {self.label} of {len(self.choices)} choices")


@dataclass(frozen=True, slots=True)
class Span:
    """A question on a context; answers are (text, character offset) and occur there literally. None: unanswerable."""

    id: str
    context: str
    question: str
    answers: tuple[tuple[str, int], ...]

    def __post_init__(self) -> None:
        filled(context=self.context, question=self.question)
        for text, start in self.answers:
            filled(answer=text)
            found = self.context[start : start + len(text)]
            if start < 0 or found != text:
                raise ValueError(f"answer {text!r} is not at character {start} of the context (there: {found!r})")


@dataclass(frozen=True, slots=True)
class Passage:
    """A text and its sentences: offsets of each one's first character and of the one behind its last."""

    text: str
    sentences: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        filled(context=self.text)
        for start, stop in self.sentences:
            if not 0 <= start < stop <= len(self.text):
                raise ValueError(f"sentence {start} to {stop} of a context of {len(self.text)} characters")
            filled(sentence=self.text[start:stop])

    def holding(self, place: int) -> int | None:
        """The sentence that the character at `place` is in; None if it is in none."""
        return next((n for n, (start, stop) in enumerate(self.sentences) if start <= place < stop), None)

    @property
    def candidates(self) -> tuple[tuple[str, ...], ...]:
        """Of each sentence what a dual encoder reads: it, and the whole text."""
        return tuple((self.text[start:stop], self.text) for start, stop in self.sentences)

    def names(self, place: str) -> tuple[str, ...]:
        """What the sentences are called, if the passage is called `place`."""
        return tuple(f"{place}_{number}" for number in range(len(self.sentences)))


@dataclass(frozen=True, slots=True)
class Entity:
    """An entry of a knowledge base, and what is said of it there: one candidate."""

    id: str
    description: str

    def __post_init__(self) -> None:
        filled(entity=self.id, description=self.description)

    @property
    def candidates(self) -> tuple[tuple[str, ...], ...]:
        """What a dual encoder reads."""
        return ((self.description,),)

    def names(self, place: str) -> tuple[str, ...]:
        """Its own name, wherever it stands."""
        return (self.id,)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and which candidate answers it: a sentence of a passage, or the one entity. Questions of the same id are
    translations of each other."""

    id: str
    question: str
    passage: Passage | Entity
    answer: int = 0

    def __post_init__(self) -> None:
        filled(question=self.question, id=self.id)
        count = len(self.passage.candidates)
        if not 0 <= self.answer < count:
            raise ValueError(f"answer in sentence {self.answer} of {count}")


@dataclass(frozen=True, slots=True)
class Mention:
    """A question whose candidates are apart from it (`Task.candidates`): which of them does the text speak of?"""

    id: str
    question: str
    entity: str

    def __post_init__(self) -> None:
        filled(mention=self.question, id=self.id, entity=self.entity)


Query = Asked | Mention
"""What a dual encoder ranks candidates for."""


def passages(examples: Iterable[Query]) -> tuple[Passage | Entity, ...]:
    """Each passage that the questions bring along once, in the order in which questions come to them."""
    return tuple(dict.fromkeys(example.passage for example in examples if isinstance(example, Asked)))


@dataclass(frozen=True, slots=True)
class Tagged:
    """Words and a tag for each."""

    words: tuple[str, ...]
    tags: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.words) != len(self.tags):
            raise ValueError(f"{len(self.words)} words but {len(self.tags)} tags")
        if not self.words:
            raise ValueError("no words")
        filled(**{f"word {i}": word for i, word in enumerate(self.words)})


@dataclass(frozen=True, slots=True)
class Parallel:
    """A sentence and its translation into the source language."""

    foreign: str
    english: str

    def __post_init__(self) -> None:
        filled(foreign=self.foreign, english=self.english)


@dataclass(frozen=True, slots=True)
class Corpora:
    """Two comparable corpora of distinct sentences.

    gold: (index in foreign, index in english) of the sentences that are translations of each other.
    foreign_repeats, english_repeats: indices of sentences that stood more than once in the source.
    """

    foreign: tuple[str, ...]
    english: tuple[str, ...]
    gold: frozenset[tuple[int, int]]
    foreign_repeats: frozenset[int] = frozenset()
    english_repeats: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        for name, sentences in (("foreign", self.foreign), ("english", self.english)):
            filled(**{f"{name} sentence {i}": sentence for i, sentence in enumerate(sentences)})
            if len(set(sentences)) < len(sentences):
                raise ValueError(f"a {name} sentence stands there twice")
        for i, j in self.gold:
            if not (0 <= i < len(self.foreign) and 0 <= j < len(self.english)):
                raise ValueError(f"gold pair {i}, {j} of {len(self.foreign)} and {len(self.english)} sentences")


@dataclass(frozen=True, slots=True)
class Comparable:
    """Corpora to mine (`test`), and others on which the threshold is set (`dev`). Both have gold pairs."""

    dev: Corpora
    test: Corpora

    def __post_init__(self) -> None:
        if not (self.dev.gold and self.test.gold):
            raise ValueError("too few gold pairs to set a threshold on some and to score the others")

    @property
    def sides(self) -> tuple[tuple[str, ...], ...]:
        """The sentences in the order in which they are encoded."""
        return self.dev.foreign, self.dev.english, self.test.foreign, self.test.english


@dataclass(frozen=True, slots=True)
class Text:
    """Raw text."""

    text: str

    def __post_init__(self) -> None:
        filled(text=self.text)


Example = Pair | Choice | Span | Asked | Mention | Entity | Tagged | Parallel | Comparable | Text


def filled(**texts: str) -> None:
    """Raises ValueError for what is not text, or is empty."""
    for name, text in texts.items():
        if not isinstance(text, str):
            raise ValueError(f"{name} is {type(text).__name__}, not text")
        if not text.strip():
            raise ValueError(f"{name} is empty")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where rows are: `{}` in `config` and `folder` stands for a language's key.

    hub: repository id; None: no public one. config: its configuration. folder: path below a data folder.
    keys: language code -> key, where it is not the code itself. revision: a commit of the hub repository.
    branch: the branch of it whose newest commit is looked up, if not the main one.
    prefix: how the column `id` of a language's rows begins, where one configuration of the hub holds several languages.
    """

    folder: str
    hub: str | None = None
    config: str = "default"
    keys: Mapping[str, str] = field(default_factory=dict)
    revision: str | None = None
    branch: str | None = None
    prefix: str = ""

    def path(self, language: str) -> str:
        """Folder of a language's files below a data folder."""
        return self.folder.format(self.keys.get(language, language))

    def hub_config(self, language: str) -> str:
        """Configuration of the hub repository for a language."""
        return self.config.format(self.keys.get(language, language))

    def id_prefix(self, language: str) -> str:
        """How the ids of a language's rows begin in that configuration."""
        return self.prefix.format(self.keys.get(language, language))


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One data set with its role.

    example: a pure function from a row to an example; raises KeyError for a missing column, ValueError for a bad value.
    labels: names of classes or tags, in the order of the head's outputs. labels_from: where the entry does not list
    them, the column of the training split whose feature type does (`stilts_ray.data.rows.labelled` fills them in).
    choices: alternatives of a multiple choice. answers: by whose rule the answers of span QA are compared, a name in
    `stilts_ray.evaluation.answers.RULES`. metric: which of the kind's metrics is the score; None: the kind's own.
    train, dev, test: names of splits, several joined by "+"; a task without `train` is not trained on. A part of a split is
    named by its rows, `train[:1000]` or `train[1000:]`.
    keep: false for rows that the data set's own rule leaves out; any other row that does not fit is an error.
    also: tasks whose training rows are added to this one's, under its one head.
    languages: test languages; empty for a task that is only trained on.
    train_languages: those in which it has a training split, where there are others than the source language.
    machine_translated: whether its training rows in these others are translations by machine.
    train_on: the tasks that are trained for this target, one after the other, if it is not the task itself.
    candidates: the task whose test rows are ranked for this target's, where these do not bring their candidates along.
    train_size, tokens: published rows of the training split, and XLM-R tokens an example (measured on a sample of
    English rows); for estimates only.
    version: raised when code changes the meaning of the task's examples, features or scores.
    """

    name: str
    kind: Kind
    source: Source
    example: Callable[[Row], Example]
    labels: tuple[str, ...] = ()
    labels_from: str | None = None
    choices: int = 1
    answers: str = "squad"
    metric: str | None = None
    train: str | None = None
    dev: str | None = None
    test: str | None = None
    keep: Callable[[Row], bool] = every
    also: tuple["Task", ...] = ()
    languages: tuple[str, ...] = ()
    train_languages: tuple[str, ...] = ()
    machine_translated: bool = False
    train_on: tuple[str, ...] = ()
    candidates: str | None = None
    train_size: int = 0
    tokens: int = 0
    version: int = 1

    @property
    def training(self) -> tuple[str, ...]:
        """The tasks that are trained, one after the other, to be tested on this one: `train_on`, itself, or none."""
        return self.train_on or ((self.name,) if self.train else ())

    @property
    def trained(self) -> str | None:
        """The last of them, whose head predicts."""
        return self.training[-1] if self.training else None

    @property
    def form(self) -> str:
        """The task's folder in XTREME's submission tree: XTREME-R's variants have that of the task they extend."""
        return self.name.removesuffix("_xr")

    def parts(self, split: str) -> tuple[tuple["Task", str], ...]:
        """The splits whose rows, one after the other, are those of `split`, each with the task whose columns they are in."""
        own = tuple((self, name) for name in split.split("+"))
        added = (task for task in self.also if split == self.train)
        return own + tuple(part for task in added for part in task.parts(task.train or "train"))

    def identity(self) -> dict[str, Any]:
        """What of this entry can change a number, apart from the rows themselves."""
        return {
            "name": self.name,
            "kind": self.kind,
            "labels": self.labels,
            "choices": self.choices,
            "train": self.train,
            "dev": self.dev,
            "test": self.test,
            "version": self.version,
            **({"metric": self.metric} if self.metric else {}),
            **({"answers": self.answers} if self.answers != "squad" else {}),
            **({"also": [task.identity() for task in self.also]} if self.also else {}),
            **({"candidates": self.candidates} if self.candidates else {}),
        }
