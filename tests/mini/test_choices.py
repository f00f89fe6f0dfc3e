"""Multiple choice in the generated languages: true to its world, and what a guess without a model scores."""

from collections import Counter
from collections.abc import Callable
from functools import cache
from statistics import mean

import pytest
from datasets import Dataset

from stilts_ray import tasks
from stilts_ray.data import rows as reader
from stilts_ray.data.repairs import Use
from stilts_ray.data.tables import dataset_table
from stilts_ray.mini import PIVOT, SIZES
from stilts_ray.mini.lexicon import PEOPLE, lexicon
from stilts_ray.mini.world import CLASSES, COMMON, PLACES, SCRIPTS, STATIVE, SYNONYM
from stilts_ray.tasks.examples import Choice
from tests.mini.generated import rows_of

FORMATS = lexicon(PIVOT)
VERBS = {FORMATS[form]: verb for _, verbs in SCRIPTS for verb in verbs for form in (verb, SYNONYM.get(verb, verb))}
STATES = {FORMATS[verb] for verb in STATIVE if verb != "live"}
STORY = {verb: (name, place) for name, verbs in SCRIPTS for place, verb in enumerate(verbs)}
KIND = {
    FORMATS[form]: name
    for name, words in {**CLASSES, "place": PLACES}.items()
    for word in words
    for form in (word, SYNONYM.get(word, word))
}
NAMES = ("cosmosqa", "commonsense_qa", "social_i_qa", "copa", "case_hold")


@cache
def examples(name: str, split: str) -> list[Choice]:
    task = tasks.get(name)
    folder = task.source.folder.format(PIVOT)
    table = dataset_table(Dataset.from_list(rows_of(folder, split)), folder)
    made = reader.examples(task, table, Use(training=True))
    return [example for example in made.examples if isinstance(example, Choice)]


def verb_of(sentence: str) -> str:
    """The verb of a sentence or question, by its commoner word: after the word for the past, if there is one."""
    words = sentence.strip(" .?").split()
    past = FORMATS["do"] in words
    verb = VERBS[words[words.index(FORMATS["do"]) + 1] if past else next(word for word in words if word in STATES)]
    return COMMON.get(verb, verb)


def step(sentence: str) -> tuple[str, int]:
    """Script and place in it."""
    return STORY[verb_of(sentence)]


def told(example: Choice) -> dict[str, str]:
    """The sentences of a prompt by their first word."""
    sentences = example.prompt.replace("?", ".").split(". ")
    return {sentence.split()[0]: sentence for sentence in sentences}


def question(example: Choice) -> str:
    return example.prompt.split(". ")[-1]


def guessed(train: list[Choice], test: list[Choice], feature: Callable[[Choice, int], object]) -> float:
    """Accuracy of the choice whose feature was right most often; ties count in part."""
    right, seen = Counter[object](), Counter[object]()
    for example in train:
        for place in range(len(example.choices)):
            seen[feature(example, place)] += 1
            right[feature(example, place)] += place == example.label

    def share(example: Choice) -> float:
        worth = [right[f] / max(1, seen[f]) for f in (feature(example, i) for i in range(len(example.choices)))]
        best = [place for place, value in enumerate(worth) if value == max(worth)]
        return (example.label in best) / len(best)

    return mean(share(example) for example in test)


def sets(name: str) -> tuple[list[Choice], list[Choice]]:
    return examples(name, "train"), examples(name, "validation")


@pytest.mark.parametrize("name", NAMES)
def test_a_choice_alone_says_nothing(name: str) -> None:
    train, test = sets(name)
    chance = 1 / tasks.get(name).choices
    assert guessed(train, test, lambda example, place: place) == pytest.approx(chance, abs=0.06)
    assert guessed(train, test, lambda example, place: example.choices[place]) == pytest.approx(chance, abs=0.06)


def test_the_step_that_comes_next_is_done_by_who_did_the_one_before() -> None:
    train, test = sets("cosmosqa")
    for example in test:
        name, place = step(question(example))
        done = [step(told(example)[choice.strip(".")]) for choice in example.choices]
        assert done[example.label] == (name, (place - 1) % 4)
        assert Counter(story for story, _ in done)[name] == 2
        assert (name, (place + 1) % 4) in done
        assert len({story for story, _ in done}) == 3

    def same_story(example: Choice, place: int) -> bool:
        return step(told(example)[example.choices[place].strip(".")])[0] == step(question(example))[0]

    assert guessed(train, test, same_story) == pytest.approx(0.5, abs=0.03)


def test_one_of_five_kinds_fits() -> None:
    train, test = sets("commonsense_qa")

    def kind(example: Choice, place: int) -> str:
        (found,) = {KIND[word] for word in example.choices[place].strip(".").split() if word in KIND}
        return found

    for example in test:
        assert {kind(example, place) for place in range(5)} == {*CLASSES, "place"}
    counts = Counter(kind(example, example.label) for example in train)
    assert max(counts.values()) < 0.23 * len(train)

    def asked(example: Choice, place: int) -> tuple[str, str]:
        return example.prompt.split()[0], kind(example, place)

    assert guessed(train, test, asked) == pytest.approx(0.6, abs=0.04)
    by_verb = guessed(train, test, lambda e, place: (verb_of(e.prompt), *asked(e, place)))
    assert by_verb == 1


def test_both_the_person_and_the_deed_are_needed() -> None:
    train, test = sets("social_i_qa")

    def deed(example: Choice, place: int) -> tuple[bool, bool]:
        """Whether the person, and the verb, are those of the question."""
        *sentences, asked = example.prompt.split(". ")
        (sentence,) = (one for one in sentences if one.split()[-1] == example.choices[place].strip("."))
        who = {word for word in asked.split() if word in PEOPLE}
        return sentence.split()[0] in who, verb_of(sentence) == verb_of(asked)

    for example in test:
        fits = [deed(example, place) for place in range(3)]
        assert fits.count((True, True)) == 1
        assert fits[example.label] == (True, True)
    for side in (0, 1):
        assert guessed(train, test, lambda e, place, side=side: deed(e, place)[side]) == pytest.approx(0.67, abs=0.05)


def test_causes_come_before_and_effects_after() -> None:
    train, test = examples("copa", "train"), examples("xcopa", "test")
    assert len(test) >= 400
    for example in test:
        premise, asked = example.prompt.split(". ")
        name, place = step(premise)
        wanted = (name, (place + (1 if "effect" in asked else -1)) % 4)
        steps = [step(choice) for choice in example.choices]
        assert steps[example.label] == wanted
        assert steps.count(wanted) == 1

    def same_story(example: Choice, place: int) -> bool:
        return step(example.choices[place])[0] == step(example.prompt.split(". ")[0])[0]

    assert guessed(train, test, same_story) == pytest.approx(0.75, abs=0.03)


def test_training_sets_have_the_sizes_that_are_said() -> None:
    for name in NAMES:
        assert len(examples(name, "train")) == SIZES[tasks.get(name).source.folder]["train"]
