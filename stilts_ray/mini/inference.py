"""Natural language inference and paraphrase in meanings.

Inference: a premise and a hypothesis about one person. The hypothesis is drawn first and without regard to the label, so it
says nothing about it; the premise is made to fit:

- entailment: the same, nearly always by a synonym
- contradiction: the opposite, nearly always; else the same denied
- neutral: another trait, or another deed, or the same deed to another thing

So the label follows from what the words of the premise mean to those of the hypothesis; that words recur, or that there is
a "not", settles few items. Whose deed it was is asked by paraphrases and questions.

Paraphrase: who did what to whom, said twice in nearly the same words. The second time the two persons may have changed
places, or the verb may be a synonym of the first one, or not.
"""

from dataclasses import replace
from random import Random

from stilts_ray.mini import scenes
from stilts_ray.mini.world import COMMON, OPPOSITE, PATIENTS, SYNONYM, TRAITS, Clause, Sentence, Thing

LABELS = ("entailment", "neutral", "contradiction")
_TRAITS = tuple(word for pair in TRAITS for trait in pair for word in (trait, SYNONYM[trait]))
_DEEDS = tuple(word for deed in PATIENTS if deed in OPPOSITE for word in (deed, SYNONYM[deed]))
_LITERAL = 0.2
"""Share of entailments that repeat the hypothesis, and of contradictions that deny it, word for word."""


def inference(label: str, rng: Random) -> tuple[Sentence, Sentence]:
    """A premise and a hypothesis in the relation `label`."""
    (person,) = scenes.people(1, rng)
    hypothesis = rng.choice((_trait, _deed))(person, rng)
    return Sentence(_related(hypothesis, label, rng)), Sentence(hypothesis)


def _trait(person: Thing, rng: Random) -> Clause:
    return Clause(person, rng.choice(_TRAITS))


def _deed(person: Thing, rng: Random) -> Clause:
    verb = rng.choice(_DEEDS)
    return Clause(person, verb, scenes.patient(verb, rng, described=0))


def _related(clause: Clause, relation: str, rng: Random) -> Clause:
    """A clause in a relation to another."""
    match relation:
        case "entailment" if rng.random() >= _LITERAL:
            return replace(clause, predicate=SYNONYM[clause.predicate])
        case "contradiction" if rng.random() >= _LITERAL:
            opposite = OPPOSITE[clause.predicate]
            return replace(clause, predicate=rng.choice((opposite, SYNONYM[opposite])))
        case "contradiction":
            return replace(clause, negated=True)
        case "neutral":
            return _other(clause, rng)
    return clause


def _other(clause: Clause, rng: Random) -> Clause:
    """A clause about the same person that leaves the first one open."""
    word, thing = COMMON.get(clause.predicate, clause.predicate), clause.patient
    pool = _TRAITS if thing is None else tuple(deed for deed in _DEEDS if _fits(deed, thing))
    others = [other for other in pool if COMMON.get(other, other) not in {word, OPPOSITE[word]}]
    if thing is None or (others and rng.random() < 0.5):
        return replace(clause, predicate=rng.choice(others))
    while (new := scenes.patient(word, rng, described=0)).head in {thing.head, SYNONYM.get(thing.head)}:
        pass
    return replace(clause, predicate=rng.choice((word, SYNONYM[word])), patient=new)


def _fits(deed: str, thing: Thing) -> bool:
    """Whether this can be done to that thing."""
    return scenes.class_of(thing.head) in PATIENTS[COMMON.get(deed, deed)]


def paraphrase(same: bool, rng: Random) -> tuple[Sentence, Sentence]:
    """Two sentences that mean the same, or do not."""
    one, other = scenes.people(2, rng)
    place = scenes.somewhere(rng) if rng.random() < 0.5 else None
    verb = rng.choice(_BETWEEN)
    said = Clause(one, verb, other, place)
    again = replace(said, predicate=rng.choice((verb, SYNONYM[verb])))
    if not same:
        again = _swapped(again) if rng.random() < 0.5 else _otherwise(again, rng)
    return Sentence(said), Sentence(again)


def _swapped(clause: Clause) -> Clause:
    """Who did it has become to whom it was done."""
    return replace(clause, subject=clause.patient or clause.subject, patient=clause.subject)


def _otherwise(clause: Clause, rng: Random) -> Clause:
    """Something else was done."""
    others = [verb for verb in _BETWEEN if verb not in {clause.predicate, SYNONYM[clause.predicate]}]
    return replace(clause, predicate=rng.choice(others))


_BETWEEN = tuple(word for verb in ("love", "hate", "see") for word in (verb, SYNONYM[verb]))
"""What one person does to another."""
