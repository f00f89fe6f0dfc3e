"""Scores of each kind's predictions: by hand, and what must hold for any input."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stilts_ray.metrics.answers import exact_match, normalize_answer, token_f1
from stilts_ray.metrics.scores import binary_f1
from stilts_ray.metrics.tagging import tagging
from stilts_ray.tasks import TASKS, Kind
from stilts_ray.tasks.examples import Choice, GradedPair, Pair, Parallel, Span, Tagged
from tests.by_kind import majority, score

TASK = {
    Kind.SEQUENCE_CLASSIFICATION: TASKS["mnli"],
    Kind.CHOICE: TASKS["hellaswag"],
    Kind.TAGGING: TASKS["udpos"],
    Kind.SPAN: TASKS["squad"],
    Kind.RETRIEVAL: TASKS["tatoeba"],
}

UPOS = ("NOUN", "VERB", "CCONJ", "SCONJ", "SYM", "X", "INTJ", "PUNCT")


# Which metric is the score


def test_qqp_is_scored_by_accuracy_and_f1_of_duplicates() -> None:
    """GLUE's rule: the mean of both."""
    task, yes, no = TASKS["qqp"], "duplicate", "not_duplicate"
    examples = [Pair("a", "b", label) for label in (yes, yes, yes, no, no)]
    # Two of three duplicates found, one of three predicted is none: precision and recall 2/3.
    scores = score(task, examples, [yes, yes, no, yes, no])
    assert scores["accuracy"] == pytest.approx(60)
    assert scores["f1"] == pytest.approx(200 / 3)
    assert scores["score"] == scores["acc_and_f1"] == pytest.approx((60 + 200 / 3) / 2)
    assert binary_f1([yes], [no], yes) == binary_f1([no], [no], yes) == 0.0
    # Always "duplicate" has accuracy 60 and F1 75; always "not_duplicate" 40 and 0.
    assert majority(task, examples) == pytest.approx((60 + 75) / 2)


def test_supertags_are_scored_by_accuracy_and_entities_by_spans() -> None:
    tagged, predicted = [Tagged(("a", "b", "c"), ("B-LOC", "I-LOC", "O"))], [["B-LOC", "O", "O"]]
    assert score(TASKS["ccg"], tagged, predicted)["score"] == pytest.approx(200 / 3)
    assert score(TASKS["panx"], tagged, predicted)["score"] == 0.0
    assert majority(TASKS["ccg"], [Tagged(("a", "b", "c"), ("N", "N", ","))]) == pytest.approx(200 / 3)


def test_span_scores_are_by_order_of_the_examples() -> None:
    examples = [Span("x", "salt and wine", "?", (("salt", 0), ("wine", 9))), Span("y", "noon", "?", (("noon", 0),))]
    assert score(TASK[Kind.SPAN], examples, ["wine", "noon"])["score"] == 100
    assert score(TASK[Kind.SPAN], examples, ["noon", "wine"])["score"] == 0
    with pytest.raises(ValueError):
        score(TASK[Kind.SPAN], examples, ["wine"])


# Correlations


def graded(*grades: float) -> list[GradedPair]:
    return [GradedPair("a", "b", grade) for grade in grades]


def test_similarities_are_scored_by_the_mean_of_both_correlations() -> None:
    """Deviations from the means (-2, -1, 3) and (-1, 0, 1): 5 / sqrt(14 * 2). Both have one order."""
    scores = score(TASKS["stsb"], graded(0.0, 1.0, 5.0), [2.0, 3.0, 4.0])
    assert scores["pearson"] == pytest.approx(100 * 5 / 28**0.5)
    assert scores["spearman"] == pytest.approx(100)
    assert scores["score"] == pytest.approx((scores["pearson"] + scores["spearman"]) / 2)
    assert score(TASKS["stsb"], graded(0.0, 1.0, 5.0), [4.0, 3.0, 2.0])["spearman"] == pytest.approx(-100)


def test_the_same_grade_for_all_pairs_scores_0_as_does_a_collapsed_model() -> None:
    assert set(score(TASKS["stsb"], graded(0.0, 1.0, 5.0), [2.5] * 3).values()) == {0.0}
    assert set(score(TASKS["stsb"], graded(3.0, 3.0), [1.0, 2.0]).values()) == {0.0}
    assert majority(TASKS["stsb"], graded(0.0, 1.0, 5.0)) == 0.0


def test_grades_that_are_no_numbers_have_no_score_and_missing_ones_are_an_error() -> None:
    assert math.isnan(score(TASKS["stsb"], graded(0.0, 1.0, 5.0), [math.nan, 1.0, 2.0])["score"])
    with pytest.raises(ValueError, match="2 predictions for 3 examples"):
        score(TASKS["stsb"], graded(0.0, 1.0, 5.0), [1.0, 2.0])


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(-90, 90)), min_size=3, max_size=9))
def test_spearman_is_pearson_of_the_ranks_of_which_equal_ones_share_their_mean(pairs: list[tuple[int, int]]) -> None:
    gold, predicted = [grade / 10 for grade, _ in pairs], [grade / 10 for _, grade in pairs]
    scores = score(TASKS["stsb"], graded(*gold), predicted)
    if len(set(gold)) > 1 and len(set(predicted)) > 1:
        ranks = [[sum(o < v for o in side) + sum(o == v for o in side) / 2 for v in side] for side in (gold, predicted)]
        assert scores["pearson"] == pytest.approx(100 * np.corrcoef(gold, predicted)[0, 1], abs=1e-6)
        assert scores["spearman"] == pytest.approx(100 * np.corrcoef(*ranks)[0, 1], abs=1e-6)


# Lengths


