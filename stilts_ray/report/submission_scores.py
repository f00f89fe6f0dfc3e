"""Scores of a submission tree on a terminal."""

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from stilts_ray.evaluation.submission import Document
from stilts_ray.tasks.benchmarks import AVERAGED, group_means, languages


def show(document: Document, console: Console) -> None:
    """Prints a line per task with its languages, then the means of groups and the overall average."""
    console.print(score_table(document))
    for line in summary(document):
        console.print(line, highlight=False, soft_wrap=True)


def score_table(document: Document) -> Table:
    """A line per task: its average, the means of its metrics, and in each language the metrics that enter the average."""
    table = Table(
        title=document["benchmark"], title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False
    )
    table.add_column("task", no_wrap=True)
    table.add_column("average", justify="right", no_wrap=True)
    table.add_column("metrics", no_wrap=True)
    table.add_column("languages")
    for task, result in document["tasks"].items():
        metrics = "\n".join(f"{name} {value:.1f}" for name, value in result["metrics"].items())
        table.add_row(task, f"{result['average']:.1f}", metrics, _languages(task, result["languages"]))
    return table


def summary(document: Document) -> list[str]:
    """The mean of each complete group of tasks, then the overall average, or why there is none."""
    benchmark, tasks = document["benchmark"], document["tasks"]
    means = group_means(benchmark, {task: result["average"] for task, result in tasks.items()})
    missing = [task for task in languages(benchmark) if task not in tasks]
    overall = f"none: no predictions of {', '.join(missing)}" if missing else f"{document['overall']:.1f}"
    return [*(f"{group}: {value:.1f}" for group, value in means.items()), f"overall: {overall}"]


def _languages(task: str, scores: Mapping[str, Mapping[str, Any]]) -> str:
    # Without a space, so that a language and its score stay on one line.
    return " ".join(
        f"{code}:{'/'.join(f'{metrics[name]:.1f}' for name in AVERAGED[task])}" for code, metrics in scores.items()
    )
