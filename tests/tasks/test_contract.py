"""What every task keeps, whatever its kind: one battery over the whole table, fed by the fixture rows."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from datasets import ClassLabel, Features, List

from stilts_ray.data import rows as data
from stilts_ray.data.batches import collate
from stilts_ray.data.encoded import TokenizationConfig
from stilts_ray.data.sources import FolderSource
from stilts_ray.errors import RequestError, RowError
from stilts_ray.identity import canonical_json
from stilts_ray.metrics.answers import Answer
from stilts_ray.metrics.mining import Mined
from stilts_ray.metrics.pool import Pool
from stilts_ray.tasks import TASKS, Kind, Task
from stilts_ray.tasks.base import BY_VECTOR, parse_split
from stilts_ray.tasks.examples import Choice, Comparable, Example, GradedPair, Pair, Parallel, Query, Span, Tagged
from tests.by_kind import encode, score
from tests.tasks.rows import FIXTURES, Bad, Row, file_of, file_rows, rows_of, splits, write, write_split

SPLITS = [pytest.param(*split, id=f"{split[0].name}-{split[2]}-{split[1]}") for split in splits()]
SCORED = [name for name, task in TASKS.items() if task.kind not in {Kind.TEXT, Kind.CANDIDATES}]
IN_WORDS = {"pubmedqa"}
"""Tasks whose labels are words in the hub's files."""
LABELLED = [name for name, task in TASKS.items() if task.labels and name not in IN_WORDS]
BAD = [pytest.param(name, bad, id=f"{name}-{bad.reason}") for name, f in FIXTURES.items() for bad in f.bad]
LEAVING_OUT = [name for name, fixture in FIXTURES.items() if fixture.left_out]


def first_split(task: Task) -> tuple[str, str]:
    """(split, language) of a split that the task has."""
    return next((split, language) for other, split, language in splits() if other.name == task.name)


def first_file(task: Task) -> str:
    """The task's first file, as messages name it."""
    split, language = first_split(task)
    (_, name), *_ = task.parts(split)
    return f"{task.source.path(language)}/{parse_split(name)[0]}.parquet"


def row_of(task: Task, number: int) -> int:
    """The number in its file of a row of the task's first split."""
    (_, name), *_ = task.parts(first_split(task)[0])
    return (parse_split(name)[1].start or 0) + number


def load_rows(task: Task, features: Features, rows: Sequence[Row], root: Path) -> list[Example]:
    """The examples of a data folder in which the task's first file holds these rows."""
    split, language = first_split(task)
    write_split(task, split, language, root)
    (_, name), *_ = task.parts(split)
    write(features, file_rows(name, rows), file_of(task, name, language, root))
    return data.load(FolderSource(root), task, split, language)


def perfect(task: Task, example: Example, number: int) -> Any:
    """The prediction that is right for an example."""
    match example:
        case Pair() | Choice():
            return example.label
        case GradedPair():
            return example.grade
        case Span() if task.kind is Kind.SPAN_OR_NONE:
            # The answer to an unanswerable question is wrong, and not given.
            return Answer(example.answers[-1][0], -1.0) if example.answers else Answer("guess", 1.0)
        case Span():
            return example.answers[-1][0]
        case Tagged():
            return list(example.tags)
        case Parallel():
            return number
        case Comparable():
            return Mined(example.test.gold, 1.0)
    raise TypeError(f"no perfect prediction for {example}")


def all_perfect(task: Task, examples: Sequence[Example]) -> list[Any]:
    """The predictions that are right for all examples."""
    asked = [example for example in examples if isinstance(example, Query)]
    if not asked:
        return [perfect(task, example, number) for number, example in enumerate(examples)]
    pool = Pool.of({"": asked})
    return [[pool.names.index(name) for name in pool.right[example.id]] for example in asked]


