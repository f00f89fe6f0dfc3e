"""Raw text for masked-language-model training: short documents of a few sentences.

A document is a scene (facts about two people, some said again in other words), a quiz (facts, a question and its
answer), a story (a script of daily life) or a note on words (what belongs to what). Most are in one language; some say
the same in two languages one after the other, some mix two languages phrase by phrase. Real corpora hold far less of
both: here they make up for the size of the corpus, in exposure to several languages at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from random import Random

from stilts_ray.mini import LANGUAGES, PIVOT, scenes
from stilts_ray.mini.languages import GRAMMARS
from stilts_ray.mini.lexicon import CITIES, PEOPLE
from stilts_ray.mini.render import Speaker, Word, noun_phrase, text, words
from stilts_ray.mini.seeds import generator
from stilts_ray.mini.world import CLASS_OF, OPPOSITE, SCRIPTS, Answer, Clause, Sentence, Thing

Document = list[Sentence | Answer]

_DETAIL = scenes.Detail(timed=0.15, counted=0.1)
_QUIZZED = scenes.Detail(placed=0.6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """Shares of what raw text is made of.

    bilingual, switched: of documents, saying all in two languages or mixing two. quizzes, stories, notes: of documents,
    the rest being scenes. restated: of the facts of a scene, said again in other words. polar: of quizzes, asking for
    yes or no. gloss: of first mentions of a name in another script, with the Latin name in brackets. partner: of
    documents in two languages, having the pivot as the other one.
    """

    bilingual: float = 0.15
    switched: float = 0.30
    quizzes: float = 0.30
    stories: float = 0.20
    notes: float = 0.05
    restated: float = 0.60
    polar: float = 0.40
    gloss: float = 0.50
    partner: float = 0.50


def documents(code: str, count: int, mixture: Mixture = Mixture(), seed: str = "train") -> Iterator[str]:
    """Raw documents of a language."""
    rng = generator("text", seed, code)
    for _ in range(count):
        yield _document(code, mixture, rng)


def _document(code: str, mixture: Mixture, rng: Random) -> str:
    draw = rng.random()
    bilingual, switched = draw < mixture.bilingual, draw - mixture.bilingual < mixture.switched
    meaning = _meaning(mixture, rng, short=bilingual)
    if bilingual:
        codes = [code, _partner(code, mixture, rng)]
        rng.shuffle(codes)
        return " ".join(_told(meaning, told, None, mixture, rng) for told in codes)
    return _told(meaning, code, _partner(code, mixture, rng) if switched else None, mixture, rng)


def _partner(code: str, mixture: Mixture, rng: Random) -> str:
    if code != PIVOT and rng.random() < mixture.partner:
        return PIVOT
    return rng.choice([language.code for language in LANGUAGES if language.code not in {code, PIVOT}])


def _told(meaning: Document, code: str, guest: str | None, mixture: Mixture, rng: Random) -> str:
    """A document in a language, with phrases from a guest language if there is one."""
    told, named = [], set[str]()
    for sentence in meaning:
        line = words(sentence, code, _mixing(code, guest, rng) if guest else None)
        told.append(text(_with_glosses(line, named, mixture, rng)))
    return " ".join(told)


def _mixing(code: str, guest: str, rng: Random) -> Speaker:
    bits = rng.getrandbits(5)
    roles = {role: guest for i, role in enumerate(("subject", "verb", "patient", "place", "time")) if bits >> i & 1}
    return lambda role: roles.get(role, code)


@cache
def _latin_names() -> dict[str, str]:
    """Names in other scripts, in all their forms, and how they are written in Latin."""
    return {
        word.form: name
        for language in LANGUAGES
        if language.script != "Latin"
        for name in PEOPLE + CITIES
        for case in ("core", "object", "place")
        for word in noun_phrase(Thing(name), GRAMMARS[language.code].code, case, "")
        if word.tag == "PROPN"
    }


def _with_glosses(line: list[Word], named: set[str], mixture: Mixture, rng: Random) -> Iterator[Word]:
    for word in line:
        yield word
        name = _latin_names().get(word.form) if word.tag == "PROPN" else None
        if name and name not in named:
            named.add(name)
            if rng.random() < mixture.gloss:
                yield Word(f"({name})", "PROPN")


def _meaning(mixture: Mixture, rng: Random, short: bool) -> Document:
    draw = rng.random()
    if draw < mixture.quizzes:
        return _quiz(mixture, rng, 2)
    if draw < mixture.quizzes + mixture.stories:
        return _story(rng, short)
    if draw < mixture.quizzes + mixture.stories + mixture.notes:
        return [_note(rng) for _ in range(2 if short else 4)]
    return _scene(mixture, rng, 1 if short else 2)


def _scene(mixture: Mixture, rng: Random, facts: int) -> Document:
    """Facts about two people, then some of them again."""
    clauses = [scenes.fact(person, rng, _DETAIL) for person in scenes.actors(2, rng) for _ in range(facts)]
    rng.shuffle(clauses)
    again = [scenes.restated(clause, rng) for clause in clauses if rng.random() < mixture.restated]
    rng.shuffle(again)
    told: Document = [Sentence(clause) for clause in clauses + again]
    if facts > 1 and rng.random() < 0.3:
        told[:2] = [Sentence(clauses[0], rng.choice(("and", "but", "because")), clauses[1])]
    return told


def _story(rng: Random, short: bool) -> Document:
    """A script of daily life; the person is described first, and at times called "she" later on."""
    (person,) = scenes.actors(1, rng)
    steps = scenes.script(person, rng.choice(SCRIPTS)[0], rng)
    steps[1:] = [replace(step, subject=Thing("she")) if rng.random() < 0.25 else step for step in steps[1:]]
    told = [Sentence(replace(step, time=rng.choice(("", "", "yesterday", "today")))) for step in steps]
    if short:
        return list(told[rng.randrange(2) :][:3])
    return [Sentence(scenes.state(person, rng)), *told]


def _note(rng: Random) -> Sentence:
    """What belongs to a class, or what an adjective excludes."""
    head = rng.choice(list(CLASS_OF))
    if rng.random() < 0.5:
        return Sentence(Clause(Thing(head), CLASS_OF[head]))
    adjective = scenes.adjective(head, rng)
    return Sentence(Clause(Thing(head, adjective, definite=True), OPPOSITE[adjective], negated=True))


def _quiz(mixture: Mixture, rng: Random, facts: int) -> Document:
    """Facts about different people, a question about one of them, and the answer."""
    if rng.random() < mixture.polar:
        return _polar_quiz(rng, facts)
    clauses = [scenes.event(person, rng, detail=_QUIZZED) for person in scenes.actors(facts, rng)]
    chosen = rng.choice(clauses)
    role = rng.choice(("subject", "patient", "place") if chosen.place else ("subject", "patient"))
    return [*map(Sentence, clauses), *asked(chosen, role)]


def asked(clause: Clause, role: str) -> tuple[Sentence, Answer]:
    """The question for a participant of a clause, and its answer."""
    known = clause.patient and Thing(clause.patient.head, definite=True)
    match role:
        case "subject":
            question = replace(clause, subject=Thing("who"), patient=known, place=None)
        case "patient":
            question = replace(clause, patient=Thing("what"), place=None)
        case _:
            question = replace(clause, patient=known, place=Thing("where"))
    case = {"subject": "core", "patient": "object", "place": "place"}[role]
    return Sentence(question, question=role), Answer(getattr(clause, role), case)


def _polar_quiz(rng: Random, facts: int) -> Document:
    kind = scenes.state if rng.random() < 0.5 else scenes.fact
    clauses = [kind(person, rng) for person in scenes.actors(facts, rng)]
    chosen, true = rng.choice(clauses), rng.random() < 0.5
    question = replace((scenes.restated if true else scenes.denied)(chosen, rng), time="")
    if question.negated:
        # Only what is said is asked for: "is Anna not old?" has no clear answer in many languages.
        question, true = replace(question, negated=False), not true
    return [*map(Sentence, clauses), Sentence(question, question="polar"), Answer(Thing("yes" if true else "no"))]
