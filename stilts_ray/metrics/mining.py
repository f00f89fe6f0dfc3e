"""Sentence mining by the ratio margin of sentence vectors, by XTREME's rule for BUCC.

Source: google-research/xtreme, third_party/utils_retrieve.py (mine_bitext with retrieval "max", bucc_optimize,
bucc_extract), except that the published script cannot cut after its last candidate.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch

from stilts_ray.metrics.nearest import nearest_by_product
from stilts_ray.metrics.scores import Scores, set_f1
from stilts_ray.tasks.examples import Comparable, Corpora

NEIGHBOURS = 4

Pair = tuple[int, int]
"""Indices of a foreign and of an English sentence."""


@dataclass(frozen=True, slots=True)
class Mined:
    """Sentence pairs whose margin is at least the threshold."""

    pairs: frozenset[Pair]
    threshold: float


def mining(gold: frozenset[Pair], mined: Mined) -> Scores:
    """`set_f1` of the mined pairs, and the threshold."""
    return {**set_f1(gold, mined.pairs), "threshold": mined.threshold}


def mine(
    example: Comparable,
    dev_foreign: torch.Tensor,
    dev_english: torch.Tensor,
    test_foreign: torch.Tensor,
    test_english: torch.Tensor,
) -> Mined:
    """The pairs of the test corpora whose margin is at least the threshold with the best F1 on dev. Vectors are
    [sentences, hidden]."""
    least = threshold(candidates(example.dev, dev_foreign, dev_english), example.dev.gold)
    found = candidates(example.test, test_foreign, test_english)
    return Mined(frozenset(pair for pair, score in found.items() if score >= least), least)


def candidates(corpora: Corpora, foreign: torch.Tensor, english: torch.Tensor) -> dict[Pair, float]:
    """Pairs with their margins, best first, each sentence in at most one pair: the candidates are the best neighbours of every
    sentence of either side, taken greedily. Vectors are [sentences, hidden].

    A sentence that is repeated in its corpus competes, but no pair with it is kept, since its gold index is ambiguous
    (read_sent2id).
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
    """The nearest vectors of the other side, nearest first: cosines and indices, both [queries, neighbours]."""

    cosines: torch.Tensor
    indices: torch.Tensor


def neighbours(queries: torch.Tensor, index: torch.Tensor) -> Near:
    """The NEIGHBOURS nearest by cosine of each query [n, hidden] in index [m, hidden] (all, if m is smaller): exact."""
    queries, index = (torch.nn.functional.normalize(side.float(), dim=-1) for side in (queries, index))
    return Near(*nearest_by_product(queries, index, NEIGHBOURS))


def best(own: Near, other: Near) -> tuple[list[float], list[int]]:
    """For each sentence the largest margin with one of its neighbours, and the index of that one. The ratio margin is the
    cosine divided by the mean of both sentences' mean cosines with their neighbours."""
    means = own.cosines.double().mean(1, keepdim=True), other.cosines.double().mean(1)[own.indices]
    scores = own.cosines.double() / ((means[0] + means[1]) / 2)
    top, place = scores.max(1)
    return top.tolist(), own.indices.gather(1, place[:, None])[:, 0].tolist()


def threshold(found: dict[Pair, float], gold: frozenset[Pair]) -> float:
    """The threshold with the best F1, half-way between the last pair that is kept and the next; of equally good ones the first.
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
