"""A miniature of the whole study in generated languages: small, offline, and with the truth known.

One latent world of people, things and events is told in twelve languages of four families. This module only says what
there is; `stilts_ray.mini.build` writes the data sets, in the columns of their models on the Hugging Face hub.
"""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["ENCODER", "FOLDERS", "LANGUAGES", "PIVOT", "SIZES", "TOKENS", "VERSION", "Language"]

VERSION: int = 1
"""Raised when any row of any data set changes."""

PIVOT = "qaa"
"""The language that everything is trained on: the role of English."""

ENCODER: Path = Path(__file__).parent / "encoder"
"""The pretrained encoder of these languages."""


@dataclass(frozen=True, slots=True)
class Language:
    """A generated language. `code` is one of ISO 639-3's codes for private use; family A is the pivot's."""

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

SIZES: dict[str, dict[str, int]] = {
    "glue/mnli": {"train": 4000, "validation_matched": 400},
    "squad/plain_text": {"train": 4000, "validation": 400},
    "hellaswag/default": {"train": 3000, "validation": 400},
    "xnli/{}": {"validation": 200, "test": 400},
    "udpos/{}": {"train": 300, "validation": 200, "test": 400},
    "xquad/{}": {"validation": 400},
    "tatoeba/{}": {"validation": 300},
    "mlm_text/{}": {"train": 12_000, "validation": 100},
}
"""Rows of each split. `{}` stands for a language; of `udpos` only the pivot has `train` and `validation`."""

TOKENS: dict[str, int] = {"glue/mnli": 40, "squad/plain_text": 50, "hellaswag/default": 120, "udpos/{}": 15}
"""Tokens of a training example, for estimates."""

FOLDERS: tuple[str, ...] = tuple(
    name.format(language.code)
    for name in SIZES
    for language in (LANGUAGES if "{}" in name else LANGUAGES[:1])
    if not (name.startswith("tatoeba") and language.code == PIVOT)
)
"""Every data set that can be written, by its folder."""
