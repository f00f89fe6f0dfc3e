"""Metrics against cases worked out by hand from the published rules."""

from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stilts_ray.metrics.answers import (
    Answer,
    best_threshold,
    exact_match,
    normalize_answer,
    squad,
    squad_v2,
    token_f1,
)
from stilts_ray.metrics.mining import Mined, mining
from stilts_ray.metrics.scores import accuracy
from stilts_ray.metrics.tagging import tagging

THIRD = 100 / 3


# SQuAD v1.1


@pytest.mark.parametrize(
    "text, expected",
    [
        ("The  Cat's, a hat!", "cats hat"),
        ("a an the", ""),
        ("another theory and a panther", "another theory and panther"),
        ("THE END", "end"),
        ("\tone\n two ", "one two"),
        ("co-operate (1,000)", "cooperate 1000"),
        # ASCII punctuation and English articles alone: XTREME scores every language by these rules.
        ("«Straße»。", "«straße»。"),
        ("der die das", "der die das"),
        ("ÉCOLE", "école"),
        # Punctuation goes before articles do.
        ("the-end a.", "theend"),
    ],
)
def test_answers_are_normalised_as_in_squad(text: str, expected: str) -> None:
    assert normalize_answer(text) == expected


@pytest.mark.parametrize(
    "gold, predicted, exact, f1",
    [
        ("the old mill", "Old Mill!", 1, 1),
        ("in the old mill", "the old mill house", 0, 2 / 3),
        ("go go no", "go no no", 0, 2 / 3),
        ("salt", "salt and wine and oranges", 0, 2 * (1 / 5) * 1 / (1 / 5 + 1)),
        ("salt", "", 0, 0),
        # No segmentation of Chinese: an answer is one token.
        ("北京市", "北京", 0, 0),
        # Nothing is left of either: equal, yet without a common word, as in the published script.
        ("the", "a", 1, 0),
    ],
)
def test_one_answer_by_hand(gold: str, predicted: str, exact: float, f1: float) -> None:
    assert exact_match(gold, predicted) == exact
    assert token_f1(gold, predicted) == pytest.approx(f1)


def test_best_of_several_answers_mean_over_questions_and_missing_answers_are_wrong() -> None:
    gold = {"1": ["1782", "in the year 1782"], "2": ["Anna Lind"], "3": ["salt"], "4": ["dawn"]}
    predicted = {"1": "in 1782", "2": "anna lind.", "4": "noon", "of no question": "salt"}
    # Question 1: F1 with "1782" is 2/3 (1 of 2, 1 of 1), with "in the year 1782" 4/5 (2 of 2, 2 of 3).
    assert squad(gold, predicted) == {
        "em": pytest.approx(25.0),
        "f1": pytest.approx(100 * (0.8 + 1) / 4),
        "score": pytest.approx((25 + 45) / 2),
    }


def test_exact_match_and_f1_take_their_best_answers_apart() -> None:
    assert squad({"1": ["a the", "old mill by"]}, {"1": "the"}) == {"em": 100.0, "f1": 0.0, "score": 50.0}


# SQuAD 2.0


def test_answers_are_given_up_to_the_threshold_that_is_best_for_each_metric() -> None:
    gold = [["salt"], [], ["old mill"], []]
    predicted = [Answer("salt", -3.0), Answer("dawn", 2.0), Answer("the mill", 0.0), Answer("noon", 5.0)]
    # Answering none, then one question more at a time, is worth EM 2, 3, 3, 2, 1 and F1 2, 3, 3 2/3, 2 2/3, 1 2/3 of 4.
    assert squad_v2(gold, predicted) == {
        "em": pytest.approx(75.0),
        "f1": pytest.approx(100 * (3 + 2 / 3) / 4),
        "score": pytest.approx((75 + 100 * (3 + 2 / 3) / 4) / 2),
        "has_answer": pytest.approx(100 * (1 + 2 / 3) / 2),
        "no_answer": pytest.approx(100.0),
    }


def test_a_wrong_answer_costs_what_an_unanswerable_question_was_worth() -> None:
    gold = [[], ["salt"], ["dawn"]]
    predicted = [Answer("noon", -1.0), Answer("salt", 0.0), Answer("noon", 1.0)]
    # Worth 1, then 0, then 1, then 1 of 3: not better than answering none.
    assert squad_v2(gold, predicted) == {
        "em": pytest.approx(100 / 3),
        "f1": pytest.approx(100 / 3),
        "score": pytest.approx(100 / 3),
        "has_answer": 0.0,
        "no_answer": 100.0,
    }
    # An empty answer is none, however sure the model is of it.
    assert squad_v2(gold, [Answer("", -1.0), *predicted[1:]])["em"] == pytest.approx(200 / 3)


def test_answers_without_words_count_as_none_in_squad_2() -> None:
    """Its F1 is then 1 if both are empty, where that of v1.1 is 0; such a gold answer is left out if there is another."""
    assert squad_v2([["the"]], [Answer("a", 0.0)]) == {"em": 100.0, "f1": 100.0, "score": 100.0, "has_answer": 100.0}
    assert squad_v2([["the", "salt"]], [Answer("a", 0.0)])["score"] == 0.0
    assert squad_v2([["salt"]], [Answer("the", 0.0)])["score"] == 0.0


