"""Typological facts about the languages of XTREME and XTREME-R. Each column has one source; None: no value there.

- The forty and fifty codes: XTREME_TASK2LANGS of google-research/xtreme's evaluate.py (commit 838c13b).
- family: the twelve families and two isolates listed in that repository's README; the assignment is general knowledge.
  XTREME-R's paper (arXiv 2104.07412) counts two more families: Quechuan, and Haitian as a creole.
- script: FLORES-200's ISO 15924 codes, as listed in ml-explore/mlx-examples, m2m_100/flores200_codes.py (commit 0588e71),
  spelled out. Japanese means kanji with kana, Han simplified and traditional Chinese.
- word_order: WALS Online v2020.4 (doi 10.5281/zenodo.13950591), feature 81A (Dryer 2013), read from the export in
  venetagrigorova/linguistic-universals-wals, data/raw/81A.tab.txt (commit eac3224).
- fusion, synthesis: WALS v2020.4, features 20A and 22A (Bickel and Nichols 2013), read from the generated tables in
  hawkrobe/linglib, Linglib/Datasets/WALS/Features (commit 327f2fc). Synthesis counts inflectional categories of the verb.
- wals: the code of the WALS language that the values belong to. Quechua is Imbabura Quechua, the variety with all three
  features (Huallaga Quechua has the same word order). Arabic is Modern Standard Arabic, which 20A and 22A lack.
- morphology: the morphological type that a published study of language models assigns (`MORPHOLOGY`). WALS' chapter 21 warns
  that such types conflate fusion, exponence and flexivity, so none is derived from its features.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from stilts_ray.errors import RequestError, did_you_mean

Order = Literal["SVO", "SOV", "VSO", "none dominant"]
Fusion = Literal["concatenative", "isolating", "isolating/concatenative", "tonal/isolating", "ablaut/concatenative"]
Synthesis = Literal["0-1", "2-3", "4-5", "6-7", "8-9"]
Morphology = Literal["fusional", "agglutinative", "isolating", "introflexive"]

MORPHOLOGY: tuple[tuple[str, Mapping[Morphology, str]], ...] = (
    (
        # From the paper's repository, jerbarnes/typology_of_crosslingual: analysis/proxy-a-distance/calculate_proxy_a.py
        # (commit ae78886); Bulgarian and Russian, which the paper lacks, from its README (3793d24).
        "Martínez-García, Badia and Barnes 2021, Evaluating morphological typology in zero-shot cross-lingual transfer",
        {
            "fusional": "bg de el en es ru",
            "agglutinative": "eu fi ja ko tr",
            "isolating": "id th vi zh",
            "introflexive": "ar he",
        },
    ),
    (
        # Table of MorphScore's languages, README of catherinearnett/morphscore at commit a1da450.
        "Arnett and Bergen 2025, Why do language models perform worse for morphologically complex languages?",
        {"fusional": "bg el en es fa gu ur", "agglutinative": "eu hu id ja ka ko ta tr"},
    ),
)
"""Sources of `morphology` in order of precedence. They disagree on Indonesian; the first is about zero-shot transfer."""


@dataclass(frozen=True, slots=True)
class LanguageFacts:
    """A language's row of the table; the module docstring gives the source of each column."""

    code: str
    name: str
    family: str
    script: str
    wals: str | None = None
    word_order: Order | None = None
    fusion: Fusion | None = None
    synthesis: Synthesis | None = None

    @property
    def morphology(self) -> Morphology | None:
        """The morphological type in the first source that lists the language; None if none does."""
        for _, types in MORPHOLOGY:
            for name, codes in types.items():
                if self.code in codes.split():
                    return name
        return None


_F = LanguageFacts

