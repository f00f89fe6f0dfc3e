"""What is ranked in answer retrieval, and how a ranking is scored."""

import pytest

from stilts_ray.metrics.pool import Pool
from stilts_ray.metrics.scores import map_at_20
from stilts_ray.tasks import TASKS
from stilts_ray.tasks.examples import Asked, Passage
from tests.by_kind import majority, score

FIRST, SECOND = Passage("One. Two.", ((0, 4), (5, 9))), Passage("Three.", ((0, 6),))
EINS = Passage("Eins. Zwei. Drei.", ((0, 5), (6, 11), (12, 17)))
ENGLISH = [Asked("a", "?", FIRST, 1), Asked("b", "?", SECOND, 0), Asked("c", "?", FIRST, 1)]
GERMAN = [Asked("b", "?", EINS, 2), Asked("a", "?", EINS, 1)]
POOL = Pool.of({"en": ENGLISH, "de": GERMAN})


def test_every_sentence_of_every_language_is_a_candidate_once() -> None:
    assert POOL.names == ("en_0_0", "en_0_1", "en_1_0", "de_0_0", "de_0_1", "de_0_2")


def test_what_is_right_in_one_language_is_right_for_the_question_in_all() -> None:
    assert POOL.right == {"a": {"en_0_1", "de_0_1"}, "b": {"en_1_0", "de_0_2"}, "c": {"en_0_1"}}
    assert POOL.answers(GERMAN) == {"b": {"en_1_0", "de_0_2"}, "a": {"en_0_1", "de_0_1"}}


def test_names_do_not_depend_on_the_order_of_languages() -> None:
    turned = Pool.of({"de": GERMAN, "en": ENGLISH})
    assert set(turned.names) == set(POOL.names)
    assert turned.right == POOL.right


def test_average_precision_by_hand() -> None:
    # b: right at 1 and 3 of 2 right ones; a: right at 2 alone.
    rankings = [[2, 0, 5, 1], [0, 4, 3]]
    found = map_at_20(POOL.answers(GERMAN), POOL.named(GERMAN, rankings))
    assert found == {"score": pytest.approx(100 * ((1 + 2 / 3) / 2 + (1 / 2) / 2) / 2), "map@20": found["score"]}
    assert POOL.named(GERMAN, rankings)["a"] == ["en_0_0", "de_0_1", "de_0_0"]
    with pytest.raises(ValueError, match="shorter"):
        POOL.named(GERMAN, rankings[:1])


def test_the_examples_alone_are_a_pool_and_the_same_ranking_for_all_is_worth_little() -> None:
    task = TASKS["squad_r"]
    assert score(task, ENGLISH, [[1], [2], [1]])["score"] == 100.0
    # Two of three questions have the first candidate, one the second.
    assert majority(task, ENGLISH) == pytest.approx(100 * (1 + 1 + 1 / 2) / 3)
