"""What becomes of BUCC's columns."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from stilts_ray.tasks.examples import Corpora
from stilts_ray.tasks.mining import comparable, distinct, held_out
from tests.tasks.rows import BUCC_DE


def whole(foreign: int, english: int, gold: set[tuple[int, int]]) -> Corpora:
    """Corpora of so many sentences."""
    sides = (tuple(f"{side}{number}" for number in range(count)) for side, count in (("f", foreign), ("e", english)))
    return Corpora(*sides, frozenset(gold))


def test_sentences_stand_once_and_the_repeated_are_known() -> None:
    assert distinct(["a", "b", "a", "c", "c"]) == (("a", "b", "c"), frozenset({0, 2}))


def test_gold_pairs_keep_their_texts() -> None:
    made = comparable(BUCC_DE)
    expected = {(BUCC_DE["sentence1"][i - 1], BUCC_DE["sentence2"][j - 1]) for i, j in BUCC_DE["gold"]}
    texts = [{(part.foreign[i], part.english[j]) for i, j in part.gold} for part in (made.dev, made.test)]
    assert texts[0] | texts[1] == expected
    assert not texts[0] & texts[1]
    repeated = [part.foreign[i] for part in (made.dev, made.test) for i in part.foreign_repeats]
    assert repeated == ["Alle Rechte vorbehalten."]
    assert not made.dev.english_repeats | made.test.english_repeats


def test_a_fifth_of_the_pairs_and_of_the_other_sentences_is_dev() -> None:
    made = held_out(whole(100, 80, {(i, i) for i in range(50)}))
    assert (len(made.dev.gold), len(made.test.gold)) == (10, 40)
    assert (len(made.dev.foreign), len(made.dev.english)) == (10 + 10, 10 + 6)
    assert (len(made.test.foreign), len(made.test.english)) == (40 + 40, 40 + 24)
    assert held_out(whole(100, 80, {(i, i) for i in range(50)})) == made, "the same each time"
    assert {int(text[1:]) for text in made.dev.foreign[:20]} != set(range(20)), "drawn"


PAIRS = st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=12)


@given(PAIRS, st.integers(10, 20), st.integers(10, 20))
def test_every_sentence_is_in_one_part_or_has_translations_in_both(
    gold: set[tuple[int, int]], foreign: int, english: int
) -> None:
    corpora = whole(foreign, english, gold)
    made = held_out(corpora)
    for side, sentences in (("foreign", corpora.foreign), ("english", corpora.english)):
        places = [getattr(part, side) for part in (made.dev, made.test)]
        counts = Counter(text for part in places for text in part)
        assert set(counts) == set(sentences)
        paired = [{(p.foreign[i], p.english[j]) for i, j in p.gold} for p in (made.dev, made.test)]
        for text, count in counts.items():
            both = all(any(text in pair for pair in part) for part in paired)
            assert count == 1 + both
