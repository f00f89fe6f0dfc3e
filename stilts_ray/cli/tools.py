"""Commands that need no sweep: score, tasks, mini, ui."""

import contextlib
import json
import subprocess
from pathlib import Path
from typing import Annotated

import typer

from stilts_ray import tasks
from stilts_ray.cli.app import app, out
from stilts_ray.cli.options import JsonOption, StoreOption
from stilts_ray.errors import RequestError
from stilts_ray.store.data_source import open_store
from stilts_ray.store.state import STEP_KINDS


@app.command()
def score(
    predictions: Annotated[Path, typer.Argument(metavar="PREDICTIONS", help="Folder of TASK/test-LANGUAGE.SUFFIX.")],
    labels: Annotated[Path, typer.Argument(metavar="LABELS", help="Folder of the same form with the gold labels.")],
    benchmark: Annotated[str, typer.Option(help="xtreme or xtreme-r.")] = "xtreme",
    as_json: JsonOption = False,
) -> None:
    """Score predictions in XTREME's submission tree by XTREME's rules."""
    from stilts_ray.evaluation.submission import score_tree
    from stilts_ray.report import submission_scores as scores

    document = score_tree(predictions, labels, benchmark)
    if as_json:
        print(json.dumps(document, indent=1))
        return
    scores.show(document, out)


@app.command("tasks")
def list_tasks(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Show this task in full.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the tasks: what each predicts, what it is trained on, in which languages it is tested; or show one in full."""
    from stilts_ray.report.sheet import entry, lines, sheet

    if name is not None:
        document = sheet(tasks.get(name))
        shown = [json.dumps(document, indent=1)] if as_json else lines(document)
        for line in shown:
            out.print(line, highlight=False, markup=False, soft_wrap=True)
        return
    entries = [entry(task) for task in tasks.TASKS.values()]
    if as_json:
        print(json.dumps(entries, indent=1))
        return
    for each in entries:
        roles = " and ".join(each["roles"])
        trained = f", trained on {each['trained_on']}" if each["trained_on"] else ""
        languages = f", {len(each['languages'])} languages" if each["languages"] else ""
        out.print(f"{each['name']:16} {each['kind']:20} {roles}{trained}{languages}", highlight=False, soft_wrap=True)


@app.command("mini")
def generated_languages(
    describe: Annotated[
        bool, typer.Option("--describe", help="Describe the languages; the default without --write.")
    ] = False,
    folder: Annotated[
        Path | None, typer.Option("--write", metavar="DIR", help="Write all data sets as parquet files.")
    ] = None,
    languages: Annotated[str, typer.Option(help="Which to write: mini or mini-gradient.")] = "mini",
    as_json: JsonOption = False,
) -> None:
    """Describe the generated languages and how near each is to the pivot language, or write their data sets."""
    from stilts_ray.mini.describe import everything
    from stilts_ray.report.mini_languages import show

    written = write_languages(languages, folder) if folder is not None else ""
    if as_json:
        print(json.dumps(everything(), indent=1))
        return
    if written:
        out.print(written, highlight=False, markup=False, soft_wrap=True)
    if describe or not written:
        show(everything(), out)


def write_languages(languages: str, folder: Path) -> str:
    """Writes all data sets of a set of languages; returns a line that says so."""
    from stilts_ray.mini.build import write_world

    return f"{len(write_world(languages, folder))} data sets and languages.json written to {folder}"


@app.command()
def ui(store: StoreOption = "runs", port: Annotated[int, typer.Option(help="Port on this machine.")] = 5000) -> None:
    """Open the MLflow UI on a store."""
    from stilts_ray import tracking

    place = open_store(store)
    uri = tracking.default_uri(place)
    if not any(place.records(kind) for kind in STEP_KINDS):
        raise RequestError(f"store {store} holds no finished step; run a sweep first: stilts run SWEEP --store {store}")
    out.print(f"MLflow UI on http://127.0.0.1:{port} (end with Ctrl-C); result tables:")
    for name, link in tracking.table_links(uri, f"http://127.0.0.1:{port}").items():
        out.print(f"{name}: {link}", highlight=False, soft_wrap=True)
    with contextlib.suppress(KeyboardInterrupt):
        raise typer.Exit(subprocess.call(tracking.ui_command(uri, port)))
