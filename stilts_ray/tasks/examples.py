"""What rows become. An example is checked when it is made, so that whatever works with examples need not look again. Texts are
what `stilts_ray.tasks.columns` has read: blank only where a rule has let a row of a test set through."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts and the name of the relation between them."""

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
    """A prompt, its possible continuations and the index of the right one."""

    prompt: str
    choices: tuple[str, ...]
    label: int

    def __post_init__(self) -> None:
        if not 0 <= self.label < len(self.choices):
            raise ValueError(f"label {self.label} of {len(self.choices)} choices")


@dataclass(frozen=True, slots=True)
class Span:
    """A question on a context; answers are (text, character offset) and occur there literally. No answers: unanswerable. An
    answer without an offset is one to compare with, which nothing can be trained to find."""

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
    """A text and its sentences: offsets of each one's first character and of the one behind its last."""

    text: str
    sentences: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        for start, stop in self.sentences:
            if not 0 <= start < stop <= len(self.text):
                raise ValueError(f"sentence {start} to {stop} of a context of {len(self.text)} characters")
            if not self.text[start:stop].strip():
                raise ValueError(f"sentence {start} to {stop} is white space")

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
        count = len(self.passage.candidates)
        if not 0 <= self.answer < count:
            raise ValueError(f"answer in sentence {self.answer} of {count}")


@dataclass(frozen=True, slots=True)
class Mention:
    """A question whose candidates are apart from it (`Task.candidates`): which of them does the text speak of?"""

    id: str
    question: str
    entity: str


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


@dataclass(frozen=True, slots=True)
class Parallel:
    """A sentence and its translation into the source language."""

    foreign: str
    english: str


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


Example = Pair | GradedPair | Choice | Span | Asked | Mention | Entity | Tagged | Parallel | Comparable | Text
