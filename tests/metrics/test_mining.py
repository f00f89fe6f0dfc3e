"""Mining by ratio margin: against cases worked out by hand, a plain loop over all pairs, and what must hold."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from stilts_ray.metrics import mining, nearest
from stilts_ray.tasks.examples import Comparable, Corpora


def corpora(foreign: int, english: int, gold: set[tuple[int, int]], **repeats: frozenset[int]) -> Corpora:
    """Corpora of so many sentences."""
    sides = (tuple(f"{side}{number}" for number in range(count)) for side, count in (("f", foreign), ("e", english)))
    return Corpora(*sides, frozenset(gold), **repeats)


def vectors(seed: int, count: int, size: int = 6) -> torch.Tensor:
    """Random vectors whose cosines with each other are positive, as those of an encoder are."""
    return torch.rand(count, size, generator=torch.Generator().manual_seed(seed)) + 0.1


def test_the_margin_by_hand() -> None:
    """Cosines 1, 0 and 0.8, 0.6: means of rows 0.5 and 0.7, of columns 0.9 and 0.3. The second foreign sentence is nearer
    to the first English one, yet has the larger margin with the second: 0.6 / 0.5 against 0.8 / 0.8."""
    foreign, english = torch.tensor([[2.0, 0.0], [4.0, 3.0]]), torch.tensor([[1.0, 0.0], [0.0, 9.0]])
    found = mining.candidates(corpora(2, 2, set()), foreign, english)
    assert found == {(0, 0): pytest.approx(1 / 0.7), (1, 1): pytest.approx(0.6 / 0.5)}
    assert list(found) == [(0, 0), (1, 1)], "best first"


def plainly(foreign: np.ndarray, english: np.ndarray) -> dict[tuple[int, int], float]:
    """The candidates by loops over the whole matrix of cosines."""
    unit = [side / np.linalg.norm(side, axis=1, keepdims=True) for side in (foreign, english)]
    cosines = unit[0] @ unit[1].T
    near = [np.argsort(-cosines, axis=1)[:, :4], np.argsort(-cosines.T, axis=1)[:, :4]]
    means = [np.mean([cosines[i, j] for j in near[0][i]]) for i in range(len(foreign))]
    others = [np.mean([cosines[i, j] for i in near[1][j]]) for j in range(len(english))]
    margin = {
        (i, j): cosines[i, j] / ((means[i] + others[j]) / 2) for i in range(len(foreign)) for j in range(len(english))
    }
    proposed = {max(((i, j) for j in near[0][i]), key=margin.__getitem__) for i in range(len(foreign))}
    proposed |= {max(((i, j) for i in near[1][j]), key=margin.__getitem__) for j in range(len(english))}
    taken: dict[tuple[int, int], float] = {}
    for i, j in sorted(proposed, key=lambda pair: -margin[pair]):
        if all(i != other and j != another for other, another in taken):
            taken[i, j] = margin[i, j]
    return taken


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 10**6), st.sampled_from([1, 30, 10**6]))
def test_candidates_are_those_of_plain_loops_whatever_the_blocks(
    foreign: int, english: int, seed: int, block: int
) -> None:
    sides = vectors(seed, foreign), vectors(seed + 1, english)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nearest, "BLOCK", block)
        found = mining.candidates(corpora(foreign, english, set()), *sides)
    expected = plainly(*(side.double().numpy() for side in sides))
    assert found.keys() == expected.keys()
    assert found == {pair: pytest.approx(value, rel=1e-5) for pair, value in expected.items()}


def test_a_repeated_sentence_takes_its_partner_and_is_in_no_pair() -> None:
    same = torch.eye(4) + 0.1
    pairs = mining.candidates(corpora(4, 4, set(), foreign_repeats=frozenset({1})), same, same)
    assert set(pairs) == {(0, 0), (2, 2), (3, 3)}
    pairs = mining.candidates(corpora(4, 4, set(), english_repeats=frozenset({0, 3})), same, same)
    assert set(pairs) == {(1, 1), (2, 2)}


A, B, C, D, E = ((number, number) for number in range(5))


@pytest.mark.parametrize(
    "found, gold, expected",
    [
        # F1 after one pair, two, ...: 2/4, 2/5, 4/6, 4/7.
        ({A: 0.9, B: 0.8, C: 0.7, D: 0.5}, {A, C, E}, 0.6),
        ({A: 0.9, B: 0.8}, {A}, 0.85),
        # After the last there is nothing to be half-way to.
        ({A: 0.9, B: 0.8}, {A, B}, 0.8),
        # 2/3, 2/4, 2/5, 4/6: the first of equally good cuts.
        ({A: 0.9, B: 0.8, C: 0.7, D: 0.5}, {A, D}, 0.85),
        ({A: 0.9, B: 0.8}, {E}, 0.0),
        ({}, {A}, 0.0),
    ],
)
def test_the_threshold_is_the_cut_with_the_best_f1(
    found: dict[tuple[int, int], float], gold: set[tuple[int, int]], expected: float
) -> None:
    assert mining.threshold(found, frozenset(gold)) == pytest.approx(expected)


def test_the_threshold_comes_from_dev_and_counts_as_reached() -> None:
    """The same vectors in both: where the cut is a pair's own score, that pair is kept."""
    sides = vectors(3, 5), vectors(4, 5)
    scores = mining.candidates(corpora(5, 5, set()), *sides)
    pairs = list(scores)
    for gold in ({pairs[0]}, set(pairs)):
        part = corpora(5, 5, gold)
        result = mining.mine(Comparable(part, part), *sides, *sides)
        assert result.pairs == gold
        assert result.threshold <= scores[pairs[len(gold) - 1]]
    # What is gold in the test corpora changes nothing.
    other = Comparable(corpora(5, 5, {pairs[0]}), corpora(5, 5, set(pairs)))
    assert mining.mine(other, *sides, *sides).pairs == {pairs[0]}


@given(st.integers(2, 9), st.integers(0, 6), st.integers(0, 10**6))
def test_perfect_vectors_find_every_pair(pairs: int, others: int, seed: int) -> None:
    """Translations have one vector, the English side has sentences of its own, and no other two are alike."""
    english = torch.eye(pairs + others) + 0.05 * vectors(seed, pairs + others, pairs + others)
    foreign = english[:pairs]
    part = corpora(pairs, pairs + others, {(i, i) for i in range(pairs)})
    result = mining.mine(Comparable(part, part), foreign, english, foreign, english)
    assert result.pairs == part.gold


@given(st.permutations(range(6)), st.permutations(range(8)), st.integers(0, 10**6))
def test_the_order_of_sentences_does_not_matter(rows: list[int], columns: list[int], seed: int) -> None:
    foreign, english = vectors(seed, 6), vectors(seed + 1, 8)
    gold = {(0, 3), (4, 4), (5, 0)}
    straight, part = corpora(6, 8, gold), corpora(6, 8, {(rows.index(i), columns.index(j)) for i, j in gold})
    expected = mining.mine(Comparable(straight, straight), foreign, english, foreign, english)
    shuffled = foreign[rows], english[columns]
    result = mining.mine(Comparable(part, part), *shuffled, *shuffled)
    assert {(rows[i], columns[j]) for i, j in result.pairs} == expected.pairs
    assert result.threshold == pytest.approx(expected.threshold)
