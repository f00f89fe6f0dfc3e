"""Surface realization: from a meaning to a sentence in a language, each word with its part of speech and participant role.

The verb and each participant are phrases, ordered by the grammar of the language. A phrase can be realized in another
language while the order stays, which gives code-switched text.
"""

from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from typing import NamedTuple

from stilts_ray.mini.languages import GRAMMARS, Grammar
from stilts_ray.mini.lexicon import endings, lexicon, written
from stilts_ray.mini.seeds import generator
from stilts_ray.mini.world import COUNTED, STATIVE, UPOS, Answer, Clause, Sentence, Thing

_BARE = frozenset({"PRON", "ADV", "INTJ"})
"""Heads without article, number and ending."""


class Word(NamedTuple):
    """A word of a sentence. role: the participant that it is part of, function words excluded. entity: IOB2 tag of a word in a
    name."""

    form: str
    tag: str
    role: str = ""
    entity: str = "O"


Words = tuple[Word, ...]
Speaker = Callable[[str], str]
"""Role of a phrase -> the language of the phrase."""


@cache
def _word(concept: str, code: str) -> Word:
    return Word(written(lexicon(code)[concept], code), UPOS[concept])


@lru_cache(maxsize=50_000)
def _inflected(head: str, code: str, case: str, many: bool, declines: str = "") -> str:
    """A noun, adjective or name with its ending. In fusional languages adjectives agree with their noun (`declines`) and names
    are uninflected; in agglutinative languages names are inflected and adjectives are not."""
    grammar = GRAMMARS[code]
    stem, ending = lexicon(code).get(head, head), ""
    if grammar.morphology == "agglutinative" and not declines:
        keys = ["plural"] * many + ([case] if case == "object" or (case == "place" and grammar.place == "case") else [])
        ending = "".join(endings(code)[key] for key in keys)
    elif grammar.morphology == "fusional" and head in UPOS:
        ending = endings(code)[f"{case}-{'many' if many else 'one'}-{_inflection_class(declines or head)}"]
    return written(stem + ending, code)


@cache
def _inflection_class(concept: str) -> int:
    return generator("class", concept).randrange(2)


def _described(thing: Thing, grammar: Grammar, case: str, role: str) -> list[Word]:
    """Adjective and noun, or a name, with the ending on its last word."""
    code, many = grammar.code, thing.quantity > 1
    if thing.entity:
        *first, last = thing.head.split()
        forms = [*(written(part, code) for part in first), _inflected(last, code, case, False)]
        return [Word(form, "PROPN", role, f"{'I' if i else 'B'}-{thing.entity}") for i, form in enumerate(forms)]
    tag = UPOS[thing.head]
    if tag in _BARE:
        return [Word(_word(thing.head, code).form, tag, role)]
    noun = Word(_inflected(thing.head, code, case, many), tag, role)
    if not thing.adjective:
        return [noun]
    adjective = Word(_inflected(thing.adjective, code, case, many, thing.head), "ADJ", role)
    return [adjective, noun] if grammar.adjective_first else [noun, adjective]


@lru_cache(maxsize=50_000)
def noun_phrase(thing: Thing, code: str, case: str, role: str) -> Words:
    """A participant in a case: adposition, article, numeral, adjective and noun, as far as the language has them."""
    grammar = GRAMMARS[code]
    words = _described(thing, grammar, case, role)
    if words[-1].tag in _BARE:
        return tuple(words)
    if thing.quantity > 1:
        number = COUNTED.get(thing.quantity)
        words.insert(0, Word(_word(number, code).form if number else str(thing.quantity), "NUM", role))
    article = "the" if thing.definite else "a" if thing.quantity == 1 else ""
    if not thing.entity and article in grammar.articles:
        words.insert(0, _word(article, code))
    if case == "place" and grammar.place != "case":
        words.insert(0 if grammar.place == "before" else len(words), _word("in", code))
    return tuple(words)