def test_a_missing_or_surplus_prediction_is_an_error() -> None:
    for kind, examples, predictions in (
        (Kind.SEQUENCE_CLASSIFICATION, [Pair("a", "b", "c")], ["c", "c"]),
        (Kind.RETRIEVAL, [Parallel("a", "b")] * 2, [0]),
    ):
        with pytest.raises(ValueError, match="predictions for"):
            score(TASK[kind], examples, predictions)


# What holds for any input

LABELS = st.sampled_from(["entailment", "neutral", "contradiction"])
TAGS = st.lists(st.sampled_from(UPOS), min_size=1, max_size=6)
ANSWERS = st.text(st.sampled_from("ab the,.北"), max_size=8)
Pairs = list[tuple[Any, Any]]
"""(gold, predicted) for each example."""


def scored(kind: Kind, pairs: Pairs) -> dict[str, float]:
    """Scores of predictions for examples with those gold values."""
    examples: list[Any] = []
    for number, (gold, _) in enumerate(pairs):
        match kind:
            case Kind.SEQUENCE_CLASSIFICATION:
                examples.append(Pair("a", "b", gold))
            case Kind.CHOICE:
                examples.append(Choice("a", ("b", "c", "d"), gold))
            case Kind.TAGGING:
                examples.append(Tagged(("w",) * len(gold), tuple(gold)))
            case Kind.SPAN:
                examples.append(Span(str(number), gold, "?", ((gold, 0),)))
    return score(TASK[kind], examples, [predicted for _, predicted in pairs])


def aligned(tags: Sequence[str], others: Sequence[str]) -> tuple[list[str], list[str]]:
    """Gold and predicted tags of one length."""
    return list(tags), (list(others) * len(tags))[: len(tags)]


PAIRS = {
    Kind.SEQUENCE_CLASSIFICATION: st.tuples(LABELS, LABELS),
    Kind.CHOICE: st.tuples(st.integers(0, 2), st.integers(0, 2)),
    Kind.TAGGING: st.builds(aligned, TAGS, TAGS),
    Kind.SPAN: st.tuples(ANSWERS.filter(lambda text: bool(text.strip())), ANSWERS),
}


@pytest.mark.parametrize("kind", PAIRS, ids=lambda kind: kind.name)
@given(data=st.data())
def test_scores_lie_between_0_and_100_and_do_not_depend_on_the_order(kind: Kind, data: st.DataObject) -> None:
    pairs = data.draw(st.lists(PAIRS[kind], min_size=1, max_size=8))
    result = scored(kind, pairs)
    assert all(0 <= value <= 100 for value in result.values())
    shuffled = scored(kind, data.draw(st.permutations(pairs)))
    assert shuffled == {name: pytest.approx(value) for name, value in result.items()}


@pytest.mark.parametrize("kind", PAIRS, ids=lambda kind: kind.name)
@given(data=st.data())
def test_perfect_predictions_score_100(kind: Kind, data: st.DataObject) -> None:
    pairs = data.draw(st.lists(PAIRS[kind], min_size=1, max_size=8))
    words = [gold for gold, _ in pairs]
    if kind is Kind.SPAN:
        # An answer of articles and punctuation alone has no word to share.
        words = [word for word in words if normalize_answer(word)] or ["b"]
    if kind is Kind.TAGGING:
        # Where seqeval finds no span at all, its F1 is 0.
        words.append(["NOUN"])
    assert set(scored(kind, [(word, word) for word in words]).values()) == {100.0}


@given(st.lists(PAIRS[Kind.SPAN], min_size=1, max_size=8))
def test_exact_match_implies_f1_wherever_a_word_is_left(pairs: Pairs) -> None:
    for gold, predicted in pairs:
        if exact_match(gold, predicted) and normalize_answer(gold):
            assert token_f1(gold, predicted) == 1


@given(st.integers(1, 8).flatmap(lambda n: st.permutations(range(n))))
def test_retrieval_is_accuracy_of_the_places(found: list[int]) -> None:
    examples = [Parallel("a", "b")] * len(found)
    right = sum(number == place for number, place in enumerate(found))
    assert score(TASK[Kind.RETRIEVAL], examples, found) == {
        "score": pytest.approx(100 * right / len(found)),
        "accuracy": pytest.approx(100 * right / len(found)),
    }


# The level of a collapsed run


def test_majority_is_the_score_of_always_the_same() -> None:
    pairs = [Pair("a", "b", label) for label in ("x", "y", "y", "z")]
    assert majority(TASK[Kind.SEQUENCE_CLASSIFICATION], pairs) == 50
    assert majority(TASK[Kind.CHOICE], [Choice("a", ("b", "c", "d"), label) for label in (2, 2, 0)]) == pytest.approx(
        200 / 3
    )
    tagged = [Tagged(("w",) * 3, ("NOUN", "NOUN", "VERB")), Tagged(("w",), ("NOUN",))]
    always = [["NOUN"] * 3, ["NOUN"]]
    assert (
        majority(TASK[Kind.TAGGING], tagged) == tagging([e.tags for e in tagged], always)["score"] == pytest.approx(40)
    )
    assert majority(TASK[Kind.SPAN], [Span("x", "salt", "?", (("salt", 0),))]) == 0
    spans = [Span("x", "salt", "?", (("salt", 0),)), *[Span("y", "salt", "?", ())] * 3]
    assert majority(TASKS["squad_v2"], spans) == 75


@given(st.lists(LABELS, min_size=1, max_size=9))
def test_no_constant_prediction_beats_the_majority(labels: list[str]) -> None:
    examples = [Pair("a", "b", label) for label in labels]
    constant = [
        score(TASK[Kind.SEQUENCE_CLASSIFICATION], examples, [label] * len(labels))["score"] for label in set(labels)
    ]
    assert majority(TASK[Kind.SEQUENCE_CLASSIFICATION], examples) == pytest.approx(max(constant))
