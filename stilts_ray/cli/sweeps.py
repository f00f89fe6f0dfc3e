"""Commands about one sweep: plan, run, status, report, export, lock."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from stilts_ray import api
from stilts_ray.cli.app import app, out
from stilts_ray.cli.options import (
    AddressOption,
    ConcurrentOption,
    DataOption,
    FailuresOption,
    GpusOption,
    JsonOption,
    LocalOption,
    MlflowOption,
    ParallelOption,
    SecondsOption,
    StoreOption,
    StrictOption,
    SweepArgument,
    WorkersOption,
)
from stilts_ray.errors import RequestError
from stilts_ray.identity import JSON, SHORT, digest
from stilts_ray.plan.calibration import read_calibration
from stilts_ray.plan.costs import comparison_lines
from stilts_ray.report.overview import overview, summary
from stilts_ray.store.data_source import open_store
from stilts_ray.store.state import STEP_KINDS


@app.command()
def plan(
    sweep: SweepArgument,
    store: StoreOption = "runs",
    data_dir: DataOption = None,
    local_data: LocalOption = None,
    calibration: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Output of benchmarks/calibrate.py, for GPU-hours.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the steps of a sweep: what is done, what is left, and what it costs. Nothing is run."""
    found = api.load_results(store, sweep, data_dir=data_dir, local_data=local_data)
    document = overview(found.plan, found.state, read_calibration(calibration) if calibration else None)
    if as_json:
        print(document.model_dump_json(indent=1))
        return
    for step in document.steps:
        cost = f"{step.trials} trials, {step.train_tokens:,} tokens" if step.trials else ""
        out.print(f"{step.status:6} {step.kind:10} {step.name}-{step.digest[:8]}  {cost}", highlight=False)
        if step.changed:
            out.print(f"{'':17} changed: {', '.join(step.changed)}", highlight=False, markup=False, soft_wrap=True)
    for line in [summary(document), *comparison_lines(document.comparison)]:
        out.print(line, highlight=False, soft_wrap=True)
    if found.plan.unresolved:
        names = ", ".join(found.plan.unresolved)
        out.print(f"commits not looked up yet (digests will change): {names}", highlight=False)


@app.command()
def run(
    sweep: SweepArgument,
    store: StoreOption = "runs",
    data_dir: DataOption = None,
    local_data: LocalOption = None,
    mlflow: MlflowOption = None,
    address: AddressOption = None,
    gpus_per_trial: GpusOption = None,
    workers_per_trial: WorkersOption = 1,
    data_parallel: ParallelOption = "ddp",
    max_concurrent: ConcurrentOption = None,
    checkpoint_seconds: SecondsOption = 60.0,
    max_failures: FailuresOption = 3,
    strict: StrictOption = False,
) -> None:
    """Run what is left of a sweep, then print the result table. The same command resumes a sweep that was interrupted."""
    from stilts_ray.execution.progress import Progress

    options = {
        "mlflow": mlflow,
        "address": address,
        "gpus_per_trial": gpus_per_trial,
        "workers_per_trial": workers_per_trial,
        "data_parallel": data_parallel,
        "max_concurrent": max_concurrent,
        "checkpoint_seconds": checkpoint_seconds,
        "max_failures": max_failures,
        "flawed_rows": "refuse" if strict else "repair",
    }
    given = {name: value for name, value in options.items() if value is not None}
    results = api.run(sweep, store, data_dir=data_dir, local_data=local_data, display=Progress(out), **given)
    show(results, open_store(store).url)
    raise typer.Exit(1 if results.failed else 0)


def show(results: api.Results, store: str) -> None:
    """Prints the result table, what failed, and where everything is."""
    from stilts_ray.report import terminal

    terminal.show(results.result_table, out)
    for line in failures(results):
        out.print(line, highlight=False, soft_wrap=True)
    out.print(f"ran {results.jobs} jobs; store {store}", highlight=False)
    if results.report is not None:
        out.print(f"report {results.report}", highlight=False)
    out.print(f"MLflow: stilts ui --store {store}", highlight=False)


def failures(results: api.Results) -> list[str]:
    """A line for each step that failed, and one for all that were skipped because of them, with rich's markup."""
    failed = results.state.failed
    steps = [step for step in results.plan.steps if step.digest in failed]
    skipped = [step for step in steps if any(needed in failed for needed in step.depends_on)]
    lines = [
        f"[red]failed[/red] {step.kind} {step.name}: {escape(failed[step.digest])}"
        for step in steps
        if step not in skipped
    ]
    names = ", ".join(f"{step.kind} {step.name}" for step in skipped)
    return [*lines, f"[red]skipped[/red], because a step that they need failed: {names}"] if skipped else lines


