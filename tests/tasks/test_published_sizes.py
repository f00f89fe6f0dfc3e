"""What is known of the sizes of real data, and what is said where they differ."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from stilts_ray.data.row_check import look, size_warnings
from stilts_ray.data.sources import FolderSource, MiniSource
from stilts_ray.execution.progress import Progress
from stilts_ray.execution.run import show_sizes
from stilts_ray.tasks import TASKS
from stilts_ray.tasks.published_sizes import ROWS, published_rows, size_warning
from tests.tasks.rows import FIXTURES


@pytest.mark.parametrize("name", ROWS)
def test_sizes_are_of_splits_and_languages_that_a_task_has(name: str) -> None:
    task = TASKS[name]
    assert set(ROWS[name]) <= {task.train, task.dev, task.test}
    for known in ROWS[name].values():
        assert isinstance(known, int) or set(known) <= {"en", *task.languages}


@pytest.mark.parametrize("name", [name for name in ROWS if TASKS[name].train])
def test_training_sizes_agree_with_the_tasks_own(name: str) -> None:
    task = TASKS[name]
    assert published_rows(name, task.train or "", "en") == task.train_size


def test_a_split_of_another_size_is_one_line_with_both_numbers(data_dir: Path) -> None:
    count = len(FIXTURES["xnli"].rows["de"])
    data_source = FolderSource(data_dir)
    said = size_warnings(data_source, look(data_source, [("xnli", "test", "de"), ("ccg", "train", "en")]))
    assert said == [f"xnli test (de) has {count} rows, not the published 5,010"]
    assert size_warnings(MiniSource(), look(MiniSource(), [("copa", "validation", "qaa")])) == []
    assert size_warning("xnli", "test", "de", 5_010) is None
    assert size_warning("tatoeba", "validation", "de", 7) is None, "not known here"
    assert size_warning("tatoeba", "validation", "jv", 204) == (
        "tatoeba validation (jv) has 204 rows, not the published 205"
    )


def test_many_splits_of_other_sizes_are_a_few_lines() -> None:
    out = io.StringIO()
    show_sizes([f"split {number}" for number in range(8)], Progress(Console(file=out)))
    assert out.getvalue().splitlines() == [*(f"split {n}" for n in range(5)), "and 3 more splits of other sizes"]
