"""Examples: what rows are converted to. Constructors validate, so consumers need not. Texts come from
`stilts_ray.tasks.columns`; they are blank only where a repair rule has accepted a row of a test set."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts and the label of their relation."""

    first: str
    second: str
    label: str


@dataclass(frozen=True, slots=True)
class GradedPair:
    """Two texts and a number that grades the relation between them."""

    first: str
    second: str
    grade: float


@dataclass(frozen=True, slots=True)
class Choice:
    """A prompt, its candidate continuations and the index of the correct one."""

    prompt: str
    choices: tuple[str, ...]
    label: int

    def __post_init__(self) -> None:
        if not 0 <= self.label < len(self.choices):
            raise ValueError(f"label {self.label} of {len(self.choices)} choices")


@dataclass(frozen=True, slots=True)
class Span:
    """A question about a context. answers: (text, character offset in the context); empty: unanswerable. An answer with offset
    None is used in scoring only."""

    id: str
    context: str
    question: str
    answers: tuple[tuple[str, int | None], ...]

    def __post_init__(self) -> None:
        for text, start in self.answers:
            if start is None:
                continue
            found = self.context[start : start + len(text)]
            if start < 0 or found != text:
                raise ValueError(f"answer {text!r} is not at character {start} of the context (there: {found!r})")


@dataclass(frozen=True, slots=True)
class Passage:
    """A text and its sentences, as half-open character ranges (start, stop)."""

    text: str
    sentences: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        for start, stop in self.sentences:
            if not 0 <= start < stop <= len(self.text):
                raise ValueError(f"sentence {start} to {stop} of a context of {len(self.text)} characters")
            if not self.text[start:stop].strip():
                raise ValueError(f"sentence {start} to {stop} is white space")

    def sentence_at(self, offset: int) -> int | None:
        """Index of the sentence that contains the character at `offset`; None if no sentence does."""
        return next((n for n, (start, stop) in enumerate(self.sentences) if start <= offset < stop), None)

    @property
    def candidates(self) -> tuple[tuple[str, ...], ...]:
        """The dual encoder's inputs, one per sentence: the sentence and the whole text."""
        return tuple((self.text[start:stop], self.text) for start, stop in self.sentences)

    def names(self, passage: str) -> tuple[str, ...]:
        """Identifiers of the sentences. passage: identifier of the passage."""
        return tuple(f"{passage}_{number}" for number in range(len(self.sentences)))


@dataclass(frozen=True, slots=True)
class Entity:
    """A knowledge-base entity and its description: one candidate."""

    id: str
    description: str

    @property
    def candidates(self) -> tuple[tuple[str, ...], ...]:
        """The dual encoder's input: the description."""
        return ((self.description,),)

    def names(self, passage: str) -> tuple[str, ...]:
        """The entity's own id."""
        return (self.id,)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with the index of its answer among the candidates: the sentences of a passage, or one entity. Questions with
    the same id are translations of each other."""

    id: str
    question: str
    passage: Passage | Entity
    answer: int = 0

    def __post_init__(self) -> None:
        count = len(self.passage.candidates)
        if not 0 <= self.answer < count:
            raise ValueError(f"answer in sentence {self.answer} of {count}")


@dataclass(frozen=True, slots=True)
class Mention:
    """An entity mention in context whose candidates are another task's rows (`Task.candidates`). entity: gold id."""

    id: str
    question: str
    entity: str


Query = Asked | Mention
"""Queries for which a dual encoder ranks candidates."""


def passages(examples: Iterable[Query]) -> tuple[Passage | Entity, ...]:
    """The distinct passages of the questions, in order of first occurrence."""
    return tuple(dict.fromkeys(example.passage for example in examples if isinstance(example, Asked)))


@dataclass(frozen=True, slots=True)
class Tagged:
    """Words and one tag per word."""

    words: tuple[str, ...]
    tags: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.words) != len(self.tags):
            raise ValueError(f"{len(self.words)} words but {len(self.tags)} tags")
        if not self.words:
            raise ValueError("no words")


@dataclass(frozen=True, slots=True)
class Parallel:
    """A sentence and its translation into the source language."""

    foreign: str
    english: str


@dataclass(frozen=True, slots=True)
class Corpora:
    """Two comparable corpora of distinct sentences.

    gold: (index in foreign, index in english) of the sentences that are translations of each other.
    foreign_repeats, english_repeats: indices of sentences that were repeated in the source.
    """

    foreign: tuple[str, ...]
    english: tuple[str, ...]
    gold: frozenset[tuple[int, int]]
    foreign_repeats: frozenset[int] = frozenset()
    english_repeats: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        for name, sentences in (("foreign", self.foreign), ("english", self.english)):
            if len(set(sentences)) < len(sentences):
                raise ValueError(f"duplicate {name} sentence")
        for i, j in self.gold:
            if not (0 <= i < len(self.foreign) and 0 <= j < len(self.english)):
                raise ValueError(f"gold pair {i}, {j} of {len(self.foreign)} and {len(self.english)} sentences")


@dataclass(frozen=True, slots=True)
class Comparable:
    """Corpora to mine (`test`) and corpora on which the threshold is tuned (`dev`). Both have gold pairs."""

    dev: Corpora
    test: Corpora

    def __post_init__(self) -> None:
        if not (self.dev.gold and self.test.gold):
            raise ValueError("too few gold pairs: some tune the threshold, the others are scored")

    @property
    def sides(self) -> tuple[tuple[str, ...], ...]:
        """The sentences in the order in which they are encoded."""
        return self.dev.foreign, self.dev.english, self.test.foreign, self.test.english


@dataclass(frozen=True, slots=True)
class Text:
    """Raw text."""

    text: str


Example = Pair | GradedPair | Choice | Span | Asked | Mention | Entity | Tagged | Parallel | Comparable | Text
