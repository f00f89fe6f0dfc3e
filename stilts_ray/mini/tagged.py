"""Tagging: parts of speech, named entities, and supertags."""

from collections.abc import Iterator
from random import Random
from typing import Any

from stilts_ray.mini import scenes
from stilts_ray.mini.render import Word, words
from stilts_ray.mini.seeds import generator
from stilts_ray.mini.text import question_for
from stilts_ray.mini.world import PATIENTS, STATIVE, UPOS, Clause, Sentence, Thing

Row = dict[str, Any]

_RICH = scenes.Detail(placed=0.5, timed=0.3, described=0.4, counted=0.25)


def _sentence(rng: Random) -> Sentence:
    actors = scenes.actors(2, rng, named=0.4)
    first, second = (scenes.fact(actor, rng, _RICH) for actor in actors)
    draw = rng.random()
    if draw < 0.35:
        return Sentence(first, rng.choice(("and", "but", "because")), second)
    if draw < 0.45:
        return Sentence(first, "because", second._replace(subject=Thing("she")))
    if draw < 0.55:
        return Sentence(first._replace(negated=False), question="polar")
    if draw < 0.65 and first.predicate in PATIENTS:
        return question_for(first, rng.choice(("subject", "patient")))[0]
    return Sentence(first._replace(negated=rng.random() < 0.2))


def udpos(code: str, split: str, count: int) -> Iterator[Row]:
    """Universal Dependencies: words and parts of speech, with few training sentences.

    Accuracy of NOUN for all words: 19 to 26%; of the pivot's training lexicon, with NOUN for unknown words: 97% in the pivot,
    67 and 78% in its family, 42 to 51% in family B, 38 to 40% in other scripts, from 94 to 40% in family R.
    """
    rng = generator("udpos", split)
    for _ in range(count):
        sentence = words(_sentence(rng), code)
        yield {"tokens": [word.form for word in sentence], "pos_tags": [word.tag for word in sentence]}


def panx(code: str, split: str, count: int) -> Iterator[Row]:
    """WikiAnn: names of people, places and organisations, most of them unseen elsewhere; only the context determines the type.

    O for all words: accuracy 60 to 71%, F1 0. The pivot's training lexicon, with B-PER for unknown capitalized words, else O:
    F1 31 to 38%, and 0 in Georgian script, which has no capitals.
    """
    rng = generator("panx", split)
    for _ in range(count):
        subjects = [
            scenes.named_entity("PER", rng, _UNHEARD) if rng.random() < 0.7 else scenes.actors(1, rng, named=0)[0]
            for _ in range(2)
        ]
        first, second = (
            scenes.news(subject, rng, _UNHEARD) if rng.random() < 0.7 else scenes.event(subject, rng)
            for subject in subjects
        )
        link = rng.choice(("and", "but", "because"))
        sentence = words(Sentence(first, link, second) if rng.random() < 0.5 else Sentence(first), code)
        yield {
            "tokens": [word.form for word in sentence],
            "ner_tags": [word.entity for word in sentence],
            "langs": [code] * len(sentence),
        }


_UNHEARD = 0.8
"""Share of new names."""


def ccg(code: str, split: str, count: int) -> Iterator[Row]:
    """CCGbank: words of the pivot and their supertags. Accuracy of the training lexicon, with N for unknown words: 94%."""
    rng = generator("ccg", split)
    for _ in range(count):
        tagged = supertags(_sentence(rng), code)
        yield {"tokens": [form for form, _ in tagged], "tags": [tag for _, tag in tagged]}


def supertags(sentence: Sentence, code: str) -> list[tuple[str, str]]:
    """The words of a sentence of the pivot with their categories, named as in CCGbank (Hockenmaier and Steedman 2007).

    S[q]/S[dcl] is the category of the polar question particle, which English lacks.
    """
    told = words(sentence, code)
    first = len(told) - 1
    if sentence.second:
        first = len(words(sentence._replace(link="", second=None), code)) - 1
    clauses = [sentence.clause] * first + [sentence.second or sentence.clause] * (len(told) - first)
    return [
        (word.form, _category(word, following.entity, clause, sentence.question))
        for word, following, clause in zip(told, [*told[1:], told[-1]], clauses, strict=True)
    ]


_FIXED = {
    "DET": "NP[nb]/N",
    "NUM": "N/N",
    "NOUN": "N",
    "PART": r"(S\NP)\(S\NP)",
    "ADP": r"((S\NP)\(S\NP))/NP",
    "ADV": r"(S\NP)\(S\NP)",
    "CCONJ": "conj",
    "SCONJ": r"((S\NP)\(S\NP))/S[dcl]",
    "PUNCT": ".",
}


CATEGORIES = (
    *dict.fromkeys(_FIXED.values()),
    "NP", r"S[adj]\NP", r"S[b]\NP", r"(S[b]\NP)/NP", r"S[dcl]\NP", r"(S[dcl]\NP)/NP",
    r"(S[dcl]\NP)/(S[adj]\NP)", r"(S[dcl]\NP)/(S[b]\NP)",
    "S[q]/S[dcl]", r"S[wq]/(S[dcl]\NP)", "S[wq]/(S[dcl]/NP)",
)  # fmt: skip
"""All categories."""


def _category(word: Word, following: str, clause: Clause, question: str) -> str:
    """A word's category. following: the entity tag of the next word."""
    verbal = UPOS[clause.predicate] == "VERB"
    match word.tag:
        case "ADJ":
            return "N/N" if word.role else r"S[adj]\NP"
        case "PROPN":
            return "N/N" if following.startswith("I-") else "N"
        case "AUX" if verbal:
            return r"(S[dcl]\NP)/(S[b]\NP)"
        case "AUX":
            return r"(S[dcl]\NP)/NP" if UPOS[clause.predicate] == "NOUN" else r"(S[dcl]\NP)/(S[adj]\NP)"
        case "VERB":
            core = r"S[dcl]\NP" if clause.predicate in STATIVE else r"S[b]\NP"
            return f"({core})/NP" if clause.patient else core
        case "PRON" if word.role == question:
            return r"S[wq]/(S[dcl]\NP)" if question == "subject" else "S[wq]/(S[dcl]/NP)"
        case "PRON":
            return "NP"
        case "PART" if question == "polar":
            return "S[q]/S[dcl]"
    return _FIXED[word.tag]
