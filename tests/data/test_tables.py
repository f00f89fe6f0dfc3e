"""Rows of files, of which only what is looked at is read."""

from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet as parquet
import pytest
from datasets import ClassLabel, Dataset, Features, List, Value

from stilts_ray.data import tables
from stilts_ray.data.tables import BLOCK, dataset_table, parquet_table
from stilts_ray.errors import RequestError

LABEL = ClassLabel(names=["no", "yes"])


def file(path: Path, **columns: list[Any]) -> Path:
    parquet.write_table(pyarrow.table(columns), path)
    return path


def test_rows_of_several_files_come_one_after_the_other(tmp_path: Path) -> None:
    parts = [file(tmp_path / f"{n}.parquet", id=[f"{n}{i}" for i in range(n)], value=list(range(n))) for n in (2, 3)]
    table = parquet_table(parts, ["first", "second"])
    assert [dict(row) for row in table] == [
        {"id": name, "value": value} for name, value in (("20", 0), ("21", 1), ("30", 0), ("31", 1), ("32", 2))
    ]
    assert [table.location(number) for number in range(5)] == [
        ("first", 0), ("first", 1), ("second", 0), ("second", 1), ("second", 2),
    ]  # fmt: skip
    middle = table.part(slice(1, 4))
    assert [row["id"] for row in middle] == ["21", "30", "31"]
    assert middle.location(1) == ("second", 0)
    assert [row["id"] for row in table.part(slice(-1, None))] == ["32"]


def test_rows_are_chosen_by_how_a_text_begins(tmp_path: Path) -> None:
    path = file(tmp_path / "a.parquet", id=["en-1", "de-1", None, "en-2"], value=[1, 2, 3, 4])
    table, other = parquet_table([path], ["a"]).by_prefix("id", ["en-", "de-"])
    assert [row["value"] for row in other] == [2]
    assert [(row["id"], row["value"]) for row in table] == [("en-1", 1), ("en-2", 4)]
    assert table.location(1) == ("a", 3)
    assert [row["value"] for row in table.part(slice(1, None))] == [4]
    with pytest.raises(KeyError, match="name"):
        parquet_table([path], ["a"]).by_prefix("name", ["en-"])


def test_columns_that_nobody_looks_at_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = parquet_table([file(tmp_path / "a.parquet", a=["x"] * 3, b=[1, 2, 3])], ["a"])
    read = []
    monkeypatch.setattr(tables, "with_class_names", lambda values, feature: read.append(values) or values)
    rows = list(table)
    assert read == []
    assert [row["b"] for row in rows] == [1, 2, 3]
    assert read == [[1, 2, 3]]
    assert set(rows[0]) == {"a", "b"}
    assert len(rows[0]) == 2
    assert read == [[1, 2, 3]], "its name is no reason to read it"
    with pytest.raises(KeyError, match="c"):
        rows[0]["c"]


def test_more_rows_than_a_block(tmp_path: Path) -> None:
    count = BLOCK + 7
    table = parquet_table([file(tmp_path / "a.parquet", a=list(range(count)))], ["a"])
    assert [row["a"] for row in table] == list(range(count))
    assert [row["a"] for row in table.part(slice(BLOCK - 1, None))] == list(range(BLOCK - 1, count))


def test_names_of_classes_are_the_files_own_or_else_the_cards(tmp_path: Path) -> None:
    features = Features({"label": LABEL, "tags": List(LABEL), "number": Value("int32")})
    columns = {"label": [1, 0], "tags": [[1], [0, 1]], "number": [1, 0]}
    Dataset.from_dict(columns, features=features).to_parquet(tmp_path / "own.parquet")
    names = {"label": ("nein", "ja"), "tags": ("nein", "ja")}
    (own, *_) = parquet_table([tmp_path / "own.parquet"], ["own"], names)
    assert dict(own) == {"label": "yes", "tags": ["yes"], "number": 1}
    bare = file(tmp_path / "bare.parquet", **columns)
    (told, *_) = parquet_table([bare], ["bare"], names)
    assert dict(told) == {"label": "ja", "tags": ["ja"], "number": 1}
    (untold, *_) = parquet_table([bare], ["bare"])
    assert dict(untold) == {"label": 1, "tags": [1], "number": 1}


def test_files_of_unlike_columns_are_refused(tmp_path: Path) -> None:
    one, other = file(tmp_path / "1.parquet", a=[1]), file(tmp_path / "2.parquet", b=[1])
    with pytest.raises(RequestError, match=r"^first and second differ in columns or classes$"):
        parquet_table([one, other], ["first", "second"])
    for number, names in enumerate((["no", "yes"], ["yes", "no"])):
        features = Features({"label": ClassLabel(names=names)})
        Dataset.from_dict({"label": [0]}, features=features).to_parquet(tmp_path / f"l{number}.parquet")
    with pytest.raises(RequestError, match="differ in columns or classes"):
        parquet_table([tmp_path / "l0.parquet", tmp_path / "l1.parquet"], ["first", "second"])


def test_files_may_have_wider_types_than_others(tmp_path: Path) -> None:
    narrow = tmp_path / "narrow.parquet"
    parquet.write_table(pyarrow.table({"n": pyarrow.array([1], pyarrow.int32()), "t": pyarrow.nulls(1)}), narrow)
    wide = file(tmp_path / "wide.parquet", n=[2], t=["x"])
    assert [dict(row) for row in parquet_table([narrow, wide], ["a", "b"])] == [
        {"n": 1, "t": None},
        {"n": 2, "t": "x"},
    ]


def test_a_file_of_a_strange_form_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(
        pyarrow.table({"a": [1]}).replace_schema_metadata(
            {"huggingface": '{"info": {"features": {"a": {"_type": "Odd"}}}}'}
        ),
        path,
    )
    with pytest.raises(RequestError, match="cannot read"):
        parquet_table([path], ["a"])


def test_a_data_set_in_memory_is_a_table(tmp_path: Path) -> None:
    table = dataset_table(Dataset.from_dict({"a": ["x", "y"]}), "made")
    assert [dict(row) for row in table.part(slice(1, None))] == [{"a": "y"}]
    assert table.part(slice(1, None)).location(0) == ("made", 1)
    with pytest.raises(IndexError):
        table.location(2)
