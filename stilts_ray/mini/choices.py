"""Multiple choice: continuation, plausibility and reference. Columns are those of the real data sets on the hub.

Without the prompt the choices are indistinguishable: all have the same form and are equally often correct. Docstrings state
the accuracy of model-free baselines.
"""

from collections.abc import Iterator
from random import Random
from typing import Any

from stilts_ray.mini import scenes
from stilts_ray.mini.lexicon import lexicon
from stilts_ray.mini.render import say, span, text, words
from stilts_ray.mini.seeds import generator
from stilts_ray.mini.text import question_for
from stilts_ray.mini.world import CLASSES, MOTIONS, PATIENTS, PLACES, SCRIPTS, SYNONYM, Answer, Clause, Sentence, Thing

Row = dict[str, Any]

LITERAL = 0.2
"""Share of Social IQa's questions with the text's verb instead of its synonym."""


def _answers(things: list[Thing], case: str, code: str) -> list[str]:
    return [text(words(Answer(thing, case), code)) for thing in things]


def _scripts(person: Thing, rng: Random) -> tuple[str, list[Clause], list[tuple[str, ...]]]:
    """A script's name, its steps starting at a random one, and the verbs of two other scripts."""
    (name, _), *others = rng.sample(SCRIPTS, 3)
    return name, scenes.script(person, name, rng), [verbs for _, verbs in others]


def _steps_of_other_scripts(steps: list[Clause], others: list[tuple[str, ...]], rng: Random) -> list[Clause]:
    """One step of each other script, with the same person and the same thing."""
    thing = next(step.patient for step in steps if step.patient)
    return [scenes.step_with(steps[0].subject, rng.choice(verbs), thing, rng) for verbs in others]


def hellaswag(code: str, split: str, count: int) -> Iterator[Row]:
    """HellaSwag: the next step after two steps of a script of daily life.

    All four endings mention the same thing. One distractor belongs to the same script, two belong to others; every verb is
    correct equally often. Accuracy from endings alone: 25%; from script membership of verbs without their order: 50%; from
    surface shape (lengths of the two steps and word overlap with the ending, no lexical knowledge): 46%, as scripts differ in
    tense and in which steps have a thing.
    """
    rng = generator("hellaswag", split)
    for number in range(count):
        (person,) = scenes.people(1, rng)
        name, steps, others = _scripts(person, rng)
        endings = [steps[2], steps[3], *_steps_of_other_scripts(steps, others, rng)]
        rng.shuffle(endings)
        told = [words(Sentence(ending), code) for ending in endings]
        start, subject = span(told[0], "subject")
        beginning = say(map(Sentence, steps[:2]), code)
        yield {
            "ind": number,
            "activity_label": name,
            "ctx_a": beginning,
            "ctx_b": subject,
            "ctx": f"{beginning} {subject}",
            "endings": [text(ending)[start + len(subject) + 1 :] for ending in told],
            "source_id": f"mini~{number}",
            "split": {"validation": "val"}.get(split, split),
            "split_type": "indomain",
            "label": str(endings.index(steps[2])),
        }


def cosmosqa(code: str, split: str, count: int) -> Iterator[Row]:
    """Cosmos QA: which of four people, each doing something with the same kind of thing, did the step before another step?

    Two of them act in the script of the question: one at the step before it, the other at the step after it. Accuracy from a
    name alone: 25%; from script membership of verbs without their order: 50%.
    """
    rng = generator("cosmosqa", split)
    for number in range(count):
        people = scenes.people(4, rng)
        _, steps, others = _scripts(people[0], rng)
        done = [steps[0], steps[2], *_steps_of_other_scripts(steps, others, rng)]
        told = [step._replace(subject=person) for step, person in zip(done, people, strict=True)]
        question, _ = question_for(steps[1], "subject")
        rng.shuffle(told)
        order = rng.sample(people, 4)
        yield {
            "id": f"{split}-{number:05d}",
            "context": say(map(Sentence, told), code),
            "question": say([question], code),
            **{f"answer{place}": answer for place, answer in enumerate(_answers(order, "core", code))},
            "label": order.index(people[0]),
        }


_KINDS = {**CLASSES, "place": PLACES}
_ALONE = {
    name: tuple(verb for verb, classes in PATIENTS.items() if classes == (name,)) for name in ("food", "tool", "animal")
}
"""Kind of thing -> verbs that take only this kind."""