def imperfect(task: Task, right: list[Any]) -> list[Any]:
    """Predictions that are not right for every example."""
    match task.kind:
        case Kind.TAGGING:
            return [["X"] * len(tags) for tags in right]
        case Kind.MINING:
            return [Mined(frozenset(sorted(mined.pairs)[1:]), mined.threshold) for mined in right]
        case _:
            return [*right[1:-1], right[0], right[1]]


def label_columns(features: Features) -> dict[str, ClassLabel]:
    """Columns of class labels or of lists of them."""
    found = {name: f.feature if isinstance(f, List) else f for name, f in features.items()}
    return {name: feature for name, feature in found.items() if isinstance(feature, ClassLabel)}


def with_names(features: Features, names: dict[str, list[str]]) -> Features:
    """The features with other class names in those columns."""
    changed = {}
    for name, feature in features.items():
        label = ClassLabel(names=names[name]) if name in names else None
        changed[name] = feature if label is None else List(label) if isinstance(feature, List) else label
    return Features(changed)


def test_every_task_has_a_fixture() -> None:
    assert sorted(FIXTURES) == sorted(TASKS)


@pytest.mark.parametrize("name", TASKS)
def test_fixture_has_another_language_for_a_target(name: str) -> None:
    task, languages = TASKS[name], list(FIXTURES[name].rows)
    if task.languages:
        assert len(set(languages) - {"en"}) >= 1
        assert set(languages) <= set(task.languages)
    else:
        assert languages[0] == "en"


@pytest.mark.parametrize("name", TASKS)
def test_task_is_called_by_its_name_and_refers_to_tasks_that_are_there(name: str) -> None:
    task = TASKS[name]
    assert task.name == name
    assert task.train or task.test, "a task is trained on or tested on"
    assert bool(task.test) == bool(task.languages or task.kind is Kind.CANDIDATES)
    assert task.candidates is None or TASKS[task.candidates].kind is Kind.CANDIDATES
    assert name not in task.train_on
    for source in task.train_on:
        assert TASKS[source].train
    if task.train_on:
        # Vectors can be those of any trained encoder; a head has to be the one that was trained.
        assert task.kind in BY_VECTOR or head(TASKS[task.train_on[-1]]) == head(task)
    assert not task.train_languages or task.train
    for added in task.also:
        assert added.train
        assert TASKS[added.name] is added
        assert head(added) == head(task)


def head(task: Task) -> tuple[Any, ...]:
    """What two tasks under one head have in common."""
    return task.kind, task.labels, task.labels_from, task.choices


@pytest.mark.parametrize("name", TASKS)
def test_languages_of_a_task_lie_in_different_places(name: str) -> None:
    task = TASKS[name]
    assert len({task.source.path(language) for language in task.languages}) == len(task.languages)
    if task.source.hub and task.languages:
        places = {(task.source.hub_config(code), task.source.id_prefix(code)) for code in task.languages}
        assert len(places) == len(task.languages)


@pytest.mark.parametrize("name", TASKS)
def test_labels_belong_to_classification_and_tagging_and_choices_to_multiple_choice(name: str) -> None:
    task = TASKS[name]
    assert not (task.labels and task.labels_from)
    assert bool(task.labels or task.labels_from) == (task.kind in {Kind.SEQUENCE_CLASSIFICATION, Kind.TAGGING})
    assert (task.choices > 1) == (task.kind is Kind.CHOICE)
    assert len(set(task.labels)) == len(task.labels)


@pytest.mark.parametrize("name", TASKS)
def test_identity_is_canonical_and_names_the_task(name: str) -> None:
    identities = {other: canonical_json(task.identity()) for other, task in TASKS.items()}
    assert len(set(identities.values())) == len(TASKS)
    assert canonical_json(TASKS[name].identity()) == identities[name]
    assert name in identities[name]


