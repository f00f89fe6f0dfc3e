"""Raw text for masked-language-model training: short documents of a few sentences.

A document is a scene (facts about two people, some of them paraphrased), a quiz (facts, questions and answers), a story (a
script of daily life), news (who is where and does what, with new names) or notes on words (hypernyms and exclusions). It is
monolingual, or in two languages one after the other, or code-switched by phrase. Real corpora have far less text of the
latter two forms; here it compensates for the small corpus by exposing the encoder to several languages at once.
"""

from collections.abc import Callable, Iterator
from functools import cache
from random import Random

from stilts_ray.mini import PIVOT, WORLDS, scenes
from stilts_ray.mini.languages import GRAMMARS
from stilts_ray.mini.render import Speaker, Word, noun_phrase, text, words
from stilts_ray.mini.seeds import generator
from stilts_ray.mini.world import CLASS_OF, COMMON, OPPOSITE, SCRIPTS, SYNONYM, Answer, Clause, Sentence, Thing

Document = list[Sentence | Answer]
Telling = Callable[[str, Random], str]
"""Generates a document in a language."""

_DETAIL = scenes.Detail(timed=0.15, counted=0.1)
_QUIZZED = scenes.Detail(placed=0.6)

RESTATED = 0.60
"""Share of a scene's facts that are repeated as paraphrases."""
POLAR = 0.40
"""Share of yes/no questions among those about deeds; those about traits are all yes/no questions."""
GLOSSED = 0.50
"""Share of first mentions of a known name in a non-Latin script with the Latin name in brackets."""
WITH_PIVOT = 0.50
"""Share of bilingual documents whose other language is the pivot; the rest is spread over all other languages of the set
"mini"."""
UNHEARD = 0.30
"""Share of new names in news."""


def documents(code: str, count: int, telling: Telling, seed: str = "train") -> Iterator[str]:
    """Raw documents in a language."""
    rng = generator("text", telling.__name__, seed, code)
    for _ in range(count):
        yield telling(code, rng)


def alone(code: str, rng: Random) -> str:
    """A document in one language."""
    return _told(_meaning(rng, facts=2), code, None, rng)


def twice(code: str, rng: Random) -> str:
    """A document in two languages, one after the other."""
    meaning, codes = _meaning(rng, facts=1), [code, _partner(code, rng)]
    rng.shuffle(codes)
    return " ".join(_told(meaning, told, None, rng) for told in codes)


def switched(code: str, rng: Random) -> str:
    """A document with phrases from another language."""
    return _told(_meaning(rng, facts=2), code, _partner(code, rng), rng)


def _partner(code: str, rng: Random) -> str:
    if code != PIVOT and rng.random() < WITH_PIVOT:
        return PIVOT
    return rng.choice([other for other in _neighbours(code) if other not in {code, PIVOT}])


@cache
def _neighbours(code: str) -> list[str]:
    """The languages of the first set that contains the language."""
    sets = ([language.code for language in languages] for languages in WORLDS.values())
    return next(codes for codes in sets if code in codes)


def _told(meaning: Document, code: str, guest: str | None, rng: Random) -> str:
    """A document in a language, with phrases in the guest language if there is one."""
    told, named = [], set[str]()
    for sentence in meaning:
        line = words(sentence, code, _mixing(code, guest, rng) if guest else None)
        told.append(text(_with_glosses(line, named, rng)))
    return " ".join(told)


def _mixing(code: str, guest: str, rng: Random) -> Speaker:
    hosted = _CHOICES[rng.getrandbits(len(_ROLES))]
    return lambda role: guest if role in hosted else code


_ROLES = ("subject", "verb", "patient", "place", "time")
_CHOICES = [frozenset(role for i, role in enumerate(_ROLES) if bits >> i & 1) for bits in range(2 ** len(_ROLES))]
"""The phrases that can be in the guest language."""


@cache
def _latin_names() -> dict[str, str]:
    """Inflected name in a non-Latin script -> its Latin spelling."""
    return {
        word.form: name
        for language in WORLDS["mini"]
        if language.script != "Latin"
        for entity, names in scenes.NAMES.items()
        for name in names
        for case in ("core", "object", "place")
        for word in noun_phrase(Thing(name, entity=entity), GRAMMARS[language.code].code, case, "")
        if word.tag == "PROPN"
    }


def _with_glosses(line: list[Word], named: set[str], rng: Random) -> Iterator[Word]:
    for word in line:
        yield word
        if word.tag == "PROPN" and (name := _latin_names().get(word.form)) and name not in named:
            named.add(name)
            if rng.random() < GLOSSED:
                yield Word(f"({name})", "PROPN")


