"""Two domains of the world with one task each: trade, in the role of law, and animals and food, in the role of medicine.

Trade is who buys, sells, finds, loses, makes or breaks which tool. The other domain is what animals and food are like, and
who loves or hates them. Both are closed under synonyms and opposites, and they share no predicate. The general tasks cover
the vocabulary of both. Columns are those of the real data sets on the hub; docstrings state model-free baselines.
"""

from collections.abc import Iterator
from random import Random
from typing import Any

from stilts_ray.mini import scenes
from stilts_ray.mini.render import say
from stilts_ray.mini.seeds import generator
from stilts_ray.mini.world import CLASSES, OPPOSITE, QUALITIES, SYNONYM, TRAITS, Clause, Sentence, Thing

Row = dict[str, Any]

DEALS = (("buy", "sell"), ("find", "lose"), ("make", "break"))
"""Predicates of trade, as pairs of opposites."""
FEELINGS = ("love", "adore", "hate", "detest")
"""Attitudes of people to animals and food."""
LITERAL = 0.2
"""Share of facts that repeat the word of their ending or question, negated or not, although it has a synonym."""


# Trade


def case_hold(code: str, split: str, count: int) -> Iterator[Row]:
    """CaseHOLD: five people did something with a tool; which of five endings, each about one of them, holds?

    All endings restate a fact by the same rule. The correct one restates a fact of the text; of the distractors, two restate
    its opposite and two another person's deed. Accuracy from endings alone: 20%; from who had which thing, without the verb:
    33%; also from repetition and negation of the verb, without synonyms and opposites: 48%.
    """
    rng = generator("case_hold", split)
    for _ in range(count):
        facts = _facts(rng)
        holdings = [scenes.restated(clause, rng) for clause in _ending_facts(facts)]
        right, order = holdings[-1], rng.sample(holdings, len(holdings))
        told = [_reworded(fact, holding, rng) for fact, holding in zip(facts, holdings, strict=True)]
        rng.shuffle(told)
        yield {
            "context": f"{say(map(Sentence, told), code)} (<HOLDING>).",
            "endings": [say([Sentence(clause)], code) for clause in order],
            "label": str(order.index(right)),
        }


def _facts(rng: Random) -> list[Clause]:
    """The deeds of five people, each with another tool. Those of the first two are neither the same nor opposites."""
    pairs = [*rng.sample(DEALS, 2), *(rng.choice(DEALS) for _ in range(3))]
    people, tools = scenes.people(5, rng), rng.sample(CLASSES["tool"], 5)
    places = [scenes.somewhere(rng) if rng.random() < 0.4 else None for _ in pairs]
    deeds = zip(people, pairs, tools, places, strict=True)
    return [Clause(person, rng.choice(pair), Thing(tool), place) for person, pair, tool, place in deeds]


def _ending_facts(facts: list[Clause]) -> list[Clause]:
    """The facts of the endings: the first two with subjects swapped, the next two with opposite verbs, the last one true."""
    one, other, *reverse, right = facts
    exchanged = [one._replace(subject=other.subject), other._replace(subject=one.subject)]
    return [*exchanged, *(fact._replace(predicate=OPPOSITE[fact.predicate]) for fact in reverse), right]


def _reworded(fact: Clause, holding: Clause, rng: Random) -> Clause:
    """A fact in words that mostly differ from its restatement."""
    said, literal = holding.predicate, rng.random() < LITERAL
    if (said == fact.predicate and not literal) or (said == SYNONYM[fact.predicate] and literal):
        return fact._replace(predicate=SYNONYM[fact.predicate])
    return fact


# Animals and food


def pubmedqa(code: str, split: str, count: int) -> Iterator[Row]:
    """PubMedQA: yes or no? The text states a fact or its opposite about the subject of the question and three others.

    Half of the answers are "no": the constant answer has an accuracy of 50% (F1 67). The majority of the sentences, whatever
    their subject: 69%; the question alone: 50%; bags of words of both: 52%; repetition and negation of the question's word:
    61%.
    """
    rng = generator("pubmedqa", split)
    answers = ["yes" if number % 2 else "no" for number in range(count)]
    rng.shuffle(answers)
    for number, answer in enumerate(answers):
        asked, *others = _alike(rng)
        told = [
            _told(asked, answer == "yes", rng),
            *(_told(other, rng.random() < 0.5, rng) for other in others),
        ]
        told.append(_meal(rng))
        rng.shuffle(told)
        yield {
            "pubid": number,
            "question": say([Sentence(asked, question="polar")], code),
            "context": {
                "contexts": [say([Sentence(clause)], code) for clause in told],
                "labels": ["RESULTS"] * len(told),
                "meshes": [],
            },
            "long_answer": say([Sentence(asked._replace(negated=answer == "no"))], code),
            "final_decision": answer,
        }


_WORDS = {
    kind: tuple(word for pair in pairs for name in pair if name in SYNONYM for word in (name, SYNONYM[name]))
    for kind, pairs in (("animal", TRAITS), ("food", QUALITIES))
}
"""Predicates of the questions: words with a synonym."""


def _alike(rng: Random) -> list[Clause]:
    """The same clause about four animals, four kinds of food, or four people."""
    kind = rng.choice(("animal", "food"))
    if rng.random() < 0.3:
        thing, feeling = Thing(rng.choice(CLASSES[kind])), rng.choice(FEELINGS)
        return [Clause(person, feeling, thing) for person in scenes.people(4, rng)]
    word = rng.choice(_WORDS[kind])
    return [Clause(Thing(head, definite=True), word) for head in rng.sample(CLASSES[kind], 4)]


def _told(clause: Clause, true: bool, rng: Random) -> Clause:
    """A statement that confirms or contradicts the question, mostly by a synonym or the opposite."""
    word = clause.predicate
    if rng.random() < LITERAL:
        return clause._replace(negated=not true)
    if true:
        return clause._replace(predicate=SYNONYM[word])
    opposite = OPPOSITE[word]
    return clause._replace(predicate=rng.choice((opposite, SYNONYM.get(opposite, opposite))))


def _meal(rng: Random) -> Clause:
    """Another statement of the domain."""
    verb = rng.choice(("eat", "cook", "feed"))
    (person,) = scenes.people(1, rng)
    return Clause(person, verb, scenes.patient(verb, rng))
