"""The published evaluator's own test data, where it is at hand: STILTS_XTREME_MOCK names a folder with `predictions` and
`labels`, as mock_test_data of google-research/xtreme (commit 838c13b). Tasks that are not there are skipped."""

import os
from pathlib import Path

import pytest

from stilts_ray.evaluation.submission import score_task
from stilts_ray.tasks.benchmarks import BENCHMARKS

MOCK = os.environ.get("STILTS_XTREME_MOCK")

PUBLISHED = {
    "xnli": {"accuracy": 30.666666666666668},
    "pawsx": {"accuracy": 51.42857142857143},
    "panx": {"f1": 57.50793650793652},
    "xquad": {"em": 77.27272727272727, "f1": 79.9586776859504},
    "mlqa": {"em": 57.142857142857146, "f1": 81.76870748299321},
    "tydiqa": {"em": 88.88888888888889, "f1": 97.22222222222223},
    "bucc2018": {"f1": 55.0, "precision": 55.0, "recall": 55.0},
    "udpos": {"f1": 70.21746048354693},
    "tatoeba": {"accuracy": 53.611111111111114},
    "mewslix": {"map@20": 14.39025156130419},
}
"""Means over languages (evaluate_test.py). That of udpos was made with seqeval 0.0.12."""


def folders(task: str) -> tuple[Path, Path]:
    """The folders of predictions and of labels. Skips where a task is not there."""
    if MOCK is None:
        pytest.skip("STILTS_XTREME_MOCK is not set")
    predictions, labels = Path(MOCK) / "predictions", Path(MOCK) / "labels"
    if not (predictions / task).is_dir():
        pytest.skip(f"no {predictions / task}")
    return predictions, labels


@pytest.mark.parametrize("task", PUBLISHED)
def test_published_averages(task: str) -> None:
    codes = next(tasks[task] for tasks in BENCHMARKS.values() if task in tasks)
    metrics = score_task(*folders(task), task, codes)["metrics"]
    assert {name: metrics[name] for name in PUBLISHED[task]} == pytest.approx(PUBLISHED[task], abs=5e-5)
