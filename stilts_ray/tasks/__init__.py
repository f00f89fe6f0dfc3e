"""All tasks, by name. Adding one: an entry in its family's file, its name here, a fixture in tests/tasks/rows.py."""

from stilts_ray.errors import RequestError, did_you_mean
from stilts_ray.tasks.base import Kind, Task
from stilts_ray.tasks.choice import HELLASWAG
from stilts_ray.tasks.mining import BUCC2018
from stilts_ray.tasks.mlm import MLM_PARALLEL, MLM_SWITCHED, MLM_TEXT
from stilts_ray.tasks.nli import MNLI, XNLI
from stilts_ray.tasks.paraphrase import PAWSX, QQP
from stilts_ray.tasks.qa import SQUAD, SQUAD_V2, TYDIQA, XQUAD
from stilts_ray.tasks.retrieval import TATOEBA
from stilts_ray.tasks.tagging import CCG, PANX, UDPOS

__all__ = ["TASKS", "Kind", "Task", "get"]

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        MNLI, QQP, SQUAD, SQUAD_V2, HELLASWAG, CCG,
        XNLI, PAWSX, UDPOS, PANX, XQUAD, TYDIQA, BUCC2018, TATOEBA,
        MLM_TEXT, MLM_PARALLEL, MLM_SWITCHED,
    )
}  # fmt: skip


def get(name: str) -> Task:
    """The task called `name`. Raises RequestError naming the nearest one."""
    if name not in TASKS:
        raise RequestError(f"unknown task '{name}'; {did_you_mean(name, list(TASKS))}")
    return TASKS[name]
