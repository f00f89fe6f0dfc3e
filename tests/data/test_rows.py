from pathlib import Path
from typing import Any

import pytest
from datasets import ClassLabel, Dataset, Features, List, Value

from stilts_ray.data.encode import Reading, encode
from stilts_ray.data.rows import labelled, load, named_rows
from stilts_ray.errors import RequestError, RowError
from stilts_ray.origin import Folder, Hub
from stilts_ray.tasks import TASKS
from tests.tasks.rows import CCG, SUPERTAGS, write

LABEL = ClassLabel(names=["no", "yes"])


def test_integers_become_names_and_those_without_a_name_become_none() -> None:
    features = Features({"text": Value("string"), "label": LABEL, "tags": List(LABEL), "number": Value("int32")})
    columns = {"text": ["a", "b", "c"], "label": [1, -1, None], "tags": [[0, 1], [], [-1]], "number": [1, -1, None]}
    assert named_rows(Dataset.from_dict(columns, features=features)) == [
        {"text": "a", "label": "yes", "tags": ["no", "yes"], "number": 1},
        {"text": "b", "label": None, "tags": [], "number": -1},
        {"text": "c", "label": None, "tags": [None], "number": None},
    ]


def test_a_file_that_is_no_parquet_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "glue/mnli").mkdir(parents=True)
    (tmp_path / "glue/mnli/train.parquet").write_bytes(b"premise,hypothesis\n")
    with pytest.raises(RequestError, match=r"cannot read .*train\.parquet") as caught:
        load(Folder(tmp_path), TASKS["mnli"], "train", "en")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_one_line_naming_what_is(data_dir: Path) -> None:
    with pytest.raises(RequestError, match=r"xnli: no file xnli/sw/test\.parquet in .*there: de, en$"):
        load(Folder(data_dir), TASKS["xnli"], "test", "sw")


def test_the_hub_out_of_reach_is_one_line_naming_the_way_out() -> None:
    with pytest.raises(RequestError, match=r"mnli: cannot load nyu-mll/glue .*--data-dir") as caught:
        load(Hub({"nyu-mll/glue": "0" * 40}), TASKS["mnli"], "train", "en")
    assert "\n" not in str(caught.value)


def test_a_task_without_a_repository_says_so() -> None:
    with pytest.raises(RequestError, match="mlm_text has no public hub repository; give its files with --data-dir"):
        load(Hub({}), TASKS["mlm_text"], "train", "en")


# Labels that the data name


def tagged(names: list[str], rows: list[dict[str, Any]], path: Path) -> None:
    """A file of supertags with those class names."""
    write(Features({**CCG.features, "tags": List(ClassLabel(names=names))}), rows, path)


def test_labels_are_those_of_the_training_splits_feature_type_in_its_order(data_dir: Path, tmp_path: Path) -> None:
    task = labelled(Folder(data_dir), TASKS["ccg"])
    assert task.labels == tuple(SUPERTAGS)
    assert labelled(Folder(data_dir), task) == task
    assert labelled(Folder(data_dir), TASKS["mnli"]) is TASKS["mnli"]
    # A tag that no row has is a label all the same.
    tagged([*SUPERTAGS[::-1], "PP"], CCG.rows["en"][:1], tmp_path / "ccg/default/train.parquet")
    assert labelled(Folder(tmp_path), TASKS["ccg"]).labels == (*SUPERTAGS[::-1], "PP")


def test_dev_tags_get_the_training_splits_numbers(tmp_path: Path, tokenizer: Any) -> None:
    tagged(SUPERTAGS, CCG.rows["en"], tmp_path / "ccg/default/train.parquet")
    tagged(sorted(SUPERTAGS), CCG.rows["en"], tmp_path / "ccg/default/validation.parquet")
    task = labelled(Folder(tmp_path), TASKS["ccg"])
    made = [
        encode(task, load(Folder(tmp_path), TASKS["ccg"], split, "en"), tokenizer, Reading(64)).fields["tags"].tolist()
        for split in ("train", "validation")
    ]
    assert sorted(SUPERTAGS) != SUPERTAGS
    assert made[0] == made[1]


def test_a_dev_tag_that_the_training_split_does_not_name_is_refused(tmp_path: Path) -> None:
    tagged(SUPERTAGS[:-1], CCG.rows["en"][:1], tmp_path / "ccg/default/train.parquet")
    tagged(SUPERTAGS, CCG.rows["en"], tmp_path / "ccg/default/validation.parquet")
    with pytest.raises(RowError, match=r"ccg/default/validation: row 1: unknown label '\(S"):
        load(Folder(tmp_path), TASKS["ccg"], "validation", "en")


def test_a_column_without_class_names_is_one_line(tmp_path: Path) -> None:
    features = Features({"tokens": List(Value("string")), "tags": List(Value("string"))})
    write(features, CCG.rows["en"], tmp_path / "ccg/default/train.parquet")
    with pytest.raises(RowError, match=r"row 0: the type of column 'tags' names no class labels$"):
        load(Folder(tmp_path), TASKS["ccg"], "train", "en")
