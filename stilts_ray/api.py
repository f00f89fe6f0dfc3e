"""Sweeps from Python: `plan`, `run` and `load_results`, for scripts and notebooks.

    from stilts_ray import load_results, plan, run

    results = run("quickstart:mini", store="runs")
    results.table()
    results.to_pandas().query("metric == 'score'").groupby(["intermediate", "family"])["value"].mean()

Whatever is heavy is imported when it is used.
"""

import io
import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

# Before `plan` is defined: importing a subpackage binds its name in the package, which must end up as the function's.
import stilts_ray.plan  # noqa: F401
from stilts_ray.config import Runtime, Sweep, explain
from stilts_ray.errors import RequestError

if TYPE_CHECKING:
    import pandas as pd

    from stilts_ray.execution.progress import Display
    from stilts_ray.plan.build import Plan
    from stilts_ray.report.table import ResultTable
    from stilts_ray.store.state import StoreState


@dataclass(frozen=True, repr=False)
class Results:
    """The results of a sweep, as far as it is done. A notebook shows the result table.

    plan: the sweep's steps. state: the store's records of steps and jobs, by digest. jobs: how many jobs ended in the
    invocation that returned this, 0 if results were only loaded. report: path of the report.md that it wrote.
    """

    plan: "Plan"
    state: "StoreState"
    jobs: int = 0
    report: Path | None = None

    @property
    def failed(self) -> dict[str, str]:
        """Steps that failed, or were skipped because one before them did: folder in the store -> reason."""
        steps = [step for step in self.plan.steps if step.digest in self.state.failed]
        return {step.path: self.state.failed[step.digest] for step in steps}

    @cached_property
    def result_table(self) -> "ResultTable":
        """The result table with all that `stilts report` shows: trials, differences from the baseline, groups of languages."""
        from stilts_ray.report.table import results

        return results(self.plan, self.state.steps)

    def to_pandas(self) -> "pd.DataFrame":
        """Long format: one row per trial, test language and metric.

        Columns: encoder, intermediate ("baseline", "mnli", "mnli+squad"), target, language (code), family, script,
        morphology ("unknown" if no source gives it), seed, learning_rate (NaN if the encoder was not fine-tuned), metric
        ("score" is the one that is averaged), value (0-100), collapsed. Trials that diverged were not scored and have no
        rows.
        """
        from stilts_ray.report.frame import long_frame

        return long_frame(self.plan, self.state.steps)

    def table(self) -> "pd.DataFrame":
        """The result table, [conditions, targets + 1]: rows (encoder, intermediate) in the sweep's order, a column per
        target, then "average". Scores in 0-100, means over languages and over the seeds whose trials did not collapse; NaN
        where an evaluation is not done."""
        from stilts_ray.report.frame import wide_frame

        return wide_frame(self.result_table)

    def __repr__(self) -> str:
        done = sum(step.digest in self.state.steps for step in self.plan.steps)
        return f"<Results of {self.plan.sweep.name}: {done} of {len(self.plan.steps)} steps done, {len(self.failed)} failed>"

    def _repr_html_(self) -> str:
        from rich.console import Console

        from stilts_ray.report import terminal

        console = Console(record=True, file=io.StringIO(), width=120, force_jupyter=False)
        terminal.show(self.result_table, console)
        return console.export_html(inline_styles=True, code_format="<pre>{code}</pre>")


def plan(
    sweep: Sweep | str | Path,
    store: str | Path = "runs",
    *,
    data_dir: str | Path | None = None,
    local_data: str | Path | None = None,
) -> "Plan":
    """The plan of a sweep: its steps, each with its digest, its trials and their training tokens. Nothing is run.

    sweep: a `Sweep`, the path of a sweep file, or the name of a shipped one; `FILE:FUNCTION` and `NAME:FUNCTION` take another
    function than `sweep`. store: folder or URL (s3://, gs://) of finished steps. data_dir: folder of parquet files to read
    instead of the hub. local_data: folder of data sets to read instead of the hub's, or that the hub lacks.

    Raises RequestError if the sweep cannot be run as it stands.
    """
    from stilts_ray.store.data_source import open_store, plan_in

    return plan_in(open_store(store), _sweep(sweep), data_dir, local_data)


def run(
    sweep: Sweep | str | Path,
    store: str | Path = "runs",
    *,
    data_dir: str | Path | None = None,
    local_data: str | Path | None = None,
    display: "Display | None" = None,
    **runtime: Any,
) -> Results:
    """Runs what is left of a sweep, writes its report to `STORE/reports/NAME` if the store is a folder, and returns its
    results. The same call resumes a sweep that was interrupted. A step that fails is in `Results.failed`, and everything
    that does not depend on it is run.

    Arguments as in `plan`, and fields of `Runtime`: mlflow (tracking URI; default: SQLite in the store), address (Ray
    cluster), gpus_per_trial (default: 1 if this machine has a GPU), workers_per_trial, data_parallel, max_concurrent,
    checkpoint_seconds (s), max_failures, flawed_rows. A Ray that was initialised before is used and left running; else one
    is started, and shut down at the end. display: shows the progress; by default lines on stderr.

    Raises RequestError if the sweep cannot be run as it stands, `store` is in use by another invocation, or the cluster or
    the hub cannot be reached.
    """
    from stilts_ray.store.data_source import open_store, plan_in

    asked, place = _runtime(runtime), open_store(store)
    made = plan_in(place, _sweep(sweep), data_dir, local_data)
    # A wrong request is refused before any of these is loaded.
    from stilts_ray.execution.run import run_sweep
    from stilts_ray.report import output_files, table

    made, state, jobs = run_sweep(made, place, asked, display or _lines())
    report = None
    if place.local is not None:
        folder = place.local / "reports" / made.sweep.name
        report = output_files.write(made, state, table.results(made, state.steps), folder)
    return Results(made, state, jobs, report)


def load_results(
    store: str | Path,
    sweep: Sweep | str | Path,
    *,
    data_dir: str | Path | None = None,
    local_data: str | Path | None = None,
) -> Results:
    """The results of a sweep in a store, as far as it is done, also while it runs elsewhere. Loads neither Ray nor MLflow nor
    torch. Arguments as in `plan`; the data source is by default the one that the sweep was last run with.

    Raises RequestError if the sweep cannot be planned or a record is damaged.
    """
    from stilts_ray.store.data_source import open_store, plan_in
    from stilts_ray.store.state import state_of

    place = open_store(store)
    return Results(plan_in(place, _sweep(sweep), data_dir, local_data), state_of(place))


def _sweep(sweep: Sweep | str | Path) -> Sweep:
    from stilts_ray.config.sweep_file import load, named

    return sweep if isinstance(sweep, Sweep) else load(*named(str(sweep)))


def _lines() -> "Display":
    """A line per step on stderr. A notebook's stderr says that it is a terminal, and keeps every frame of a live table."""
    from rich.console import Console

    from stilts_ray.execution.progress import Progress

    return Progress(Console(stderr=True, force_terminal=False, force_jupyter=False))


def _runtime(fields: dict[str, Any]) -> Runtime:
    try:
        return Runtime(**{"gpus_per_trial": default_gpus(), **fields})
    except ValidationError as error:
        raise RequestError(explain(error)) from None


def default_gpus() -> float:
    """GPUs per trial: 1 if this machine has any, else 0."""
    if shutil.which("nvidia-smi") is None:
        return 0.0
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True).stdout
    return 1.0 if "GPU" in listed else 0.0
