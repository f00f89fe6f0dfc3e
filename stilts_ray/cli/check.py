"""The command that checks all that a sweep reads before anything is trained."""

import json
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from stilts_ray import api, tasks
from stilts_ray.cli.app import app, out
from stilts_ray.cli.options import SWEEP_HELP, DataOption, JsonOption, LocalOption, StoreOption
from stilts_ray.config import Pretrained
from stilts_ray.data.sources import HubSource, parse_repositories
from stilts_ray.errors import RequestError
from stilts_ray.plan.build import Plan
from stilts_ray.plan.inputs import encoder_pin, folder_or_hub_id, input_splits, pretrained_encoders, repository_key
from stilts_ray.store.data_source import open_store, real_data_source
from stilts_ray.store.pins import REPOSITORIES


@app.command()
def check(
    sweep: Annotated[str | None, typer.Argument(metavar="[SWEEP]", help=SWEEP_HELP)] = None,
    every: Annotated[bool, typer.Option("--all", help="Check every task, in every language.")] = False,
    store: StoreOption = "runs",
    data_dir: DataOption = None,
    local_data: LocalOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check every repository, row and encoder that a sweep reads (with --all, that any task reads): commits, sizes against the
    published ones, repairs. Downloads the rows. Exit status 1 if there is a problem."""
    if (sweep is None) != every:
        raise RequestError("check takes a sweep file, or --all")
    if sweep is not None:
        found = list(_of_plan(api.plan(sweep, store, data_dir=data_dir, local_data=local_data)))
    else:
        known = parse_repositories(open_store(store).read_json(REPOSITORIES) or {})
        found = list(_of_all(real_data_source(known, data_dir, local_data)))
    from stilts_ray.report.survey import document

    if as_json:
        print(json.dumps([document(finding) for finding in found], indent=1))
    else:
        show(found)
    raise typer.Exit(1 if any(finding.problems for finding in found) else 0)


def _of_plan(plan: Plan) -> Iterator[Any]:
    from stilts_ray.report.survey import survey

    for weights in pretrained_encoders(plan.sweep).values():
        yield _encoder(weights, plan)
    yield from survey(plan.data_source, [read for step in plan.steps for read in input_splits(step, plan.data_source)])


def _of_all(data_source: Any) -> Iterator[Any]:
    from stilts_ray.report.survey import every_split, survey

    # A task without a public repository is checked only where a folder may have it.
    asked = [
        task for task in tasks.TASKS.values() if not isinstance(data_source, HubSource) or not data_source.missing(task)
    ]
    yield from survey(data_source, every_split(data_source, asked))


def _encoder(weights: Pretrained, plan: Plan) -> Any:
    from stilts_ray.data.hub import look_up
    from stilts_ray.models.encoder_check import check_encoder
    from stilts_ray.report.survey import Finding

    where = folder_or_hub_id(weights.source)
    try:
        known = list(plan.data_source.repositories.values())
        commit = encoder_pin(weights, plan.data_source).get("revision")
        if "hub" in encoder_pin(weights, plan.data_source):
            repository = plan.data_source.repositories.get(repository_key(weights)) or look_up(
                weights.source, "model", weights.revision
            )
            known, commit, where = [*known, repository], repository.commit, repository.at
        check_encoder(folder_or_hub_id(weights.source), commit, known)
    except RequestError as error:
        return Finding(f"encoder {weights.source}", where, problems=(str(error),))
    return Finding(f"encoder {weights.source}", where)


def show(found: list[Any]) -> None:
    """Prints the findings as a table, and a line for each problem."""
    rows = [("what", "from", "languages", "rows", "published", "repaired", ""), *map(_cells, found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        out.print(line.rstrip(), highlight=False, markup=False, soft_wrap=True)
    for finding in found:
        for line in finding.problems:
            out.print(f"{finding.name}: {line}", style="red", highlight=False, markup=False, soft_wrap=True)
    out.print(
        f"{len(found)} checked, {sum(bool(finding.problems) for finding in found)} with problems", highlight=False
    )


def _cells(finding: Any) -> tuple[str, ...]:
    numbers = (f"{number:,}" if number else "" for number in (finding.languages, finding.rows, finding.published))
    repairs = ", ".join(f"{rule} {count:,}" for rule, count in finding.repairs.items())
    return finding.name, finding.where, *numbers, repairs, "problem" if finding.problems else "ok"
