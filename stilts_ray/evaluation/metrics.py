"""Scores of predictions, in 0-100, by XTREME's rules (google-research/xtreme, evaluate.py, commit 838c13b).

All functions are pure. A missing or surplus prediction is an error, except in QA and ranking, where a missing one
scores 0. How answers are compared is in `stilts_ray.evaluation.answers`.
"""

import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from statistics import mean

from stilts_ray.evaluation import answers
from stilts_ray.evaluation.answers import Answer, squad_v2
from stilts_ray.evaluation.pool import Pool
from stilts_ray.tasks.base import Kind, Task
from stilts_ray.tasks.examples import Choice, Comparable, Example, Pair, Parallel, Query, Span, Tagged

Scores = dict[str, float]
"""Metric -> value in 0-100 (of mining also the threshold, as it is); "score" is the one that enters averages."""

DEPTH = 20
"""Candidates that count in a ranking."""


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
    """seqeval's micro F1 over spans, which XTREME uses for POS tags without prefixes as well: there a run of equal tags is
    one span. Token accuracy stands beside it. Raises ValueError if a sentence's length differs."""
    if len(gold) != len(predicted):
        raise ValueError(f"predictions and gold tags differ in length: {len(predicted)} and {len(gold)} sentences")
    for number, (own, right) in enumerate(zip(predicted, gold, strict=True), start=1):
        if len(own) != len(right):
            where = f"{len(own)} and {len(right)} tags in sentence {number}"
            raise ValueError(f"predictions and gold tags differ in length: {where}")
    # seqeval brings all of scikit-learn: a tenth of what a worker imports, for tags alone.
    from seqeval.metrics import f1_score

    with warnings.catch_warnings():
        # seqeval warns of every tag that is not of the form B-X, and of empty predictions.
        warnings.simplefilter("ignore")
        f1 = 100.0 * float(f1_score(*([_prefixed(tags) for tags in sentences] for sentences in (gold, predicted))))
    flat = [[tag for tags in sentences for tag in tags] for sentences in (gold, predicted)]
    return {"score": f1, "f1": f1, "accuracy": accuracy(*flat)}


def _prefixed(tags: Sequence[str]) -> list[str]:
    """Of a tag without prefix the first letter is read as one. seqeval 0.0.12, by which the published figures were made,
    keeps it in the type as well; 1.2.2 drops it, so that CCONJ and SCONJ would be one type."""
    return [tag if tag == "O" or "-" in tag else f"{tag[:1]}-{tag}" for tag in tags]


def mining(gold: frozenset[tuple[int, int]], mined: Mined) -> Scores:
    """`set_f1` of the mined pairs, and the threshold."""
    return {**set_f1(gold, mined.pairs), "threshold": mined.threshold}


def set_f1(gold: AbstractSet[object], predicted: AbstractSet[object]) -> Scores:
    """Precision, recall and F1 of a set; all 0 if it is empty."""
    right = len(gold & predicted)
    precision, recall = 100.0 * right / max(1, len(predicted)), 100.0 * right / len(gold)
    f1 = 200.0 * right / (len(gold) + len(predicted))
    return {"score": f1, "f1": f1, "precision": precision, "recall": recall}


def map_at_20(gold: Mapping[str, AbstractSet[str]], predicted: Mapping[str, Sequence[str]]) -> Scores:
    """Mean average precision of the first DEPTH candidates, best first, none twice: the mean over the questions of the
    precision at the place of each right candidate, summed and divided by how many could be right. With one right
    candidate, as in Mewsli-X, it is the mean reciprocal rank (utils_mewslix.py); for several, as in LAReQA, the rule is
    that of utils_lareqa.py. A question without a prediction scores 0, a prediction without a question is not looked
    at."""
    value = 100.0 * mean(_average_precision(right, predicted.get(question, ())) for question, right in gold.items())
    return {"score": value, "map@20": value}


def _average_precision(right: AbstractSet[str], candidates: Sequence[str]) -> float:
    ranks = [rank for rank, candidate in enumerate(candidates[:DEPTH], start=1) if candidate in right]
    return sum(hits / rank for hits, rank in enumerate(ranks, start=1)) / min(DEPTH, len(right))


