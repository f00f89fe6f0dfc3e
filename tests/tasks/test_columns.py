"""What stands in a column comes out in its type, or it is said in words what stands there instead."""

from typing import Any

import pytest

from stilts_ray.tasks import columns
from stilts_ray.tasks.columns import Blank, BlankText, NullText, accept_blank

MUST = "; it must be {'text': [...], 'answer_start': [...]}"
SQUAD = {"text": ["mill"], "answer_start": [4]}


@pytest.mark.parametrize("value, said", [
    (3, "column 'a' is the number 3, not text"),
    (True, "column 'a' is true or false, not text"),
    (["x"], "column 'a' is a list, not text"),
    ({"x": 1}, "column 'a' is an object, not text"),
])  # fmt: skip
def test_what_is_no_text(value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}$"):
        columns.text({"a": value}, "a")


def test_texts_that_are_not_there() -> None:
    for value, kind, said in (
        (None, NullText, "is null, not text"),
        ("", BlankText, "is empty"),
        (" \t", BlankText, "is white space"),
    ):
        with pytest.raises(kind, match=f"^column 'a' {said}$") as caught:
            columns.text({"a": value}, "a")
        assert caught.value.column == "a"
    assert columns.optional_text({"a": ""}, "a") == ""
    with pytest.raises(NullText):
        columns.optional_text({"a": None}, "a")
    with pytest.raises(KeyError):
        columns.text({}, "a")


def test_what_was_let_through_is_read_as_it_is() -> None:
    row = {"a": " ", "b": ["x", "\u00a0"], "c": {"text": ["", "y"], "answer_start": [0, 1]}, "d": {"contexts": []}}
    passed = {name: accept_blank(value) for name, value in row.items()}
    assert columns.text(passed, "a") == " "
    assert columns.texts(passed, "b") == ("x", "\u00a0")
    assert columns.texts_within(passed, "c", "text") == ("", "y")
    assert columns.joined_within(passed, "d", "contexts") == ""
    assert not any(isinstance(each, Blank) for each in columns.texts(passed, "b"))
    for name in ("a", "b"):
        with pytest.raises(BlankText):
            (columns.text if name == "a" else columns.texts)(row, name)
    assert columns.joined_within({"d": {"contexts": ["", "x"]}}, "d", "contexts") == " x"


@pytest.mark.parametrize("value, said", [
    ("a b", "column 'a' is text, not a list of texts"),
    (["x", 3], "column 'a' holds the number 3 at index 1, not text"),
    (["x", None], "column 'a' holds null at index 1, not text"),
    (None, "column 'a' is null, not a list of texts"),
])  # fmt: skip
def test_what_is_no_list_of_texts(value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}$"):
        columns.texts({"a": value}, "a")


def test_labels_are_names_and_numbers_spell_them() -> None:
    assert columns.label({"a": "entailment"}, "a") == "entailment"
    assert columns.label({"a": 0}, "a") == "0", "PAWS-X's names are 0 and 1"
    assert columns.labels({"a": ["O", 1]}, "a") == ("O", "1")
    assert columns.label_index({"a": 1}, "a", ("1", "2", "3")) == 0
    for value, said in (
        (None, "the row has no label"),
        ("", "the row has no label"),
        (True, "true or false"),
        (1.0, "the number 1.0"),
    ):
        with pytest.raises(ValueError, match=said):
            columns.label({"a": value}, "a")
    with pytest.raises(ValueError, match="column 'a' is '0', none of 1, 2, 3"):
        columns.label_index({"a": 0}, "a", ("1", "2", "3"))
    with pytest.raises(ValueError, match="column 'a' is text, not a list"):
        columns.labels({"a": "O"}, "a")


@pytest.mark.parametrize("value, said", [
    ([{"text": "mill", "answer_start": 4}], "column 'answers' is a list, not an object {'text': [...], 'answer_start': [...]}"),
    ('{"text": ["mill"]}', "column 'answers' is text, not an object {'text': [...], 'answer_start': [...]}"),
    (None, "column 'answers' is null, not an object {'text': [...], 'answer_start': [...]}"),
    ({"text": "mill", "answer_start": [4]}, "column 'answers' holds text as 'text'" + MUST),
    ({"text": ["mill"]}, "column 'answers' holds null as 'answer_start'" + MUST),
    ({**SQUAD, "answer_start": [4, 5]}, "column 'answers' holds 1 texts and 2 offsets"),
    ({**SQUAD, "answer_start": ["4"]}, "column 'answers' holds text as an offset, not an integer"),
    ({**SQUAD, "text": [7]}, "column 'answers' holds the number 7 at index 0, not text"),
])  # fmt: skip
def test_answers_in_another_form_say_which_is_right(value: Any, said: str) -> None:
    with pytest.raises(ValueError) as caught:
        columns.answers({"answers": value})
    assert str(caught.value) == said


def test_answers_and_pairs() -> None:
    assert columns.answers({"answers": SQUAD}) == (("mill", 4),)
    assert columns.answers({"answers": {"text": ["x"], "answer_start": [None]}}) == (("x", None),)
    assert columns.pairs({"gold": [[1, 2], (3, 4)]}, "gold") == ((1, 2), (3, 4))
    for wrong in ([[1]], [["1", 2]], [3]):
        with pytest.raises(ValueError, match="not a pair of integers"):
            columns.pairs({"gold": wrong}, "gold")
