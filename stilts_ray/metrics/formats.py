"""Parsers and writers of the files in XTREME's submission tree: text -> predictions or labels, and back.

Lines end with a line feed; white space at their ends, such as a carriage return, is ignored. Every parser raises ValueError
with one line that names the line or key, what is wrong, and what is expected.
"""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from stilts_ray.metrics.scores import DEPTH

T = TypeVar("T")


# Lines


def labels(text: str, known: Collection[str]) -> list[str]:
    """A label per line, one of `known`."""
    return _each(text, lambda line: _label(line, known))


def indices(text: str) -> list[int]:
    """A non-negative integer per line."""
    return _each(text, _index)


def pairs(text: str) -> list[tuple[str, str]]:
    """Two ids per line, separated by a tab."""
    return _each(text, _pair)


def choices(text: str) -> list[int]:
    """A JSON object per line, with a `label` of 0 or 1."""
    return _each(text, _choice)


def sentences(text: str, known: Collection[str]) -> list[list[str]]:
    """A tag per line, one of `known`; an empty line ends a sentence."""
    found: list[list[str]] = [[]]
    for tag in _each(text, lambda line: _label(line, known) if line else ""):
        if tag:
            found[-1].append(tag)
        else:
            found.append([])
    return [tags for tags in found if tags]


def _each(text: str, parse: Callable[[str], T]) -> list[T]:
    """Parses each line; lines count from 1. An empty text has none, and a final line feed starts none."""
    values = []
    # Not splitlines(), which also splits at U+2028 and the like.
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else (), start=1):
        try:
            values.append(parse(line.strip()))
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
    return values


def _columns(line: str, count: int) -> list[str]:
    columns = line.split("\t") if line else []
    if len(columns) != count:
        raise ValueError(f"{shown(line)} has {len(columns)} columns instead of {count}" if line else "is empty")
    return columns


def _label(line: str, known: Collection[str]) -> str:
    (label,) = _columns(line, 1)
    if label not in known:
        raise ValueError(f"{shown(label)} is no label; known: {', '.join(known)}")
    return label


def _index(line: str) -> int:
    (column,) = _columns(line, 1)
    # int() accepts more than digits: "1_000", "+1", digits of other scripts.
    if not (column.isascii() and column.isdigit()):
        raise ValueError(f"{shown(column)} is not an index, a whole number from 0")
    return int(column)


def _pair(line: str) -> tuple[str, str]:
    foreign, english = _columns(line, 2)
    return foreign, english


def _choice(line: str) -> int:
    label = _object(_json(line)).get("label")
    # A bool is an int as well.
    if type(label) is not int or label not in (0, 1):
        raise ValueError(f"`label` is {shown(label)} instead of 0 or 1")
    return label


# JSON documents


def answers(text: str) -> dict[str, str]:
    """An answer for each question."""
    found = _object(_json(text))
    for question, answer in found.items():
        if not isinstance(answer, str):
            raise ValueError(f"key {shown(question)}: {shown(answer)} is not text")
    return found


def questions(text: str) -> dict[str, list[str]]:
    """The gold answers' texts of each question, from SQuAD's JSON; as in evaluate.py, the list under `data` alone is
    accepted."""
    document = _json(text)
    found: dict[str, list[str]] = {}
    try:
        articles = document["data"] if isinstance(document, dict) else document
        asked = [asked for article in articles for paragraph in article["paragraphs"] for asked in paragraph["qas"]]
        right = [(question["id"], [answer["text"] for answer in question["answers"]]) for question in asked]
    except (TypeError, KeyError):
        raise ValueError("is not SQuAD's json: data[].paragraphs[].qas[].id and .answers[].text") from None
    for question, texts in right:
        if question in found:
            raise ValueError(f"question {shown(question)} stands there twice")
        if not texts or not all(isinstance(text, str) for text in texts):
            raise ValueError(f"question {shown(question)}: its answers are {shown(texts)} instead of texts")
        found[question] = texts
    return found


def rankings(text: str) -> dict[str, list[str]]:
    """For each question at most 20 candidates, best first."""
    found = _ids(text)
    for question, candidates in found.items():
        if len(candidates) > DEPTH:
            raise ValueError(f"key {shown(question)}: {len(candidates)} candidates instead of at most {DEPTH}")
    return found


def right_candidates(text: str) -> dict[str, frozenset[str]]:
    """For each question the right candidates, at least one."""
    found = _ids(text)
    for question, candidates in found.items():
        if not candidates:
            raise ValueError(f"key {shown(question)}: no right candidate")
    return {question: frozenset(candidate.strip() for candidate in found[question]) for question in found}


def _ids(text: str) -> dict[str, list[str]]:
    found = _object(_json(text))
    for question, candidates in found.items():
        if not isinstance(candidates, list) or not all(isinstance(candidate, str) for candidate in candidates):
            raise ValueError(f"key {shown(question)}: {shown(candidates)} is not a list of ids")
        if len(set(candidates)) < len(candidates):
            raise ValueError(f"key {shown(question)}: a candidate stands there twice")
    return found


def _json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_distinct)
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if "\n" in text else ""
        raise ValueError(f"{line}column {error.colno}: not json ({error.msg})") from None
    except RecursionError:
        raise ValueError("not json (nested too deeply)") from None


def _distinct(entries: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object without duplicate keys, of which json would keep the last."""
    made = dict(entries)
    if len(made) < len(entries):
        ((key, _),) = Counter(key for key, _ in entries).most_common(1)
        raise ValueError(f"key {shown(key)} stands there twice")
    return made


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{shown(value)} is not a json object")
    return value


def shown(value: object) -> str:
    """A value in one short line."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


# Writers


def lines(values: Iterable[object]) -> str:
    """A value per line."""
    return "".join(f"{value}\n" for value in values)


def document(value: Mapping[str, object]) -> str:
    """A JSON document."""
    return json.dumps(value, indent=1) + "\n"


def squad_document(gold: Mapping[str, Sequence[str]]) -> str:
    """Gold answers as SQuAD's JSON, as far as scoring reads it."""
    asked = [{"id": question, "answers": [{"text": text} for text in texts]} for question, texts in gold.items()]
    return document({"data": [{"paragraphs": [{"qas": asked}]}]})