def score(task: Task, examples: Sequence[Example], predictions: Sequence[object], language: str = "en") -> Scores:
    """Scores of predictions in the order of the examples: labels, tag sequences, answers, indices, mined pairs, or rankings
    of the examples' own pool. language: that of the examples, on which MLQA's rule depends."""
    scores = _SCORERS[task.kind](task, examples, predictions, language)
    return scores | {"score": scores[task.metric]} if task.metric else scores


def majority(task: Task, examples: Sequence[Example]) -> float:
    """The best score of always predicting the same (the most frequent tag, no answer in QA): what a collapsed run
    reaches."""
    match task.kind:
        case Kind.SEQUENCE_CLASSIFICATION | Kind.CHOICE:
            labels = {gold_label(example) for example in examples}
            return max(score(task, examples, [label] * len(examples))["score"] for label in labels)
        case Kind.TAGGING:
            tagged = [list(e.tags) for e in examples if isinstance(e, Tagged)]
            common = Counter(tag for tags in tagged for tag in tags).most_common(1)[0][0]
            return score(task, examples, [[common] * len(tags) for tags in tagged])["score"]
        case Kind.SPAN_OR_NONE:
            return score(task, examples, [Answer("", 0.0)] * len(examples))["score"]
        case Kind.DUAL:
            asked = [e for e in examples if isinstance(e, Query)]
            pool = Pool.of({"": asked})
            right = Counter(name for e in asked for name in pool.right[e.id])
            same = [name for name, _ in right.most_common(DEPTH)]
            return map_at_20(pool.answers(asked), {e.id: same for e in asked})["score"]
        case _:
            return 0.0


def gold_label(example: Example) -> str | int:
    """The label of a classified example."""
    if not isinstance(example, Pair | Choice):
        raise TypeError(f"{type(example).__name__} has no label")
    return example.label


def _labels(task: Task, examples: Sequence[Pair | Choice], predictions: Sequence[object], _: str) -> Scores:
    value = accuracy([example.label for example in examples], predictions)
    return {"score": value, "accuracy": value}


def _classes(task: Task, examples: Sequence[Pair], predictions: Sequence[object], language: str) -> Scores:
    """Of two classes also F1 of the second, and its mean with accuracy, by GLUE's rule for QQP."""
    scores = _labels(task, examples, predictions, language)
    if len(task.labels) != 2:
        return scores
    f1 = binary_f1([example.label for example in examples], predictions, task.labels[1])
    return {**scores, "f1": f1, "acc_and_f1": (scores["accuracy"] + f1) / 2}


def _tags(task: Task, examples: Sequence[Tagged], predictions: Sequence[Sequence[str]], _: str) -> Scores:
    return tagging([example.tags for example in examples], predictions)


def _answers_or_none(task: Task, examples: Sequence[Span], predictions: Sequence[Answer], _: str) -> Scores:
    return squad_v2([[text for text, _ in example.answers] for example in examples], predictions)


def _answers(task: Task, examples: Sequence[Span], predictions: Sequence[str], language: str) -> Scores:
    # By place, not by id: an id that stands twice would otherwise count once.
    gold = {str(place): [text for text, _ in example.answers] for place, example in enumerate(examples)}
    return answers.RULES[task.answers](gold, dict(zip(gold, predictions, strict=True)), language)


def _indices(task: Task, examples: Sequence[Parallel], predictions: Sequence[int], _: str) -> Scores:
    value = accuracy(range(len(examples)), predictions)
    return {"score": value, "accuracy": value}


def _pairs(task: Task, examples: Sequence[Comparable], predictions: Sequence[Mined], _: str) -> Scores:
    """Means over the examples; BUCC has one for each language."""
    scored = [mining(example.test.gold, mined) for example, mined in zip(examples, predictions, strict=True)]
    return {name: mean(scores[name] for scores in scored) for name in scored[0]}


def _ranked(task: Task, examples: Sequence[Query], predictions: Sequence[Sequence[int]], language: str) -> Scores:
    pool = Pool.of({language: examples})
    return map_at_20(pool.answers(examples), pool.named(examples, predictions))


_SCORERS: dict[Kind, Callable[..., Scores]] = {
    Kind.SEQUENCE_CLASSIFICATION: _classes,
    Kind.CHOICE: _labels,
    Kind.TAGGING: _tags,
    Kind.SPAN: _answers,
    Kind.SPAN_OR_NONE: _answers_or_none,
    Kind.RETRIEVAL: _indices,
    Kind.MINING: _pairs,
    Kind.DUAL: _ranked,
}
