"""The lexicon of every language: inherited, borrowed, international and new words, and inflectional endings.

Inherited words derive from the family's proto-language by regular sound changes, so sister languages share most roots, many
in the same form. About a tenth of the words of families B, C and D are loans from A, about an eighth have the same root in
all families, and every language has replaced some of its inherited words. Family R has a share of the pivot's words
unchanged, and new words with the same phonology for the rest.
"""

import re
from functools import cache
from random import Random

from stilts_ray.mini import PIVOT, WORLDS, Language
from stilts_ray.mini.languages import FAMILIES, GRAMMARS, KEPT, SCRIPTS, SOUND_CHANGES, Sounds
from stilts_ray.mini.seeds import generator
from stilts_ray.mini.world import SAME_ROOT, UPOS

INTERNATIONAL = 0.12
LOANED = 0.10
"""Shares of all concepts: with the same root in all families, and borrowed from family A."""
REPLACED = 0.12
"""Share of a language's inherited open-class words that are replaced by new ones."""

OPEN_CLASSES = frozenset({"NOUN", "VERB", "ADJ", "ADV"})
_CASES = ("core", "object", "place")


def _root(shape: str, sounds: Sounds, rng: Random) -> str:
    """A random root of the given shape. The power makes the first phonemes of an inventory the most frequent."""
    inventory = {"C": sounds.consonants, "V": sounds.vowels}
    return "".join(inventory[slot][int(rng.random() ** 1.3 * len(inventory[slot]))] for slot in shape)


def changed(form: str, code: str) -> str:
    """A form after the sound changes of a language."""
    for pattern, replacement in SOUND_CHANGES[code]:
        form = re.sub(pattern, replacement, form)
    return form


def _is_open(concept: str) -> bool:
    return UPOS[concept] in OPEN_CLASSES and concept not in {"where"}


@cache
def _shared(family: str) -> tuple[frozenset[str], frozenset[str]]:
    """Concepts with the same root in all families, and concepts that a family borrows from A."""
    words = [concept for concept in UPOS if _is_open(concept) and concept not in SAME_ROOT]
    everywhere = frozenset(generator("international").sample(words, round(INTERNATIONAL * len(UPOS))))
    rest = [concept for concept in words if concept not in everywhere]
    borrowed = frozenset(generator("loans", family).sample(rest, round(LOANED * len(UPOS))))
    return everywhere, borrowed if family != "A" else frozenset()


def _daughters(family: str) -> list[Language]:
    return [language for language in WORLDS["mini"] if language.family == family]


@cache
def _family(family: str) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Proto-roots of a family, and the forms in each of its languages; no language has homophones."""
    sounds, rng = FAMILIES[family], generator("roots", family)
    everywhere, borrowed = _shared(family)
    source = _family("A")[0] if family != "A" else {}
    roots: dict[str, str] = {}
    forms: dict[str, dict[str, str]] = {language.code: {} for language in _daughters(family)}
    # Given roots come first, so that new roots can avoid them.
    for concept in sorted(UPOS, key=lambda concept: concept not in everywhere | borrowed):
        if concept in SAME_ROOT:
            continue
        given = source[concept] if concept in everywhere | borrowed and source else None
        shapes = sounds.content if _is_open(concept) else sounds.function
        while True:
            root = given or _root(rng.choice(shapes), sounds, rng)
            new = {code: changed(root, code) for code in forms}
            if given or all(new[code] not in forms[code].values() and len(new[code]) > 1 for code in forms):
                break
        roots[concept] = root
        for code, form in new.items():
            forms[code][concept] = form
    for code, words in forms.items():
        _replace(words, code, sounds)
    return roots, forms


@cache
def replaced(code: str) -> tuple[str, ...]:
    """Concepts whose inherited word a language has replaced by a new one."""
    family = GRAMMARS[code].language.family
    kept = frozenset.union(*_shared(family))
    inherited = [concept for concept in UPOS if _is_open(concept) and concept not in kept and concept not in SAME_ROOT]
    return tuple(generator("replaced", code).sample(inherited, round(REPLACED * len(inherited))))


def _replace(words: dict[str, str], code: str, sounds: Sounds) -> None:
    rng = generator("new words", code)
    for concept in replaced(code):
        form = words[concept]
        while form in words.values():
            form = changed(_root(rng.choice(sounds.content), sounds, rng), code)
        words[concept] = form


@cache
def cognates(code: str) -> frozenset[str]:
    """Concepts whose word is cognate with the pivot's: inherited, borrowed from the pivot's family, or international. A word of
    SAME_ROOT is cognate if its base is."""
    family = GRAMMARS[code].language.family
    roots = frozenset(concept for concept in UPOS if concept not in SAME_ROOT)
    if code in KEPT:
        same = frozenset(concept for concept in roots if lexicon(code)[concept] == lexicon(PIVOT)[concept])
    elif family == GRAMMARS[PIVOT].language.family:
        same = roots - {*replaced(code), *replaced(PIVOT)} if code != PIVOT else roots
    else:
        same = frozenset.union(*_shared(family)) - {*replaced(PIVOT)}
    return same | {concept for concept, base in SAME_ROOT.items() if base in same}


def _partly(code: str) -> dict[str, str]:
    """The lexicon of a language of family R: a share of the pivot's words, and new ones with the same phonology."""
    pivot, rng = _family(GRAMMARS[PIVOT].language.family)[1][PIVOT], generator("kept", code)
    # One order for all languages, so that the words they share with the pivot are nested sets.
    concepts = generator("kept").sample(sorted(pivot), len(pivot))
    words = {concept: pivot[concept] for concept in concepts[: round(KEPT[code] * len(concepts))]}
    sounds = FAMILIES[GRAMMARS[PIVOT].language.family]
    for concept in concepts[len(words) :]:
        form = ""
        while len(form) < 2 or form in words.values() or form in pivot.values():
            form = changed(
                _root(rng.choice(sounds.content if _is_open(concept) else sounds.function), sounds, rng), PIVOT
            )
        words[concept] = form
    return words


