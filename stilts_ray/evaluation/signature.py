"""What a score means, in one line: everything that would make another number of the same predictions, or of the same model.

In the form of sacreBLEU's signatures (Post 2018): `udpos|data:google/xtreme@1a2b3c4d|split:test|...`.
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from stilts_ray.identity import SHORT, digest
from stilts_ray.tasks.base import Kind, Repair, Task

RULES: dict[Kind, str] = {
    Kind.SEQUENCE_CLASSIFICATION: "accuracy",
    Kind.CHOICE: "accuracy",
    Kind.TAGGING: "seqeval-f1-of-runs",
    Kind.SPAN: "mean-of-em-and-f1",
    Kind.SPAN_OR_NONE: "mean-of-em-and-f1-at-their-best-thresholds",
    Kind.RETRIEVAL: "accuracy-of-nearest-by-cosine-for-english-queries",
    Kind.DUAL: "map@20-by-dot-product-of-the-head",
    Kind.MINING: "f1-by-ratio-margin-of-4-neighbours",
}
"""How a kind is scored, if its task does not name another of its metrics."""


def signature(
    task: Task,
    data: Any,
    layer: int | None = None,
    languages: Sequence[str] = (),
    candidates: Any = None,
    repairs: Mapping[Repair, int] | None = None,
) -> str:
    """The signature of a task's scores on some data (`Origin.identity`); layer: whose vectors are compared, if any are.
    languages: those of the evaluation, whose candidates are one pool. candidates: data of those that are apart instead.
    repairs: how many rows needed each rule."""
    parts = {
        "data": _short(data),
        "split": task.test,
        "rule": task.metric or RULES[task.kind],
    }
    if task.kind in {Kind.SPAN, Kind.SPAN_OR_NONE}:
        parts["answers"] = task.answers
    if layer is not None:
        parts |= {"layer": str(layer), "pooling": "mean-with-special-tokens"}
    if task.kind is Kind.DUAL:
        parts["pool"] = f"{task.candidates}:{_short(candidates)}" if task.candidates else "+".join(sorted(languages))
    if task.kind is Kind.MINING:
        parts["threshold"] = "best-on-dev"
    if repairs:
        parts["repaired"] = "+".join(f"{rule}-{count}" for rule, count in sorted(repairs.items()))
    parts |= {"task-version": str(task.version), "scorer": f"stilts_ray-{version('stilts_ray')}"}
    return "|".join([task.name, *(f"{name}:{value}" for name, value in parts.items())])


def _short(data: Any) -> str:
    """What pins data, in a word."""
    return f"{data['hub']}@{data['revision'][:SHORT]}" if "hub" in data else f"content-{digest(data)[:SHORT]}"
