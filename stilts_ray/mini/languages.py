"""Phonology, scripts and grammar of the languages, as tables.

Words are generated in Latin letters, one letter per phoneme, and transliterated to Cyrillic (family C) and Georgian (D).
"""

from dataclasses import dataclass, replace

from stilts_ray.mini import PIVOT, WORLDS, Language

LATIN = "aeiouyptkbdgmnlrszfvhjcx"
SCRIPTS: dict[str, dict[int, int]] = {
    "Latin": {},
    "Cyrillic": str.maketrans(LATIN + LATIN.upper(), "аеиоуыпткбдгмнлрсзфвхжцш" + "АЕИОУЫПТКБДГМНЛРСЗФВХЖЦШ"),
    "Georgian": str.maketrans(LATIN + LATIN.upper(), "აეიოუჲპტკბდგმნლრსზფვჰჯცშ" * 2),
}
"""Transliteration of LATIN. Georgian has no capitals."""


@dataclass(frozen=True, slots=True)
class Sounds:
    """Phonemes of a proto-language, most frequent first, and the shapes of its roots (C consonant, V vowel)."""

    consonants: str
    vowels: str
    content: tuple[str, ...]
    function: tuple[str, ...]


FAMILIES: dict[str, Sounds] = {
    "A": Sounds("ptkmnlrsvbdg", "aeiou", ("CVCV", "CVCVC", "CVCCV"), ("CV", "CVC", "VC")),
    "B": Sounds("xhzkmlbjrdpn", "yiuao", ("CVCVC", "CVC", "CVCCVC"), ("CV", "VCV", "CVC")),
    "C": Sounds("cdjsvtnzmhkr", "oaei", ("CCVCV", "CVCVC", "CVCVCV"), ("CV", "CVC", "VC")),
    "D": Sounds("gmkhrtbnlsfd", "eaui", ("CVCVC", "VCVC", "CVCCVC"), ("VC", "CVC", "VCV")),
}

SOUND_CHANGES: dict[str, tuple[tuple[str, str], ...]] = {
    "qaa": ((r"o$", ""), (r"(?<=[aeiou])g", "k")),
    "qab": ((r"k(?=[ei])", "c"), (r"a$", "e"), (r"ss", "s")),
    "qac": ((r"^v", "b"), (r"^s", "z"), (r"t(?=[ei])", "c"), (r"u(?=[mn])", "o"), (r"(?<=[aeiou])d", "t")),
    "qba": ((r"^p", "f"), (r"ao", "o")),
    "qbb": ((r"x", "s"), (r"y", "u")),
    "qbc": ((r"z", "d"), (r"h(?=[iy])", "j"), (r"o", "u")),
    "qca": ((r"d(?=[ei])", "z"),),
    "qcb": ((r"^h", ""), (r"c", "s"), (r"(?<=[aeio])t(?=[aeio])", "d")),
    "qcc": ((r"o$", "a"), (r"j", "x"), (r"v", "f")),
    "qda": ((r"^h", "k"),),
    "qdb": ((r"g", "k"), (r"e", "i")),
    "qdc": ((r"k", "h"), (r"f", "p"), (r"u$", "o")),
}
"""Regular sound changes from the proto-language, in order of application; loanwords undergo them, too."""


@dataclass(frozen=True, slots=True)
class Grammar:
    """The grammar of a language.

    order: order of subject, verb and object.
    articles: which of "the", "a" exist.
    adjective_first: whether adjectives precede their noun.
    place: adposition "before" or "after" the noun, or a "case" ending.
    negation: a word "before" or "after" the verb, or a "suffix"; for adjectives and nouns always a word after the copula.
    copula: whether the copula is overt.
    past: a "word" before the verb or a "suffix".
    fronted: whether question words are sentence-initial.
    asking: position of the polar question particle, "first" or "last".
    """

    language: Language
    articles: tuple[str, ...] = ()
    adjective_first: bool = True
    place: str = "before"
    negation: str = "before"
    copula: bool = True
    past: str = "suffix"
    fronted: bool = True
    asking: str = "first"

    @property
    def code(self) -> str:
        return self.language.code

    @property
    def order(self) -> str:
        return self.language.word_order

    @property
    def morphology(self) -> str:
        return self.language.morphology


KEPT = {"qra": 0.9, "qrb": 0.7, "qrc": 0.5, "qrd": 0.3, "qre": 0.1}
"""Share of the pivot's words that each language of family R has in the same form; its other words are new."""

_BY_CODE = {language.code: language for language in WORLDS["mini"]}

GRAMMARS: dict[str, Grammar] = {
    grammar.code: grammar
    for grammar in (
        Grammar(_BY_CODE["qaa"], ("the", "a"), past="word"),
        Grammar(_BY_CODE["qab"], ("the",)),
        Grammar(_BY_CODE["qac"], ("the", "a"), adjective_first=False, past="word"),
        Grammar(_BY_CODE["qba"], ("the",), adjective_first=False, past="word", copula=False),
        Grammar(_BY_CODE["qbb"], adjective_first=False, negation="after", asking="last"),
        Grammar(_BY_CODE["qbc"], place="case", negation="suffix", fronted=False, asking="last"),
        Grammar(_BY_CODE["qca"]),
        Grammar(_BY_CODE["qcb"], place="after", negation="after", fronted=False, asking="last"),
        Grammar(_BY_CODE["qcc"], adjective_first=False, past="word", copula=False),
        Grammar(_BY_CODE["qda"], place="case", negation="suffix", fronted=False, asking="last"),
        Grammar(_BY_CODE["qdb"], place="after", fronted=False, asking="last"),
        Grammar(_BY_CODE["qdc"], adjective_first=False, place="case", negation="after", asking="first"),
    )
}
GRAMMARS |= {
    language.code: replace(GRAMMARS[PIVOT], language=language)
    for language in WORLDS["mini-gradient"]
    if language.code != PIVOT
}
