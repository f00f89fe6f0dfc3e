"""The signature of a score, in one line: everything that would change the number for the same predictions or the same model.

In the form of sacreBLEU's signatures (Post 2018): `udpos|data:google/xtreme@1a2b3c4d|split:test|...`.
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from stilts_ray.identity import SHORT, digest
from stilts_ray.kinds import scoring_of
from stilts_ray.tasks.base import Repair, Task


def signature(
    task: Task,
    data: Any,
    layer: int | None = None,
    languages: Sequence[str] = (),
    candidates: Any = None,
    repairs: Mapping[Repair, int] | None = None,
) -> str:
    """The signature of a task's scores on some data (`DataSource.identity`). layer: the one whose vectors are compared, if any
    are. languages: those of the evaluation, whose candidates are one pool. candidates: the data of separate ones, if there are
    any. repairs: how many rows needed each rule."""
    scoring = scoring_of(task)
    pool = f"{task.candidates}:{_short(candidates)}" if task.candidates else "+".join(sorted(languages))
    parts = {"data": _short(data), "split": task.test, "rule": task.metric or scoring.rule}
    if layer is not None:
        parts |= {"layer": str(layer), "pooling": "mean-with-special-tokens"}
    parts |= scoring.signature(task, pool)
    if repairs:
        parts["repaired"] = "+".join(f"{rule}-{count}" for rule, count in sorted(repairs.items()))
    parts |= {"task-version": str(task.version), "scorer": f"stilts_ray-{version('stilts_ray')}"}
    return "|".join([task.name, *(f"{name}:{value}" for name, value in parts.items())])


def _short(data: Any) -> str:
    """The pin of data, in a word."""
    return f"{data['hub']}@{data['revision'][:SHORT]}" if "hub" in data else f"content-{digest(data)[:SHORT]}"
