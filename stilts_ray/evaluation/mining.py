"""Sentence mining by the ratio margin of sentence vectors, by XTREME's rule for BUCC.

Source: google-research/xtreme, third_party/utils_retrieve.py (mine_bitext with retrieval "max", bucc_optimize,
bucc_extract), except that the published script cannot cut after its last candidate.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch

from stilts_ray.data.encode import Encoded
from stilts_ray.evaluation.metrics import Mined
from stilts_ray.evaluation.nearest import nearest_by_product
from stilts_ray.evaluation.retrieval import by_layer
from stilts_ray.models.model import Model
from stilts_ray.tasks.examples import Comparable, Corpora

NEIGHBOURS = 4

Pair = tuple[int, int]
"""Indices of a foreign and of an English sentence."""


def mined(model: Model, examples: Sequence[Comparable], encoded: Encoded) -> Iterator[list[Mined]]:
    """For each layer, what is mined from each example. Items are sentences in the order of `Comparable.sides`."""
    sizes = [len(side) for example in examples for side in example.sides]
    for layer in by_layer(model, encoded):
        sides = torch.split(layer.to(model.device), sizes)
        yield [mine(example, *sides[4 * number : 4 * number + 4]) for number, example in enumerate(examples)]


def mine(
    example: Comparable,
    dev_foreign: torch.Tensor,
    dev_english: torch.Tensor,
    test_foreign: torch.Tensor,
    test_english: torch.Tensor,
) -> Mined:
    """The pairs of the test corpora whose score is at least the threshold that is best on dev. Vectors are
    [sentences, hidden]."""
    least = threshold(candidates(example.dev, dev_foreign, dev_english), example.dev.gold)
    found = candidates(example.test, test_foreign, test_english)
    return Mined(frozenset(pair for pair, score in found.items() if score >= least), least)


def candidates(corpora: Corpora, foreign: torch.Tensor, english: torch.Tensor) -> dict[Pair, float]:
    """Pairs with their scores, best first, no sentence in two of them: every sentence of either side proposes its best
    neighbour, and the best proposal goes first. Vectors are [sentences, hidden].

    A sentence that stood more than once in its corpus takes part, but no pair with it is kept: nothing says which of
    its places would be meant (read_sent2id).
    """
    ahead, back = neighbours(foreign, english), neighbours(english, foreign)
    forward, backward = best(ahead, back), best(back, ahead)
    proposals = [(score, (i, j)) for i, (score, j) in enumerate(zip(*forward, strict=True))]
    proposals += [(score, (i, j)) for j, (score, i) in enumerate(zip(*backward, strict=True))]
    seen: tuple[set[int], set[int]] = set(), set()
    found = {}
    for score, (i, j) in sorted(proposals, key=lambda proposal: -proposal[0]):
        if i not in seen[0] and j not in seen[1]:
            seen[0].add(i)
            seen[1].add(j)
            if i not in corpora.foreign_repeats and j not in corpora.english_repeats:
                found[i, j] = score
    return found


@dataclass(frozen=True)
class Near:
    """The nearest vectors of the other side, nearest first: cosines and indices, each [queries, neighbours]."""

    cosines: torch.Tensor
    indices: torch.Tensor


def neighbours(queries: torch.Tensor, index: torch.Tensor) -> Near:
    """The NEIGHBOURS nearest by cosine of each query [n, hidden] in index [m, hidden] (all, if m is smaller): exact."""
    queries, index = (torch.nn.functional.normalize(side.float(), dim=-1) for side in (queries, index))
    return Near(*nearest_by_product(queries, index, NEIGHBOURS))


def best(own: Near, other: Near) -> tuple[list[float], list[int]]:
    """For each sentence the best score of its neighbours, and which one has it. The score is the cosine divided by the
    mean of both sentences' mean cosines with their neighbours (ratio margin)."""
    means = own.cosines.double().mean(1, keepdim=True), other.cosines.double().mean(1)[own.indices]
    scores = own.cosines.double() / ((means[0] + means[1]) / 2)
    top, place = scores.max(1)
    return top.tolist(), own.indices.gather(1, place[:, None])[:, 0].tolist()


def threshold(found: dict[Pair, float], gold: frozenset[Pair]) -> float:
    """The cut with the best F1, half-way between the last pair that is kept and the next; the first of equally good ones.
    0 if no gold pair was found. found: best first."""
    least, best_f1, right = 0.0, 0.0, 0
    scores = list(found.values())
    after = [(score + other) / 2 for score, other in pairwise(scores)] + scores[-1:]
    for count, (pair, cut) in enumerate(zip(found, after, strict=True), start=1):
        right += pair in gold
        f1 = 2 * right / (count + len(gold))
        if f1 > best_f1:
            least, best_f1 = cut, f1
    return least
