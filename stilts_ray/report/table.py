"""The result table: rows are encoders with an intermediate, columns are targets. Made from records alone."""

from collections.abc import Mapping
from typing import Any

from stilts_ray import tasks
from stilts_ray.evaluation.averages import average, average_name
from stilts_ray.plan.build import Plan
from stilts_ray.plan.steps import Condition, Evaluation, Step
from stilts_ray.report.best import best_rows
from stilts_ray.report.groups import groups
from stilts_ray.report.paired import gap
from stilts_ray.store.store import Record

Document = dict[str, Any]
"""{"sweep", "average_name", "rows": [{"encoder", "intermediate": [part of its name], "mixture", "average", "delta", "cells":
{target: cell}}], "best_per_target": [row of `stilts_ray.report.best`], "groups": {trait: [entry of
`stilts_ray.report.groups`]}}

A row's `mixture` is its `spec.Mixture` as plain data. A cell is None until its evaluation is done, else {"score", "sd",
"seeds": [{"seed", "learning_rate", "score", "collapsed", "dev"}], "delta", "collapsed", "languages": {code: {metric:
value}}, "signature"}. Scores are in 0-100. A delta is the difference from the encoder's baseline row, None for that row
itself and where there is none. A cell's `collapsed` counts runs. A run without a learning rate is the encoder itself, of
which there is one. A run's `dev` is its score on the target's dev data in the source language, None for targets that are
not trained, and where the run diverged.
"""


def results(plan: Plan, records: Mapping[str, Record]) -> Document:
    """The table as far as `records` (of steps, by digest) go; rows in the sweep's order."""
    scores = {row.digest: _scores(row, records) for row in plan.conditions}
    baselines = {row.encoder: scores[row.digest] for row in plan.conditions if not row.intermediate}
    rows = []
    for row in plan.conditions:
        own, base = scores[row.digest], baselines.get(row.encoder, {}) if row.intermediate else {}
        rows.append(
            {
                "encoder": row.encoder,
                "intermediate": list(row.intermediate),
                "mixture": row.mixture.model_dump(mode="json"),
                "average": average(own),
                "delta": gap(average(own), average(base)),
                "cells": {
                    target: _cell(
                        records[digest],
                        gap(own[target], base.get(target)),
                        _dev_scores(plan.by_digest[digest], records),
                    )
                    if digest in records
                    else None
                    for target, digest in row.cells.items()
                },
            }
        )
    return {
        "sweep": plan.sweep.name,
        "average_name": average_of(plan),
        "rows": rows,
        "best_per_target": best_rows(rows),
        "groups": groups(plan, records),
    }


def average_of(plan: Plan) -> str:
    """What the mean over the plan's targets is called."""
    tested = {step.task: step.languages for step in plan.steps if isinstance(step, Evaluation)}
    return average_name([(tasks.get(target).form, tested.get(target, ())) for target in plan.sweep.targets])


def intermediate_name(names: list[str] | tuple[str, ...]) -> str:
    """How an intermediate reads in tables: 'baseline', 'squad', 'hellaswag+squad'."""
    return "+".join(names) or "baseline"


def _scores(row: Condition, records: Mapping[str, Record]) -> dict[str, float | None]:
    return {target: records[digest]["score"] if digest in records else None for target, digest in row.cells.items()}


def _dev_scores(evaluation: Step, records: Mapping[str, Record]) -> dict[int, float | None]:
    """By seed, of the target's training. A target without training is tested on an intermediate run, whose dev score is of
    another task."""
    if not isinstance(evaluation, Evaluation) or not tasks.get(evaluation.task).trained:
        return {}
    runs = records.get(evaluation.of, {"runs": {}})["runs"]
    return {int(seed): run["score"] for seed, run in runs.items()}


def _cell(record: Record, delta: float | None, dev: Mapping[int, float | None]) -> dict[str, Any]:
    names = ("seed", "learning_rate", "score", "collapsed")
    seeds = [{**{name: entry[name] for name in names}, "dev": dev.get(entry["seed"])} for entry in record["seeds"]]
    taken = {name: record[name] for name in ("score", "sd", "collapsed", "languages", "signature")}
    return {**taken, "seeds": seeds, "delta": delta}
