"""All tasks by name. To add one: an entry in its family's file, its name in `TASKS`, a fixture in tests/tasks/rows.py."""

from stilts_ray.errors import RequestError, did_you_mean
from stilts_ray.tasks.base import Kind, Task
from stilts_ray.tasks.choice import CASE_HOLD, COMMONSENSE_QA, COPA, COSMOSQA, HELLASWAG, SOCIAL_I_QA, XCOPA
from stilts_ray.tasks.lareqa import LAREQA, SQUAD_R
from stilts_ray.tasks.mewslix import CANDIDATE_ENTITIES, MEWSLIX, WIKIPEDIA_PAIRS
from stilts_ray.tasks.mining import BUCC2018
from stilts_ray.tasks.mlm import MLM_PARALLEL, MLM_SWITCHED, MLM_TEXT
from stilts_ray.tasks.nli import ANLI, ANLI_PLUS, ANLI_R1, ANLI_R2, ANLI_R3, MNLI, MNLI_TRANSLATED, SNLI, XNLI
from stilts_ray.tasks.paraphrase import PAWSX, QQP
from stilts_ray.tasks.qa import MLQA, SQUAD, SQUAD_V2, TYDIQA, XQUAD, XQUAD_XR
from stilts_ray.tasks.retrieval import TATOEBA, TATOEBA_XR
from stilts_ray.tasks.similarity import STSB
from stilts_ray.tasks.tagging import CCG, PANX, PANX_XR, UDPOS, UDPOS_XR
from stilts_ray.tasks.yes_no import PUBMEDQA

__all__ = ["TASKS", "Kind", "Task", "get"]

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        MNLI, MNLI_TRANSLATED, SNLI, ANLI, ANLI_R1, ANLI_R2, ANLI_R3, ANLI_PLUS, QQP, STSB, SQUAD, SQUAD_V2, SQUAD_R,
        WIKIPEDIA_PAIRS,
        HELLASWAG, COSMOSQA, COMMONSENSE_QA, SOCIAL_I_QA, COPA, CASE_HOLD, PUBMEDQA, CCG,
        XNLI, PAWSX, UDPOS, PANX, XQUAD, MLQA, TYDIQA, BUCC2018, TATOEBA,
        XCOPA, UDPOS_XR, PANX_XR, XQUAD_XR, TATOEBA_XR, LAREQA, MEWSLIX, CANDIDATE_ENTITIES,
        MLM_TEXT, MLM_PARALLEL, MLM_SWITCHED,
    )
}  # fmt: skip


def get(name: str) -> Task:
    """The task called `name`. Raises RequestError, suggesting the closest name."""
    if name not in TASKS:
        raise RequestError(f"unknown task '{name}'; {did_you_mean(name, list(TASKS))}")
    return TASKS[name]
