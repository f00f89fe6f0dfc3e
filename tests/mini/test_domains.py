"""The tasks of two domains: true to their world, within their domain, and what a guess without a model scores."""

import math
from collections import Counter
from functools import cache
from statistics import mean
from typing import NamedTuple

import pytest
from datasets import Dataset

from stilts_ray import tasks
from stilts_ray.data import rows as reader
from stilts_ray.data.repairs import Use
from stilts_ray.data.tables import dataset_table
from stilts_ray.mini import PIVOT, domains
from stilts_ray.mini.lexicon import lexicon
from stilts_ray.mini.world import CLASSES, COMMON, OPPOSITE, PATIENTS, QUALITIES, SYNONYM, TRAITS
from stilts_ray.tasks.examples import Choice, Pair
from tests.by_kind import majority, score
from tests.mini.generated import rows_of
from tests.mini.test_choices import examples, guessed

FORMS = lexicon(PIVOT)
SMALL = {FORMS[word] for word in ("the", "a", "whether")}


def either(words: tuple[str, ...]) -> dict[str, str]:
    """The forms of words and of their synonyms -> the commoner word."""
    return {FORMS[form]: word for word in words for form in (word, SYNONYM.get(word, word))}


DEALS = either(tuple(verb for pair in domains.DEALS for verb in pair))
TOOLS = either(CLASSES["tool"])
SAID = either(tuple(word for pair in (*TRAITS, *QUALITIES) for word in pair))
FELT = either(("love", "hate"))


class Deed(NamedTuple):
    """A sentence on trade; `literal`: its verb as it stands there."""

    person: str
    verb: str
    thing: str
    place: str
    negated: bool
    literal: str


def deed(sentence: str) -> Deed:
    person, past, *words = sentence.strip(" .").split()
    assert past == FORMS["do"]
    negated = words[0] == FORMS["not"]
    verb, _, thing, *place = words[negated:]
    return Deed(person, DEALS[verb], TOOLS.get(thing, "tool"), " ".join(place), negated, verb)


@cache
def facts(prompt: str) -> dict[str, Deed]:
    """What is told, by person."""
    told, mark = prompt.split(". ")[:-1], prompt.split(". ")[-1]
    assert mark == "(<HOLDING>)."
    return {found.person: found for found in map(deed, told)}


def holds(told: Deed, ending: Deed) -> bool:
    """Whether an ending follows from what is told of that person."""
    verb = OPPOSITE[ending.verb] if ending.negated else ending.verb
    return told.verb == verb and ending.thing in {told.thing, "tool"} and ending.place in {told.place, ""}


def test_one_of_five_holdings_follows_from_the_text() -> None:
    for split in ("train", "validation"):
        for example in examples("case_hold", split):
            told = facts(example.prompt)
            endings = [deed(choice) for choice in example.choices]
            assert set(told) == {ending.person for ending in endings}
            assert [holds(told[ending.person], ending) for ending in endings].index(True) == example.label
            assert sum(holds(told[ending.person], ending) for ending in endings) == 1


def whose(example: Choice, place: int) -> bool | None:
    """Whether the ending speaks of that person's thing; None: of no certain one."""
    ending = deed(example.choices[place])
    return None if ending.thing == "tool" else facts(example.prompt)[ending.person].thing == ending.thing


def recurs(example: Choice, place: int) -> tuple[object, ...]:
    """The same, whether the verb stands in that person's sentence, and whether it is denied."""
    ending = deed(example.choices[place])
    told = facts(example.prompt)[ending.person]
    return whose(example, place), told.literal == ending.literal, ending.negated


def form(example: Choice, place: int) -> tuple[object, ...]:
    """All that an ending says, apart from who and which tool, and how it differs from the others in this."""
    endings = [deed(choice) for choice in example.choices]
    own, negated = endings[place], sum(ending.negated for ending in endings)
    return own.literal, own.negated, own.thing == "tool", bool(own.place), negated


def test_the_form_of_a_holding_says_nothing() -> None:
    train, test = examples("case_hold", "train"), examples("case_hold", "validation")
    assert guessed(train, test, form) == pytest.approx(0.20, abs=0.05)
    assert guessed(train, test, whose) == pytest.approx(0.33, abs=0.03)
    assert guessed(train, test, recurs) == pytest.approx(0.48, abs=0.03)


# Yes or no


@cache
def studies() -> tuple[list[Pair], list[Pair]]:
    """Training and dev examples, as the task divides them."""
    task = tasks.get("pubmedqa")
    table = dataset_table(Dataset.from_list(rows_of(task.source.folder, "train")), "train")
    made = reader.examples(task, table, Use(training=True))
    pairs = [example for example in made.examples if isinstance(example, Pair)]
    return pairs[1000:], pairs[:1000]