@pytest.mark.parametrize("task, split, language", SPLITS)
def test_rows_become_examples_sequences_and_a_batch(
    task: Task, split: str, language: str, data_dir: Path, tokenizer: Any
) -> None:
    examples = data.load(FolderSource(data_dir), task, split, language)
    assert len(examples) == len(rows_of(task, split, language))

    encoded = encode(
        data.with_labels(FolderSource(data_dir), task),
        examples,
        tokenizer,
        TokenizationConfig(max_length=64, stride=32),
    )
    assert encoded.items >= len(examples)
    assert encoded.lengths.min() > 2
    assert encoded.lengths.max() <= 64
    assert tokenizer.unk_token_id not in encoded.tokens

    items = encoded.item_lengths.argsort()
    batch = collate(encoded, items)
    assert len(batch.tokens) == len(batch.positions) == len(encoded.tokens)
    assert int((batch.positions == 0).sum()) == len(batch.lengths) == encoded.items * encoded.group
    assert batch.fields.keys() == encoded.fields.keys()


@pytest.mark.parametrize("name", SCORED)
def test_perfect_predictions_score_100_and_others_less(name: str, data_dir: Path) -> None:
    task = TASKS[name]
    for _, split, language in (found for found in splits() if found[0] is task):
        examples = data.load(FolderSource(data_dir), task, split, language)
        right = all_perfect(task, examples)
        scores = score(task, examples, right)
        scores.pop("threshold", None)
        # A correlation is rounded in its last digit.
        assert {round(value, 9) for value in scores.values()} == {100.0}
        assert score(task, examples, imperfect(task, right))["score"] < 100.0


@pytest.mark.parametrize("name", LABELLED)
def test_labels_are_mapped_by_name_not_by_number(name: str, tmp_path: Path) -> None:
    task, fixture = TASKS[name], FIXTURES[name]
    _, language = first_split(task)
    columns = label_columns(fixture.features)
    assert columns, "the hub's files have class labels"
    permuted = with_names(fixture.features, {column: label.names[::-1] for column, label in columns.items()})
    expected = load_rows(task, fixture.features, fixture.rows[language], tmp_path / "hub")
    assert load_rows(task, permuted, fixture.rows[language], tmp_path / "permuted") == expected


@pytest.mark.parametrize("name", LABELLED)
def test_a_label_that_the_task_does_not_know_is_refused(name: str, tmp_path: Path) -> None:
    task, fixture = TASKS[name], FIXTURES[name]
    _, language = first_split(task)
    columns = label_columns(fixture.features)
    features = with_names(fixture.features, {column: [*label.names, "odd"] for column, label in columns.items()})
    rows = [dict(row) for row in fixture.rows[language]]
    for column in columns:
        rows[1][column] = ["odd"] * len(rows[1][column]) if isinstance(rows[1][column], list) else "odd"
    with pytest.raises(RowError, match=r"unknown label 'odd'; labels: ") as caught:
        load_rows(task, features, rows, tmp_path)
    assert (caught.value.task, caught.value.row) == (name, row_of(task, 1))
    assert caught.value.file == first_file(task)


@pytest.mark.parametrize("name", TASKS)
def test_a_missing_column_is_named_unless_the_task_does_not_read_it(name: str, tmp_path: Path) -> None:
    task, fixture = TASKS[name], FIXTURES[name]
    _, language = first_split(task)
    expected = load_rows(task, fixture.features, fixture.rows[language], tmp_path / "whole")
    refusals = {}
    for column, feature in fixture.features.items():
        # A file without any column has no rows either, hence the extra one.
        renamed = {name if name != column else "more": f for name, f in fixture.features.items()}
        rows = [{name if name != column else "more": v for name, v in row.items()} for row in fixture.rows[language]]
        try:
            assert load_rows(task, Features(renamed), rows, tmp_path / column) == expected, feature
        except RowError as error:
            refusals[column] = str(error)
    place = f"{name}: {first_file(task)}: row {row_of(task, 0)}"
    assert refusals, "some column must be read"
    for column, refusal in refusals.items():
        assert refusal.startswith(place)
        assert f": no column {column!r}; columns: " in refusal
        assert "more" in refusal


def without_rules(task: Task) -> Task:
    """The task with a source that has no rule for any flaw."""
    return replace(task, source=replace(task.source, repairs={}), also=tuple(map(without_rules, task.also)))


