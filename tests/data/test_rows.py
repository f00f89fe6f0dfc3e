import shutil
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet as parquet
import pytest
from datasets import ClassLabel, Dataset, Features, List, Value

from stilts_ray.data.encoded import TokenizationConfig
from stilts_ray.data.rows import load, with_labels
from stilts_ray.data.sources import FolderSource, HubSource
from stilts_ray.data.tables import dataset_table
from stilts_ray.errors import RequestError, RowError
from stilts_ray.tasks import TASKS
from tests.by_kind import encode
from tests.tasks.rows import CCG, FIXTURES, SUPERTAGS, write

LABEL = ClassLabel(names=["no", "yes"])


def test_integers_become_names_and_those_without_a_name_become_none() -> None:
    features = Features({"text": Value("string"), "label": LABEL, "tags": List(LABEL), "number": Value("int32")})
    columns = {"text": ["a", "b", "c"], "label": [1, -1, None], "tags": [[0, 1], [], [-1]], "number": [1, -1, None]}
    table = dataset_table(Dataset.from_dict(columns, features=features), "made")
    assert [dict(row) for row in table] == [
        {"text": "a", "label": "yes", "tags": ["no", "yes"], "number": 1},
        {"text": "b", "label": None, "tags": [], "number": -1},
        {"text": "c", "label": None, "tags": [None], "number": None},
    ]


def test_an_integer_beyond_the_names_is_refused_where_a_missing_label_is_left_out(tmp_path: Path) -> None:
    fixture, path = FIXTURES["snli"], tmp_path / "snli/plain_text/train.parquet"
    good = fixture.rows["en"][0]
    write(fixture.features, [good, good | {"label": -1}], path)
    assert len(load(FolderSource(tmp_path), TASKS["snli"], "train", "en")) == 1
    # No library writes such a file.
    table = parquet.read_table(path)
    place = table.schema.get_field_index("label")
    parquet.write_table(table.set_column(place, table.schema.field(place), pyarrow.array([0, 7])), path)
    with pytest.raises(RowError, match="row 1: unknown label '7'; labels: entailment, neutral, contradiction, by name"):
        load(FolderSource(tmp_path), TASKS["snli"], "train", "en")


def test_joined_splits_and_added_tasks_are_read_one_after_the_other(data_dir: Path) -> None:
    data_source, plus = FolderSource(data_dir), TASKS["anli_plus"]
    alone = [TASKS[name] for name in ("anli_r1", "anli_r2", "anli_r3", "mnli", "snli")]
    expected = [example for task in alone for example in load(data_source, task, task.train or "", "en")]
    assert load(data_source, plus, plus.train or "", "en") == expected
    assert load(data_source, plus, "dev_r1+dev_r3", "en") == load(data_source, TASKS["anli"], "dev_r1", "en") * 2


def test_a_slice_is_read_by_its_rows(data_dir: Path) -> None:
    data_source, task = FolderSource(data_dir), TASKS["mnli"]
    whole = load(data_source, task, "train", "en")
    assert load(data_source, task, "train[:3]", "en") == whole[:3]
    assert load(data_source, task, "train[3:]", "en") == whole[3:]
    assert load(data_source, task, "train[6:]+train[:1]", "en") == [*whole[6:], whole[0]]
    with pytest.raises(RequestError, match=r"mnli: glue/mnli/train\.parquet has no rows$"):
        load(data_source, task, "train[100:]", "en")


def test_a_bad_row_of_a_slice_is_counted_within_its_file(data_dir: Path, tmp_path: Path) -> None:
    fixture = FIXTURES["mnli"]
    rows = [*fixture.rows["en"][:4], fixture.rows["en"][4] | {"label": -1}]
    write(fixture.features, rows, tmp_path / "glue/mnli/train.parquet")
    assert len(load(FolderSource(tmp_path), TASKS["mnli"], "train[:4]", "en")) == 4
    with pytest.raises(RowError, match=r"^mnli: glue/mnli/train\.parquet: row 4 \(id 4\): .*the row has no label$"):
        load(FolderSource(tmp_path), TASKS["mnli"], "train[3:]", "en")


def test_a_part_that_is_not_there_is_named(data_dir: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(data_dir, tmp_path / "copy"))
    (copy / "anli/plain_text/train_r3.parquet").unlink()
    with pytest.raises(RequestError, match=r"^anli: no file anli/plain_text/train_r3\.parquet in "):
        load(FolderSource(copy), TASKS["anli"], TASKS["anli"].train or "", "en")


