"""Entity linking: of which of the people with one name does a text speak? In the columns of izhx/mewsli-x."""

from collections.abc import Iterator
from functools import cache
from random import Random
from typing import Any, NamedTuple

from stilts_ray.mini import LANGUAGES, SIZES, scenes
from stilts_ray.mini.lexicon import CITIES, PEOPLE
from stilts_ray.mini.render import say, text, words
from stilts_ray.mini.seeds import generator
from stilts_ray.mini.world import JOBS, TRAITS, Clause, Sentence, Thing

Row = dict[str, Any]


class Person(NamedTuple):
    """Somebody, as a knowledge base knows them."""

    id: str
    name: str
    job: str
    city: str
    trait: str

    def facts(self, rng: Random) -> list[Clause]:
        """Work, home and character, in any order and in words that may differ from time to time."""
        thing = Thing(self.name, definite=True, entity="PER")
        home = Thing(self.city, definite=True, entity="LOC")
        told = [
            Clause(thing, self.job),
            Clause(thing, "live", place=home),
            Clause(thing, scenes.worded(self.trait, rng)),
        ]
        rng.shuffle(told)
        return told


@cache
def people(split: str, count: int) -> tuple[Person, ...]:
    """Different people. Names go round: everybody has namesakes, who differ in a fact at least."""
    rng, traits = generator("entities", split), [trait for pair in TRAITS for trait in pair]
    found: dict[tuple[str, ...], None] = {}
    while len(found) < count:
        found[PEOPLE[len(found) % len(PEOPLE)], rng.choice(JOBS), rng.choice(CITIES), rng.choice(traits)] = None
    return tuple(Person(f"{split}-Q{number}", *facts) for number, facts in enumerate(found, start=1))


def described(person: Person, code: str, rng: Random) -> str:
    """An entry on the person: all three facts."""
    return say(map(Sentence, person.facts(rng)), code)


def mentioned(person: Person, code: str, rng: Random) -> str:
    """One sentence with two of the facts, and in it the name, marked as in the published code."""
    first, second, _ = person.facts(rng)
    told = words(Sentence(first, "and", second._replace(subject=Thing("she"))), code)
    at = next(number for number, word in enumerate(told) if word.entity == "B-PER")
    name = told[at].form
    return f"{name}: {text(told[:at])} {{ {name} }} {text(told[at + 1 :])}".replace("  ", " ")


def mewslix(code: str, split: str, count: int) -> Iterator[Row]:
    """Mewsli-X: mentions in any language, of entities that are described in any other.

    Of the 600 entities ten have the name; two of the three facts are in the sentence. Always giving the same twenty: mAP@20
    of 1. The name alone, as it is written: 23 for mentions in Latin script, 14 to 17 in others. Words in common, weighted
    by rarity: 18 for the mentions of the pivot.
    """
    rng, known = generator("mentions", split), people(split, SIZES["mewslix/candidate_entities"][split])
    for number, person in enumerate(known[:count]):
        row = {"mention": mentioned(person, code, rng), "entity_id": person.id}
        yield {"example_id": f"{split}-{number:05d}", **row}


def candidate_entities(code: str, split: str, count: int) -> Iterator[Row]:
    """What is known of everybody, each in one language of the first set, whichever it may be."""
    rng = generator("descriptions", split)
    for person in people(split, count):
        own = rng.choice(LANGUAGES).code
        row = {"entity_id": person.id, "title": person.name, "description": described(person, own, rng)}
        yield {**row, "description_language": own}


def wikipedia_pairs(code: str, split: str, count: int) -> Iterator[Row]:
    """Mentions in the pivot, and what is said there of the person: others than those of the test."""
    rng = generator("pairs", split)
    for person in people(f"pairs-{split}", count):
        yield {"mention": mentioned(person, code, rng), "entity": described(person, code, rng)}