def with_bad_row(name: str, bad: Bad) -> tuple[list[Row], int]:
    """Good rows with a bad one among them, and its number."""
    rows = [dict(row) for row in FIXTURES[name].rows[first_split(TASKS[name])[1]]]
    number = min(2, len(rows) - 1)
    rows[number] |= bad.change
    return rows, number


@pytest.mark.parametrize("name, bad", BAD)
def test_a_bad_row_is_refused_with_file_number_and_reason(name: str, bad: Bad, tmp_path: Path) -> None:
    rows, number = with_bad_row(name, bad)
    task = without_rules(TASKS[name])
    with pytest.raises(RowError) as caught:
        load_rows(task, FIXTURES[name].features, rows, tmp_path)
    assert str(caught.value).startswith(f"{name}: {first_file(task)}: row {row_of(task, number)}")
    assert bad.reason in caught.value.reason
    assert (caught.value.row, caught.value.more) == (row_of(task, number), 0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name, bad", [each for each in BAD if each.values[1].rules])
def test_a_row_with_a_known_flaw_is_repaired_and_counted(name: str, bad: Bad, tmp_path: Path) -> None:
    task, (rows, number) = TASKS[name], with_bad_row(name, bad)
    if not all(rule in task.source.repairs for rule in bad.rules):
        with pytest.raises(RowError):
            load_rows(task, FIXTURES[name].features, rows, tmp_path)
        return
    split, language = first_split(task)
    good = len(load_rows(task, FIXTURES[name].features, [*rows[:number], *rows[number + 1 :]], tmp_path))
    load_rows(task, FIXTURES[name].features, rows, tmp_path)
    counts = data.read(FolderSource(tmp_path), task, split, language).counts
    assert set(bad.rules) <= set(counts.repairs)
    assert f"row {row_of(task, number)}" in counts.first[bad.rules[-1]]
    training = split == task.train
    # Of what cannot be asked of a sentence LAReQA's own rule leaves out.
    assert counts.examples + counts.left_out == good + (bad.stays or not training)


@pytest.mark.parametrize("name, bad", [each for each in BAD if not each.values[1].rules])
def test_a_flaw_that_no_rule_covers_is_refused(name: str, bad: Bad, tmp_path: Path) -> None:
    rows, number = with_bad_row(name, bad)
    with pytest.raises(RowError, match=f"row {row_of(TASKS[name], number)}"):
        load_rows(TASKS[name], FIXTURES[name].features, rows, tmp_path)


@pytest.mark.parametrize("name", TASKS)
def test_a_file_without_rows_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="has no rows"):
        load_rows(TASKS[name], FIXTURES[name].features, [], tmp_path)


@pytest.mark.parametrize("name", LEAVING_OUT)
def test_rows_that_the_data_sets_own_rule_leaves_out_are_no_examples(name: str, tmp_path: Path) -> None:
    task, fixture = TASKS[name], FIXTURES[name]
    _, language = first_split(task)
    good = [dict(row) for row in fixture.rows[language]]
    expected = load_rows(task, fixture.features, good, tmp_path / "good")
    left_out = [good[1] | change for change in fixture.left_out]
    if "id" in fixture.features:
        left_out = [row | {"id": f"between-{number}"} for number, row in enumerate(left_out)]
    mixed = [
        *left_out,
        good[0],
        *(row | {"id": f"{row['id']}-again"} if "id" in row else row for row in left_out),
        *good[1:],
    ]
    assert load_rows(task, fixture.features, mixed, tmp_path / "mixed") == expected
    with pytest.raises(RequestError, match="has no rows"):
        load_rows(task, fixture.features, left_out, tmp_path / "none")
    # The number of a bad row is that of the file.
    bad = [*left_out, good[0] | fixture.bad[0].change]
    with pytest.raises(RowError, match=rf"row {row_of(task, len(left_out))}\b"):
        load_rows(without_rules(task), fixture.features, bad, tmp_path / "bad")
