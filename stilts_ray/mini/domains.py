"""Two domains of the world, each with a task of its own: trade, the domain of law, and beasts and food, that of medicine.

Trade is who buys, sells, finds, loses, makes or breaks which tool. The other domain is what animals and food are like, and
who loves or hates them. Either is closed under synonyms and opposites, and they share no predicate; nothing of them is
unknown to the general tasks, which speak of everything. In the columns of their models on the hub; what a guess without
a model scores is stated for each task.
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
"""What is done in trade, in opposites."""
FEELINGS = ("love", "adore", "hate", "detest")
"""How people stand to beasts and food."""
LITERAL = 0.2
"""Share of facts that use the word of their ending or question, denied or not, though there is another one."""


# Trade


def case_hold(code: str, split: str, count: int) -> Iterator[Row]:
    """CaseHOLD: five people did something with a tool; which of five endings, each about one of them, holds?

    All endings restate a fact by the same rule: the right one a fact that is told; of the others two its opposite, and two
    what somebody else did. The endings alone: 20%. Whose thing it was, without the verb: 33%; with whether the verb recurs,
    and is denied, but without knowing a synonym or an opposite: 48%.
    """
    rng = generator("case_hold", split)
    for _ in range(count):
        facts = _facts(rng)
        holdings = [scenes.restated(clause, rng) for clause in _believed(facts)]
        right, order = holdings[-1], rng.sample(holdings, len(holdings))
        told = [_worded(fact, holding, rng) for fact, holding in zip(facts, holdings, strict=True)]
        rng.shuffle(told)
        yield {
            "context": f"{say(map(Sentence, told), code)} (<HOLDING>).",
            "endings": [say([Sentence(clause)], code) for clause in order],
            "label": str(order.index(right)),
        }


def _facts(rng: Random) -> list[Clause]:
    """What five people did, each with another tool; the first two nothing that is the other's deed or its opposite."""
    pairs = [*rng.sample(DEALS, 2), *(rng.choice(DEALS) for _ in range(3))]
    people, tools = scenes.people(5, rng), rng.sample(CLASSES["tool"], 5)
    places = [scenes.somewhere(rng) if rng.random() < 0.4 else None for _ in pairs]
    deeds = zip(people, pairs, tools, places, strict=True)
    return [Clause(person, rng.choice(pair), Thing(tool), place) for person, pair, tool, place in deeds]


def _believed(facts: list[Clause]) -> list[Clause]:
    """The first two with their people exchanged, the next two reversed, and the last one as it is."""
    one, other, *reverse, right = facts
    exchanged = [one._replace(subject=other.subject), other._replace(subject=one.subject)]
    return [*exchanged, *(fact._replace(predicate=OPPOSITE[fact.predicate]) for fact in reverse), right]


def _worded(fact: Clause, holding: Clause, rng: Random) -> Clause:
    """A fact in words that its restatement mostly does not use."""
    said, literal = holding.predicate, rng.random() < LITERAL
    if (said == fact.predicate and not literal) or (said == SYNONYM[fact.predicate] and literal):
        return fact._replace(predicate=SYNONYM[fact.predicate])
    return fact


# Beasts and food


def pubmedqa(code: str, split: str, count: int) -> Iterator[Row]:
    """PubMedQA: is it so? The same is told, or its opposite, of the one who is asked about and of three others.

    Half of the answers are "no": always saying so is right in 50% (F1 67). What most sentences say, whoever they speak of, is
    right in 69%. The question alone: 50%; the words of both, without order: 52%; where the question's own word recurs, and is
    denied: 61%.
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
"""What is asked of them: words with a synonym."""


def _alike(rng: Random) -> list[Clause]:
    """The same of four animals, four kinds of food, or four people."""
    kind = rng.choice(("animal", "food"))
    if rng.random() < 0.3:
        thing, feeling = Thing(rng.choice(CLASSES[kind])), rng.choice(FEELINGS)
        return [Clause(person, feeling, thing) for person in scenes.people(4, rng)]
    word = rng.choice(_WORDS[kind])
    return [Clause(Thing(head, definite=True), word) for head in rng.sample(CLASSES[kind], 4)]


def _told(clause: Clause, true: bool, rng: Random) -> Clause:
    """That it is so, or not: mostly by a synonym, or by the opposite."""
    word = clause.predicate
    if rng.random() < LITERAL:
        return clause._replace(negated=not true)
    if true:
        return clause._replace(predicate=SYNONYM[word])
    opposite = OPPOSITE[word]
    return clause._replace(predicate=rng.choice((opposite, SYNONYM.get(opposite, opposite))))


def _meal(rng: Random) -> Clause:
    """Something else of that domain."""
    verb = rng.choice(("eat", "cook", "feed"))
    (person,) = scenes.people(1, rng)
    return Clause(person, verb, scenes.patient(verb, rng))
