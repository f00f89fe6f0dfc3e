"""Raw text: alone, twice, switched; and names that occur nowhere else."""

import itertools
import re
import unicodedata
from collections import Counter
from functools import cache

import pytest

from stilts_ray.mini import LANGUAGES, PIVOT, text
from stilts_ray.mini.lexicon import CITIES, FIRMS, PEOPLE

SETS = {"mlm_text": text.alone, "mlm_parallel": text.twice, "mlm_switched": text.switched}


@cache
def documents(name: str, code: str) -> list[str]:
    """The first two thousand training documents."""
    return list(text.documents(code, 2000, SETS[name]))


def scripts(document: str) -> list[str]:
    """The scripts of a document one after the other, without the glosses in brackets."""
    words = re.sub(r"\(\w+\)", "", document).split()
    return [
        script
        for script, _ in itertools.groupby(unicodedata.name(word[0]).split()[0] for word in words if word[0].isalpha())
    ]


def runs(name: str, code: str) -> Counter[int]:
    """How many documents have how many stretches of one script."""
    return Counter(len(scripts(document)) for document in documents(name, code))


@pytest.mark.parametrize("code", [language.code for language in LANGUAGES])
def test_documents_in_one_language_hold_one_script(code: str) -> None:
    language = next(language for language in LANGUAGES if language.code == code)
    assert {tuple(scripts(document)) for document in documents("mlm_text", code)} == {(language.script.upper(),)}


@pytest.mark.parametrize("code", ["qca", "qdb", PIVOT])
def test_parallel_documents_hold_one_language_after_the_other(code: str) -> None:
    told = runs("mlm_parallel", code)
    assert set(told) == {1, 2}
    assert told[2] > told.total() / 2, "the others are in two languages of one script"
    ends = [len(re.findall(r"[.?]", document)) for document in documents("mlm_parallel", code)]
    assert all(number % 2 == 0 for number in ends), "the same sentences twice"


@pytest.mark.parametrize("code", ["qca", "qdb", PIVOT])
def test_switched_documents_mix_two_languages(code: str) -> None:
    told = runs("mlm_switched", code)
    assert sum(count for number, count in told.items() if number > 2) > told.total() / 3
    assert max(len(set(scripts(document))) for document in documents("mlm_switched", code)) == 2


def test_documents_in_one_script_mix_the_words_of_two_languages() -> None:
    """Half of the documents in two languages have the pivot as the other one."""
    counts = [Counter(re.findall(r"\w+", " ".join(documents("mlm_text", code)))) for code in (PIVOT, "qba")]
    own, other = ({word for word, count in counted.items() if count > 10} for counted in counts)
    for name, low, high in (("mlm_text", 0, 0.01), ("mlm_parallel", 0.4, 0.7), ("mlm_switched", 0.4, 0.7)):
        told = documents(name, "qba")
        mixed = sum(bool(set(document.strip(".").split()) & (own - other - {*NAMES})) for document in told)
        assert low <= mixed / len(told) <= high, name


NAMES = {*PEOPLE, *CITIES, *FIRMS}


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("code", [PIVOT, "qcb", "qdc"])
def test_documents_are_short(name: str, code: str) -> None:
    lengths = [len(document.split()) for document in documents(name, code)]
    assert 20 < sum(lengths) / len(lengths) < 33
    assert max(lengths) < 90


def test_some_names_occur_nowhere_else() -> None:
    told = documents("mlm_text", PIVOT)
    names = Counter(name for document in told for name in set(re.findall(r"\b[A-Z]\w+", document)) if name not in NAMES)
    assert len(names) > len(told) / 20
    assert sum(count == 1 for count in names.values()) > 0.8 * len(names)
    assert "?" in "".join(told)
