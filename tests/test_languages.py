"""The table of languages agrees with the benchmarks' counts and with how real text in these languages is written."""

import os
import unicodedata
from collections import Counter
from pathlib import Path
from typing import get_args

import pyarrow.parquet as pq
import pytest

from stilts_ray import languages, tasks
from stilts_ray.errors import RequestError
from stilts_ray.languages import ISOLATES, LANGUAGES, MORPHOLOGY, ONLY_IN_R, facts
from stilts_ray.tasks.tagging import UD_NAMES

XTREME = set(LANGUAGES) - ONLY_IN_R

# The list in google-research/xtreme's README, with the languages of each family.
FAMILIES = {
    "Afro-Asiatic": "ar he", "Austro-Asiatic": "vi", "Austronesian": "id jv ms tl", "Dravidian": "ml ta te",
    "Indo-European": "af de en nl es fr it pt el bg ru bn hi mr ur fa", "Japonic": "ja", "Kartvelian": "ka",
    "Kra-Dai": "th", "Niger-Congo": "sw yo", "Sino-Tibetan": "my zh", "Turkic": "kk tr", "Uralic": "et fi hu",
}  # fmt: skip

# First words of Unicode's names of letters.
WRITTEN = {
    "Han": {"CJK"},
    "Japanese": {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"},
    **{facts.script: {facts.script.upper()} for facts in LANGUAGES.values() if facts.script not in {"Han", "Japanese"}},
}


def test_forty_and_fifty_languages() -> None:
    assert (len(XTREME), len(LANGUAGES)) == (40, 50)
    assert set(LANGUAGES) > ONLY_IN_R
    tested = {code for task in tasks.TASKS.values() for code in task.languages}
    assert tested <= set(LANGUAGES)


def test_families_are_as_many_as_the_papers_say() -> None:
    def families(codes: set[str]) -> set[str]:
        return {LANGUAGES[code].family for code in codes - ISOLATES}

    assert len(families(XTREME)) == 12
    assert len(families(set(LANGUAGES))) == 14
    assert not families(set(LANGUAGES)) & {LANGUAGES[code].family for code in ISOLATES}
    for family, codes in FAMILIES.items():
        assert {code for code in XTREME if LANGUAGES[code].family == family} == set(codes.split()), family


def test_names_are_the_hubs() -> None:
    assert all(LANGUAGES[code].name == name for code, name in UD_NAMES.items())


@pytest.mark.parametrize("column", ["word_order", "fusion", "synthesis", "morphology"])
def test_values_are_from_closed_sets_and_each_is_used(column: str) -> None:
    closed = {
        "word_order": languages.Order,
        "fusion": languages.Fusion,
        "synthesis": languages.Synthesis,
        "morphology": languages.Morphology,
    }
    found = {getattr(language, column) for language in LANGUAGES.values()} - {None}
    assert found == set(get_args(closed[column]))


def test_values_of_wals_come_with_its_language() -> None:
    for language in LANGUAGES.values():
        values = (language.word_order, language.fusion, language.synthesis)
        assert (language.wals is None) == (values == (None, None, None)), language
        assert (language.fusion is None) == (language.synthesis is None), "20A and 22A have one sample"
    codes = [language.wals for language in LANGUAGES.values() if language.wals]
    assert len(set(codes)) == len(codes)


def test_a_language_has_one_type_in_each_study() -> None:
    for study, types in MORPHOLOGY:
        codes = [code for text in types.values() for code in text.split()]
        assert set(codes) <= set(LANGUAGES), study
        assert len(set(codes)) == len(codes), study
    first, second = ({c: name for name, text in types.items() for c in text.split()} for _, types in MORPHOLOGY)
    assert {code for code in first.keys() & second.keys() if first[code] != second[code]} == {"id"}
    assert facts("id").morphology == "isolating"
    assert facts("hu").morphology == "agglutinative"
    assert facts("nl").morphology is None


def test_an_unknown_code_is_a_clear_error() -> None:
    with pytest.raises(RequestError, match="unknown language 'qaa'"):
        facts("qaa")


def sample(root: Path, code: str) -> Counter[str]:
    """Letters of named entities in a language, by script."""
    files = sorted((root / "panx" / code).glob("*.parquet"))
    words = [word for file in files for row in pq.read_table(file).column("tokens").to_pylist()[:200] for word in row]
    names = (unicodedata.name(letter, "?").split()[0] for word in words for letter in word if letter.isalpha())
    return Counter(names)


@pytest.mark.real_text
@pytest.mark.skipif(not os.environ.get("STILTS_DATA_DIR"), reason="needs real text")
@pytest.mark.parametrize("code", sorted(LANGUAGES))
def test_real_text_is_written_in_the_script(code: str) -> None:
    letters = sample(Path(os.environ["STILTS_DATA_DIR"]), code)
    if not letters:
        pytest.skip("no text in this language")
    own = sum(letters[name] for name in WRITTEN[LANGUAGES[code].script])
    # Entities of Wikipedia hold foreign names, most of them in Latin letters.
    assert own > 0.6 * letters.total(), letters.most_common(3)
