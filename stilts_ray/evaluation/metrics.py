"""Scores of predictions, in 0-100, by XTREME's rules (google-research/xtreme, evaluate.py, commit 838c13b).

All functions are pure. A missing or surplus prediction is an error, except in QA, where a missing answer scores 0.
SQuAD 2.0's own rules are those of its evaluate-v2.0.py.
"""

import re
import string
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from seqeval.metrics import f1_score

from stilts_ray.tasks.base import Choice, Comparable, Example, Kind, Pair, Parallel, Span, Tagged, Task

Scores = dict[str, float]
"""Metric -> value in 0-100 (of mining also the threshold, as it is); "score" is the one that enters averages."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The best answer that is not empty, and how much more than for it the model is for none (a difference of logits)."""

    text: str
    null_odds: float


@dataclass(frozen=True, slots=True)
class Mined:
    """Sentence pairs (foreign, English) whose score is at least the threshold."""

    pairs: frozenset[tuple[int, int]]
    threshold: float


def accuracy(gold: Sequence[object], predicted: Sequence[object]) -> float:
    """Share of equal entries. Raises ValueError if the lengths differ."""
    if len(gold) != len(predicted):
        raise ValueError(f"{len(predicted)} predictions for {len(gold)} examples")
    return 100.0 * sum(g == p for g, p in zip(gold, predicted, strict=True)) / len(gold)


def binary_f1(gold: Sequence[str], predicted: Sequence[object], positive: str) -> float:
    """F1 of one of two classes; 0 if it is never rightly predicted."""
    right = sum(g == p == positive for g, p in zip(gold, predicted, strict=True))
    return 200.0 * right / (gold.count(positive) + predicted.count(positive)) if right else 0.0


