"""Bitext mining: the pairs of translations in two comparable corpora. No head is trained."""

from collections import Counter
from collections.abc import Iterable, Sequence
from random import Random

from stilts_ray.tasks.base import Kind, Row, Source, Task
from stilts_ray.tasks.columns import pairs, texts
from stilts_ray.tasks.examples import Comparable, Corpora

DEV_FRACTION = 5
"""Dev is one part in this many."""


def comparable(row: Row) -> Comparable:
    """Columns of mteb/BUCC: two lists of sentences, and gold pairs of their numbers, from 1.

    XTREME tunes the threshold on BUCC's sample set, which the hub lacks; a part is held out for it (`held_out`).
    """
    lines = texts(row, "sentence1"), texts(row, "sentence2")
    (foreign, foreign_repeats), (english, english_repeats) = map(distinct, lines)
    places = [{sentence: place for place, sentence in enumerate(side)} for side in (foreign, english)]
    gold = frozenset((places[0][_line(lines[0], i)], places[1][_line(lines[1], j)]) for i, j in pairs(row, "gold"))
    return held_out(Corpora(foreign, english, gold, foreign_repeats, english_repeats))


def distinct(sentences: Iterable[str]) -> tuple[tuple[str, ...], frozenset[int]]:
    """The distinct sentences in order of first occurrence, and the indices of those that were repeated."""
    counts = Counter(sentences)
    return tuple(counts), frozenset(place for place, count in enumerate(counts.values()) if count > 1)


def _line(sentences: Sequence[str], number: int) -> str:
    if not 1 <= number <= len(sentences):
        raise ValueError(f"gold names sentence {number} of {len(sentences)}")
    return sentences[number - 1]


def held_out(whole: Corpora) -> Comparable:
    """Splits corpora into dev and test with a fixed seed. Dev has a fifth of the gold pairs (at least one) with their sentences
    and, of each side, a fifth of the sentences outside gold pairs; test has the rest."""
    draw, gold = Random(0), sorted(whole.gold)
    dev = frozenset(draw.sample(gold, min(len(gold), max(1, len(gold) // DEV_FRACTION))))
    test = whole.gold - dev
    kept = []
    for side, sentences in enumerate((whole.foreign, whole.english)):
        free = sorted(set(range(len(sentences))) - {pair[side] for pair in gold})
        ours = set(draw.sample(free, len(free) // DEV_FRACTION))
        # A sentence with translations in both parts is in both.
        kept.append((ours | {pair[side] for pair in dev}, set(free) - ours | {pair[side] for pair in test}))
    (dev_foreign, test_foreign), (dev_english, test_english) = kept
    return Comparable(_part(whole, dev_foreign, dev_english, dev), _part(whole, test_foreign, test_english, test))


def _part(whole: Corpora, foreign: set[int], english: set[int], gold: frozenset[tuple[int, int]]) -> Corpora:
    here = [{old: new for new, old in enumerate(sorted(side))} for side in (foreign, english)]
    return Corpora(
        tuple(whole.foreign[place] for place in here[0]),
        tuple(whole.english[place] for place in here[1]),
        frozenset((here[0][i], here[1][j]) for i, j in gold),
        frozenset(here[0][place] for place in whole.foreign_repeats & foreign),
        frozenset(here[1][place] for place in whole.english_repeats & english),
    )


BUCC2018 = Task(
    name="bucc2018",
    kind=Kind.MINING,
    # A row is a whole corpus: no repair applies.
    source=Source(hub="mteb/BUCC", config="{}-en", folder="bucc2018/{}", repairs={}),
    example=comparable,
    test="test",
    languages=("de", "fr", "ru", "zh"),
)
