"""What `docs/laboratory.md` shows is what the benchmark measured and what the languages say."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

from stilts_ray.mini import LANGUAGES, Language
from stilts_ray.mini.describe import describe
from stilts_ray.mini.render import say
from stilts_ray.mini.world import Clause, Sentence, Thing

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docs" / "laboratory.md").read_text(encoding="utf-8")
DOCUMENT = json.loads((ROOT / "docs" / "laboratory" / "laboratory.json").read_text(encoding="utf-8"))
FED = Clause(Thing("farmer", "young", True), "feed", Thing("horse", "old"), Thing("river", definite=True))


def test_its_tables_are_those_of_the_measurements() -> None:
    spec = importlib.util.spec_from_file_location("tables", ROOT / "benchmarks" / "tables.py")
    assert spec is not None
    assert spec.loader is not None
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    assert tables.filled(TEXT, DOCUMENT) == TEXT
    assert all(f"<!-- {name} -->" in TEXT for name in tables.TABLES)


def test_it_shows_every_figure_that_was_made() -> None:
    made = sorted((ROOT / "docs" / "laboratory").glob("*.png"))
    assert len(made) >= 2
    assert set(re.findall(r"\(laboratory/(.*?\.png)\)", TEXT)) == {path.name for path in made}
    assert all(path.stat().st_size < 300_000 for path in made)


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.code)
def test_its_example_is_what_the_language_says(language: Language) -> None:
    code = language.code
    (line,) = [line for line in TEXT.splitlines() if line.startswith(f"| {code}")][:1]
    assert line.endswith(f"| {say([Sentence(FED)], code)} |")


def test_its_words_on_relatedness_are_true() -> None:
    shares = {language.code: describe(language)["cognates"] for language in LANGUAGES}
    family = {language.code: language.family for language in LANGUAGES}
    related = {round(100 * shares[code]) for code in shares if family[code] == "A" and code != "qaa"}
    others = {round(100 * shares[code]) for code in shares if family[code] != "A"}
    assert related <= {83, 84}
    assert others <= set(range(22, 25))