def tagging(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> Scores:
    """seqeval's micro F1 over spans (1.2.2), which XTREME uses for POS tags without prefixes as well: there a run of
    equal tags is one span. Token accuracy stands beside it. Raises ValueError if a sentence's length differs."""
    if [len(tags) for tags in gold] != [len(tags) for tags in predicted]:
        raise ValueError("predictions and gold tags differ in length")
    with warnings.catch_warnings():
        # seqeval warns of every tag that is not of the form B-X, and of empty predictions.
        warnings.simplefilter("ignore")
        f1 = 100.0 * float(f1_score([list(tags) for tags in gold], [list(tags) for tags in predicted]))
    flat = [[tag for tags in sentences for tag in tags] for sentences in (gold, predicted)]
    return {"score": f1, "f1": f1, "accuracy": accuracy(*flat)}


def normalize_answer(text: str) -> str:
    """SQuAD v1.1's normalisation: lower case, no ASCII punctuation, no English articles, single spaces."""
    text = "".join(character for character in text.lower() if character not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def exact_match(gold: str, predicted: str) -> float:
    """1 if the normalised answers are equal, else 0."""
    return float(normalize_answer(gold) == normalize_answer(predicted))


def token_f1(gold: str, predicted: str) -> float:
    """F1 over the words of the normalised answers, in 0-1."""
    words = normalize_answer(gold).split(), normalize_answer(predicted).split()
    common = sum((Counter(words[0]) & Counter(words[1])).values())
    if common == 0:
        return 0.0
    precision, recall = common / len(words[1]), common / len(words[0])
    return 2 * precision * recall / (precision + recall)


def squad(gold: Mapping[str, Sequence[str]], predicted: Mapping[str, str]) -> Scores:
    """SQuAD v1.1's EM and F1: the best over each question's answers, mean over questions; the score is their mean.
    A question without a prediction scores 0."""
    totals = {"em": 0.0, "f1": 0.0}
    for question, answers in gold.items():
        if question in predicted:
            totals["em"] += max(exact_match(answer, predicted[question]) for answer in answers)
            totals["f1"] += max(token_f1(answer, predicted[question]) for answer in answers)
    em, f1 = (100.0 * totals[name] / len(gold) for name in ("em", "f1"))
    return {"score": (em + f1) / 2, "em": em, "f1": f1}


def squad_v2(gold: Sequence[Sequence[str]], predicted: Sequence[Answer]) -> Scores:
    """SQuAD 2.0's EM and F1, each at the threshold of null odds that is best for it (find_all_best_thresh); the score is
    their mean. A question without gold answers is unanswerable. has_answer, no_answer: F1 over either kind of questions,
    where there are any, at the threshold that is best for F1. Raises ValueError if the lengths differ."""
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
    """What each answer is worth if it is given; none is right for an unanswerable question, unless it is empty."""
    # An answer of articles and punctuation alone counts as none.
    known = [[answer for answer in answers if normalize_answer(answer)] or [""] for answers in gold]
    return [max(rule(a, p.text) for a in answers) for answers, p in zip(known, predicted, strict=True)]


def _token_f1_v2(gold: str, predicted: str) -> float:
    """As `token_f1`; two answers of which nothing is left agree."""
    empty = not normalize_answer(gold), not normalize_answer(predicted)
    return float(all(empty)) if any(empty) else token_f1(gold, predicted)


def best_threshold(gold: Sequence[Sequence[str]], predicted: Sequence[Answer], values: Sequence[float]) -> list[float]:
    """What each question is worth when those below the best threshold of null odds get their answers and the others none:
    find_best_thresh, which tries to answer none, then one question more at a time. values: worth of each answer."""
    unanswered = [float(not answers) for answers in gold]
    order = sorted(range(len(gold)), key=lambda place: predicted[place].null_odds)
    # An empty answer is none; any other is wrong for an unanswerable question.
    given = [v if answers else float(not p.text) for v, answers, p in zip(values, gold, predicted, strict=True)]
    total = best = sum(unanswered)
    count = 0
    for number, place in enumerate(order, start=1):
        total += given[place] - unanswered[place]
        if total > best:
            best, count = total, number
    chosen = set(order[:count])
    return [given[place] if place in chosen else unanswered[place] for place in range(len(gold))]


def mining(gold: frozenset[tuple[int, int]], mined: Mined) -> Scores:
    """Precision, recall and F1 of the set of mined pairs."""
    right = len(gold & mined.pairs)
    precision, recall = 100.0 * right / max(1, len(mined.pairs)), 100.0 * right / len(gold)
    f1 = 200.0 * right / (len(gold) + len(mined.pairs))
    return {"score": f1, "f1": f1, "precision": precision, "recall": recall, "threshold": mined.threshold}


def score(task: Task, examples: Sequence[Example], predictions: Sequence[object]) -> Scores:
    """Scores of predictions in the order of the examples: labels, tag sequences, answers, indices or mined pairs."""
    scores = _SCORERS[task.kind](task, examples, predictions)
    return scores | {"score": scores[task.metric]} if task.metric else scores


def majority(task: Task, examples: Sequence[Example]) -> float:
    """The best score of always predicting the same (the most frequent tag, no answer in QA): what a collapsed run
    reaches."""
    match task.kind:
        case Kind.PAIR | Kind.CHOICE:
            labels = {gold_label(example) for example in examples}
            return max(score(task, examples, [label] * len(examples))["score"] for label in labels)
        case Kind.TAGGING:
            tagged = [list(e.tags) for e in examples if isinstance(e, Tagged)]
            common = Counter(tag for tags in tagged for tag in tags).most_common(1)[0][0]
            return score(task, examples, [[common] * len(tags) for tags in tagged])["score"]
        case Kind.SPAN_OR_NONE:
            return score(task, examples, [Answer("", 0.0)] * len(examples))["score"]
        case _:
            return 0.0


def gold_label(example: Example) -> str | int:
    """The label of a classified example."""
    if not isinstance(example, Pair | Choice):
        raise TypeError(f"{type(example).__name__} has no label")
    return example.label


def _labels(task: Task, examples: Sequence[Pair | Choice], predictions: Sequence[object]) -> Scores:
    value = accuracy([example.label for example in examples], predictions)
    return {"score": value, "accuracy": value}


def _classes(task: Task, examples: Sequence[Pair], predictions: Sequence[object]) -> Scores:
    """Of two classes also F1 of the second, and its mean with accuracy, by GLUE's rule for QQP."""
    scores = _labels(task, examples, predictions)
    if len(task.labels) != 2:
        return scores
    f1 = binary_f1([example.label for example in examples], predictions, task.labels[1])
    return {**scores, "f1": f1, "acc_and_f1": (scores["accuracy"] + f1) / 2}


def _tags(task: Task, examples: Sequence[Tagged], predictions: Sequence[Sequence[str]]) -> Scores:
    return tagging([example.tags for example in examples], predictions)


def _answers_or_none(task: Task, examples: Sequence[Span], predictions: Sequence[Answer]) -> Scores:
    return squad_v2([[text for text, _ in example.answers] for example in examples], predictions)


def _answers(task: Task, examples: Sequence[Span], predictions: Sequence[str]) -> Scores:
    # By place, not by id: an id that stands twice would otherwise count once.
    gold = {str(place): [text for text, _ in example.answers] for place, example in enumerate(examples)}
    return squad(gold, dict(zip(gold, predictions, strict=True)))


def _indices(task: Task, examples: Sequence[Parallel], predictions: Sequence[int]) -> Scores:
    value = accuracy(range(len(examples)), predictions)
    return {"score": value, "accuracy": value}


def _pairs(task: Task, examples: Sequence[Comparable], predictions: Sequence[Mined]) -> Scores:
    """Means over the examples; BUCC has one for each language."""
    scored = [mining(example.test.gold, mined) for example, mined in zip(examples, predictions, strict=True)]
    return {name: mean(scores[name] for scores in scored) for name in scored[0]}


_SCORERS: dict[Kind, Callable[..., Scores]] = {
    Kind.PAIR: _classes,
    Kind.CHOICE: _labels,
    Kind.TAGGING: _tags,
    Kind.SPAN: _answers,
    Kind.SPAN_OR_NONE: _answers_or_none,
    Kind.RETRIEVAL: _indices,
    Kind.MINING: _pairs,
}