LANGUAGES: Mapping[str, LanguageFacts] = MappingProxyType(
    {
        language.code: language
        for language in (
            _F("af", "Afrikaans", "Indo-European", "Latin"),
            _F("ar", "Arabic", "Afro-Asiatic", "Arabic", "ams", "VSO"),
            _F("az", "Azerbaijani", "Turkic", "Latin", "aze", "SOV"),
            _F("bg", "Bulgarian", "Indo-European", "Cyrillic", "bul", "SVO"),
            _F("bn", "Bengali", "Indo-European", "Bengali", "ben", "SOV"),
            _F("de", "German", "Indo-European", "Latin", "ger", "none dominant", "concatenative", "2-3"),
            _F("el", "Greek", "Indo-European", "Greek", "grk", "none dominant", "concatenative", "4-5"),
            _F("en", "English", "Indo-European", "Latin", "eng", "SVO", "concatenative", "2-3"),
            _F("es", "Spanish", "Indo-European", "Latin", "spa", "SVO", "concatenative", "4-5"),
            _F("et", "Estonian", "Uralic", "Latin", "est", "SVO"),
            _F("eu", "Basque", "Basque", "Latin", "bsq", "SOV", "concatenative", "4-5"),
            _F("fa", "Persian", "Indo-European", "Arabic", "prs", "SOV", "concatenative", "4-5"),
            _F("fi", "Finnish", "Uralic", "Latin", "fin", "SVO", "concatenative", "2-3"),
            _F("fr", "French", "Indo-European", "Latin", "fre", "SVO", "concatenative", "4-5"),
            _F("gu", "Gujarati", "Indo-European", "Gujarati", "guj", "SOV"),
            _F("he", "Hebrew", "Afro-Asiatic", "Hebrew", "heb", "SVO", "ablaut/concatenative", "4-5"),
            _F("hi", "Hindi", "Indo-European", "Devanagari", "hin", "SOV", "concatenative", "2-3"),
            _F("ht", "Haitian Creole", "Creole", "Latin"),
            _F("hu", "Hungarian", "Uralic", "Latin", "hun", "none dominant", "concatenative", "4-5"),
            _F("id", "Indonesian", "Austronesian", "Latin", "ind", "SVO", "isolating", "4-5"),
            _F("it", "Italian", "Indo-European", "Latin", "ita", "SVO"),
            _F("ja", "Japanese", "Japonic", "Japanese", "jpn", "SOV", "concatenative", "4-5"),
            _F("jv", "Javanese", "Austronesian", "Latin"),
            _F("ka", "Georgian", "Kartvelian", "Georgian", "geo", "SOV", "concatenative", "8-9"),
            _F("kk", "Kazakh", "Turkic", "Cyrillic"),
            _F("ko", "Korean", "Korean", "Hangul", "kor", "SOV", "concatenative", "6-7"),
            _F("lt", "Lithuanian", "Indo-European", "Latin", "lit", "SVO"),
            _F("ml", "Malayalam", "Dravidian", "Malayalam", "mym", "SOV"),
            _F("mr", "Marathi", "Indo-European", "Devanagari", "mhi", "SOV"),
            _F("ms", "Malay", "Austronesian", "Latin"),
            _F("my", "Burmese", "Sino-Tibetan", "Myanmar", "brm", "SOV", "concatenative", "2-3"),
            _F("nl", "Dutch", "Indo-European", "Latin", "dut", "none dominant"),
            _F("pa", "Panjabi", "Indo-European", "Gurmukhi", "pan", "SOV"),
            _F("pl", "Polish", "Indo-European", "Latin", "pol", "SVO"),
            _F("pt", "Portuguese", "Indo-European", "Latin", "por", "SVO"),
            _F("qu", "Quechua", "Quechuan", "Latin", "qim", "SOV", "concatenative", "8-9"),
            _F("ro", "Romanian", "Indo-European", "Latin", "rom", "SVO"),
            _F("ru", "Russian", "Indo-European", "Cyrillic", "rus", "SVO", "concatenative", "4-5"),
            _F("sw", "Swahili", "Niger-Congo", "Latin", "swa", "SVO", "concatenative", "4-5"),
            _F("ta", "Tamil", "Dravidian", "Tamil", "tml", "SOV"),
            _F("te", "Telugu", "Dravidian", "Telugu", "tel", "SOV"),
            _F("th", "Thai", "Kra-Dai", "Thai", "tha", "SVO", "isolating/concatenative", "2-3"),
            _F("tl", "Tagalog", "Austronesian", "Latin", "tag", "VSO", "concatenative", "2-3"),
            _F("tr", "Turkish", "Turkic", "Latin", "tur", "SOV", "concatenative", "6-7"),
            _F("uk", "Ukrainian", "Indo-European", "Cyrillic", "ukr", "SVO"),
            _F("ur", "Urdu", "Indo-European", "Arabic", "urd", "SOV"),
            _F("vi", "Vietnamese", "Austro-Asiatic", "Latin", "vie", "SVO", "isolating", "0-1"),
            _F("wo", "Wolof", "Niger-Congo", "Latin", "wlf", "SVO"),
            _F("yo", "Yoruba", "Niger-Congo", "Latin", "yor", "SVO", "tonal/isolating", "6-7"),
            _F("zh", "Chinese", "Sino-Tibetan", "Han", "mnd", "SVO", "isolating/concatenative", "0-1"),
        )
    }
)
"""The fifty languages of XTREME-R, by code."""

ONLY_IN_R = frozenset({"az", "gu", "ht", "lt", "pa", "pl", "qu", "ro", "uk", "wo"})
"""Languages of XTREME-R that are not in XTREME."""

ISOLATES = frozenset({"eu", "ko"})
"""Language isolates; each has its own family in the table."""


def facts(code: str) -> LanguageFacts:
    """The facts about the language with this code. Raises RequestError, suggesting the closest code."""
    if code not in LANGUAGES:
        raise RequestError(f"unknown language '{code}'; {did_you_mean(code, list(LANGUAGES))}")
    return LANGUAGES[code]
