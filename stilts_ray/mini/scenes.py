"""Random meanings from the latent world, and their paraphrases.

Facts hold within one text only. They are drawn anew for each text, so that they must be read and cannot be memorized.
"""

from dataclasses import dataclass
from random import Random
from typing import Any

from stilts_ray.mini.lexicon import CITIES, FIRMS, PEOPLE, new_name
from stilts_ray.mini.world import (
    CLASS_OF,
    CLASSES,
    JOBS,
    MOTIONS,
    OPPOSITE,
    PATIENTS,
    PLACES,
    QUALITIES,
    SCRIPTS,
    SYNONYM,
    TIMES,
    TRAITS,
    Clause,
    Thing,
    common,
)  # fmt: skip

VERBS = tuple(PATIENTS)
_QUALITY_WORDS = tuple(word for pair in QUALITIES for word in pair)
_TRAIT_WORDS = tuple(word for pair in TRAITS for word in pair)


RARER = 0.3
"""Share of words with a synonym that are realized as the rarer of the two."""


def worded(concept: str, rng: Random) -> str:
    """The concept or its synonym."""
    return SYNONYM[concept] if concept in SYNONYM and rng.random() < RARER else concept


def class_of(head: str) -> str:
    """The class of a thing; names and classes themselves count as human."""
    return CLASS_OF.get(common(head), "human")


def adjective(head: str, rng: Random) -> str:
    """A random adjective for such a thing."""
    kind = class_of(head)
    return worded(rng.choice(_TRAIT_WORDS if kind in {"human", "animal"} else _QUALITY_WORDS), rng)


NAMES = {"PER": PEOPLE, "LOC": CITIES, "ORG": FIRMS}


def named_entity(entity: str, rng: Random, unknown: float = 0.0) -> Thing:
    """A person, city or firm by name. unknown: probability of a new name, which does not reveal the type of entity and half of
    the time has two words."""
    if rng.random() >= unknown:
        return Thing(rng.choice(NAMES[entity]), definite=True, entity=entity)
    words = [new_name(rng) for _ in range(rng.choice((1, 2)))]
    return Thing(" ".join(words), definite=True, entity=entity)


_PERSONS = tuple(Thing(name, definite=True, entity="PER") for name in PEOPLE)


def people(count: int, rng: Random) -> list[Thing]:
    """Distinct people, by name."""
    return rng.sample(_PERSONS, count)


def actors(count: int, rng: Random, named: float = 0.65, described: float = 0.4) -> list[Thing]:
    """Distinct people. named: share of names; the others are job titles. described: share of these with an adjective."""
    jobs = (Thing(job, adjective(job, rng) * (rng.random() < described), True) for job in rng.sample(JOBS, count))
    return [person if rng.random() < named else job for person, job in zip(people(count, rng), jobs, strict=True)]


def patient(verb: str, rng: Random, described: float = 0.3, counted: float = 0.0) -> Thing:
    """A possible patient of the verb."""
    head = worded(rng.choice(CLASSES[rng.choice(PATIENTS[common(verb)])]), rng)
    quantity = rng.choice((2, 3, 4, rng.randrange(5, 100))) if rng.random() < counted else 1
    return Thing(head, adjective(head, rng) if rng.random() < described else "", quantity=quantity)


def somewhere(rng: Random) -> Thing:
    """A random place."""
    return Thing(worded(rng.choice(PLACES), rng), definite=True)


@dataclass(frozen=True, slots=True)
class Detail:
    """Details of events: shares with a place, a time, a description or a number of things."""

    placed: float = 0.4
    timed: float = 0.0
    described: float = 0.3
    counted: float = 0.0


PLAIN = Detail()


def event(subject: Thing, rng: Random, verb: str = "", detail: Detail = PLAIN) -> Clause:
    """A random event with this subject."""
    verb = verb or rng.choice(VERBS)
    place = somewhere(rng) if rng.random() < detail.placed or verb in MOTIONS else None
    time = rng.choice(TIMES) if rng.random() < detail.timed else ""
    thing = patient(verb, rng, detail.described, detail.counted) if verb in PATIENTS else None
    return Clause(subject, worded(verb, rng), thing, place, time)


