"""`stilts run`, from a plan to the result table."""

from typing import Any

from rich.console import Console
from rich.markup import escape

from stilts_ray import tracking
from stilts_ray.config import Runtime
from stilts_ray.data.sources import MiniSource
from stilts_ray.execution.launch import Result, held, run_plan
from stilts_ray.execution.progress import Progress
from stilts_ray.plan.build import Plan
from stilts_ray.plan.inputs import encoder_pin, encoders_read, location, reads
from stilts_ray.report import output_files as files
from stilts_ray.report import table, terminal
from stilts_ray.report.overview import overview, summary
from stilts_ray.store.pins import changes, lock, resolved
from stilts_ray.store.state import StoreState, state_of
from stilts_ray.store.store import Store

SHOWN = 5
"""Warnings of one kind that are printed each for itself."""


def run_sweep(plan: Plan, store: Store, runtime: Runtime, out: Console) -> int:
    """Does what is left of a sweep and prints its table; returns the exit status. Raises RequestError."""
    name = plan.sweep.name
    with held(store):
        plan = resolved(plan, store)
        address = {part: value for part, value in plan.data_source.address().items() if part != "repositories"}
        store.write_json(address, "sweeps", f"{name}.json")
        warn_of_changes(store.read_json("locks", f"{name}.json"), lock(plan, store), out)
        state = state_of(store)
        before = overview(plan, state)
        out.print(summary(before), highlight=False, soft_wrap=True)
        done = {step["digest"] for step in before["steps"] if step["status"] == "done"}
        if len(done) < len(plan.steps):
            check_encoders(plan)
        uri = runtime.mlflow or tracking.default_uri(store)
        tracking.check(uri, name)
        check_rows(plan, done, runtime, out)
        with (
            tracking.Sender(
                uri, plan, store, state, warn=lambda line: out.print(escape(line), soft_wrap=True)
            ) as sender,
            Progress(plan, out, done) as progress,
        ):
            result = run_plan(plan, store, state, runtime, [progress, sender])
    show(plan, store, state_of(store, state), result, out)
    return 1 if result.failed else 0


def warn_of_changes(before: dict[str, Any] | None, after: dict[str, Any], out: Console) -> None:
    """Says what the sweep read otherwise when it was last run: it cannot use what was made from it."""
    changed = changes(before, after) if before else []
    if changed:
        line = f"changed since the last run, so that what depends on it is made anew: {', '.join(changed)}"
        out.print(escape(line), highlight=False, soft_wrap=True)


def warn_of_sizes(lines: list[str], out: Console) -> None:
    """Says which splits are not of their published size, the first few by name."""
    _say(lines, "splits of other sizes", out)


def say_repairs(lines: list[str], out: Console) -> None:
    """Says in which splits rows needed rules, the first few by name."""
    _say(lines, "splits with repaired rows; all are in the report", out)


def _say(lines: list[str], what: str, out: Console) -> None:
    more = [f"and {len(lines) - SHOWN} more {what}"] if len(lines) > SHOWN else []
    for line in (*lines[:SHOWN], *more):
        out.print(f"[yellow]{escape(line)}[/yellow]", highlight=False, soft_wrap=True)


def check_rows(plan: Plan, done: set[str], runtime: Runtime, out: Console) -> None:
    """Looks at all rows that are still to be read, and says what is unlike the published ones. Raises RequestError for one that
    cannot be used."""
    splits = [split for step in plan.steps if step.digest not in done for split in reads(step, plan.data_source)]
    if not splits:
        return
    from stilts_ray.data import row_check as check

    if not isinstance(plan.data_source, MiniSource):
        out.print(
            f"looking at the rows of {len(dict.fromkeys(splits))} splits before anything is trained", highlight=False
        )
    looked = check.check_rows(plan.data_source, splits)
    if runtime.flawed_rows == "refuse":
        check.refuse_repairs(looked)
    warn_of_sizes(check.size_warnings(plan.data_source, looked), out)
    say_repairs([line for each in looked if (line := each.repairs)], out)


def check_encoders(plan: Plan) -> None:
    """Looks at the encoders that the sweep reads, but for their weights. Raises RequestError for one that cannot be used."""
    starts = [start for start in encoders_read(plan.sweep).values() if start.source != "mini"]
    if not starts:
        return
    from stilts_ray.models.encoder_check import check_encoder

    for start in starts:
        commit = encoder_pin(start, plan.data_source).get("revision")
        check_encoder(location(start.source), commit, plan.data_source.repositories.values())


def show(plan: Plan, store: Store, state: StoreState, result: Result, out: Console) -> None:
    """The table, what failed, and where everything is."""
    document = table.results(plan, state.steps)
    terminal.show(document, out)
    failed = [plan.by_digest[digest] for digest in result.failed]
    for step in failed:
        if not any(digest in result.failed for digest in step.depends_on):
            reason = result.failed[step.digest]
            out.print(f"[red]failed[/red] {step.kind} {step.name}: {escape(reason)}", highlight=False, soft_wrap=True)
    idle = [f"{step.kind} {step.name}" for step in failed if any(digest in result.failed for digest in step.depends_on)]
    if idle:
        out.print(f"[red]not run[/red], for want of these: {', '.join(idle)}", highlight=False, soft_wrap=True)
    out.print(f"ran {result.jobs} jobs; store {store.url}", highlight=False)
    folder = store.local
    if folder is not None:
        written = files.write(plan, state, document, folder / "reports" / plan.sweep.name)
        out.print(f"report {written}", highlight=False)
    out.print(f"MLflow: stilts ui --store {store.url}", highlight=False)
