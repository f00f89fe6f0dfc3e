"""Which files of a repository are the rows of a split, by what its card says or, without one, by their names."""

from typing import Any

import pytest
import yaml

from stilts_ray.data.repository import Repository, class_names, data_files, described, is_commit
from stilts_ray.errors import RequestError

CARD = yaml.safe_load(
    """
configs:
- config_name: qqp
  data_files:
  - split: train
    path: qqp/train-*
  - split: test
    path: [qqp/test-0*.parquet, qqp/more/**]
- config_name: in_folder
  data_dir: below/
  data_files:
  - {split: train, path: ./part.parquet}
- config_name: plain
  data_files: "*.csv"
- config_name: without_files
dataset_info:
- config_name: qqp
  features:
  - {name: question1, dtype: string}
  - name: label
    dtype: {class_label: {names: {'0': not_duplicate, '3': c, '2': b, '1': duplicate}}}
  - name: tags
    sequence: {class_label: {names: [O, B-PER]}}
  - name: more
    list: {class_label: {names: {'0': x}}}
- config_name: plain
  features: [{name: text, dtype: string}]
"""
)


def repository(*files: str, card: dict[str, object] | None = None) -> Repository:
    return Repository(
        id="owner/data", kind="dataset", commit="a1b2c3d4" * 5, files=files, data_files=data_files(card or {})
    )


def test_the_patterns_of_a_card_are_kept_by_configuration_and_split() -> None:
    assert data_files(CARD) == {
        "qqp": {"train": ("qqp/train-*",), "test": ("qqp/test-0*.parquet", "qqp/more/**")},
        "in_folder": {"train": ("below/part.parquet",)},
        "plain": {"train": ("*.csv",)},
    }
    assert data_files({}) == data_files({"configs": None}) == {}


def test_names_of_classes_are_in_the_order_of_their_numbers() -> None:
    names = {"label": ("not_duplicate", "duplicate", "b", "c"), "tags": ("O", "B-PER"), "more": ("x",)}
    assert class_names(CARD) == {"qqp": names}
    alone = {"dataset_info": {"features": CARD["dataset_info"][0]["features"]}}
    assert class_names(alone) == {"default": names}
    assert class_names({}) == {}


def test_files_of_a_split_are_those_of_its_patterns_in_their_order() -> None:
    files = ("qqp/train-00001-of-00002.parquet", "README.md", "qqp/train-00000-of-00002.parquet", "mnli/train-0.parquet",
             "qqp/test-00.parquet", "qqp/more/a/b.parquet", "below/part.parquet", "x.csv")  # fmt: skip
    made = repository(*files, card=CARD)
    assert made.split("qqp", "train") == ("qqp/train-00000-of-00002.parquet", "qqp/train-00001-of-00002.parquet")
    assert made.split("qqp", "test") == ("qqp/test-00.parquet", "qqp/more/a/b.parquet"), "the card's order"
    assert made.split("in_folder", "train") == ("below/part.parquet",)
    assert made.split("plain", "train") == ("x.csv",)


@pytest.mark.parametrize(
    "config, split, said",
    [
        ("qpp", "train", "owner/data@a1b2c3d4 has no configuration 'qpp'; did you mean 'qqp'?"),
        ("qqp", "validation", "owner/data@a1b2c3d4 has no split 'validation' of 'qqp'; there: train, test"),
        ("qqp", "train", "owner/data@a1b2c3d4 has no file of rows for configuration 'qqp', split 'train'"),
    ],
)
def test_what_is_not_there_is_one_line(config: str, split: str, said: str) -> None:
    made = repository("qqp/train.txt", "README.md", card=CARD)
    with pytest.raises(RequestError) as caught:
        made.split(config, split)
    assert str(caught.value) == said


def test_a_script_is_named_as_what_makes_the_rows() -> None:
    with pytest.raises(RequestError, match=r"made by a script \(cosmos_qa\.py\), which is not run"):
        repository("cosmos_qa.py", "README.md").split("default", "train")


