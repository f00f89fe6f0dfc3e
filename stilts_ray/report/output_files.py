"""The report as files: report.md to read, results.csv to compute with."""

from collections.abc import Iterable
from pathlib import Path

from stilts_ray.errors import RequestError
from stilts_ray.plan.build import Plan
from stilts_ray.report.best import BestRow
from stilts_ray.report.frame import long_frame
from stilts_ray.report.markdown import report
from stilts_ray.report.table import Records, ResultTable, intermediate_name
from stilts_ray.store.state import StoreState

COLUMNS = [
    "encoder", "intermediate", "target", "language", "metric", "seed", "learning_rate", "value", "collapsed",
    "family", "morphology", "best_per_target", "script",
]  # fmt: skip


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
    """The long frame (`stilts_ray.report.frame.long_frame`) as CSV, with one column more.

    best_per_target: is the trial one of those in the table's row of the best per target?
    """
    frame = long_frame(plan, records)
    chosen = _chosen(document.best_per_target)
    trials = zip(frame["encoder"], frame["intermediate"], frame["target"], frame["seed"], strict=True)
    frame["best_per_target"] = [_flag(trial in chosen) for trial in trials]
    frame["collapsed"] = frame["collapsed"].map(_flag)
    return str(frame.to_csv(columns=COLUMNS, index=False, lineterminator="\n"))


def _chosen(rows: Iterable[BestRow]) -> set[tuple[str, str, str, int]]:
    """Encoder, intermediate, target and seed of the trials in the rows of the best per target."""
    return {
        (row.encoder, intermediate_name(trial.intermediate), target, trial.seed)
        for row in rows
        for target, cell in row.cells.items()
        for trial in cell.trials
    }


def _flag(value: bool) -> str:
    return str(value).lower()
