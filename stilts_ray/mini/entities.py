"""Entity linking among people with the same name. Columns are those of izhx/mewsli-x."""

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
    """A person in the knowledge base."""

    id: str
    name: str
    job: str
    city: str
    trait: str

    def facts(self, rng: Random) -> list[Clause]:
        """Job, home and character, in random order and with random synonyms."""
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
    """Distinct people. Names repeat: people of the same name differ in at least one fact."""
    rng, traits = generator("entities", split), [trait for pair in TRAITS for trait in pair]
    found: dict[tuple[str, ...], None] = {}
    while len(found) < count:
        found[PEOPLE[len(found) % len(PEOPLE)], rng.choice(JOBS), rng.choice(CITIES), rng.choice(traits)] = None
    return tuple(Person(f"{split}-Q{number}", *facts) for number, facts in enumerate(found, start=1))


def described(person: Person, code: str, rng: Random) -> str:
    """The description of a person: all three facts."""
    return say(map(Sentence, person.facts(rng)), code)


def mentioned(person: Person, code: str, rng: Random) -> str:
    """A sentence with two of the facts, the mention marked as in the published code."""
    first, second, _ = person.facts(rng)
    told = words(Sentence(first, "and", second._replace(subject=Thing("she"))), code)
    at = next(number for number, word in enumerate(told) if word.entity == "B-PER")
    name = told[at].form
    return f"{name}: {text(told[:at])} {{ {name} }} {text(told[at + 1 :])}".replace("  ", " ")


def mewslix(code: str, split: str, count: int) -> Iterator[Row]:
    """Mewsli-X: mentions in one language of entities described in any other.

    Ten of the 600 entities share the name; the sentence has two of the three facts. Baselines in mAP@20: the same twenty
    candidates always, 1; string match of the name, 23 for mentions in Latin script, 14 to 17 in others; idf-weighted word
    overlap, 18 for mentions in the pivot.
    """
    rng, known = generator("mentions", split), people(split, SIZES["mewslix/candidate_entities"][split])
    for number, person in enumerate(known[:count]):
        row = {"mention": mentioned(person, code, rng), "entity_id": person.id}
        yield {"example_id": f"{split}-{number:05d}", **row}


def candidate_entities(code: str, split: str, count: int) -> Iterator[Row]:
    """Descriptions of all entities, each in a random language of the set "mini"."""
    rng = generator("descriptions", split)
    for person in people(split, count):
        own = rng.choice(LANGUAGES).code
        row = {"entity_id": person.id, "title": person.name, "description": described(person, own, rng)}
        yield {**row, "description_language": own}


def wikipedia_pairs(code: str, split: str, count: int) -> Iterator[Row]:
    """Mentions in the pivot with the person's description there; no person of the test set."""
    rng = generator("pairs", split)
    for person in people(f"pairs-{split}", count):
        yield {"mention": mentioned(person, code, rng), "entity": described(person, code, rng)}
