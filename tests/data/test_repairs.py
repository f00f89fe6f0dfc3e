"""What is done about each known flaw, how it is counted, and when it is too much."""

from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st

from stilts_ray.data import rows
from stilts_ray.data.repairs import (
    FEW,
    Use,
    allowed,
    drop_unanswered,
    nearest,
    realign_answer,
    repaired,
)
from stilts_ray.data.row_check import check_rows, refuse_repairs, rows_read
from stilts_ray.data.sources import FolderSource
from stilts_ray.data.tables import dataset_table
from stilts_ray.errors import RequestError, RowError
from stilts_ray.tasks import TASKS
from stilts_ray.tasks.base import Repair
from stilts_ray.tasks.examples import Span
from tests.by_kind import score
from tests.tasks.rows import FIXTURES, write

TRAIN, TEST = Use(training=True), Use(training=False)
CONTEXT = "The mill by the mill pond is no mill."


def row(*answers: tuple[str, int], context: str = CONTEXT, name: str = "q") -> dict[str, Any]:
    texts, starts = [text for text, _ in answers], [start for _, start in answers]
    return {
        "id": name,
        "context": context,
        "question": "Which?",
        "answers": {"text": texts, "answer_start": starts},
    }


def placed(found: Any) -> list[tuple[str, int | None]]:
    return list(zip(found["answers"]["text"], found["answers"]["answer_start"], strict=True))


# Answers


@pytest.mark.parametrize(
    "stated, found",
    [(4, 4), (6, 4), (9, 4), (11, 16), (15, 16), (10, 4), (30, 32), (500, 32), (-3, 4), (24, 16)],
)
def test_an_answer_is_taken_from_the_place_nearest_to_the_stated_one(stated: int, found: int) -> None:
    assert nearest(CONTEXT, "mill", stated) == found


@given(st.text("ab ", min_size=1, max_size=30), st.text("ab", min_size=1, max_size=3), st.integers(-2, 40))
def test_the_nearest_place_is_that_of_all_places(context: str, answer: str, stated: int) -> None:
    places = [at for at in range(len(context)) if context.startswith(answer, at)]
    best = min(places, key=lambda at: (abs(at - stated), at), default=None)
    assert nearest(context, answer, stated) == best


@given(st.text(" x", max_size=9), st.text("abcdefgh ", min_size=4, max_size=40), st.data())
def test_what_stripping_did_is_undone(lead: str, body: str, data: Any) -> None:
    """The hub's scripts stripped contexts and answers, and left the offsets as they were in the file."""
    whole = lead.replace("x", "\n") + body.strip() + "."
    start = data.draw(st.integers(len(whole) - len(whole.lstrip()), len(whole) - 1))
    answer = whole[start : data.draw(st.integers(start + 1, len(whole)))]
    if not answer.strip() or whole.count(answer.strip()) > 1:
        return
    given_row = row((answer.strip(), start), context=whole.strip())
    found = realign_answer(given_row, TRAIN)
    assert found is not None
    ((text, at),) = placed(found)
    assert at is not None
    assert whole.strip()[at : at + len(text)] == answer.strip()


def test_an_answer_in_its_place_is_left_alone() -> None:
    good = row(("mill", 16), ("mill", 4))
    assert realign_answer(good, TRAIN) is good
    assert drop_unanswered(good, TRAIN) is good


def test_an_answer_that_is_nowhere_is_trained_on_no_more_and_compared_with_still() -> None:
    both = row(("windmill", 3), ("mill", 17))
    assert placed(realign_answer(both, TRAIN)) == [("mill", 16)]
    assert placed(realign_answer(both, TEST)) == [("windmill", None), ("mill", 16)]
    assert realign_answer(row(("windmill", 3)), TRAIN) is None
    span = repaired(TASKS["xquad"], row(("windmill", 3)), TEST).example
    assert isinstance(span, Span)
    assert span.answers == (("windmill", None),)
    assert score(TASKS["xquad"], [span], ["windmill"])["score"] == 100
    assert score(TASKS["xquad"], [span], ["mill"])["score"] == 0


def test_an_answerable_question_never_becomes_an_unanswerable_one() -> None:
    assert repaired(TASKS["squad_v2"], row(("windmill", 3)), TRAIN).example is None
    unanswerable = repaired(TASKS["squad_v2"], row(name="other"), TRAIN)
    assert (unanswerable.example is not None, unanswerable.rules) == (True, set())


