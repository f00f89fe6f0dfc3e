"""A miniature XTREME in generated languages: small, offline, with known ground truth.

One latent world of people, things and events is verbalized in twelve languages of four families, and in five more as a
control. This module lists languages and data sets; `stilts_ray.mini.build` writes the data sets, with the columns of their
real counterparts on the Hugging Face hub.
"""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["ENCODER", "FOLDERS", "LANGUAGES", "PIVOT", "SIZES", "TOKENS", "VERSION", "WORLDS", "Language"]

VERSION: int = 2
"""Bumped when any row of any data set changes."""

PIVOT = "qaa"
"""The pivot language: the language of all task training, in the role of English."""

ENCODER: Path = Path(__file__).parent / "encoder"
"""Folder of the encoder pretrained on these languages."""


@dataclass(frozen=True, slots=True)
class Language:
    """A generated language. code: an ISO 639-3 code for private use. family: A is the pivot's."""

    code: str
    name: str
    family: str
    script: str
    word_order: str
    morphology: str


LANGUAGES: tuple[Language, ...] = (
    Language("qaa", "Avenu", "A", "Latin", "SVO", "isolating"),
    Language("qab", "Aveni", "A", "Latin", "SVO", "fusional"),
    Language("qac", "Abeno", "A", "Latin", "SVO", "isolating"),
    Language("qba", "Bhyxa", "B", "Latin", "VSO", "isolating"),
    Language("qbb", "Byssa", "B", "Latin", "VSO", "fusional"),
    Language("qbc", "Buzha", "B", "Latin", "SVO", "agglutinative"),
    Language("qca", "Chedo", "C", "Cyrillic", "SVO", "fusional"),
    Language("qcb", "Chezo", "C", "Cyrillic", "SOV", "fusional"),
    Language("qcc", "Cheto", "C", "Cyrillic", "SVO", "isolating"),
    Language("qda", "Dagen", "D", "Georgian", "SOV", "agglutinative"),
    Language("qdb", "Daken", "D", "Georgian", "SOV", "agglutinative"),
    Language("qdc", "Dahen", "D", "Georgian", "VSO", "agglutinative"),
)

_GRADIENT = tuple(Language(f"qr{letter}", f"Avenu-{letter}", "R", "Latin", "SVO", "isolating") for letter in "abcde")

WORLDS: dict[str, tuple[Language, ...]] = {"mini": LANGUAGES, "mini-gradient": (LANGUAGES[0], *_GRADIENT)}
"""Sets of languages, each with the pivot. In "mini-gradient" all languages have the pivot's phonology, script and grammar, and
share decreasing portions of its vocabulary: lexical relatedness with everything else held fixed."""

SIZES: dict[str, dict[str, int]] = {
    "glue/mnli": {"train": 8000, "validation_matched": 400},
    "squad/plain_text": {"train": 8000, "validation": 400},
    "squad_v2/squad_v2": {"train": 8000, "validation": 400},
    "hellaswag/default": {"train": 4000, "validation": 400},
    "ccg/default": {"train": 4000, "validation": 400},
    "glue/qqp": {"train": 8000, "validation": 400},
    "xnli/{}": {"validation": 200, "test": 400},
    "pawsx/{}": {"train": 600, "validation": 200, "test": 400},
    "udpos/{}": {"train": 200, "validation": 200, "test": 400},
    "panx/{}": {"train": 400, "validation": 200, "test": 400},
    "xquad/{}": {"validation": 400},
    "tydiqa/{}": {"train": 600, "validation": 400},
    "tatoeba/{}": {"validation": 400},
    "bucc2018/{}": {"test": 1},
    "mlm_text/{}": {"train": 9_000, "validation": 100},
    "mlm_parallel/{}": {"train": 4_500, "validation": 50},
    "mlm_switched/{}": {"train": 7_000, "validation": 75},
    "snli/plain_text": {"train": 4000, "validation": 400},
    "anli/plain_text": {**{f"train_r{n}": 2000 for n in (1, 2, 3)}, **{f"dev_r{n}": 400 for n in (1, 2, 3)}},
    "cosmos_qa/default": {"train": 4000, "validation": 400},
    "commonsense_qa/default": {"train": 4000, "validation": 400},
    "social_i_qa/default": {"train": 4000, "validation": 400},
    "super_glue/copa": {"train": 600, "validation": 200},
    "mnli_translated/{}": {"train": 4000, "validation": 200},
    "xcopa/{}": {"validation": 200, "test": 400},
    "mlqa/{}": {"validation": 200, "test": 400},
    "lareqa/{}": {"validation": 400},
    "mewslix/wikipedia_pairs": {"train": 4000, "validation": 400},
    "mewslix/candidate_entities": {"test": 600},
    "mewslix/{}": {"test": 400},
    "lex_glue/case_hold": {"train": 4000, "validation": 400},
    "pubmedqa/pqa_artificial": {"train": 5000},
}
"""Data set -> split -> number of rows. `{}` stands for a language."""

TOKENS: dict[str, int] = {
    "glue/mnli": 30, "squad/plain_text": 55, "squad_v2/squad_v2": 55, "hellaswag/default": 120, "ccg/default": 15,
    "glue/qqp": 35, "pawsx/{}": 35, "udpos/{}": 15, "panx/{}": 20, "tydiqa/{}": 55,
    "mnli_translated/{}": 30,
    "snli/plain_text": 14, "anli/plain_text": 24, "cosmos_qa/default": 145, "commonsense_qa/default": 62,
    "social_i_qa/default": 87, "super_glue/copa": 63, "lex_glue/case_hold": 300, "pubmedqa/pqa_artificial": 37,
    "mewslix/wikipedia_pairs": 50,
}  # fmt: skip
"""Data set -> tokens per training example, for estimates."""

_CODES = tuple(dict.fromkeys(language.code for languages in WORLDS.values() for language in languages))
_SEARCHED = ("tatoeba/{}", "bucc2018/{}")

FOLDERS: tuple[str, ...] = tuple(
    name.format(code)
    for name in SIZES
    for code in (_CODES if "{}" in name else _CODES[:1])
    if not (name in _SEARCHED and code == PIVOT)
)
"""The folders of all data sets."""
