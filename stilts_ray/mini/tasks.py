"""The rows of every task, in the columns of their models on the Hugging Face hub.

Items are made as meanings, seeded by data set, split and number, and then told in a language: so test sets are parallel
over languages, and any language can be written alone. What a guess without a model scores is stated for
each task; `tests/mini` computes most of it.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any

from stilts_ray.mini import PIVOT, inference, scenes
from stilts_ray.mini.render import say, span, text, words
from stilts_ray.mini.seeds import generator
from stilts_ray.mini.text import asked
from stilts_ray.mini.world import PATIENTS, SCRIPTS, Clause, Sentence, Thing

Row = dict[str, Any]
Maker = Callable[[str, str, int], Iterator[Row]]
"""Rows of a split in a language: language, split, how many."""


def nli(code: str, split: str, count: int) -> Iterator[Row]:
    """XNLI. Chance and majority: 33%; words and word pairs of the hypothesis alone: 34%.

    Knowing no word, but which words recur, where "not" stands and how long the sentences are: 68% (recurrence alone
    47%). So much can be had in any language without meanings; only what is above shows that words are understood.
    """
    rng = generator("nli", split)
    labels = [inference.LABELS[i % 3] for i in range(count)]
    rng.shuffle(labels)
    for label in labels:
        premises, hypothesis, _ = inference.item(label, rng)
        yield {"premise": say(premises, code), "hypothesis": say([hypothesis], code), "label": label}


def mnli(code: str, split: str, count: int) -> Iterator[Row]:
    """MNLI: the same with a running number."""
    for number, row in enumerate(nli(code, f"mnli-{split}", count)):
        yield {**row, "idx": number}


def _question(rng: Random) -> tuple[list[Sentence], Sentence, int, str]:
    """Some events, a question about one of them, which one, and the role that is asked for."""
    count = rng.choice((2, 3))
    events: list[Clause] = []
    for person in scenes.actors(count, rng, named=0.75):
        verb = events[0].predicate if events and rng.random() < 0.25 else ""
        event = scenes.event(person, rng, verb, scenes.Detail(placed=0.7))
        while any(event.patient and other.patient and event.patient.head == other.patient.head for other in events):
            event = scenes.event(person, rng, verb, scenes.Detail(placed=0.7))
        events.append(event)
    chosen = rng.randrange(count)
    roles = ["subject", "patient"] + ["place"] * (sum(event.place is not None for event in events) > 1)
    role = rng.choice([role for role in roles if getattr(events[chosen], role)])
    question, _ = asked(events[chosen], role)
    return [Sentence(event) for event in events], question, chosen, role


def qa(code: str, split: str, count: int) -> Iterator[Row]:
    """XQuAD. Who did it, what, or where? Each sentence has a candidate of the right type.

    A random candidate of the right type: 43% exact.
    """
    rng = generator("qa", split)
    for number in range(count):
        context, question, chosen, role = _question(rng)
        offset = len(say(context[:chosen], code)) + bool(chosen)
        start, found = span(words(context[chosen], code), role)
        yield {
            "id": f"{split}-{number:05d}",
            "context": say(context, code),
            "question": text(words(question, code)),
            "answers": {"text": [found], "answer_start": [offset + start]},
        }


def squad(code: str, split: str, count: int) -> Iterator[Row]:
    """SQuAD: the same with a title."""
    for row in qa(code, f"squad-{split}", count):
        yield {**row, "title": "mini"}


def hellaswag(code: str, split: str, count: int) -> Iterator[Row]:
    """HellaSwag: two steps of a script of daily life, and which step comes next?

    The four endings speak of the same thing, and all verbs that end a script end it falsely as often as rightly:
    endings alone, and words in common with the beginning, score 25%.
    """
    rng = generator("hellaswag", split)
    for number in range(count):
        (person,) = scenes.people(1, rng)
        name = rng.choice(SCRIPTS)[0]
        steps, first = scenes.script(person, name, rng), rng.randrange(2)
        thing = next(step.patient for step in steps if step.patient)
        strangers = rng.sample([verbs for other, verbs in SCRIPTS if other != name], 3)
        verbs = [steps[first + 2].predicate, *(rng.choice(others[2:]) for others in strangers)]
        rng.shuffle(verbs)
        told = [words(Sentence(scenes.step_with(person, verb, thing, rng)), code) for verb in verbs]
        start, subject = span(told[0], "subject")
        beginning = [Sentence(step) for step in steps[first : first + 2]]
        yield {
            "ind": number,
            "activity_label": name,
            "ctx_a": say(beginning, code),
            "ctx_b": subject,
            "ctx": f"{say(beginning, code)} {subject}",
            "endings": [text(ending)[start + len(subject) + 1 :] for ending in told],
            "source_id": f"mini~{number}",
            "split": {"validation": "val"}.get(split, split),
            "split_type": "indomain",
            "label": str(verbs.index(steps[first + 2].predicate)),
        }


_RICH = scenes.Detail(placed=0.5, timed=0.3, described=0.4, counted=0.25)


def _tagged_sentence(rng: Random) -> Sentence:
    actors = scenes.actors(2, rng, named=0.4)
    first, second = (scenes.fact(actor, rng, _RICH) for actor in actors)
    draw = rng.random()
    if draw < 0.35:
        return Sentence(first, rng.choice(("and", "but", "because")), second)
    if draw < 0.45:
        return Sentence(first, "because", replace(second, subject=Thing("she")))
    if draw < 0.55:
        return Sentence(replace(first, negated=False), question="polar")
    if draw < 0.65 and first.predicate in PATIENTS:
        return asked(first, rng.choice(("subject", "patient")))[0]
    return Sentence(replace(first, negated=rng.random() < 0.2))


def udpos(code: str, split: str, count: int) -> Iterator[Row]:
    """Universal Dependencies: words and parts of speech; only few sentences to train on.

    NOUN everywhere: 19 to 27%. The tags of the pivot's training words, NOUN for unknown words: 98% in the pivot, 75 and
    79% in its family, 42 to 52% in family B, 39 to 42% in other scripts.
    """
    rng = generator("udpos", split)
    for _ in range(count):
        sentence = words(_tagged_sentence(rng), code)
        yield {"tokens": [word.form for word in sentence], "pos_tags": [word.tag for word in sentence]}


def _searched_sentence(rng: Random) -> Sentence:
    (actor,) = scenes.actors(1, rng, named=0.0, described=0.7)
    return Sentence(scenes.event(actor, rng, detail=scenes.Detail(placed=0.6, timed=0.3, described=0.6)))


def tatoeba(code: str, split: str, count: int) -> Iterator[Row]:
    """Tatoeba: sentences and their translations, without names and digits. Chance: one in the number of rows."""
    rng = generator("tatoeba", split)
    pool: dict[Sentence, None] = {}
    while len(pool) < count:
        pool[_searched_sentence(rng)] = None
    for sentence in pool:
        yield {
            "source_sentence": say([sentence], code),
            "target_sentence": say([sentence], PIVOT),
            "source_lang": code,
            "target_lang": PIVOT,
        }
