"""Multiple choice: what follows, what fits, and who is meant. In the columns of their models on the hub.

Without the prompt the choices cannot be told apart: all are of one form, and each is right as often as any other. What a
guess without a model scores is stated for each task.
"""

from collections.abc import Iterator
from random import Random
from typing import Any

from stilts_ray.mini import scenes
from stilts_ray.mini.lexicon import lexicon
from stilts_ray.mini.render import say, span, text, words
from stilts_ray.mini.seeds import generator
from stilts_ray.mini.text import asked
from stilts_ray.mini.world import CLASSES, MOTIONS, PATIENTS, PLACES, SCRIPTS, SYNONYM, Answer, Clause, Sentence, Thing

Row = dict[str, Any]

LITERAL = 0.2
"""Share of Social IQa's questions that use the text's verb, and not its synonym."""


def _answers(things: list[Thing], case: str, code: str) -> list[str]:
    return [text(words(Answer(thing, case), code)) for thing in things]


def _scripts(person: Thing, rng: Random) -> tuple[str, list[Clause], list[tuple[str, ...]]]:
    """A script's name and its steps, any of them first, and the verbs of two other scripts."""
    (name, _), *others = rng.sample(SCRIPTS, 3)
    return name, scenes.script(person, name, rng), [verbs for _, verbs in others]


def _strangers(steps: list[Clause], others: list[tuple[str, ...]], rng: Random) -> list[Clause]:
    """A step of each other script, done by the same person and with the same thing."""
    thing = next(step.patient for step in steps if step.patient)
    return [scenes.step_with(steps[0].subject, rng.choice(verbs), thing, rng) for verbs in others]


def hellaswag(code: str, split: str, count: int) -> Iterator[Row]:
    """HellaSwag: two steps of a script of daily life, and which step comes next?

    The four endings speak of the same thing. One of the wrong ones belongs to the same script, two to others; every verb is
    right as often as any other. So endings alone score 25%, and knowing which verbs belong to one script, but not their
    order, 50%. The shape of the text (how long the two steps are, which words of an ending recur in them; no word is known)
    scores 46%: scripts differ in which of their steps have a thing, and in tense.
    """
    rng = generator("hellaswag", split)
    for number in range(count):
        (person,) = scenes.people(1, rng)
        name, steps, others = _scripts(person, rng)
        endings = [steps[2], steps[3], *_strangers(steps, others, rng)]
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
    """Cosmos QA: four people did something with such a thing; who of them did what comes next?

    Two of them are in the script that is asked about: one at the step before, and the other one past it. So a name alone
    scores 25%, and knowing which verbs belong to one script, but not their order, 50%.
    """
    rng = generator("cosmosqa", split)
    for number in range(count):
        people = scenes.people(4, rng)
        _, steps, others = _scripts(people[0], rng)
        done = [steps[0], steps[2], *_strangers(steps, others, rng)]
        told = [step._replace(subject=person) for step, person in zip(done, people, strict=True)]
        question, _ = asked(steps[1], "subject")
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
"""Verbs of one kind of thing alone."""


def commonsense_qa(code: str, split: str, count: int) -> Iterator[Row]:
    """CommonsenseQA: who, what or where could it have been? Of the five words each is of another kind.

    The words alone: 20%. Knowing who and where for a question of people and places, but no verb: 60%.
    """
    rng = generator("commonsense_qa", split)
    for number in range(count):
        (person,) = scenes.people(1, rng)
        right = rng.choice(tuple(_KINDS))
        role, event = _wondered(right, person, rng)
        question, _ = asked(event, role)
        kinds = rng.sample(tuple(_KINDS), len(_KINDS))
        things = [Thing(scenes.worded(rng.choice(_KINDS[kind]), rng), definite=True) for kind in kinds]
        yield {
            "id": f"{split}-{number:05d}",
            "question": say([question], code),
            "question_concept": lexicon(code)[event.predicate],
            "choices": {"label": list("ABCDE"), "text": _answers(things, "core", code)},
            "answerKey": "ABCDE"[kinds.index(right)],
        }


def _wondered(kind: str, person: Thing, rng: Random) -> tuple[str, Clause]:
    """A role, and an event in which only this kind of thing can have it."""
    match kind:
        case "human":
            return "subject", scenes.event(person, rng)
        case "place":
            return "place", scenes.event(person, rng, rng.choice(MOTIONS))
    return "patient", scenes.event(person, rng, rng.choice(_ALONE[kind]))


_BETWEEN = ("love", "hate", "see", "find", "lose")


def social_i_qa(code: str, split: str, count: int) -> Iterator[Row]:
    """Social IQa: two people and what both did to others; to whom did this one do that?

    Any name: 33%. The question's subject without its verb, or its verb without the subject: 67%. Four questions of five
    use the verb's synonym.
    """
    rng = generator("social_i_qa", split)
    for _ in range(count):
        first, second, *others = scenes.people(6, rng)
        verbs = [scenes.worded(verb, rng) for verb in rng.sample(_BETWEEN, 2)]
        pairs = [(person, verb) for person in (first, second) for verb in verbs]
        told = [Clause(person, verb, other) for (person, verb), other in zip(pairs, others, strict=True)]
        chosen = told[rng.randrange(len(told))]
        verb = chosen.predicate if rng.random() < LITERAL else SYNONYM[chosen.predicate]
        question, _ = asked(chosen._replace(predicate=verb), "patient")
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
    """XCOPA: what somebody did, and two other things: which one came before, or after?

    The wrong one is the step on the other side, or one of another script, as often. So one choice alone scores 50%, and
    knowing which verbs belong to one script, but not their order, 75%.
    """
    rng = generator("copa", split)
    for number in range(count):
        (person,) = scenes.people(1, rng)
        _, steps, others = _scripts(person, rng)
        before, now, after, _ = steps
        question = rng.choice(("cause", "effect"))
        right, wrong = (before, after) if question == "cause" else (after, before)
        if rng.random() < 0.5:
            wrong = rng.choice(_strangers(steps, others, rng))
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
    """COPA: the same, as SuperGLUE has it."""
    for row in xcopa(code, f"copa-{split}", count):
        names = ("choice1", "choice2")
        yield {name: value for name, value in row.items() if name != "changed"} | {"label": names[row["label"]]}
