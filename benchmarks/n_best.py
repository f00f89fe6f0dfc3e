"""Answers from the logits of padded windows, found as in transformers' example script for question answering: a loop over all
pairs of the 20 best starts and ends of a window (examples/pytorch/question-answering/utils_qa.py). The peer of
`stilts_ray.kinds.span.best_spans`; every window counts as one example."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

N_BEST = 20

Characters = Sequence[tuple[int, int] | None]
"""For each token its characters in the context, (begin, end); None outside the context."""


def best_answers(
    contexts: Sequence[str],
    characters: Sequence[Characters],
    starts: NDArray[np.float32],
    ends: NDArray[np.float32],
    longest: int,
) -> list[str]:
    """The best answer of each window, of at most `longest` tokens. starts, ends: [windows, longest window]."""
    return [best_answer(*window, longest) for window in zip(contexts, characters, starts, ends, strict=True)]


def best_answer(
    context: str, characters: Characters, starts: NDArray[np.float32], ends: NDArray[np.float32], longest: int
) -> str:
    """The best answer of a window; "empty" if there is none, as in the script. starts, ends: [at least tokens]."""
    firsts, lasts = (np.argsort(logits)[: -N_BEST - 1 : -1].tolist() for logits in (starts, ends))
    candidates = []
    for first in firsts:
        for last in lasts:
            if max(first, last) >= len(characters) or not first <= last < first + longest:
                continue
            begin, end = characters[first], characters[last]
            if begin is not None and end is not None:
                candidates.append({"span": (begin[0], end[1]), "score": starts[first] + ends[last]})
    best = sorted(candidates, key=lambda each: each["score"], reverse=True)[:N_BEST]
    texts = [context[slice(*each["span"])] for each in best]
    return texts[0] if texts else "empty"
