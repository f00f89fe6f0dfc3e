"""Extractive question answering: who, what or where? Columns are those of SQuAD and its relatives."""

from collections.abc import Iterator
from random import Random
from typing import Any

from stilts_ray.mini import scenes
from stilts_ray.mini.render import say, span, text, words
from stilts_ray.mini.seeds import generator
from stilts_ray.mini.text import question_for
from stilts_ray.mini.world import PATIENTS, SYNONYM, Clause, Sentence, Thing, common

Row = dict[str, Any]

_TOLD = scenes.Detail(placed=0.7)
LITERAL = 0.2
"""Share of questions with the text's verb although it has a synonym."""


def deeds(rng: Random) -> list[Clause]:
    """Three events. Two of them share the person or the thing, so that only the verb identifies the event in question."""
    first, second, third = scenes.actors(3, rng, named=0.75)
    told = scenes.event(first, rng, detail=_TOLD)
    near = _same_thing(told, second, rng) if rng.random() < 0.5 else _another(first, [told], rng)
    events = [told, near, _another(third, [told, near], rng)]
    rng.shuffle(events)
    return events


def _same_thing(told: Clause, person: Thing, rng: Random) -> Clause:
    """Another person's event with the same thing."""
    kind = scenes.class_of(_thing(told))
    verbs = [verb for verb in scenes.VERBS if kind in PATIENTS[verb] and verb != _verb(told)]
    return scenes.event(person, rng, rng.choice(verbs), _TOLD)._replace(patient=told.patient)


def _another(person: Thing, told: list[Clause], rng: Random) -> Clause:
    """An event with another thing; no person does the same twice."""
    while True:
        event = scenes.event(person, rng, detail=_TOLD)
        mine = {_verb(other) for other in told if other.subject == person}
        if _verb(event) not in mine and all(_thing(event) != _thing(other) for other in told):
            return event


def _verb(event: Clause) -> str:
    return common(event.predicate)


def _thing(event: Clause) -> str:
    return common(event.patient.head) if event.patient else ""


def asked_about(events: list[Clause], rng: Random) -> tuple[int, str, Clause]:
    """Index of the event in question, the role in question, and the event in the question's words."""
    chosen = rng.randrange(len(events))
    roles = ["subject", "patient"] + ["place"] * (sum(event.place is not None for event in events) > 1)
    role = rng.choice([role for role in roles if getattr(events[chosen], role)])
    event = events[chosen]
    word = event.predicate if rng.random() < LITERAL else SYNONYM.get(event.predicate, event.predicate)
    return chosen, role, event._replace(predicate=word)


def _without_answer(events: list[Clause], rng: Random) -> tuple[str, Clause]:
    """The role in question, and an event that differs from the text in its verb only."""
    while True:
        _, role, event = asked_about(events, rng)
        kind = scenes.class_of(_thing(event))
        verbs = [verb for verb in scenes.VERBS if role == "patient" or kind in PATIENTS[verb]]
        event = event._replace(predicate=scenes.worded(rng.choice(verbs), rng))
        if not any(_answers(other, role, event) for other in events):
            return role, event


def _answers(told: Clause, role: str, question: Clause) -> bool:
    known = _thing(told) == _thing(question) if role == "subject" else told.subject == question.subject
    return known and _verb(told) == _verb(question)


def _row(name: str, code: str, events: list[Clause], role: str, question: Clause) -> Row:
    context = say(map(Sentence, events), code)
    return {"id": name, "context": context, "question": text(words(question_for(question, role)[0], code))}


def _place_of(events: list[Clause], chosen: int, role: str, code: str) -> tuple[int, str]:
    told = [Sentence(event) for event in events]
    start, found = span(words(told[chosen], code), role)
    return len(say(told[:chosen], code)) + bool(chosen) + start, found


def xquad(code: str, split: str, count: int) -> Iterator[Row]:
    """XQuAD: every question has an answer, and nearly every sentence a candidate of the same type.

    Exact match of a random participant in the role in question: 45 to 47%; of the one in the sentence with most words of the
    question: 90%. In half of the questions the verb is a synonym of the text's.
    """
    rng = generator("qa", split)
    for number in range(count):
        events = deeds(rng)
        chosen, role, question = asked_about(events, rng)
        start, found = _place_of(events, chosen, role, code)
        row = _row(f"{split}-{number:05d}", code, events, role, question)
        yield {**row, "answers": {"text": [found], "answer_start": [start]}}


def squad(code: str, split: str, count: int) -> Iterator[Row]:
    """SQuAD: as XQuAD, with a title."""
    for row in xquad(code, f"squad-{split}", count):
        yield {**row, "title": "mini"}


def tydiqa(code: str, split: str, count: int) -> Iterator[Row]:
    """TyDiQA-GoldP: as XQuAD, with a small training split of its own."""
    for row in xquad(code, f"tydiqa-{split}", count):
        yield {**row, "title": "mini"}


def mlqa(code: str, split: str, count: int) -> Iterator[Row]:
    """MLQA: as XQuAD, with other texts and questions."""
    for row in xquad(code, f"mlqa-{split}", count):
        yield {**row, "title": "mini"}


def lareqa(code: str, split: str, count: int) -> Iterator[Row]:
    """XQuAD-R: as XQuAD, with other texts and questions; ids are the same in all languages.

    Baselines in mAP@20: idf-weighted word overlap with the pivot's 1,200 sentences, 40; the same twenty candidates always, 1.
    """
    return xquad(code, f"lareqa-{split}", count)


def squad_v2(code: str, split: str, count: int) -> Iterator[Row]:
    """SQuAD v2.0: a third of the questions are unanswerable, only because of their verb. Never answering: 33%."""
    rng = generator("squad_v2", split)
    for number in range(count):
        events, name = deeds(rng), f"{split}-{number:05d}"
        if rng.random() < 1 / 3:
            role, question = _without_answer(events, rng)
            starts, texts = [], []
        else:
            chosen, role, question = asked_about(events, rng)
            starts, texts = ([part] for part in _place_of(events, chosen, role, code))
        row = _row(name, code, events, role, question)
        yield {**row, "title": "mini", "answers": {"text": texts, "answer_start": starts}}
