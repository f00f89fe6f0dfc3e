"""Scores of predictions, in 0-100, by XTREME's rules (google-research/xtreme, evaluate.py, commit 838c13b).

All functions are pure. A missing or surplus prediction is an error, except in QA, where a missing answer scores 0.
"""

import re
import string
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from seqeval.metrics import f1_score

from stilts_ray.tasks.base import Choice, Example, Kind, Pair, Parallel, Span, Tagged

Scores = dict[str, float]
"""Metric -> value in 0-100; "score" is the one that enters averages."""


def accuracy(gold: Sequence[object], predicted: Sequence[object]) -> float:
    """Share of equal entries. Raises ValueError if the lengths differ."""
    if len(gold) != len(predicted):
        raise ValueError(f"{len(predicted)} predictions for {len(gold)} examples")
    return 100.0 * sum(g == p for g, p in zip(gold, predicted, strict=True)) / len(gold)


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


def score(kind: Kind, examples: Sequence[Example], predictions: Sequence[object]) -> Scores:
    """Scores of predictions in the order of the examples: labels, tag sequences, answers or indices."""
    return _SCORERS[kind](examples, predictions)


def majority(kind: Kind, examples: Sequence[Example]) -> float:
    """Score of always predicting the most frequent label (of no answer at all in QA): what a collapsed run reaches."""
    match kind:
        case Kind.PAIR | Kind.CHOICE:
            labels = Counter(gold_label(example) for example in examples)
            return 100.0 * labels.most_common(1)[0][1] / len(examples)
        case Kind.TAGGING:
            tagged = [list(e.tags) for e in examples if isinstance(e, Tagged)]
            common = Counter(tag for tags in tagged for tag in tags).most_common(1)[0][0]
            return tagging(tagged, [[common] * len(tags) for tags in tagged])["score"]
        case _:
            return 0.0


def gold_label(example: Example) -> str | int:
    """The label of a classified example."""
    if not isinstance(example, Pair | Choice):
        raise TypeError(f"{type(example).__name__} has no label")
    return example.label


def _labels(examples: Sequence[Example], predictions: Sequence[object]) -> Scores:
    value = accuracy([gold_label(example) for example in examples], predictions)
    return {"score": value, "accuracy": value}


def _tags(examples: Sequence[Tagged], predictions: Sequence[Sequence[str]]) -> Scores:
    return tagging([example.tags for example in examples], predictions)


def _answers(examples: Sequence[Span], predictions: Sequence[str]) -> Scores:
    # By place, not by id: an id that stands twice would otherwise count once.
    gold = {str(place): [text for text, _ in example.answers] for place, example in enumerate(examples)}
    return squad(gold, dict(zip(gold, predictions, strict=True)))


def _indices(examples: Sequence[Parallel], predictions: Sequence[int]) -> Scores:
    value = accuracy(range(len(examples)), predictions)
    return {"score": value, "accuracy": value}


_SCORERS: dict[Kind, Callable[..., Scores]] = {
    Kind.PAIR: _labels,
    Kind.CHOICE: _labels,
    Kind.TAGGING: _tags,
    Kind.SPAN: _answers,
    Kind.RETRIEVAL: _indices,
}