@pytest.mark.parametrize("answers", [{"text": [], "answer_start": []}, None])
def test_a_question_without_an_answer_counts_for_nothing_but_its_place(answers: Any) -> None:
    bare = {**row(), "answers": answers}
    assert drop_unanswered(bare, TRAIN) is None
    made = repaired(TASKS["xquad"], bare, Use(training=False))
    assert made.rules == {Repair.DROP_UNANSWERED}
    assert score(TASKS["xquad"], [made.example], ["mill"]) == {"score": 0.0, "em": 0.0, "f1": 0.0}


# Ids


@given(st.lists(st.sampled_from(["a", "b", "a#2", "a#3", "a#2#2"]), max_size=12))
def test_ids_are_told_apart_and_the_first_keeps_its_own(names: list[str]) -> None:
    use = Use(training=False)
    made = [repaired(TASKS["xquad"], row(("mill", 4), name=name), use) for name in names]
    found = [each.example.id for each in made]
    assert len(set(found)) == len(found)
    assert all(new.startswith(old) for old, new in zip(names, found, strict=True))
    renamed = [old != new for old, new in zip(names, found, strict=True)]
    assert renamed == [bool(each.rules) for each in made]
    # In training nothing is named by them.
    assert not any(repaired(TASKS["squad"], row(("mill", 4), name=name), TRAIN).rules for name in names)


def test_mentions_of_the_same_words_are_told_apart() -> None:
    use = Use(training=False)
    mention = {"mention": "Lind: {Lind} sang.", "entity_id": "Q1"}
    found = [repaired(TASKS["mewslix"], {**mention, "entity_id": entity}, use).example for entity in ("Q1", "Q2")]
    assert [(each.id, each.entity) for each in found] == [("Lind: {Lind} sang.", "Q1"), ("Lind: {Lind} sang.#2", "Q2")]


# Texts


def test_empty_and_null_texts() -> None:
    qqp = TASKS["qqp"]
    pair = {"question1": "Who?", "question2": "Which one?", "label": "duplicate"}
    for value, rules in (("", {Repair.DROP_BLANK}), (" \n", {Repair.DROP_BLANK}),
                         (None, {Repair.DROP_BLANK, Repair.BLANK_FOR_NULL})):  # fmt: skip
        flawed = {**pair, "question2": value}
        dropped = repaired(qqp, flawed, TRAIN)
        assert (dropped.example, dropped.rules, dropped.dropped) == (None, rules, True)
        kept = repaired(qqp, flawed, TEST)
        assert (kept.example.first, kept.example.second) == ("Who?", value or "")
        assert kept.rules == rules
        assert type(kept.example.second) is str


def test_a_null_half_sentence_is_an_empty_one_and_not_a_word() -> None:
    whole = dict(FIXTURES["hellaswag"].rows["en"][0])
    blank = repaired(TASKS["hellaswag"], {**whole, "ctx_b": ""}, TRAIN)
    null = repaired(TASKS["hellaswag"], {**whole, "ctx_b": None}, TRAIN)
    assert blank.example == null.example
    assert (blank.rules, null.rules) == (set(), {Repair.BLANK_FOR_NULL})
    assert not any("None" in choice for choice in null.example.choices)


def test_rows_of_a_test_set_stay_in_their_places() -> None:
    """Of every kind of task: with flaws in each text there are as many examples as rows."""
    for name in ("pawsx", "xnli", "tatoeba", "panx", "xcopa"):
        task, fixture = TASKS[name], FIXTURES[name]
        good = [dict(each) for each in fixture.rows["en" if "en" in fixture.rows else next(iter(fixture.rows))]]
        texts = [key for key, value in good[0].items() if isinstance(value, str) and key not in {"label", "question"}]
        lists = [key for key, value in good[0].items() if isinstance(value, list) and key == "tokens"]
        for column in (*texts, *lists):
            flawed = {**good[0], column: "" if column in texts else ["\u00a0", *good[0][column][1:]]}
            made = repaired(task, flawed, TEST)
            assert made.example is not None, (name, column)


# Counting


@pytest.mark.parametrize(
    "share, count, found",
    [(0.01, 1, 0), (0.01, 2, 1), (0.01, 12, FEW), (0.01, 8, 4), (0.01, 10_000, 100), (0.3, 1_000, 300), (1.0, 3, 3)],
)
def test_how_many_rows_may_be_repaired(share: float, count: int, found: int) -> None:
    assert allowed(share, count) == found


def qqp_table(blank: int, good: int) -> Any:
    pair = {"question1": "Who?", "question2": "Which one?", "label": "duplicate"}
    listed = [pair] * good + [{**pair, "question2": ""}] * blank
    return dataset_table(Dataset.from_list(listed), "qqp.parquet")