def state(subject: Thing, rng: Random) -> Clause:
    """A random state of the subject, or where a person lives."""
    draw = rng.random()
    if subject.head in CLASS_OF or draw < 0.6:
        return Clause(subject, adjective(subject.head, rng))
    if draw < 0.8:
        return Clause(subject, rng.choice(JOBS))
    return Clause(subject, "live", place=named_entity("LOC", rng))


_NEWS = (
    ("live", "place", "LOC"), ("come", "place", "LOC"), ("leave", "place", "LOC"), ("work", "place", "ORG"),
    ("rest", "place", "ORG"), ("buy", "patient", "ORG"), ("sell", "patient", "ORG"), ("see", "patient", "PER"),
    ("love", "patient", "PER"), ("hate", "patient", "PER"),
)  # fmt: skip
"""(verb, role, entity type) of news. The verb, not the role, determines the entity type."""


def news(subject: Thing, rng: Random, unknown: float) -> Clause:
    """An event of a person with, or at, a named entity."""
    verb, role, entity = rng.choice(_NEWS)
    thing = named_entity(entity, rng, unknown)
    place = thing if role == "place" else None
    return Clause(subject, worded(verb, rng), thing if role == "patient" else None, place)


def fact(subject: Thing, rng: Random, detail: Detail = PLAIN) -> Clause:
    """An event or a state."""
    if rng.random() < 0.5:
        return state(subject, rng)
    return event(subject, rng, verb="" if rng.random() < 0.8 else rng.choice(MOTIONS), detail=detail)


def script(subject: Thing, name: str, rng: Random) -> list[Clause]:
    """The events of one of the SCRIPTS, all with the same thing. Scripts are cyclic: the first step is random."""
    steps, first = dict(SCRIPTS)[name], rng.randrange(len(dict(SCRIPTS)[name]))
    classes = set.intersection(*(set(PATIENTS[step]) for step in steps if step in PATIENTS))
    thing = Thing(rng.choice(CLASSES[rng.choice(sorted(classes))]))
    return [step_with(subject, step, thing, rng) for step in steps[first:] + steps[:first]]


def step_with(subject: Thing, verb: str, thing: Thing, rng: Random) -> Clause:
    """A step of a script: with the thing, or at a place if its verb takes no thing."""
    if verb in PATIENTS:
        return Clause(subject, worded(verb, rng), thing)
    return Clause(subject, verb, place=somewhere(rng))


def other(word: str, words: tuple[str, ...], rng: Random) -> str:
    """A random word other than this one."""
    return rng.choice([candidate for candidate in words if candidate != word])


def restated(clause: Clause, rng: Random) -> Clause:
    """An entailment of a clause in other words: a synonym, the negated opposite or another value, the hypernym, or fewer
    details."""
    verb, thing = clause.predicate, clause.patient
    changes: list[dict[str, Any]] = []
    if verb in SYNONYM:
        changes.append({"predicate": SYNONYM[verb]})
    if verb in OPPOSITE:
        changes.append({"predicate": worded(OPPOSITE[verb], rng), "negated": not clause.negated})
    if verb in JOBS and not clause.negated:
        changes.append({"predicate": other(verb, JOBS, rng), "negated": True})
    if thing and not clause.negated and common(thing.head) in CLASS_OF:
        changes.append({"patient": Thing(class_of(thing.head))})
    if thing and not clause.negated and (thing.adjective or clause.place):
        changes.append({"patient": thing._replace(adjective=""), "place": None})
    if verb == "live" and clause.place:
        elsewhere = clause.place._replace(head=other(clause.place.head, CITIES, rng))
        changes.append({"place": elsewhere, "negated": True})
    return clause._replace(**rng.choice(changes)) if changes else clause
