"""Scores of predictions, in 0-100, by XTREME's rules (google-research/xtreme, evaluate.py, commit 838c13b).

A missing or surplus prediction is an error, except in a ranking, where a missing one scores 0.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from statistics import mean

Scores = dict[str, float]
"""Metric -> value in 0-100 (for mining also the threshold, as it is); "score" is the one that enters averages."""

DEPTH = 20
"""Candidates of a ranking that count."""


def accuracy(gold: Sequence[object], predicted: Sequence[object]) -> float:
    """Share of equal entries. Raises ValueError if the lengths differ."""
    if len(gold) != len(predicted):
        raise ValueError(f"{len(predicted)} predictions for {len(gold)} examples")
    return 100.0 * sum(g == p for g, p in zip(gold, predicted, strict=True)) / len(gold)


def accuracy_scores(gold: Sequence[object], predicted: Sequence[object]) -> Scores:
    """`accuracy`, which is also the score."""
    value = accuracy(gold, predicted)
    return {"score": value, "accuracy": value}


def binary_f1(gold: Sequence[str], predicted: Sequence[object], positive: str) -> float:
    """F1 of one of two classes; 0 without a true positive."""
    right = sum(g == p == positive for g, p in zip(gold, predicted, strict=True))
    return 200.0 * right / (gold.count(positive) + predicted.count(positive)) if right else 0.0


def set_f1(gold: AbstractSet[object], predicted: AbstractSet[object]) -> Scores:
    """Precision, recall and F1 of a set; all 0 if it is empty."""
    right = len(gold & predicted)
    precision, recall = 100.0 * right / max(1, len(predicted)), 100.0 * right / len(gold)
    f1 = 200.0 * right / (len(gold) + len(predicted))
    return {"score": f1, "f1": f1, "precision": precision, "recall": recall}


def map_at_20(gold: Mapping[str, AbstractSet[str]], predicted: Mapping[str, Sequence[str]]) -> Scores:
    """Mean average precision of the first DEPTH candidates, best first and without duplicates: for each question the sum of
    the precisions at the ranks of right candidates, divided by how many could be right; then the mean over questions.

    With one right candidate, as in Mewsli-X, it is the mean reciprocal rank (utils_mewslix.py); for several, as in LAReQA, the
    rule is that of utils_lareqa.py. A question without a prediction scores 0; a prediction without a question is ignored.
    """
    value = 100.0 * mean(_average_precision(right, predicted.get(question, ())) for question, right in gold.items())
    return {"score": value, "map@20": value}


def _average_precision(right: AbstractSet[str], candidates: Sequence[str]) -> float:
    ranks = [rank for rank, candidate in enumerate(candidates[:DEPTH], start=1) if candidate in right]
    return sum(hits / rank for hits, rank in enumerate(ranks, start=1)) / min(DEPTH, len(right))