class StoreState(NamedTuple):
    """Who is what, or stands how to what."""

    subject: str
    word: str
    thing: str
    negated: bool


def state(sentence: str) -> StoreState | None:
    """None: a sentence of another kind."""
    words = [word for word in sentence.strip(" .?").split() if word not in SMALL]
    negated, words = FORMS["not"] in words, [word for word in words if word not in {FORMS["not"], FORMS["be"]}]
    if FORMS["do"] in words:
        return None
    known = SAID | FELT
    return StoreState(words[0], known[words[1]], " ".join(words[2:]), negated)


def votes(example: Pair) -> tuple[list[bool], int]:
    """What each sentence on the question's matter answers, and which of them is on the one who is asked about."""
    asked = state(example.first)
    assert asked is not None
    told = [found for found in map(state, example.second.split(". ")) if found]
    assert all(found.word in {asked.word, OPPOSITE[asked.word]} and found.thing == asked.thing for found in told)
    (own,) = (place for place, found in enumerate(told) if found.subject == asked.subject)
    return [(found.word == asked.word) != found.negated for found in told], own


def test_the_sentence_on_the_one_who_is_asked_about_answers() -> None:
    for part in studies():
        for example in part:
            answers, own = votes(example)
            assert len(answers) == 4
            assert answers[own] == (example.label == "yes")


def test_what_most_sentences_say_is_right_in_two_thirds() -> None:
    def share(example: Pair) -> float:
        yes = sum(votes(example)[0])
        return 0.5 if yes == 2 else float((yes > 2) == (example.label == "yes"))

    assert mean(map(share, studies()[1])) == pytest.approx(0.69, abs=0.03)


def by_words(question_alone: bool) -> float:
    """Accuracy of naive Bayes on the words of either text."""
    train, test = studies()

    def features(example: Pair) -> set[tuple[str, str]]:
        texts = {"first": example.first} if question_alone else {"first": example.first, "second": example.second}
        return {(name, word.strip(".?")) for name, text in texts.items() for word in text.split()}

    share = Counter(example.label for example in train)
    counts = {label: Counter[tuple[str, str]]() for label in share}
    for example in train:
        counts[example.label].update(features(example))

    def likely(example: Pair) -> str:
        known = features(example)
        found = {k: sum(math.log((counts[k][f] + 1) / (share[k] + 2)) for f in known) for k in counts}
        return max(found, key=found.__getitem__)

    return mean(likely(example) == example.label for example in test)


def by_literal_words() -> float:
    """How many sentences have the question's own word, denied and not, and how the one on its subject has it."""
    train, test = studies()

    def feature(example: Pair) -> tuple[object, ...]:
        words = [word for word in example.first.strip("?").split() if word not in SMALL]
        subject, word = words[0], next(word for word in words[1:] if word != FORMS["be"])
        told = [sentence.strip(".").split() for sentence in example.second.split(". ")]
        having = [(FORMS["not"] in sentence, subject in sentence) for sentence in told if word in sentence]
        own = next((negated for negated, is_own in having if is_own), None)
        return own, sum(negated for negated, _ in having), sum(not negated for negated, _ in having)

    seen: dict[object, Counter[str]] = {}
    for example in train:
        seen.setdefault(feature(example), Counter())[example.label] += 1
    return mean(seen.get(feature(e), Counter({"no": 1})).most_common(1)[0][0] == e.label for e in test)


def test_words_without_their_meaning_say_little() -> None:
    assert by_words(question_alone=True) == pytest.approx(0.50, abs=0.04)
    assert by_words(question_alone=False) == pytest.approx(0.52, abs=0.03)
    assert by_literal_words() == pytest.approx(0.61, abs=0.03)


def test_half_of_the_answers_are_no() -> None:
    task = tasks.get("pubmedqa")
    for part in studies():
        assert Counter(example.label for example in part)["no"] / len(part) == pytest.approx(0.5, abs=0.03)
        assert majority(task, part) == pytest.approx(66.7, abs=2)
        assert score(task, part, ["yes"] * len(part))["score"] == 0


def test_the_domains_are_apart_and_closed() -> None:
    law = {verb for pair in domains.DEALS for verb in pair}
    medicine = {COMMON.get(word, word) for word in domains.FEELINGS} | {word for pair in TRAITS for word in pair}
    assert not law & medicine
    for domain in (law, medicine):
        assert {OPPOSITE[word] for word in domain} == domain
    assert all("tool" in PATIENTS[verb] for verb in law)
