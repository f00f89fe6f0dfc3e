"""The report as files: report.md to read, results.csv to compute with."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from stilts_ray.errors import RequestError
from stilts_ray.plan.build import Plan
from stilts_ray.report.best import BestRow
from stilts_ray.report.groups import TRAITS, trait
from stilts_ray.report.markdown import report
from stilts_ray.report.table import Records, ResultTable, intermediate_name
from stilts_ray.store.records import EvaluationRecord
from stilts_ray.store.state import StoreState

COLUMNS = (
    "encoder", "intermediate", "target", "language", "metric", "seed", "learning_rate", "value", "collapsed",
    "family", "morphology", "best_per_target",
)  # fmt: skip


def write(plan: Plan, state: StoreState, document: ResultTable, folder: Path, appendix: str = "") -> Path:
    """Writes both files to `folder`; returns the path of report.md, which ends with `appendix`. document: the result table
    of this state. Raises RequestError if it cannot."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "results.csv").write_text(results_csv(plan, state.steps, document), encoding="utf-8")
        (folder / "report.md").write_text(report(plan, state, document) + appendix, encoding="utf-8")
    except OSError as error:
        raise RequestError(f"cannot write the report to {folder}: {error.strerror}") from None
    return folder / "report.md"


def results_csv(plan: Plan, records: Records, document: ResultTable) -> str:
    """A line per trial, language and metric; collapsed trials are marked, and those that diverged have no lines.

    best_per_target: whether the trial is one of the table's row "best per target".
    """
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(COLUMNS)
    chosen = _chosen(document.best_per_target)
    for row in plan.conditions:
        for target, digest in row.cells.items():
            record = records.get(digest)
            for trial in record.trials if isinstance(record, EvaluationRecord) else ():
                place = (row.encoder.name, intermediate_name(row.intermediate), target)
                made = (trial.seed, trial.learning_rate)
                collapsed, best = _flag(trial.collapsed), _flag((*place, trial.seed) in chosen)
                for language, metrics in trial.languages.items():
                    traits = [trait(language, name) for name in TRAITS]
                    for metric, value in metrics.items():
                        lines.writerow((*place, language, metric, *made, value, collapsed, *traits, best))
    return text.getvalue()


def _chosen(rows: Iterable[BestRow]) -> set[tuple[str, str, str, int]]:
    """Encoder, intermediate, target and seed of the trials in the rows of the best per target."""
    return {
        (row.encoder, intermediate_name(trial.intermediate), target, trial.seed)
        for row in rows
        for target, cell in row.cells.items()
        for trial in cell.trials
    }


def _flag(value: object) -> str:
    return str(bool(value)).lower()
