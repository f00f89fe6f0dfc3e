"""Span question answering: who did it, what, or where? In the columns of SQuAD and its kin."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

from stilts_ray.mini import scenes
from stilts_ray.mini.render import say, span, text, words
from stilts_ray.mini.seeds import generator
from stilts_ray.mini.text import asked
from stilts_ray.mini.world import COMMON, OPPOSITE, Clause, Sentence

Row = dict[str, Any]

_TOLD = scenes.Detail(placed=0.7)


def deeds(rng: Random) -> list[Clause]:
    """What three people did, each with another thing; at times two of them did the same."""
    events: list[Clause] = []
    for person in scenes.actors(3, rng, named=0.75):
        verb = COMMON.get(events[0].predicate, events[0].predicate) if events and rng.random() < 0.25 else ""
        event = scenes.event(person, rng, verb, _TOLD)
        while any(_thing(event) == _thing(other) for other in events):
            event = scenes.event(person, rng, verb, _TOLD)
        events.append(event)
    return events


def _thing(event: Clause) -> str:
    head = event.patient.head if event.patient else ""
    return COMMON.get(head, head)


def asked_about(events: list[Clause], rng: Random) -> tuple[int, str, Clause]:
    """Which event is asked about, the role that is asked for, and the event as the question puts it."""
    chosen = rng.randrange(len(events))
    roles = ["subject", "patient"] + ["place"] * (sum(event.place is not None for event in events) > 1)
    role = rng.choice([role for role in roles if getattr(events[chosen], role)])
    event = events[chosen]
    return chosen, role, replace(event, predicate=scenes.worded(COMMON.get(event.predicate, event.predicate), rng))


def _without_answer(events: list[Clause], rng: Random) -> tuple[str, Clause]:
    """A role that is asked for, and an event that did not happen but nearly: the opposite, or by somebody else."""
    while True:
        _, role, event = asked_about(events, rng)
        if role != "subject" and rng.random() < 0.5:
            event = replace(event, subject=scenes.people(1, rng)[0])
        elif event.predicate in OPPOSITE:
            event = replace(event, predicate=scenes.worded(OPPOSITE[event.predicate], rng))
        if not any(_answers(other, role, event) for other in events):
            return role, event


def _answers(told: Clause, role: str, question: Clause) -> bool:
    same = COMMON.get(told.predicate, told.predicate) == COMMON.get(question.predicate, question.predicate)
    known = _thing(told) == _thing(question) if role == "subject" else told.subject == question.subject
    return same and known


def _row(name: str, code: str, events: list[Clause], role: str, question: Clause) -> Row:
    context = say(map(Sentence, events), code)
    return {"id": name, "context": context, "question": text(words(asked(question, role)[0], code))}


def _place_of(events: list[Clause], chosen: int, role: str, code: str) -> tuple[int, str]:
    told = [Sentence(event) for event in events]
    start, found = span(words(told[chosen], code), role)
    return len(say(told[:chosen], code)) + bool(chosen) + start, found


def xquad(code: str, split: str, count: int) -> Iterator[Row]:
    """XQuAD: every question has an answer, and nearly each sentence a candidate of the right type.

    A random participant of the role that is asked for: 36 to 37% exact. The one in the sentence that has most words of the
    question: 95%. The verb of the question is a synonym of the text's in 30%.
    """
    rng = generator("qa", split)
    for number in range(count):
        events = deeds(rng)
        chosen, role, question = asked_about(events, rng)
        start, found = _place_of(events, chosen, role, code)
        row = _row(f"{split}-{number:05d}", code, events, role, question)
        yield {**row, "answers": {"text": [found], "answer_start": [start]}}


def squad(code: str, split: str, count: int) -> Iterator[Row]:
    """SQuAD: the same with a title."""
    for row in xquad(code, f"squad-{split}", count):
        yield {**row, "title": "mini"}


def tydiqa(code: str, split: str, count: int) -> Iterator[Row]:
    """TyDiQA-GoldP: the same, with a little training data of its own."""
    for row in xquad(code, f"tydiqa-{split}", count):
        yield {**row, "title": "mini"}


def squad_v2(code: str, split: str, count: int) -> Iterator[Row]:
    """SQuAD v2.0: a third of the questions have no answer in the text. Always saying so: 33%. Saying so when the question
    names somebody of whom the text says nothing: right on whether there is an answer in 83%."""
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