@cache
def _verb(verb: str, many: bool, negated: bool, code: str) -> Words:
    """A verb with its markers of tense, number and negation."""
    grammar, stem = GRAMMARS[code], lexicon(code)[verb]
    tense, number = "present" if verb in STATIVE else "past", "many" if many else "one"
    suffix = negated and grammar.negation == "suffix"
    match grammar.morphology:
        case "agglutinative":
            marks = endings(code)
            stem += marks["negation"] * suffix + marks[tense] + marks["plural"] * many
        case "fusional":
            stem += endings(code)[f"{tense}-{number}-{_inflection_class(verb)}"]
    words = [Word(written(stem, code), "VERB")]
    if negated and not suffix:
        words.insert(0 if grammar.negation == "before" else 1, _word("not", code))
    if tense == "past" and grammar.past == "word":
        words.insert(0, _word("do", code))
    return tuple(words)


@cache
def _copula(negated: bool, code: str) -> Words:
    words = [_word("be", code)] if GRAMMARS[code].copula else []
    if negated:
        words.append(_word("not", code))
    return tuple(words)


def _state(clause: Clause, code: str) -> Words:
    """A copular predicate: an adjective or a noun."""
    many = clause.subject.quantity > 1
    if UPOS[clause.predicate] == "ADJ":
        return (Word(_inflected(clause.predicate, code, "core", many, clause.subject.head), "ADJ"),)
    return noun_phrase(Thing(clause.predicate, quantity=1 if not many else clause.subject.quantity), code, "core", "")


def phrases(clause: Clause, speaker: Speaker) -> dict[str, Words]:
    """Role -> phrase of a clause."""
    found = {"subject": noun_phrase(clause.subject, speaker("subject"), "core", "subject")}
    if UPOS[clause.predicate] == "VERB":
        many = clause.subject.quantity > 1
        found["verb"] = _verb(clause.predicate, many, clause.negated, speaker("verb"))
    else:
        found["verb"] = _copula(clause.negated, speaker("verb"))
        found["patient"] = _state(clause, speaker("patient"))
    if clause.patient:
        found["patient"] = noun_phrase(clause.patient, speaker("patient"), "object", "patient")
    if clause.place:
        found["place"] = noun_phrase(clause.place, speaker("place"), "place", "place")
    if clause.time:
        found["time"] = (_word(clause.time, speaker("time")),)
    return found


ORDERS = {
    "SVO": ("subject", "verb", "patient", "place", "time"),
    "SOV": ("time", "subject", "place", "patient", "verb"),
    "VSO": ("verb", "subject", "patient", "place", "time"),
}
"""The roles of a clause in word order; a copular predicate takes the position of the patient."""


def _clause(clause: Clause, code: str, speaker: Speaker, asked: str) -> list[Word]:
    found, grammar = phrases(clause, speaker), GRAMMARS[code]
    order: Iterable[str] = ORDERS[grammar.order]
    if asked in found and grammar.fronted:
        order = (asked, *(role for role in order if role != asked))
    return [word for role in order for word in found.get(role, ())]


def words(sentence: Sentence | Answer, code: str, speaker: Speaker | None = None) -> list[Word]:
    """The words of a sentence or short answer, punctuation included."""
    speak = speaker or (lambda role: code)
    if isinstance(sentence, Answer):
        return [*noun_phrase(sentence.thing, speak("patient"), sentence.case, "patient"), Word(".", "PUNCT")]
    result = _clause(sentence.clause, code, speak, sentence.question)
    if sentence.question == "polar":
        result.insert(0 if GRAMMARS[code].asking == "first" else len(result), _word("whether", code))
    if sentence.second:
        result += [_word(sentence.link, code), *_clause(sentence.second, code, speak, "")]
    result.append(Word("?" if sentence.question else ".", "PUNCT"))
    return result


def text(words: Iterable[Word]) -> str:
    """Words as text, without spaces before punctuation."""
    return "".join([word.form if word.tag == "PUNCT" else f" {word.form}" for word in words]).lstrip()


def say(sentences: Iterable[Sentence | Answer], code: str) -> str:
    """Sentences as text."""
    return " ".join(text(words(sentence, code)) for sentence in sentences)


def span(sentence_words: list[Word], role: str) -> tuple[int, str]:
    """Character offset and text of a participant in the text of its sentence."""
    first = next(i for i, word in enumerate(sentence_words) if word.role == role)
    chosen = [word for word in sentence_words[first:] if word.role == role]
    before, found = text(sentence_words[:first]), text(chosen)
    return len(before) + bool(before), found