@app.command()
def status(
    sweep: SweepArgument,
    store: StoreOption = "runs",
    data_dir: DataOption = None,
    local_data: LocalOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the progress of a sweep, also while it runs elsewhere."""
    found = api.load_results(store, sweep, data_dir=data_dir, local_data=local_data)
    document = overview(found.plan, found.state)
    if as_json:
        print(document.model_dump_json(indent=1))
        return
    for kind in STEP_KINDS:
        steps = [step for step in document.steps if step.kind == kind]
        if steps:
            counts = ", ".join(f"{sum(s.status == name for s in steps)} {name}" for name in ("done", "new", "failed"))
            out.print(f"{kind:10} {counts}", highlight=False)
    for step in document.steps:
        if step.status == "failed":
            out.print(f"failed: {step.kind} {step.name}-{step.digest[:8]}", highlight=False)


@app.command()
def report(
    sweep: SweepArgument,
    store: StoreOption = "runs",
    data_dir: DataOption = None,
    local_data: LocalOption = None,
    folder: Annotated[Path | None, typer.Option("--out", help="Where to write report.md and results.csv.")] = None,
    against: Annotated[
        str | None, typer.Option(help="'published': published scores of XLM-R Large beside these.")
    ] = None,
    with_claims: Annotated[bool, typer.Option("--claims", help="Test the paper's claims on the table.")] = False,
    with_profile: Annotated[bool, typer.Option("--profile", help="Show where the jobs' time went.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Print the result table, as far as the sweep is done."""
    from stilts_ray.paper import claims, findings
    from stilts_ray.paper import published_figures as published
    from stilts_ray.report import output_files as files
    from stilts_ray.report import profile, terminal
    from stilts_ray.report import repaired_rows as rows

    if against not in (None, "published"):
        raise RequestError(f"--against: unknown '{against}'; known: published")
    found = api.load_results(store, sweep, data_dir=data_dir, local_data=local_data)
    made, state, document = found.plan, found.state, found.result_table
    beside = published.compare(document) if against else None
    verdicts = claims.judge(document) if with_claims else []
    spent = profile.profile(made, state) if with_profile else []
    if folder is not None:
        files.write(made, state, document, folder, findings.appendix(beside, verdicts) + profile.markdown(spent))
    if as_json:
        counts = rows.rows_read(made, state)
        more: dict[str, Any] = {"data": {split: read.model_dump() for split, read in counts.items()}}
        more |= {"published": asdict(beside)} if beside else {}
        more |= {"claims": [verdict.as_dict() for verdict in verdicts]} if with_claims else {}
        more |= {"profile": profile.document(spent)} if with_profile else {}
        print(json.dumps(document.model_dump(mode="json") | more, indent=1))
        return
    terminal.show(document, out)
    if beside is not None:
        findings.show_published(beside, out)
    findings.show_claims(verdicts, out)
    profile.show(spent, out)


@app.command()
def export(
    sweep: SweepArgument,
    store: StoreOption = "runs",
    data_dir: DataOption = None,
    local_data: LocalOption = None,
    predictions: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write all predictions and labels as XTREME's submission trees.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="ROW/TARGET", help="Write this model as a Hugging Face model folder.")
    ] = None,
    to: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to write the model.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the model; default: the first.")] = None,
) -> None:
    """Export a finished sweep: its predictions, or one of its models."""
    if predictions is None and model is None:
        raise RequestError("export needs --predictions DIR, or --model ROW/TARGET --to DIR")
    if (model is None) != (to is None):
        raise RequestError("--model ROW/TARGET and --to DIR go together")
    from stilts_ray.execution.export import export_model, export_predictions

    found, place = api.load_results(store, sweep, data_dir=data_dir, local_data=local_data), open_store(store)
    if predictions is not None:
        rows = export_predictions(found.plan, place, found.state, predictions)
        line = f"{len(rows)} rows and their labels in {predictions}: {', '.join(rows)}"
        out.print(line, highlight=False, markup=False, soft_wrap=True)
    if model is not None and to is not None:
        loader = export_model(found.plan, place, found.state, model, seed, to)
        out.print(f"{model} in {to}; load it with transformers.{loader}", highlight=False, markup=False, soft_wrap=True)


@app.command("lock")
def lock_sweep(
    sweep: SweepArgument,
    store: StoreOption = "runs",
    data_dir: DataOption = None,
    local_data: LocalOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pin what a sweep reads: hub repositories by commit, folders by content. `run` does this too."""
    from stilts_ray.store.pins import lock

    place = open_store(store)
    file = lock(api.plan(sweep, store, data_dir=data_dir, local_data=local_data), place)
    if as_json:
        print(file.model_dump_json(indent=1))
        return
    for name, pin in file.pins.items():
        out.print(f"{name}: {short_pin(pin)}", highlight=False, markup=False, soft_wrap=True)
    out.print(f"written to {place.url}/locks/{file.sweep}.json", highlight=False, markup=False, soft_wrap=True)


def short_pin(pin: JSON) -> str:
    """A hub repository with its commit; of anything else, a digest of its content."""
    return (
        f"{pin['hub']} at {pin['revision']}"
        if isinstance(pin, dict) and "hub" in pin
        else f"content {digest(pin)[:SHORT]}"
    )
