"""Natural language inference and paraphrase as pairs of meanings.

Inference: a premise and a hypothesis about one person. The hypothesis is drawn first and independently of the label, so it
carries no information about it. The premise is then derived:

- entailment: the same, mostly by a synonym
- contradiction: mostly the opposite, else the negation
- neutral: another trait, another deed, or the same deed to another thing

The label therefore depends on lexical relations between premise and hypothesis; word overlap or negation decide few items.
Paraphrases and questions test who did what.

Paraphrase: who did what to whom, twice in nearly the same words. The second sentence mostly has another verb, a synonym or
not, or two persons have swapped roles.
"""

from random import Random

from stilts_ray.mini import scenes
from stilts_ray.mini.world import OPPOSITE, PATIENTS, STATIVE, SYNONYM, TRAITS, Clause, Sentence, Thing, common

LABELS = ("entailment", "neutral", "contradiction")
_TRAITS = tuple(word for pair in TRAITS for trait in pair for word in (trait, SYNONYM[trait]))
_DEEDS = tuple(word for deed in PATIENTS if deed in OPPOSITE for word in (deed, SYNONYM[deed]))
_LITERAL = 0.2
"""Share of entailments that repeat the hypothesis verbatim, of contradictions that negate it verbatim, and of paraphrases that
repeat the verb."""


def inference(label: str, rng: Random) -> tuple[Sentence, Sentence]:
    """A premise and a hypothesis in the relation `label`."""
    (person,) = scenes.people(1, rng)
    hypothesis = rng.choice((_trait, _deed))(person, rng)
    return Sentence(_related(hypothesis, label, rng)), Sentence(hypothesis)


def of_another(clause: Clause, person: Thing, rng: Random) -> Sentence:
    """A clause about another person, in a random relation to the hypothesis with that person as subject."""
    return Sentence(_related(clause._replace(subject=person), rng.choice(LABELS), rng))


def _trait(person: Thing, rng: Random) -> Clause:
    return Clause(person, rng.choice(_TRAITS))


def _deed(person: Thing, rng: Random) -> Clause:
    verb = rng.choice(_DEEDS)
    return Clause(person, verb, scenes.patient(verb, rng, described=0))


def _related(clause: Clause, relation: str, rng: Random) -> Clause:
    """A clause in the relation `label` to another."""
    match relation:
        case "entailment" if rng.random() >= _LITERAL:
            return clause._replace(predicate=SYNONYM[clause.predicate])
        case "contradiction" if rng.random() >= _LITERAL:
            opposite = OPPOSITE[clause.predicate]
            return clause._replace(predicate=rng.choice((opposite, SYNONYM[opposite])))
        case "contradiction":
            return clause._replace(negated=True)
        case "neutral":
            return _other(clause, rng)
    return clause


def _other(clause: Clause, rng: Random) -> Clause:
    """A clause about the same person that neither entails nor contradicts the first one."""
    word, thing = common(clause.predicate), clause.patient
    pool = _TRAITS if thing is None else _deeds_like(clause.predicate, thing)
    others = [other for other in pool if common(other) not in {word, OPPOSITE[word]}]
    if thing is None or (others and rng.random() < 0.5):
        return clause._replace(predicate=rng.choice(others))
    while (new := scenes.patient(word, rng, described=0)).head in {thing.head, SYNONYM.get(thing.head)}:
        pass
    return clause._replace(predicate=rng.choice((word, SYNONYM[word])), patient=new)


def _deeds_like(verb: str, thing: Thing) -> tuple[str, ...]:
    """Verbs for such a thing in the same tense: a difference in tense would give the label away."""
    if thing.entity:
        return tuple(deed for deed in _BETWEEN if (deed in STATIVE) == (verb in STATIVE))
    kind = scenes.class_of(thing.head)
    possible = (deed for deed in _DEEDS if kind in PATIENTS[common(deed)])
    return tuple(deed for deed in possible if (deed in STATIVE) == (verb in STATIVE))


def paraphrase(same: bool, rng: Random) -> tuple[Sentence, Sentence]:
    """Two sentences with the same meaning, or with different meanings."""
    said = rng.choice((_deed, _encounter))(scenes.people(1, rng)[0], rng)
    said = said._replace(place=scenes.somewhere(rng) if rng.random() < 0.5 else None)
    again = said if rng.random() < _LITERAL else said._replace(predicate=SYNONYM[said.predicate])
    if not same:
        with_another = said.patient is not None and said.patient.entity
        again = _swapped(again) if with_another and rng.random() < 0.5 else _otherwise(said, rng)
    return Sentence(said), Sentence(again)


def _encounter(person: Thing, rng: Random) -> Clause:
    """A clause in which one person does something to another."""
    other = person
    while other == person:
        (other,) = scenes.people(1, rng)
    return Clause(person, rng.choice(_BETWEEN), other)


def _swapped(clause: Clause) -> Clause:
    """The clause with subject and patient swapped."""
    return clause._replace(subject=clause.patient or clause.subject, patient=clause.subject)


def _otherwise(clause: Clause, rng: Random) -> Clause:
    """The clause with another verb, possibly the opposite."""
    pool = _deeds_like(clause.predicate, clause.patient or clause.subject)
    others = [verb for verb in pool if verb not in {clause.predicate, SYNONYM[clause.predicate]}]
    return clause._replace(predicate=rng.choice(others))


_BETWEEN = tuple(word for verb in ("love", "hate", "see", "find", "lose") for word in (verb, SYNONYM[verb]))
"""What one person does to another."""