def commonsense_qa(code: str, split: str, count: int) -> Iterator[Row]:
    """CommonsenseQA: a plausible filler for who, what or where. The five choices are of five different kinds.

    Accuracy from the choices alone: 20%; from the question word, without the verb: 60%.
    """
    rng = generator("commonsense_qa", split)
    for number in range(count):
        (person,) = scenes.people(1, rng)
        right = rng.choice(tuple(_KINDS))
        role, event = _plausible_event(right, person, rng)
        question, _ = question_for(event, role)
        kinds = rng.sample(tuple(_KINDS), len(_KINDS))
        things = [Thing(scenes.worded(rng.choice(_KINDS[kind]), rng), definite=True) for kind in kinds]
        yield {
            "id": f"{split}-{number:05d}",
            "question": say([question], code),
            "question_concept": lexicon(code)[event.predicate],
            "choices": {"label": list("ABCDE"), "text": _answers(things, "core", code)},
            "answerKey": "ABCDE"[kinds.index(right)],
        }


def _plausible_event(kind: str, person: Thing, rng: Random) -> tuple[str, Clause]:
    """A role, and an event in which only this kind of thing can fill it."""
    match kind:
        case "human":
            return "subject", scenes.event(person, rng)
        case "place":
            return "place", scenes.event(person, rng, rng.choice(MOTIONS))
    return "patient", scenes.event(person, rng, rng.choice(_ALONE[kind]))


_BETWEEN = ("love", "hate", "see", "find", "lose")


def social_i_qa(code: str, split: str, count: int) -> Iterator[Row]:
    """Social IQa: two people each do two things to others; to whom did one of them do one of these?

    Accuracy of a random name: 33%; of the question's subject without its verb, or its verb without the subject: 67%. Four in
    five questions use the verb's synonym.
    """
    rng = generator("social_i_qa", split)
    for _ in range(count):
        first, second, *others = scenes.people(6, rng)
        verbs = [scenes.worded(verb, rng) for verb in rng.sample(_BETWEEN, 2)]
        pairs = [(person, verb) for person in (first, second) for verb in verbs]
        told = [Clause(person, verb, other) for (person, verb), other in zip(pairs, others, strict=True)]
        chosen = told[rng.randrange(len(told))]
        verb = chosen.predicate if rng.random() < LITERAL else SYNONYM[chosen.predicate]
        question, _ = question_for(chosen._replace(predicate=verb), "patient")
        wrong = rng.sample([event for event in told if event is not chosen], 2)
        order = rng.sample([chosen, *wrong], 3)
        rng.shuffle(told)
        answers = _answers([event.patient for event in order if event.patient], "object", code)
        yield {
            "context": say(map(Sentence, told), code),
            "question": say([question], code),
            **{f"answer{letter}": answer for letter, answer in zip("ABC", answers, strict=True)},
            "label": str(order.index(chosen) + 1),
        }


def xcopa(code: str, split: str, count: int) -> Iterator[Row]:
    """XCOPA: which of two steps came before (cause) or after (effect) a step of a script?

    The distractor is the step on the other side or a step of another script, equally often. Accuracy from the choices alone:
    50%; from script membership of verbs without their order: 75%.
    """
    rng = generator("copa", split)
    for number in range(count):
        (person,) = scenes.people(1, rng)
        _, steps, others = _scripts(person, rng)
        before, now, after, _ = steps
        question = rng.choice(("cause", "effect"))
        right, wrong = (before, after) if question == "cause" else (after, before)
        if rng.random() < 0.5:
            wrong = rng.choice(_steps_of_other_scripts(steps, others, rng))
        order = rng.sample((right, wrong), 2)
        premise, *choices = (say([Sentence(step)], code) for step in (now, *order))
        yield {
            "premise": premise,
            "choice1": choices[0],
            "choice2": choices[1],
            "question": question,
            "label": order.index(right),
            "idx": number,
            "changed": False,
        }


def copa(code: str, split: str, count: int) -> Iterator[Row]:
    """COPA: as XCOPA, with SuperGLUE's columns."""
    for row in xcopa(code, f"copa-{split}", count):
        names = ("choice1", "choice2")
        yield {name: value for name, value in row.items() if name != "changed"} | {"label": names[row["label"]]}
