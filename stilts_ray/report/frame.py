"""Results as pandas frames: long, with a row per trial, language and metric, and wide, as the result table."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from stilts_ray.plan.build import Plan
from stilts_ray.report.groups import trait
from stilts_ray.report.table import Records, ResultTable, intermediate_name
from stilts_ray.store.records import EvaluationRecord

TRAITS = ("family", "script", "morphology")
"""What is said of a language: `stilts_ray.report.groups.trait`."""

DTYPES = {
    "encoder": "str",
    "intermediate": "str",
    "target": "str",
    "language": "str",
    "family": "str",
    "script": "str",
    "morphology": "str",
    "seed": "int64",
    "learning_rate": "float64",
    "metric": "str",
    "value": "float64",
    "collapsed": "bool",
}
"""Columns of the long frame, in order."""


def long_frame(plan: Plan, records: Records) -> pd.DataFrame:
    """A row per scored trial, test language and metric, as far as `records` (of steps, by digest) go. Columns: `DTYPES`.

    value is in 0-100; the metric "score" is the one that enters averages. learning_rate is NaN where the encoder was not
    fine-tuned. A collapsed trial is marked; a diverged one was not scored and has no rows. A language trait that no source
    gives is "unknown".
    """
    return pd.DataFrame(_rows(plan, records), columns=list(DTYPES)).astype(DTYPES)


def wide_frame(table: ResultTable) -> pd.DataFrame:
    """A row per condition, in the order of the result table, indexed by (encoder, intermediate). Columns: the targets, then
    "average". Scores are in 0-100: means over languages and over trials that did not collapse; NaN where there is none."""
    rows = [(row.encoder, intermediate_name(row.intermediate)) for row in table.rows]
    index = pd.MultiIndex.from_tuples(rows, names=["encoder", "intermediate"])
    scores = [
        {target: cell.score if cell else None for target, cell in row.cells.items()} | {"average": row.average}
        for row in table.rows
    ]
    return pd.DataFrame(scores, index=index).astype("float64")


def _rows(plan: Plan, records: Records) -> Iterator[tuple[Any, ...]]:
    for condition in plan.conditions:
        for target, digest in condition.cells.items():
            record = records.get(digest)
            for trial in record.trials if isinstance(record, EvaluationRecord) else ():
                key = (condition.encoder.name, intermediate_name(condition.intermediate), target)
                for language, metrics in trial.languages.items():
                    for metric, value in metrics.items():
                        trained = (trial.seed, trial.learning_rate, metric, value, trial.collapsed)
                        yield (*key, language, *_traits(language), *trained)


def _traits(code: str) -> tuple[str, ...]:
    return tuple(trait(code, name) for name in TRAITS)
