"""Exact match and F1 of answers, by the rules of SQuAD v1.1, SQuAD 2.0 and MLQA. Scores are in 0-100.

Sources: SQuAD's evaluate-v1.1.py and evaluate-v2.0.py, MLQA's mlqa_evaluation_v1.py; XTREME has the first and the last
as third_party/evaluate_squad.py and third_party/evaluate_mlqa.py.
"""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import mean

Normalize = Callable[[str], str]
"""An answer -> its form for comparison, words separated by single spaces."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The best non-empty answer, and by how much the logits of no answer exceed its own."""

    text: str
    null_odds: float


_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalize_answer(text: str) -> str:
    """SQuAD v1.1's normalisation: lower case, no ASCII punctuation, no English articles, single spaces."""
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text.lower().translate(_NO_PUNCTUATION)).split())


def exact_match(gold: str, predicted: str, normalize: Normalize = normalize_answer) -> float:
    """1 if the normalised answers are equal, else 0."""
    return float(normalize(gold) == normalize(predicted))


def token_f1(gold: str, predicted: str, normalize: Normalize = normalize_answer) -> float:
    """F1 over the words of the normalised answers, in 0-1."""
    words = normalize(gold).split(), normalize(predicted).split()
    common = sum((Counter(words[0]) & Counter(words[1])).values())
    if common == 0:
        return 0.0
    precision, recall = common / len(words[1]), common / len(words[0])
    return 2 * precision * recall / (precision + recall)


def squad(
    gold: Mapping[str, Sequence[str]], predicted: Mapping[str, str], normalize: Normalize = normalize_answer
) -> dict[str, float]:
    """SQuAD v1.1's EM and F1: the best over each question's gold answers, then the mean over questions; the score is their
    mean. A question without a prediction scores 0; a prediction without a question is ignored."""
    totals = {"em": 0.0, "f1": 0.0}
    for question, answers in gold.items():
        if question in predicted:
            totals["em"] += max(exact_match(answer, predicted[question], normalize) for answer in answers)
            totals["f1"] += max(token_f1(answer, predicted[question], normalize) for answer in answers)
    em, f1 = (100.0 * totals[name] / len(gold) for name in ("em", "f1"))
    return {"score": (em + f1) / 2, "em": em, "f1": f1}


def mlqa(gold: Mapping[str, Sequence[str]], predicted: Mapping[str, str], language: str) -> dict[str, float]:
    """As `squad`, with MLQA's normalisation for the language of the answers."""
    return squad(gold, predicted, partial(normalize_mlqa, language=language))


ARTICLES = {
    "en": r"\b(a|an|the)\b",
    "es": r"\b(un|una|unos|unas|el|la|los|las)\b",
    "vi": r"\b(của|là|cái|chiếc|những)\b",
    "de": r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b",
    # As published, so that scores are comparable. The first half, meant for the start of a word, never matches; the second
    # splits a word at every ال in it.
    "ar": r"\sال^|ال",
}
"""MLQA's articles; hi and zh have none."""


def normalize_mlqa(text: str, language: str) -> str:
    """MLQA's normalisation: lower case, no punctuation of any script, no articles of the language; in zh each Chinese
    character is a word. A language that is not in MLQA is treated as one with spaces and without articles."""
    text = "".join(character for character in text.lower() if not _is_punctuation(character))
    if language in ARTICLES:
        text = re.sub(ARTICLES[language], " ", text)
    if language == "zh":
        text = re.sub(r"([\u4e00-\u9fa5])", r" \1 ", text)
    return " ".join(text.split())


def _is_punctuation(character: str) -> bool:
    """By Unicode, or by ASCII: Unicode classes some of ASCII's punctuation as symbols."""
    return unicodedata.category(character).startswith("P") or character in string.punctuation


RULES: dict[str, Callable[[Mapping[str, Sequence[str]], Mapping[str, str], str], dict[str, float]]] = {
    "squad": lambda gold, predicted, language: squad(gold, predicted),
    "mlqa": mlqa,
}
"""The rules that `Task.answers` names: (gold answers and predictions by question, language of the answers) -> scores."""


def squad_v2(gold: Sequence[Sequence[str]], predicted: Sequence[Answer]) -> dict[str, float]:
    """SQuAD 2.0's EM and F1, each at its own best threshold of null odds (find_all_best_thresh); the score is their mean. A
    question without gold answers is unanswerable. has_answer, no_answer: F1 over the answerable and the unanswerable
    questions, if there are any, at the best threshold for F1. Raises ValueError if the lengths differ."""
    if len(gold) != len(predicted):
        raise ValueError(f"{len(predicted)} predictions for {len(gold)} examples")
    em, f1 = (_answered(gold, predicted, rule) for rule in (exact_match, _token_f1_v2))
    scores = {name: 100.0 * mean(best_threshold(gold, predicted, values)) for name, values in (("em", em), ("f1", f1))}
    by_kind: dict[str, list[float]] = {}
    for answers, value in zip(gold, best_threshold(gold, predicted, f1), strict=True):
        by_kind.setdefault("has_answer" if answers else "no_answer", []).append(value)
    parts = {name: 100.0 * mean(values) for name, values in sorted(by_kind.items())}
    return {"score": (scores["em"] + scores["f1"]) / 2, **scores, **parts}


def _answered(
    gold: Sequence[Sequence[str]], predicted: Sequence[Answer], rule: Callable[[str, str], float]
) -> list[float]:
    """The value of each answer if it is given; for an unanswerable question only an empty one is right."""
    # A gold answer of nothing but articles and punctuation counts as no answer.
    known = [[answer for answer in answers if normalize_answer(answer)] or [""] for answers in gold]
    return [max(rule(a, p.text) for a in answers) for answers, p in zip(known, predicted, strict=True)]


def _token_f1_v2(gold: str, predicted: str) -> float:
    """As `token_f1`; two answers that are empty once normalised agree."""
    empty = not normalize_answer(gold), not normalize_answer(predicted)
    return float(all(empty)) if any(empty) else token_f1(gold, predicted)


def best_threshold(gold: Sequence[Sequence[str]], predicted: Sequence[Answer], values: Sequence[float]) -> list[float]:
    """The value of each question if those below the best threshold of null odds are answered and the others are not:
    find_best_thresh, which tries to answer no question, then one more at a time. values: of each answer."""
    unanswered = [float(not answers) for answers in gold]
    order = sorted(range(len(gold)), key=lambda place: predicted[place].null_odds)
    # An empty answer is no answer; any other is wrong for an unanswerable question.
    given = [v if answers else float(not p.text) for v, answers, p in zip(values, gold, predicted, strict=True)]
    total = best = sum(unanswered)
    count = 0
    for number, place in enumerate(order, start=1):
        total += given[place] - unanswered[place]
        if total > best:
            best, count = total, number
    chosen = set(order[:count])
    return [given[place] if place in chosen else unanswered[place] for place in range(len(gold))]
