"""The published numbers of rows, and the warning where a split has another number."""

from dataclasses import replace
from pathlib import Path

import pytest

from stilts_ray.data.row_check import check_rows, size_warning, size_warnings
from stilts_ray.data.sources import FolderSource, MiniSource
from stilts_ray.tasks import TASKS
from stilts_ray.tasks.base import parse_split
from tests.tasks.rows import FIXTURES

KNOWN = [name for name in TASKS if TASKS[name].rows]


@pytest.mark.parametrize("name", KNOWN)
def test_rows_are_of_files_and_languages_that_a_task_has(name: str) -> None:
    task = TASKS[name]
    splits = "+".join(split for split in (task.train, task.dev, task.test) if split)
    files = {parse_split(split)[0] for split in splits.split("+")}
    # ANLI's rounds share one table.
    assert task.rows.keys() <= files or name in ("anli_r1", "anli_r2", "anli_r3")
    for known in task.rows.values():
        assert isinstance(known, int) or set(known) <= {"en", *task.languages}


# dataset_infos.json of the hub's data sets; CaseHOLD, PubMedQA and Mewsli-X from their READMEs.
PUBLISHED = {
    "mnli": 392_702, "mnli_translated": 392_702, "snli": 550_152, "anli": 162_865, "anli_r1": 16_946, "anli_r2": 45_460,
    "anli_r3": 100_459, "anli_plus": 1_105_719, "qqp": 363_846, "squad": 87_599, "squad_v2": 130_319, "squad_r": 87_599,
    "wikipedia_pairs": 167_719, "hellaswag": 39_905, "cosmosqa": 25_262, "commonsense_qa": 9_741, "social_i_qa": 33_410,
    "copa": 400, "case_hold": 45_000, "pubmedqa": 210_269, "pawsx": 49_401, "udpos": 21_253, "panx": 20_000, "tydiqa": 3_696,
}  # fmt: skip


def test_training_rows_are_the_published_ones() -> None:
    trained = {name: task.train for name, task in TASKS.items() if task.train}
    assert {name: TASKS[name].published_rows(trained[name], "en") for name in PUBLISHED} == PUBLISHED
    assert {name for name in trained if TASKS[name].published_rows(trained[name], "en") is None} == {
        "ccg",
        "mlm_text",
        "mlm_parallel",
        "mlm_switched",
    }


def test_rows_of_slices_and_of_several_parts() -> None:
    anli, plus, pubmedqa = (TASKS[name] for name in ("anli", "anli_plus", "pubmedqa"))
    assert pubmedqa.published_rows("train[:1000]", "en") == 1_000
    assert anli.published_rows(anli.dev or "", "en") == 3_200
    assert plus.train_size == anli.train_size == 162_865, "without the rows that `also` adds"
    unknown = replace(plus, also=(TASKS["ccg"],))
    assert unknown.published_rows(plus.train or "", "en") is None
    assert TASKS["ccg"].train_size == TASKS["xnli"].train_size == 0


def test_a_split_of_another_size_is_one_line_with_both_numbers(data_dir: Path) -> None:
    count = len(FIXTURES["xnli"].rows["de"])
    data_source = FolderSource(data_dir)
    said = size_warnings(data_source, check_rows(data_source, [("xnli", "test", "de"), ("ccg", "train", "en")]))
    assert said == [f"xnli test (de) has {count} rows, not the published 5,010"]
    assert size_warnings(MiniSource(), check_rows(MiniSource(), [("copa", "validation", "qaa")])) == []
    assert size_warning("xnli", "test", "de", 5_010) is None
    assert size_warning("tatoeba", "validation", "de", 7) is None, "not known here"
    assert size_warning("tatoeba", "validation", "jv", 204) == (
        "tatoeba validation (jv) has 204 rows, not the published 205"
    )
