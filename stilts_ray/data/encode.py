"""Examples -> token sequences with what the head needs, one function per kind.

Sequences lie end to end in one array; nothing is padded. Long inputs are windowed (QA), split between words (tagging) or
truncated (the rest), so that no word to be tagged and no answer is lost.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stilts_ray.tasks.base import Kind, Task
from stilts_ray.tasks.examples import (
    Asked,
    Choice,
    Comparable,
    Entity,
    Example,
    Pair,
    Parallel,
    Passage,
    Query,
    Span,
    Tagged,
    Text,
    passages,
)

VERSION = 4
IGNORE = -100
"""Label of tokens that are not scored."""

Ints = NDArray[np.int32]


@dataclass(frozen=True)
class Encoded:
    """Token sequences of a split.

    tokens: [total] ids of all sequences, end to end. offsets: [sequences + 1], where each begins.
    group: sequences an item (alternatives of a multiple choice), else 1.
    fields: per item ("label", "start", "end"), per sequence ("example", "answer") or per token ("tags", "begin", "stop";
    "segments": 0 in the first text and 1 in the second, where a tokenizer says so, as BERT's does).
    """

    tokens: Ints
    offsets: NDArray[np.int64]
    group: int = 1
    fields: dict[str, Ints] = field(default_factory=dict)

    @property
    def items(self) -> int:
        """Number of items a batch is made of."""
        return (len(self.offsets) - 1) // self.group

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each sequence."""
        return np.diff(self.offsets)

    @property
    def item_lengths(self) -> NDArray[np.int64]:
        """Tokens of each item, over all its sequences."""
        sums: NDArray[np.int64] = self.lengths.reshape(-1, self.group).sum(axis=1)
        return sums


def joined(parts: Sequence[Encoded]) -> Encoded:
    """One after the other. Raises ValueError for parts of unlike tasks."""
    if len({(part.group, *sorted(part.fields)) for part in parts}) > 1:
        raise ValueError("parts with unlike fields cannot be joined")
    sizes = [len(part.tokens) for part in parts]
    shifts = np.cumsum([0, *sizes[:-1]])
    offsets = [part.offsets[:-1] + shift for part, shift in zip(parts, shifts, strict=True)]
    fields = {name: np.concatenate([part.fields[name] for part in parts]) for name in parts[0].fields}
    if "example" in fields:
        # The number of an example; each part counts from 0.
        counts = [int(part.fields["example"].max()) + 1 for part in parts]
        firsts = np.repeat(np.cumsum([0, *counts[:-1]]), [len(part.fields["example"]) for part in parts])
        fields["example"] = (fields["example"] + firsts).astype(np.int32)
    tokens = np.concatenate([part.tokens for part in parts])
    return Encoded(tokens, np.concatenate([*offsets, [len(tokens)]]), parts[0].group, fields)


def selected(encoded: Encoded, items: NDArray[np.int64]) -> Encoded:
    """`items` (indices) alone, in the order given."""
    sequences = (items[:, None] * encoded.group + np.arange(encoded.group)).reshape(-1)
    offsets, where = _laid_out(encoded, sequences)
    sizes = {encoded.items: items, len(encoded.offsets) - 1: sequences, len(encoded.tokens): where}
    fields = {name: values[sizes[len(values)]] for name, values in encoded.fields.items()}
    return Encoded(encoded.tokens[where], offsets, encoded.group, fields)


def _laid_out(encoded: Encoded, sequences: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Offsets of those sequences laid end to end, and where each of their tokens is now."""
    lengths = encoded.lengths[sequences]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return offsets, np.repeat(encoded.offsets[sequences] - offsets[:-1], lengths) + np.arange(offsets[-1])


def with_answers(encoded: Encoded) -> Encoded:
    """What a dual encoder is trained on: each question and its right candidate as an item of two sequences."""
    ahead = encoded.fields["answer"]
    questions = np.flatnonzero(ahead)
    sequences = np.stack([questions, questions + ahead[questions]], axis=1).reshape(-1)
    offsets, where = _laid_out(encoded, sequences)
    segments = {"segments": encoded.fields["segments"][where]} if "segments" in encoded.fields else {}
    return Encoded(encoded.tokens[where], offsets, 2, segments)


@dataclass(frozen=True)
class TokenizationConfig:
    """How text becomes tokens. Both fields are in tokens and mean what they mean in `Recipe`."""

    max_length: int
    stride: int = 128


def encode(task: Task, examples: Sequence[Example], tokenizer: Any, reading: TokenizationConfig) -> Encoded:
    """Encodes the examples of `task`; of comparable and parallel texts both sides, one after the other."""
    return _ENCODERS[task.kind](task, examples, tokenizer, reading)


def _flat(sequences: Sequence[Sequence[int]], group: int = 1, **fields: Any) -> Encoded:
    offsets = np.zeros(len(sequences) + 1, dtype=np.int64)
    np.cumsum([len(sequence) for sequence in sequences], out=offsets[1:])
    tokens = np.fromiter((token for sequence in sequences for token in sequence), dtype=np.int32, count=offsets[-1])
    return Encoded(
        tokens, offsets, group, {name: np.asarray(values, dtype=np.int32) for name, values in fields.items()}
    )


def encode_texts(texts: Sequence[str], tokenizer: Any, reading: TokenizationConfig) -> Encoded:
    """Single texts."""
    return _flat(tokenizer(list(texts), truncation=True, max_length=reading.max_length)["input_ids"])


def _pairs(task: Task, examples: Sequence[Pair], tokenizer: Any, reading: TokenizationConfig) -> Encoded:
    firsts, seconds = [e.first for e in examples], [e.second for e in examples]
    made = tokenizer(firsts, seconds, truncation="longest_first", max_length=reading.max_length)
    return _flat(made["input_ids"], label=[task.labels.index(e.label) for e in examples], **_segments(made))


def _segments(made: Any) -> dict[str, Any]:
    segments = [segment for sequence in made.get("token_type_ids", []) for segment in sequence]
    return {"segments": segments} if any(segments) else {}


def _choices(task: Task, examples: Sequence[Choice], tokenizer: Any, reading: TokenizationConfig) -> Encoded:
    prompts = [e.prompt for e in examples for _ in e.choices]
    endings = [choice for e in examples for choice in e.choices]
    made = tokenizer(prompts, endings, truncation="longest_first", max_length=reading.max_length)
    return _flat(made["input_ids"], group=task.choices, label=[e.label for e in examples], **_segments(made))


def _spans(task: Task, examples: Sequence[Span], tokenizer: Any, reading: TokenizationConfig) -> Encoded:
    """One sequence a window. "begin", "stop": a token's characters in the context, -1 outside it; "start", "end": the
    first gold answer's tokens in the window, both 0 (the first special token) if it is not wholly there."""
    found = _windows(examples, tokenizer, reading)
    windows = [window for own in found for window in own]
    sources = [number for number, own in enumerate(found) for _ in own]
    answers = [examples[source].answers[0] if examples[source].answers else None for source in sources]
    marked = [_answer_tokens(w.begin, w.stop, answer) for w, answer in zip(windows, answers, strict=True)]
    return _flat(
        [window.tokens for window in windows],
        begin=[place for window in windows for place in window.begin],
        stop=[place for window in windows for place in window.stop],
        **_segments({"token_type_ids": [window.segments for window in windows]}),
        start=[start for start, _ in marked],
        end=[end for _, end in marked],
        example=sources,
    )


@dataclass(frozen=True, slots=True)
class _Window:
    """A question and a part of its context, each list [tokens]. begin, stop: as in `_spans`."""

    tokens: list[int]
    segments: list[int]
    begin: list[int]
    stop: list[int]


def _windows(examples: Sequence[Span], tokenizer: Any, reading: TokenizationConfig) -> list[list[_Window]]:
    """The windows of each example, from the start of its context to the end."""
    space = reading.max_length - tokenizer.num_special_tokens_to_add(pair=True)
    # A question never takes more than half of a window.
    questions = _shortened([e.question for e in examples], tokenizer, space // 2)
    found: list[list[_Window]] = [[] for _ in examples]
    for length, numbers in _by_tokens(questions, tokenizer).items():
        room = space - length
        made = tokenizer(
            [questions[number] for number in numbers],
            [examples[number].context for number in numbers],
            truncation="only_second",
            max_length=reading.max_length,
            # What a tokenizer calls so is the overlap: for one advance it depends on the room that a question leaves.
            stride=room - _advance(reading.stride, room),
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        for window, source in enumerate(made["overflow_to_sample_mapping"]):
            found[numbers[source]].append(_window(made, window))
    return found


def _by_tokens(texts: Sequence[str], tokenizer: Any) -> dict[int, list[int]]:
    """Places of the texts that have so many tokens, by their number."""
    places: dict[int, list[int]] = {}
    for place, ids in enumerate(tokenizer(texts, add_special_tokens=False)["input_ids"]):
        places.setdefault(len(ids), []).append(place)
    return places


def _advance(stride: int, room: int) -> int:
    """Tokens of the context from a window's start to the next one's. room: those that a window holds.

    Window k starts at k * doc_stride in nyu-mll/jiant (squad_style/core.py, "start") and google-research/xtreme
    (third_party/processors/squad.py). An advance of more than the room skips tokens there. Here windows share a third of it
    at least: of an advance as wide as the room, an answer that lies across a border is whole in no window.
    """
    return min(stride, room - room // 3)


def _window(made: Any, number: int) -> _Window:
    """The window `number` of those that a tokenizer made."""
    inside = [part == 1 for part in made.sequence_ids(number)]
    characters = made["offset_mapping"][number]
    return _Window(
        tokens=made["input_ids"][number],
        segments=made["token_type_ids"][number] if "token_type_ids" in made else [],
        begin=[place[0] if here else -1 for place, here in zip(characters, inside, strict=True)],
        stop=[place[1] if here else -1 for place, here in zip(characters, inside, strict=True)],
    )


def _shortened(texts: list[str], tokenizer: Any, limit: int) -> list[str]:
    offsets = tokenizer(texts, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    return [t[: o[limit - 1][1]] if len(o) > limit else t for t, o in zip(texts, offsets, strict=True)]


def _answer_tokens(begin: list[int], stop: list[int], answer: tuple[str, int | None] | None) -> tuple[int, int]:
    if answer is None or answer[1] is None:
        return 0, 0
    text, at = answer[0], answer[1]
    covered = [i for i, (a, b) in enumerate(zip(begin, stop, strict=True)) if a < at + len(text) and b > at and a >= 0]
    if not covered or begin[covered[0]] > at or stop[covered[-1]] < at + len(text):
        return 0, 0
    return covered[0], covered[-1]


def _tagged(task: Task, examples: Sequence[Tagged], tokenizer: Any, reading: TokenizationConfig) -> Encoded:
    """The tag stands on the first token of a word. A sentence that is too long becomes several sequences."""
    ids = tokenizer([list(e.words) for e in examples], is_split_into_words=True, add_special_tokens=False)
    before, after = _frame(tokenizer)
    room = reading.max_length - len(before) - len(after)
    index = {label: number for number, label in enumerate(task.labels)}
    sequences, tags, sources = [], [], []
    for number, example in enumerate(examples):
        words = _by_word(ids["input_ids"][number], ids.word_ids(number), len(example.words), tokenizer.unk_token_id)
        for chunk in _chunks(list(zip(words, example.tags, strict=True)), room):
            sequences.append(before + [token for word, _ in chunk for token in word] + after)
            tags += [IGNORE] * len(before)
            for word, tag in chunk:
                tags += [index[tag], *[IGNORE] * (len(word) - 1)]
            tags += [IGNORE] * len(after)
            sources.append(number)
    return _flat(sequences, tags=tags, example=sources)


def _frame(tokenizer: Any) -> tuple[list[int], list[int]]:
    """The special tokens before and after a single text."""
    probe = tokenizer("a", return_special_tokens_mask=True)
    special = probe["special_tokens_mask"]
    first, last = special.index(0), len(special) - special[::-1].index(0)
    return list(probe["input_ids"][:first]), list(probe["input_ids"][last:])


def _by_word(ids: list[int], word_ids: list[int | None], count: int, unknown: int) -> list[list[int]]:
    words: list[list[int]] = [[] for _ in range(count)]
    for token, word in zip(ids, word_ids, strict=True):
        if word is not None:
            words[word].append(token)
    # A word of characters that the tokenizer drops still has to be tagged.
    return [word or [unknown] for word in words]


def _chunks(words: list[tuple[list[int], str]], room: int) -> list[list[tuple[list[int], str]]]:
    chunks: list[list[tuple[list[int], str]]] = [[]]
    used = 0
    for tokens, tag in words:
        tokens = tokens[:room]
        if used + len(tokens) > room:
            chunks.append([])
            used = 0
        chunks[-1].append((tokens, tag))
        used += len(tokens)
    return chunks


def _texts(task: Task, examples: Sequence[Text], tokenizer: Any, reading: TokenizationConfig) -> Encoded:
    return encode_texts([e.text for e in examples], tokenizer, reading)


def _parallel(task: Task, examples: Sequence[Parallel], tokenizer: Any, reading: TokenizationConfig) -> Encoded:
    """Both sides of each pair as an item: the foreign sentence, then its translation."""
    texts = [text for e in examples for text in (e.foreign, e.english)]
    ids = tokenizer(texts, truncation=True, max_length=reading.max_length)["input_ids"]
    return _flat(ids, 2)


def _sides(task: Task, examples: Sequence[Comparable], tokenizer: Any, reading: TokenizationConfig) -> Encoded:
    """Each sentence as an item, in the order of `Comparable.sides`."""
    return encode_texts([text for e in examples for side in e.sides for text in side], tokenizer, reading)


QUESTION = 96
"""Tokens of the longest question that a dual encoder reads, as in XTREME-R's script; candidates have a length of their own."""


APART = -1
"""Stands for the place of a right candidate that is not among the sequences."""


def _asked(task: Task, examples: Sequence[Query], tokenizer: Any, reading: TokenizationConfig) -> Encoded:
    """Of each example its question, then all candidates of its passage (of sentences with the whole passage behind them),
    unless an earlier example had that passage. "answer": how many sequences ahead of a question its right candidate is
    (negative: before it), APART if it is not there; 0 for candidates."""
    questions = tokenizer([e.question for e in examples], truncation=True, max_length=min(QUESTION, reading.max_length))
    candidates = _candidates(examples, tokenizer, reading)
    order: list[tuple[Any, int]] = []
    first: dict[Passage | Entity, int] = {}
    ahead, sources, used = [], [], 0
    for number, example in enumerate(examples):
        here, new, answer = len(order), 0, APART
        if isinstance(example, Asked):
            new = 0 if example.passage in first else len(example.passage.candidates)
            answer = first.setdefault(example.passage, here + 1) + example.answer - here
        order += [(questions, number), *((candidates, used + n) for n in range(new))]
        ahead += [answer, *[0] * new]
        sources += [number] * (1 + new)
        used += new
    made = {name: [side[name][n] for side, n in order] for name in questions}
    return _flat(made["input_ids"], example=sources, answer=ahead, **_segments(made))


def _candidates(examples: Sequence[Query], tokenizer: Any, reading: TokenizationConfig) -> Any:
    """The candidates of all passages as the tokenizer makes them, nothing if there are none."""
    read = [texts for passage in passages(examples) for texts in passage.candidates]
    if not read:
        return {}
    # A sentence is the shorter text: what is cut is the passage.
    columns = map(list, zip(*read, strict=True))
    return tokenizer(*columns, truncation="longest_first", max_length=reading.max_length)


BLOCK = 10_000
"""Texts that are tokenised at once: until they are joined, what a tokenizer says of one is far more than its tokens."""


def _entities(task: Task, examples: Sequence[Entity], tokenizer: Any, reading: TokenizationConfig) -> Encoded:
    """Each description as an item."""
    texts = [e.description for e in examples]
    return joined([encode_texts(texts[at : at + BLOCK], tokenizer, reading) for at in range(0, len(texts), BLOCK)])


_ENCODERS: dict[Kind, Callable[..., Encoded]] = {
    Kind.SEQUENCE_CLASSIFICATION: _pairs,
    Kind.CHOICE: _choices,
    Kind.SPAN: _spans,
    Kind.SPAN_OR_NONE: _spans,
    Kind.TAGGING: _tagged,
    Kind.RETRIEVAL: _parallel,
    Kind.MINING: _sides,
    Kind.DUAL: _asked,
    Kind.CANDIDATES: _entities,
    Kind.TEXT: _texts,
}
