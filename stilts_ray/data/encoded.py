"""Token sequences of a split, end to end in one array, without padding."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stilts_ray.tasks.base import Task

IGNORE = -100
"""Label of tokens that are not scored."""

Ints = NDArray[np.int32]
Values = NDArray[np.int32] | NDArray[np.float32]
"""A field: integers, or floats where a number is predicted."""


@dataclass(frozen=True)
class Encoded:
    """Token sequences of a split.

    tokens: [total], the ids of all sequences, end to end. offsets: [sequences + 1], where each begins.
    group: sequences per item (the alternatives of a multiple choice), else 1.
    fields: what a kind's head, loss and prediction read besides the tokens: one value per item, per sequence or per token.
    "example" [sequences] is the example a sequence is made from, where an example becomes several; "segments" [total] are
    token type ids, where a tokenizer gives any, as BERT's does.
    """

    tokens: Ints
    offsets: NDArray[np.int64]
    group: int = 1
    fields: dict[str, Values] = field(default_factory=dict)

    @property
    def items(self) -> int:
        """Number of items. Batches are made of items."""
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


@dataclass(frozen=True)
class TokenizationConfig:
    """How text becomes tokens. Both fields are in tokens and mean what they mean in `Recipe`."""

    max_length: int
    stride: int = 128


Encode = Callable[[Task, Sequence[Any], Any, TokenizationConfig], Encoded]
"""(task, its examples, tokenizer, tokenization) -> their sequences, in the order of the examples."""


def from_sequences(sequences: Sequence[Sequence[int]], group: int = 1, **fields: ArrayLike) -> Encoded:
    """Lays token sequences end to end. Lists of values become int32; arrays keep their type."""
    offsets = np.zeros(len(sequences) + 1, dtype=np.int64)
    np.cumsum([len(sequence) for sequence in sequences], out=offsets[1:])
    tokens = np.fromiter((token for sequence in sequences for token in sequence), dtype=np.int32, count=offsets[-1])
    made = {
        name: values if isinstance(values, np.ndarray) else np.asarray(values, dtype=np.int32)
        for name, values in fields.items()
    }
    return Encoded(tokens, offsets, group, made)


def segments(tokenized: Any) -> dict[str, Any]:
    """The field "segments" of tokenized texts, if the tokenizer distinguishes the two texts of a pair."""
    ids = [segment for sequence in tokenized.get("token_type_ids", []) for segment in sequence]
    return {"segments": ids} if any(ids) else {}


def encode_texts(texts: Sequence[str], tokenizer: Any, tokenization: TokenizationConfig) -> Encoded:
    """Single texts, truncated."""
    tokenized = tokenizer(list(texts), truncation=True, max_length=tokenization.max_length)
    return from_sequences(tokenized["input_ids"])


def encode_pairs(
    pairs: Sequence[tuple[str, str]],
    tokenizer: Any,
    tokenization: TokenizationConfig,
    group: int = 1,
    **fields: ArrayLike,
) -> Encoded:
    """Pairs of texts; of a pair that is too long the longer text is truncated."""
    firsts, seconds = [first for first, _ in pairs], [second for _, second in pairs]
    tokenized = tokenizer(firsts, seconds, truncation="longest_first", max_length=tokenization.max_length)
    return from_sequences(tokenized["input_ids"], group, **fields, **segments(tokenized))


def concatenate(parts: Sequence[Encoded]) -> Encoded:
    """The items of all parts. Raises ValueError for parts with different fields or groups."""
    if len({(part.group, *sorted(part.fields)) for part in parts}) > 1:
        raise ValueError("parts with different fields cannot be concatenated")
    sizes = [len(part.tokens) for part in parts]
    shifts = np.cumsum([0, *sizes[:-1]])
    offsets = [part.offsets[:-1] + shift for part, shift in zip(parts, shifts, strict=True)]
    fields: dict[str, Values] = {
        name: np.concatenate([part.fields[name] for part in parts]) for name in parts[0].fields
    }
    if "example" in fields:
        # Each part numbers its examples from 0.
        counts = [int(part.fields["example"].max()) + 1 for part in parts]
        firsts = np.repeat(np.cumsum([0, *counts[:-1]]), [len(part.fields["example"]) for part in parts])
        fields["example"] = (fields["example"] + firsts).astype(np.int32)
    tokens = np.concatenate([part.tokens for part in parts])
    return Encoded(tokens, np.concatenate([*offsets, [len(tokens)]]), parts[0].group, fields)


def select(encoded: Encoded, items: NDArray[np.int64]) -> Encoded:
    """Only `items` (indices), in the order given."""
    sequences = (items[:, None] * encoded.group + np.arange(encoded.group)).reshape(-1)
    offsets, tokens = sequence_tokens(encoded, sequences)
    indices = {encoded.items: items, len(encoded.offsets) - 1: sequences, len(encoded.tokens): tokens}
    fields: dict[str, Values] = {name: values[indices[len(values)]] for name, values in encoded.fields.items()}
    return Encoded(encoded.tokens[tokens], offsets, encoded.group, fields)


def sequence_tokens(encoded: Encoded, sequences: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of `sequences` (indices) laid end to end: their offsets, and the index that each of their tokens has in `encoded`."""
    lengths = encoded.lengths[sequences]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return offsets, np.repeat(encoded.offsets[sequences] - offsets[:-1], lengths) + np.arange(offsets[-1])
