"""The generated languages: their words, how near they are to the pivot, and a control in which only that differs."""

import itertools
from collections import Counter
from dataclasses import replace

import pytest

from stilts_ray.mini import LANGUAGES, PIVOT, WORLDS
from stilts_ray.mini.describe import everything
from stilts_ray.mini.languages import GRAMMARS, KEPT
from stilts_ray.mini.lexicon import cognates, endings, lexicon
from stilts_ray.mini.world import SAME_ROOT, UPOS
from tests.mini.generated import rows_of

CODES = [language.code for language in LANGUAGES]
GRADIENT = [language.code for language in WORLDS["mini-gradient"] if language.code != PIVOT]


@pytest.mark.parametrize("code", CODES + GRADIENT)
def test_no_two_words_of_a_language_sound_alike_but_those_of_one_root(code: str) -> None:
    forms = Counter(lexicon(code)[concept] for concept in UPOS if concept not in SAME_ROOT)
    assert [form for form, count in forms.items() if count > 1] == []


def test_there_are_enough_different_languages() -> None:
    assert len(set(CODES)) >= 12
    assert len({language.family for language in LANGUAGES}) >= 4
    assert len({language.script for language in LANGUAGES}) >= 3
    assert {language.word_order for language in LANGUAGES} == {"SVO", "SOV", "VSO"}
    assert {language.morphology for language in LANGUAGES} == {"isolating", "fusional", "agglutinative"}


def test_descriptions_order_the_languages_by_relatedness() -> None:
    described = everything()
    assert list(described) == list(WORLDS)
    for name, languages in described.items():
        pivot, *others = languages
        assert pivot["code"] == PIVOT
        assert (pivot["cognates"], pivot["overlap"], pivot["distance"], pivot["relatedness"]) == (1, 1, 0, 1)
        assert all(0 < other["relatedness"] < 1 for other in others), name
    by_family = {f: [one["relatedness"] for one in described["mini"] if one["family"] == f] for f in "ABCD"}
    assert min(by_family["A"]) > max(*by_family["B"], *by_family["C"], *by_family["D"])
    other_scripts = [one for one in described["mini"] if one["script"] != "Latin"]
    assert {one["overlap"] for one in other_scripts} == {0}
    assert all(0.15 < one["cognates"] < 0.35 for one in described["mini"] if one["family"] != "A")


def test_the_gradient_keeps_the_shares_of_words_that_it_says() -> None:
    described = {one["code"]: one for one in everything()["mini-gradient"]}
    assert list(KEPT) == GRADIENT
    for code, share in KEPT.items():
        assert described[code]["cognates"] == described[code]["overlap"] == pytest.approx(share, abs=0.02)
    assert [round(share, 1) for share in KEPT.values()] == [0.9, 0.7, 0.5, 0.3, 0.1]


def test_who_keeps_less_keeps_a_part_of_what_others_keep() -> None:
    for more, less in itertools.pairwise([PIVOT, *GRADIENT]):
        assert cognates(less) < cognates(more)
        assert all(lexicon(less)[concept] == lexicon(PIVOT)[concept] for concept in cognates(less))


@pytest.mark.parametrize("code", GRADIENT)
def test_nothing_but_words_differs_in_the_gradient(code: str) -> None:
    language, pivot = GRAMMARS[code].language, GRAMMARS[PIVOT].language
    assert replace(GRAMMARS[code], language=pivot) == GRAMMARS[PIVOT]
    assert (language.script, language.word_order, language.morphology) == (
        pivot.script,
        pivot.word_order,
        pivot.morphology,
    )
    assert endings(code) == endings(PIVOT)
    assert set("".join(lexicon(code).values())) <= set("".join(lexicon(PIVOT).values()))
    # Word by word the same: the tags of every sentence, and the words that are kept.
    same = {lexicon(PIVOT)[concept] for concept in cognates(code)}
    for row, other in zip(rows_of("udpos/qaa", "test"), rows_of(f"udpos/{code}", "test"), strict=True):
        assert row["pos_tags"] == other["pos_tags"]
        for word, told, tag in zip(row["tokens"], other["tokens"], row["pos_tags"], strict=True):
            assert (word == told) == (word in same or tag in {"PROPN", "PUNCT"} or word.isdigit())
