"""What each kind of task means: one file per kind, one table over all of them.

Adding a kind: its member of `Kind`, a file here with its `KindSpec`, and a line in `KINDS`.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from stilts_ray.kinds.choice import CHOICE
from stilts_ray.kinds.classification import CLASSIFICATION
from stilts_ray.kinds.dual_encoder import CANDIDATES, DUAL_ENCODER
from stilts_ray.kinds.masked_lm import MASKED_LM
from stilts_ray.kinds.mining import MINING
from stilts_ray.kinds.regression import REGRESSION
from stilts_ray.kinds.retrieval import RETRIEVAL
from stilts_ray.kinds.span import SPAN, SPAN_OR_NONE
from stilts_ray.kinds.spec import KindSpec, Objective, Scoring
from stilts_ray.kinds.tagging import TAGGING
from stilts_ray.models import hf_folders
from stilts_ray.models.heads import initialise
from stilts_ray.models.model import Model
from stilts_ray.tasks.base import Kind, Task

KINDS: Mapping[Kind, KindSpec[Any, Any]] = MappingProxyType(
    {
        spec.kind: spec
        for spec in (
            CLASSIFICATION,
            REGRESSION,
            CHOICE,
            SPAN,
            SPAN_OR_NONE,
            TAGGING,
            RETRIEVAL,
            MINING,
            DUAL_ENCODER,
            CANDIDATES,
            MASKED_LM,
        )
    }
)


def kind_of(task: Task) -> KindSpec[Any, Any]:
    """The description of the task's kind."""
    return KINDS[task.kind]


def objective_of(kind: Kind) -> Objective:
    """The head and loss of a kind. Raises TypeError if nothing is trained for it."""
    objective = KINDS[kind].objective
    if objective is None:
        raise TypeError(f"nothing is trained for {kind}")
    return objective


def scoring_of(task: Task) -> Scoring[Any, Any]:
    """How a task is predicted and scored. Raises TypeError if it is not."""
    scoring = kind_of(task).scoring
    if scoring is None:
        raise TypeError(f"{task.name} is not scored")
    return scoring


def model_for(encoder: Any, tasks: Iterable[Task], seed: int) -> Model:
    """The encoder with a fresh head for each task. The heads depend on the seed and the set of tasks, not on their order."""
    torch.manual_seed(seed)
    heads = {
        task.name: objective_of(task.kind).head(encoder, task) for task in sorted(tasks, key=lambda task: task.name)
    }
    for head in heads.values():
        initialise(head, encoder.config)
    return Model(encoder, heads)


def save_model(model: Model, task: Task, folder: Path | None) -> str:
    """Writes the encoder with the head of `task` as a folder. Returns the transformers class that loads it. All processes of a
    sharded model take part; one of them passes a folder.

    Raises RequestError if transformers has no class for it.
    """
    return hf_folders.save_model(model, task, kind_of(task).transformers, folder)