def _meaning(rng: Random, facts: int) -> Document:
    kinds: tuple[Callable[[Random, int], Document], ...] = (_quiz, _scene, _story, _news, _notes)
    return rng.choices(kinds, (32, 38, 15, 10, 5))[0](rng, facts)


def _scene(rng: Random, facts: int) -> Document:
    """Facts about two people, then paraphrases of some of them."""
    clauses = [scenes.fact(person, rng, _DETAIL) for person in scenes.actors(2, rng) for _ in range(facts)]
    rng.shuffle(clauses)
    again = [scenes.restated(clause, rng) for clause in clauses if rng.random() < RESTATED]
    rng.shuffle(again)
    told: Document = [Sentence(clause) for clause in clauses + again]
    if facts > 1 and rng.random() < 0.3:
        told[:2] = [Sentence(clauses[0], rng.choice(("and", "but", "because")), clauses[1])]
    return told


def _news(rng: Random, people: int) -> Document:
    """Two statements about each of several people with new names."""
    persons = [scenes.named_entity("PER", rng, UNHEARD) for _ in range(people)]
    return [Sentence(scenes.news(person, rng, UNHEARD)) for person in persons * 2]


def _story(rng: Random, length: int) -> Document:
    """A script of daily life. The person is introduced first, and later sometimes referred to as "she"."""
    (person,) = scenes.actors(1, rng)
    steps = scenes.script(person, rng.choice(SCRIPTS)[0], rng)
    steps[1:] = [step._replace(subject=Thing("she")) if rng.random() < 0.25 else step for step in steps[1:]]
    told = [Sentence(step._replace(time=rng.choice(("", "", "yesterday", "today")))) for step in steps]
    if length == 1:
        return list(told[rng.randrange(2) :][:3])
    return [Sentence(scenes.state(person, rng)), *told]


def _notes(rng: Random, pairs: int) -> Document:
    return [_note(rng) for _ in range(2 * pairs)]


def _note(rng: Random) -> Sentence:
    """Members of a class, or exclusions of an adjective."""
    head = rng.choice(list(CLASS_OF))
    if rng.random() < 0.5:
        return Sentence(Clause(Thing(head), CLASS_OF[head]))
    adjective = scenes.adjective(head, rng)
    return Sentence(Clause(Thing(head, adjective, definite=True), OPPOSITE[adjective], negated=True))


def _quiz(rng: Random, facts: int) -> Document:
    """Facts about several people, and who, what, where and yes/no questions with answers."""
    clauses = [_fact_to_ask(person, rng) for person in scenes.actors(2, rng)]
    told: Document = [Sentence(clause) for clause in clauses]
    for _ in range(2 * facts - 1):
        clause = rng.choice(clauses)
        told += _whether(clause, rng) if rng.random() < POLAR or not clause.patient else _which(clause, rng)
    return told


def _fact_to_ask(person: Thing, rng: Random) -> Clause:
    if rng.random() < 0.4:
        return Clause(person, scenes.adjective(person.head, rng))
    return scenes.event(person, rng, detail=_QUIZZED)


def _which(clause: Clause, rng: Random) -> Document:
    role = rng.choice(("subject", "patient", "place") if clause.place else ("subject", "patient"))
    return [*question_for(clause, role)]


def _whether(clause: Clause, rng: Random) -> Document:
    """A yes/no question in the same words, with a synonym, or with the opposite."""
    word, true = clause.predicate, rng.random() < 0.5
    if word not in OPPOSITE:
        verbs = [verb for verb in scenes.VERBS if verb not in {word, COMMON.get(word)}]
        word = word if true else rng.choice(verbs)
    elif not true:
        word = OPPOSITE[word]
    asked_for = clause._replace(predicate=rng.choice((word, SYNONYM.get(word, word))), place=None)
    return [Sentence(asked_for, question="polar"), Answer(Thing("yes" if true else "no"))]


def question_for(clause: Clause, role: str) -> tuple[Sentence, Answer]:
    """The question for a participant of a clause, and its answer."""
    known = clause.patient and Thing(clause.patient.head, definite=True)
    match role:
        case "subject":
            question = clause._replace(subject=Thing("who"), patient=known, place=None)
        case "patient":
            question = clause._replace(patient=Thing("what"), place=None)
        case _:
            question = clause._replace(patient=known, place=Thing("where"))
    case = {"subject": "core", "patient": "object", "place": "place"}[role]
    return Sentence(question, question=role), Answer(getattr(clause, role), case)