def test_what_was_done_is_counted_with_the_first_place() -> None:
    counts = rows.examples(TASKS["qqp"], qqp_table(blank=3, good=997), TRAIN).counts
    assert (counts.rows, counts.examples, counts.left_out) == (1000, 997, 0)
    assert counts.repairs == {Repair.DROP_BLANK: 3}
    assert counts.first == {Repair.DROP_BLANK: "qqp.parquet: row 997"}


def test_more_repairs_than_the_source_states_are_a_wrong_file() -> None:
    rows.examples(TASKS["qqp"], qqp_table(blank=10, good=990), TRAIN)
    said = (
        r"qqp: 11 of the 1,000 rows need drop_blank, more than the 1% .*; is it the right file\?"
        r" The first: qqp\.parquet: row 989"
    )
    with pytest.raises(RequestError, match=said):
        rows.examples(TASKS["qqp"], qqp_table(blank=11, good=989), TRAIN)
    for blank, good in ((6, 6), (1, 0), (5, 4)):
        with pytest.raises(RequestError):
            rows.examples(TASKS["qqp"], qqp_table(blank, good), TRAIN)


def test_a_row_that_no_rule_covers_is_named_with_the_number_of_the_others() -> None:
    pair = {"id": "a7", "question1": "Who?", "question2": "Which one?", "label": "odd"}
    table = dataset_table(Dataset.from_list([{**pair, "label": "duplicate"}, pair, pair, pair]), "some/train.parquet")
    with pytest.raises(
        RowError, match=r"^qqp: some/train\.parquet: row 1 \(id a7\): unknown label 'odd'.*; and 2 more rows$"
    ):
        rows.examples(TASKS["qqp"], table, TRAIN)


def test_rules_and_their_counts_are_part_of_what_a_task_is() -> None:
    assert TASKS["tydiqa"].identity()["repairs"] == sorted(TASKS["tydiqa"].source.repairs)
    assert "realign_answer" in TASKS["tydiqa"].identity()["repairs"]
    assert TASKS["bucc2018"].identity()["repairs"] == []


def test_strict_refuses_what_would_be_repaired(tmp_path: Path) -> None:
    fixture = FIXTURES["qqp"]
    listed = [dict(each) for each in fixture.rows["en"]]
    write(fixture.features, listed, tmp_path / "glue/qqp/validation.parquet")
    listed[1]["question2"] = ""
    write(fixture.features, listed, tmp_path / "glue/qqp/train.parquet")
    looked = check_rows(FolderSource(tmp_path), [("qqp", "train", "en"), ("qqp", "validation", "en")])
    assert rows_read(looked)["qqp train (en)"]["repairs"] == {"drop_blank": 1}
    assert looked[0].repairs == f"qqp train (en): repaired of {len(listed)} rows: drop_blank 1"
    assert looked[1].repairs is None
    refuse_repairs(looked[1:])
    with pytest.raises(
        RequestError, match=r"qqp: glue/qqp/train\.parquet: row 1 \(id 1\) needs drop_blank, which --strict"
    ):
        refuse_repairs(looked)


def test_an_answer_without_an_offset_is_placed_to_be_trained_on() -> None:
    bare = {**row(), "answers": {"text": ["mill"], "answer_start": [None]}}
    made = repaired(TASKS["squad"], bare, Use(training=True))
    assert (made.example.answers, made.rules) == ((("mill", 4),), {Repair.REALIGN_ANSWER})
    assert repaired(TASKS["squad"], {**bare, "answers": {"text": ["x"], "answer_start": [None]}}, TRAIN).dropped


def test_ids_are_names_and_no_texts() -> None:
    for name in (None, "", " "):
        with pytest.raises(ValueError, match=r"column 'id' is .*not a name"):
            repaired(TASKS["squad"], {**row(("mill", 4)), "id": name}, TRAIN)
    assert repaired(TASKS["xquad"], {**row(("mill", 4)), "id": 7}, Use(training=False)).example.id == "7"


def test_lareqas_question_keeps_the_sentence_that_its_offset_names() -> None:
    whole = dict(FIXTURES["lareqa"].rows["en"][0])
    moved = {**whole, "answers": {"text": ["nowhere"], "answer_start": whole["answers"]["answer_start"][:1]}}
    good, made = (repaired(TASKS["lareqa"], each, Use(training=False)) for each in (whole, moved))
    assert made.example.answer == good.example.answer
    assert made.rules == {Repair.REALIGN_ANSWER}