def test_a_bad_row_of_an_added_task_is_named_as_that_tasks(data_dir: Path, tmp_path: Path) -> None:
    copy, fixture = Path(shutil.copytree(data_dir, tmp_path / "copy")), FIXTURES["mnli"]
    write(fixture.features, [fixture.rows["en"][0] | {"label": -1}], copy / "glue/mnli/train.parquet")
    with pytest.raises(RowError, match=r"^mnli: glue/mnli/train\.parquet: row 0 \(id 0\): column 'label'"):
        load(FolderSource(copy), TASKS["anli_plus"], TASKS["anli_plus"].train or "", "en")


def test_a_file_that_is_no_parquet_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "glue/mnli").mkdir(parents=True)
    (tmp_path / "glue/mnli/train.parquet").write_bytes(b"premise,hypothesis\n")
    with pytest.raises(RequestError, match=r"cannot read .*train\.parquet") as caught:
        load(FolderSource(tmp_path), TASKS["mnli"], "train", "en")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_one_line_naming_what_is(data_dir: Path) -> None:
    with pytest.raises(RequestError, match=r"xnli: no file xnli/sw/test\.parquet in .*there: de, en$"):
        load(FolderSource(data_dir), TASKS["xnli"], "test", "sw")


def test_the_hub_out_of_reach_is_one_line_naming_the_way_out() -> None:
    with pytest.raises(RequestError, match=r"data set nyu-mll/glue.* --data-dir") as caught:
        load(HubSource(), TASKS["mnli"], "train", "en")
    assert "\n" not in str(caught.value)


def test_a_task_without_a_repository_says_so() -> None:
    with pytest.raises(RequestError, match="mlm_text has no public hub repository; give its files with --local-data"):
        load(HubSource({}), TASKS["mlm_text"], "train", "en")


# Labels that the data name


def tagged(names: list[str], rows: list[dict[str, Any]], path: Path) -> None:
    """A file of supertags with those class names."""
    write(Features({**CCG.features, "tags": List(ClassLabel(names=names))}), rows, path)


def test_labels_are_those_of_the_training_splits_feature_type_in_its_order(data_dir: Path, tmp_path: Path) -> None:
    task = with_labels(FolderSource(data_dir), TASKS["ccg"])
    assert task.labels == tuple(SUPERTAGS)
    assert with_labels(FolderSource(data_dir), task) == task
    assert with_labels(FolderSource(data_dir), TASKS["mnli"]) is TASKS["mnli"]
    # A tag that no row has is a label all the same.
    tagged([*SUPERTAGS[::-1], "PP"], CCG.rows["en"][:1], tmp_path / "ccg/default/train.parquet")
    assert with_labels(FolderSource(tmp_path), TASKS["ccg"]).labels == (*SUPERTAGS[::-1], "PP")


def test_dev_tags_get_the_training_splits_numbers(tmp_path: Path, tokenizer: Any) -> None:
    tagged(SUPERTAGS, CCG.rows["en"], tmp_path / "ccg/default/train.parquet")
    tagged(sorted(SUPERTAGS), CCG.rows["en"], tmp_path / "ccg/default/validation.parquet")
    task = with_labels(FolderSource(tmp_path), TASKS["ccg"])
    made = [
        encode(task, load(FolderSource(tmp_path), TASKS["ccg"], split, "en"), tokenizer, TokenizationConfig(64))
        .fields["tags"]
        .tolist()
        for split in ("train", "validation")
    ]
    assert sorted(SUPERTAGS) != SUPERTAGS
    assert made[0] == made[1]


def test_a_dev_tag_that_the_training_split_does_not_name_is_refused(tmp_path: Path) -> None:
    tagged(SUPERTAGS[:-1], CCG.rows["en"][:1], tmp_path / "ccg/default/train.parquet")
    tagged(SUPERTAGS, CCG.rows["en"], tmp_path / "ccg/default/validation.parquet")
    with pytest.raises(RowError, match=r"ccg/default/validation\.parquet: row 1: unknown label '\(S"):
        load(FolderSource(tmp_path), TASKS["ccg"], "validation", "en")


def test_a_column_without_class_names_is_one_line(tmp_path: Path) -> None:
    features = Features({"tokens": List(Value("string")), "tags": List(Value("string"))})
    write(features, CCG.rows["en"], tmp_path / "ccg/default/train.parquet")
    with pytest.raises(RowError, match=r"row 0: the type of column 'tags' names no class labels$"):
        load(FolderSource(tmp_path), TASKS["ccg"], "train", "en")
