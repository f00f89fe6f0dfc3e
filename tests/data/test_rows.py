from pathlib import Path

import pytest
from datasets import ClassLabel, Dataset, Features, List, Value

from stilts_ray.data.rows import load, named_rows
from stilts_ray.errors import RequestError
from stilts_ray.origin import Folder, Hub
from stilts_ray.tasks import TASKS

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
