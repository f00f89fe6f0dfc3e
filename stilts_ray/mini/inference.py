"""Natural language inference in meanings: two premises and a hypothesis.

The hypothesis is drawn first and without regard to the label; the premises are then made to fit. So the hypothesis
alone says nothing about the label (a guess scores 1/3), and as denial is as common in the premises of all three labels,
"not" says nothing either. A premise about the hypothesis stands beside one about somebody or something else, in any
order.

- entailment: the same with a synonym, a member for its class, more detail, or the opposite denied
- contradiction: the opposite, or a denial; of jobs, another one
- neutral: something else of the same person, the same of another person, or less detail than the hypothesis has
"""

from collections.abc import Callable
from dataclasses import replace
from random import Random

from stilts_ray.mini import scenes
from stilts_ray.mini.world import CLASS_OF, CLASSES, JOBS, OPPOSITE, PATIENTS, SYNONYM, TRAITS, Clause, Sentence, Thing

LABELS = ("entailment", "neutral", "contradiction")
Item = tuple[tuple[Sentence, Sentence], Sentence, str]

_TRAIT_WORDS = tuple(word for pair in TRAITS for word in pair)
_VERBS = tuple(verb for verb in PATIENTS if verb in OPPOSITE)
_DENIED = 0.3
"""Share of premises that hold a denial, under every label."""


def item(label: str, rng: Random) -> Item:
    """Two premises, a hypothesis and its label."""
    person, bystander = scenes.people(2, rng)
    kind = rng.choices(("trait", "job", "event"), (45, 15, 40))[0]
    negated = kind != "job" and rng.random() < 0.25
    make, fit = _KINDS[kind]
    hypothesis = make(person, rng)
    if label == "neutral":
        premise = _unrelated(hypothesis, bystander, rng)
    else:
        premise = fit(hypothesis, (label == "entailment") != negated, rng)
    beside = _beside(kind, person if premise.subject == bystander else bystander, hypothesis, rng)
    premises = [Sentence(premise), Sentence(beside)]
    rng.shuffle(premises)
    return (premises[0], premises[1]), Sentence(replace(hypothesis, negated=negated)), label


def _trait(person: Thing, rng: Random) -> Clause:
    return Clause(person, rng.choice(_TRAIT_WORDS))


def _job(person: Thing, rng: Random) -> Clause:
    return Clause(person, rng.choice(JOBS))


def _event(person: Thing, rng: Random) -> Clause:
    verb = rng.choice(_VERBS)
    thing = scenes.patient(verb, rng, described=0.2)
    if rng.random() < 0.3:
        thing = Thing(CLASS_OF[thing.head])
    return Clause(person, verb, thing, scenes.somewhere(rng) if rng.random() < 0.3 else None)


def _synonym(clause: Clause, rng: Random) -> Clause:
    if clause.predicate in SYNONYM and rng.random() < 0.5:
        return replace(clause, predicate=SYNONYM[clause.predicate])
    return clause


def _polar(clause: Clause, holds: bool, rng: Random) -> Clause:
    """A clause, or its opposite; each said directly or by denying the other."""
    said = clause if holds else replace(clause, predicate=OPPOSITE[clause.predicate])
    if rng.random() < _DENIED:
        return replace(said, predicate=OPPOSITE[said.predicate], negated=True)
    return _synonym(said, rng)


def _job_premise(hypothesis: Clause, holds: bool, rng: Random) -> Clause:
    if holds:
        return _synonym(hypothesis, rng)
    return replace(hypothesis, predicate=scenes.other(hypothesis.predicate, JOBS, rng))


def _event_premise(hypothesis: Clause, holds: bool, rng: Random) -> Clause:
    """An event that settles the hypothesis; its thing may be more precise, its place told besides."""
    thing = hypothesis.patient or Thing("")
    said = _polar(hypothesis, holds, rng)
    if said.negated:
        return said
    if thing.head in CLASSES and holds:
        thing = scenes.patient(hypothesis.predicate, rng)
        while CLASS_OF[thing.head] != (hypothesis.patient or thing).head:
            thing = scenes.patient(hypothesis.predicate, rng)
    elif thing.head not in CLASSES and not thing.adjective and rng.random() < 0.4:
        thing = replace(thing, adjective=scenes.adjective(thing.head, rng))
    place = hypothesis.place or (scenes.somewhere(rng) if rng.random() < 0.4 else None)
    return replace(said, patient=thing, place=place)


_KINDS: dict[str, tuple[Callable[[Thing, Random], Clause], Callable[[Clause, bool, Random], Clause]]] = {
    "trait": (_trait, _polar),
    "job": (_job, _job_premise),
    "event": (_event, _event_premise),
}
"""How a hypothesis is made, and a premise that says whether it holds."""


def _unrelated(hypothesis: Clause, bystander: Thing, rng: Random) -> Clause:
    """A clause that leaves the hypothesis open."""
    if rng.random() < 0.4:
        hypothesis, moved = replace(hypothesis, subject=bystander), True
    else:
        moved = False
    if hypothesis.predicate in JOBS:
        return hypothesis if moved else _polar(_trait(hypothesis.subject, rng), True, rng)
    if hypothesis.patient is None:
        return _polar(hypothesis if moved else _other_trait(hypothesis, rng), rng.random() < 0.5, rng)
    if not moved and hypothesis.place and rng.random() < 0.6:
        return replace(hypothesis, place=None) if rng.random() < 0.5 else _elsewhere(hypothesis, rng)
    return _polar(hypothesis if moved else _other_event(hypothesis, rng), rng.random() < 0.5, rng)


def _elsewhere(event: Clause, rng: Random) -> Clause:
    return replace(event, place=scenes.somewhere(rng), patient=_other_thing(event, rng))


def _other_trait(trait: Clause, rng: Random) -> Clause:
    words = [word for word in _TRAIT_WORDS if word not in {trait.predicate, OPPOSITE[trait.predicate]}]
    return replace(trait, predicate=rng.choice(words))


def _other_thing(event: Clause, rng: Random) -> Thing:
    """A thing that is neither the event's nor one of its class or the class itself."""
    head = (event.patient or Thing("")).head
    avoided = CLASS_OF.get(head, head)
    while True:
        thing = scenes.patient(event.predicate, rng)
        if thing.head != head and (CLASS_OF[thing.head] != avoided or head not in CLASSES):
            return thing
        if len(PATIENTS[event.predicate]) == 1 and head in CLASSES:
            return Thing(rng.choice(CLASSES["food" if head != "food" else "animal"]))


def _other_event(event: Clause, rng: Random) -> Clause:
    """The same done to another thing, or something else done to the same."""
    if rng.random() < 0.5:
        return replace(event, patient=_other_thing(event, rng))
    head = (event.patient or Thing("")).head
    kind = CLASS_OF.get(head, head)
    verbs = [v for v in _VERBS if kind in PATIENTS[v] and v not in {event.predicate, OPPOSITE[event.predicate]}]
    return replace(event, predicate=rng.choice(verbs))


def _beside(kind: str, subject: Thing, hypothesis: Clause, rng: Random) -> Clause:
    """What is told besides: of the same kind if of somebody else, of another kind if of the same person."""
    if subject != hypothesis.subject:
        if kind == "trait":
            return _polar(_trait(subject, rng), True, rng)
        if kind == "job":
            return _job(subject, rng)
        return scenes.event(subject, rng)
    if kind == "event":
        return _polar(_trait(subject, rng), True, rng)
    return scenes.event(subject, rng)
