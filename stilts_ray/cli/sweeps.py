"""Commands about one sweep: plan, run, status, report, export, lock."""

import json
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from stilts_ray.cli.app import app, out
from stilts_ray.cli.request import JsonOption, of_sweep
from stilts_ray.config import Runtime, explain
from stilts_ray.config.runtime import DataParallel
from stilts_ray.errors import RequestError
from stilts_ray.identity import SHORT, digest
from stilts_ray.plan.build import Plan
from stilts_ray.plan.calibration import read_calibration
from stilts_ray.plan.costs import in_words
from stilts_ray.report.overview import overview, summary
from stilts_ray.store.state import STEP_KINDS, state_of
from stilts_ray.store.store import Store


@app.command()
@of_sweep
def plan(
    made: Plan,
    place: Store,
    calibration: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What benchmarks/calibrate.py wrote, for GPU-hours.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the steps of a sweep: what is done, what is left, what it costs. Nothing is run."""
    document = overview(made, state_of(place), read_calibration(calibration) if calibration else None)
    if as_json:
        print(document.model_dump_json(indent=1))
        return
    for step in document.steps:
        cost = f"{step.trials} trials, {step.train_tokens:,} tokens" if step.trials else ""
        out.print(f"{step.status:6} {step.kind:10} {step.name}-{step.digest[:8]}  {cost}", highlight=False)
        if step.changed:
            out.print(f"{'':17} changed: {', '.join(step.changed)}", highlight=False, markup=False, soft_wrap=True)
    for line in [summary(document), *in_words(document.comparison)]:
        out.print(line, highlight=False, soft_wrap=True)
    if made.unresolved:
        out.print(f"commits not looked up yet (digests will change): {', '.join(made.unresolved)}", highlight=False)


@app.command()
@of_sweep
def run(
    made: Plan,
    place: Store,
    mlflow: Annotated[str | None, typer.Option(help="MLflow server; default: SQLite in the store.")] = None,
    address: Annotated[str | None, typer.Option(help="Ray cluster to join ('auto' on its head).")] = None,
    gpus_per_trial: Annotated[
        float | None, typer.Option(help="May be a fraction; default: 1 where there is a GPU, else 0.")
    ] = None,
    workers_per_trial: Annotated[int, typer.Option(help="Processes (GPUs) that train one model together.")] = 1,
    data_parallel: Annotated[
        DataParallel,
        typer.Option(
            help="What each of several workers has: 'ddp', all of a model; 'fsdp', a part of every layer (FSDP2)."
        ),
    ] = "ddp",
    max_concurrent: Annotated[int | None, typer.Option(help="Trials at a time; default: as many as fit.")] = None,
    checkpoint_seconds: Annotated[float, typer.Option(help="Work of a trial that a crash may cost at most.")] = 60.0,
    max_failures: Annotated[
        int, typer.Option(help="How often a trial whose machine or process died is gone on with.")
    ] = 3,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse rows with known flaws instead of repairing them.")
    ] = False,
) -> None:
    """Do what is left of a sweep, then print the result table. The same command again goes on where it ended."""
    try:
        runtime = Runtime(
            mlflow=mlflow,
            address=address,
            gpus_per_trial=default_gpus() if gpus_per_trial is None else gpus_per_trial,
            workers_per_trial=workers_per_trial,
            data_parallel=data_parallel,
            max_concurrent=max_concurrent,
            checkpoint_seconds=checkpoint_seconds,
            max_failures=max_failures,
            flawed_rows="refuse" if strict else "repair",
        )
    except ValidationError as error:
        raise RequestError(explain(error)) from None
    # A wrong request is refused before torch and Ray are loaded.
    from stilts_ray.execution.command import run_sweep

    raise typer.Exit(run_sweep(made, place, runtime, out))


def default_gpus() -> float:
    """One GPU a trial where this machine has any."""
    if shutil.which("nvidia-smi") is None:
        return 0.0
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True).stdout
    return 1.0 if "GPU" in listed else 0.0


@app.command()
@of_sweep
def status(
    made: Plan,
    place: Store,
    as_json: JsonOption = False,
) -> None:
    """Show how far a sweep is, also while it runs elsewhere."""
    document = overview(made, state_of(place))
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
@of_sweep
def report(
    made: Plan,
    place: Store,
    folder: Annotated[Path | None, typer.Option("--out", help="Where to write report.md and results.csv.")] = None,
    against: Annotated[str | None, typer.Option(help="'published': figures of XLM-R Large beside ours.")] = None,
    with_claims: Annotated[bool, typer.Option("--claims", help="Hold the table against the paper's claims.")] = False,
    with_profile: Annotated[bool, typer.Option("--profile", help="Say where the jobs' time went.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Print the result table of what is finished."""
    from stilts_ray.paper import claims, findings
    from stilts_ray.paper import published_figures as published
    from stilts_ray.report import output_files as files
    from stilts_ray.report import profile, table, terminal
    from stilts_ray.report import repaired_rows as rows

    if against not in (None, "published"):
        raise RequestError(f"--against: there is no '{against}'; known: published")
    state = state_of(place)
    document = table.results(made, state.steps)
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
@of_sweep
def export(
    made: Plan,
    place: Store,
    predictions: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write all predictions and labels as XTREME's submission trees.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="ROW/TARGET", help="Write this model as a Hugging Face folder.")
    ] = None,
    to: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to write the model.")] = None,
    seed: Annotated[int | None, typer.Option(help="Which run of the model; default: the first seed.")] = None,
) -> None:
    """Write what a finished sweep made: its predictions, or one of its models."""
    if predictions is None and model is None:
        raise RequestError("export needs --predictions DIR, or --model ROW/TARGET --to DIR")
    if (model is None) != (to is None):
        raise RequestError("--model ROW/TARGET and --to DIR belong together")
    from stilts_ray.execution.export import export_model, export_predictions

    state = state_of(place)
    if predictions is not None:
        rows = export_predictions(made, place, state, predictions)
        line = f"{len(rows)} rows and their labels in {predictions}: {', '.join(rows)}"
        out.print(line, highlight=False, markup=False, soft_wrap=True)
    if model is not None and to is not None:
        loader = export_model(made, place, state, model, seed, to)
        out.print(f"{model} in {to}; load it with transformers.{loader}", highlight=False, markup=False, soft_wrap=True)


@app.command("lock")
@of_sweep
def lock_sweep(
    made: Plan,
    place: Store,
    as_json: JsonOption = False,
) -> None:
    """Pin what a sweep reads: hub repositories at a commit, folders by their content. `run` does this too."""
    from stilts_ray.store.pins import lock, pins

    document = lock(made, place)
    if as_json:
        print(json.dumps(document, indent=1))
        return
    for name, pin in pins(document).items():
        out.print(f"{name}: {short_pin(pin)}", highlight=False, markup=False, soft_wrap=True)
    out.print(f"written to {place.url}/locks/{document['sweep']}.json", highlight=False, markup=False, soft_wrap=True)


def short_pin(pin: dict[str, Any]) -> str:
    """A hub repository with its commit; of anything else a digest of what pins it."""
    return f"{pin['hub']} at {pin['revision']}" if "hub" in pin else f"content {digest(pin)[:SHORT]}"