@cache
def lexicon(code: str) -> dict[str, str]:
    """Concept -> stem of a language, in Latin letters."""
    words = _partly(code) if code in KEPT else _family(GRAMMARS[code].language.family)[1][code]
    return {**words, **{concept: words[base] for concept, base in SAME_ROOT.items()}}


@cache
def endings(code: str) -> dict[str, str]:
    """Grammatical category -> ending of a language. Sister languages of the same morphological type share endings up to sound
    changes, as they share roots.

    Agglutinative languages have one ending per category. Fusional languages have one per combination of categories, and two
    inflection classes of nouns and of verbs. Isolating languages have none.
    """
    grammar = GRAMMARS[code]
    match grammar.morphology:
        case "isolating":
            return {}
        case "agglutinative":
            keys = ["plural", "object", "place", "past", "present", "negation"]
        case _:
            nouns = [f"{case}-{n}-{c}" for case in _CASES for n in ("one", "many") for c in "01"]
            verbs = [f"{tense}-{n}-{c}" for tense in ("past", "present") for n in ("one", "many") for c in "01"]
            keys = nouns + verbs
    sounds = FAMILIES[grammar.language.family]
    shapes = ("VC", "CV", "V") if grammar.morphology == "fusional" else ("CV", "VC")
    rng, result = generator("endings", grammar.language.family, grammar.morphology), dict[str, str]()
    for key in keys:
        ending = _root(rng.choice(shapes), sounds, rng)
        while ending in result.values():
            ending = _root(rng.choice(shapes), sounds, rng)
        result[key] = ending
    return {key: changed(ending, code) or ending for key, ending in result.items()}


def written(form: str, code: str) -> str:
    """A form in the script of its language."""
    return form.translate(SCRIPTS[GRAMMARS[code].language.script])


_NAME_SOUNDS = Sounds("rlmnstkdbvfjhpgz", "aieou", ("CVCV", "CVCCV", "VCCV", "VCVCV"), ())


def new_name(rng: Random) -> str:
    """A new random name."""
    return _root(rng.choice(_NAME_SOUNDS.content), _NAME_SOUNDS, rng).capitalize()


def _names() -> tuple[tuple[str, ...], ...]:
    rng = generator("names")
    taken: dict[str, None] = {}

    def some(count: int, endings: tuple[str, ...]) -> tuple[str, ...]:
        before = len(taken)
        while len(taken) < before + count:
            taken[new_name(rng) + rng.choice(endings)] = None
        return tuple(taken)[before:]

    return some(60, ("",)), some(20, ("burg", "stad", "vil")), some(20, ("ko", "tex"))


PEOPLE, CITIES, FIRMS = _names()
"""Names of people, cities and firms, the same in all languages and written in each one's script."""