def test_a_task_without_unanswerable_questions_has_no_score_for_them() -> None:
    assert "no_answer" not in squad_v2([["salt"]], [Answer("salt", 0.0)])
    assert "has_answer" not in squad_v2([[]], [Answer("salt", 0.0)])


@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from([0.0, 0.5, 1.0]), st.floats(-9, 9), st.sampled_from(["", "x"])),
        min_size=1,
        max_size=8,
        unique_by=lambda question: question[2],
    )
)
def test_the_threshold_is_that_of_brute_force(questions: list[tuple[bool, float, float, str]]) -> None:
    gold = [["gold"] if answerable else [] for answerable, *_ in questions]
    predicted = [Answer(text, odds) for *_, odds, text in questions]

    def worth(least: float) -> float:
        given = [odds <= least for *_, odds, _ in questions]
        return mean(
            (value if here else 0.0) if answerable else float(not (here and text))
            for here, (answerable, value, _, text) in zip(given, questions, strict=True)
        )

    best = max(worth(least) for least in (-10.0, *(odds for *_, odds, _ in questions)))
    assert mean(best_threshold(gold, predicted, [value for _, value, *_ in questions])) == pytest.approx(best)


def test_predictions_of_squad_2_must_be_complete() -> None:
    with pytest.raises(ValueError, match="1 predictions for 2 examples"):
        squad_v2([[], []], [Answer("", 0.0)])


# Mining


def test_mined_pairs_are_scored_as_a_set() -> None:
    gold = frozenset({(0, 0), (1, 1), (2, 2), (3, 3)})
    assert mining(gold, Mined(frozenset({(0, 0), (1, 1), (2, 5)}), 1.07)) == {
        "precision": pytest.approx(200 / 3),
        "recall": pytest.approx(50),
        "f1": pytest.approx(400 / 7),
        "score": pytest.approx(400 / 7),
        "threshold": 1.07,
    }
    assert mining(gold, Mined(frozenset(), 1.0))["f1"] == 0.0


# seqeval, with prefixes and without


@pytest.mark.parametrize(
    "gold, predicted, f1, right",
    [
        # With prefixes, spans must match in type and in both ends.
        ("B-PER I-PER O B-LOC", "B-PER I-PER O B-LOC", 100, 100),
        ("B-PER I-PER O B-LOC", "B-PER O O B-LOC", 50, 75),
        ("B-PER I-PER O B-LOC", "B-ORG I-ORG O O", 0, 25),
        ("B-PER I-PER O B-LOC", "O O O O", 0, 25),
        # Without, a run of equal tags is one span: half a run is no hit, although most tags are right.
        ("NOUN NOUN VERB", "NOUN NOUN VERB", 100, 100),
        ("NOUN NOUN VERB", "NOUN VERB VERB", 0, 2 * THIRD),
        ("NOUN NOUN PUNCT", "NOUN X PUNCT", 100 * 2 * (1 / 3) * (1 / 2) / (1 / 3 + 1 / 2), 2 * THIRD),
        # A tag that begins with S is taken for "single": each token is a span of its own.
        ("SYM SYM PUNCT", "SYM X PUNCT", 100 * 2 / 3, 2 * THIRD),
        ("NUM NUM", "NUM X", 0, 50),
        # As in seqeval 0.0.12 the first letter of a tag counts for its type, too: the conjunctions differ.
        ("CCONJ NOUN", "SCONJ NOUN", 50, 50),
        ("CCONJ CCONJ", "SCONJ SCONJ", 0, 0),
        # INTJ begins as "inside" does, but without a span before it opens one.
        ("INTJ NOUN", "INTJ NOUN", 100, 100),
        ("X NOUN", "INTJ NOUN", 50, 50),
        ("NOUN X", "NOUN X", 100, 100),
        ("NOUN X", "NOUN VERB", 50, 50),
        ("X", "X", 100, 100),
    ],
)
def test_tagging_by_hand(gold: str, predicted: str, f1: float, right: float) -> None:
    result = tagging([gold.split()], [predicted.split()])
    assert result == {"score": pytest.approx(f1), "f1": pytest.approx(f1), "accuracy": pytest.approx(right)}


def test_tagging_counts_spans_over_all_sentences() -> None:
    """Micro average: three spans, two found, three predicted."""
    result = tagging([["NOUN", "VERB"], ["NOUN"]], [["NOUN", "VERB"], ["VERB"]])
    assert result["f1"] == pytest.approx(200 / 3)


def test_spans_do_not_run_from_one_sentence_into_the_next() -> None:
    assert tagging([["NOUN"], ["NOUN"]], [["NOUN"], ["VERB"]])["f1"] == pytest.approx(50)


# Lengths


def test_a_missing_or_surplus_prediction_is_an_error() -> None:
    with pytest.raises(ValueError, match="1 predictions for 2 examples"):
        accuracy(["a", "b"], ["a"])
    with pytest.raises(ValueError, match="differ in length"):
        tagging([["X", "X"]], [["X"]])
    with pytest.raises(ValueError, match="differ in length"):
        tagging([["X"], ["X"]], [["X"]])