@pytest.mark.parametrize(
    "files, config, split, found",
    [
        (
            ("default/train/0000.parquet", "default/train/0001.parquet", "default/test/0000.parquet"),
            "default",
            "train",
            2,
        ),
        (("plain/train_r1/0000.parquet", "plain/train_r2/0000.parquet"), "plain", "train_r1", 1),
        (("copa/train-00000-of-00001.parquet", "rte/train-00000-of-00001.parquet"), "copa", "train", 1),
        (("data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"), "default", "train", 2),
        (("train.jsonl.gz", "test.jsonl.gz"), "default", "test", 1),
        (("train.csv", "train.parquet"), "default", "train", 1),
        (("train.jsonl", "small_train.jsonl", "train/0000.jsonl", "data/train-hard.jsonl"), "default", "train", 1),
        (("data/train-00000-of-00001.parquet",), "other", "train", 0),
        (("training/notes.parquet",), "default", "train", 0),
    ],
)
def test_without_a_card_names_of_files_say_it(files: tuple[str, ...], config: str, split: str, found: int) -> None:
    made = repository(*files)
    for wanted, count in ((split, found), ("validation", 0)):
        if count:
            assert len(made.split(config, wanted)) == count
        else:
            with pytest.raises(
                RequestError, match=f"has no file of rows for configuration '{config}', split '{wanted}'"
            ):
                made.split(config, wanted)


def test_parquet_is_read_where_a_split_is_there_in_several_forms() -> None:
    assert repository("train.csv", "train.parquet").split("default", "train") == ("train.parquet",)


def test_a_split_of_which_files_are_missing_is_refused() -> None:
    shards = [f"data/train-0000{n}-of-00003.parquet" for n in range(3)]
    assert repository(*shards).split("default", "train") == tuple(shards)
    with pytest.raises(RequestError, match=r"^owner/data@a1b2c3d4 has 2 of the 3 files data/train-\*$"):
        repository(*shards[1:]).split("default", "train")


@pytest.mark.parametrize("card", [
    {"configs": 5}, {"configs": [None]}, {"configs": ["data_files"]}, {"configs": [{"data_files": "a"}]},
    {"configs": [{"config_name": "x", "data_files": [{"split": "train"}, "a"]}]}, {"dataset_info": ["x"]},
    {"dataset_info": {"features": "x"}}, ["x"],
    {"dataset_info": {"features": [{"name": "a", "dtype": {"class_label": {"names": {"one": "a"}}}}]}},
])  # fmt: skip
def test_a_card_of_a_strange_form_is_one_line(card: Any) -> None:
    with pytest.raises(
        RequestError, match=r"^owner/data@a1b2c3d4: its card does not say where its rows are \("
    ) as caught:
        described(repository(), card)
    assert "\n" not in str(caught.value)


def test_forms_of_cards_that_are_in_use() -> None:
    listed = {
        "configs": [{"config_name": "x", "data_files": {"train": "a/*", "test": ["b", "c"]}, "data_dir": "./en/"}]
    }
    assert data_files(listed) == {"x": {"train": ("en/a/*",), "test": ("en/b", "en/c")}}
    gaps = {"features": [{"name": "a", "dtype": {"class_label": {"names": {"0": "a", "2": "c"}}}}]}
    assert class_names({"dataset_info": gaps}) == {}, "its integers would be named by others' names"
    assert described(repository("x"), None) == repository("x")
    odd = repository("data/a.parquet", card={"configs": [{"config_name": "x", "data_files": "data/**.parquet"}]})
    with pytest.raises(RequestError, match=r"its card names files by 'data/\*\*\.parquet': "):
        odd.split("x", "train")


def test_a_commit_is_told_from_a_branch() -> None:
    assert is_commit("a" * 40)
    assert not any(map(is_commit, (None, "main", "refs/pr/2", "a" * 39, "A" * 40)))
