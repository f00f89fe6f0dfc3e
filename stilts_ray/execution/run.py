"""One invocation of a sweep: pins its inputs, checks them, and runs its unfinished steps. Nothing here prints."""

from stilts_ray import tracking
from stilts_ray.config import Runtime
from stilts_ray.data.sources import MiniSource
from stilts_ray.execution.launch import locked, run_plan
from stilts_ray.execution.progress import Display
from stilts_ray.plan.build import Plan
from stilts_ray.plan.inputs import encoder_pin, folder_or_hub_id, input_splits, pretrained_encoders
from stilts_ray.report.overview import overview, summary
from stilts_ray.store.data_source import remember
from stilts_ray.store.pins import LockFile, changed_pins, lock, read_lock, resolved
from stilts_ray.store.state import StoreState, state_of
from stilts_ray.store.store import Store

SHOWN = 5
"""Maximum number of warnings of one kind that are shown individually."""


def run_sweep(plan: Plan, store: Store, runtime: Runtime, display: Display) -> tuple[Plan, StoreState, int]:
    """Runs the unfinished steps of a sweep. Returns its plan with every hub repository at a commit, the store's state
    afterwards, and how many jobs ended. Failed steps are in the state.

    Raises RequestError before training if the request is invalid.
    """
    name = plan.sweep.name
    with locked(store):
        plan = resolved(plan, store)
        remember(plan.data_source, store, plan.sweep)
        show_changes(read_lock(store, name), lock(plan, store), display)
        state = state_of(store)
        before = overview(plan, state)
        display.message(summary(before))
        done = {step.digest for step in before.steps if step.status == "done"}
        if len(done) < len(plan.steps):
            check_encoders(plan, display)
        uri = runtime.mlflow or tracking.default_uri(store)
        tracking.check(uri, name)
        check_rows(plan, done, runtime, display)
        with (
            tracking.Sender(uri, plan, store, state, warn=display.message) as sender,
            display.jobs_of(plan, done),
        ):
            result = run_plan(plan, store, state, runtime, [display, sender])
    return plan, state_of(store, state), result.jobs


def show_changes(before: LockFile | None, after: LockFile, display: Display) -> None:
    """Shows which inputs changed since the sweep's last invocation: steps that read them run again."""
    changed = changed_pins(before, after) if before else []
    if changed:
        display.message(f"changed since the last invocation, steps that read them run again: {', '.join(changed)}")


def show_sizes(lines: list[str], display: Display) -> None:
    """Warns of splits whose size is not the published one, the first few individually."""
    _warn(lines, "splits of other sizes", display)


def show_repairs(lines: list[str], display: Display) -> None:
    """Warns of splits with repaired rows, the first few individually."""
    _warn(lines, "splits with repaired rows; all are in the report", display)


def _warn(lines: list[str], what: str, display: Display) -> None:
    more = [f"and {len(lines) - SHOWN} more {what}"] if len(lines) > SHOWN else []
    for line in (*lines[:SHOWN], *more):
        display.warning(line)


def check_rows(plan: Plan, done: set[str], runtime: Runtime, display: Display) -> None:
    """Reads every row that unfinished steps need, and warns of differences from the published data. Raises RequestError for an
    invalid row."""
    splits = [split for step in plan.steps if step.digest not in done for split in input_splits(step, plan.data_source)]
    if not splits:
        return
    from stilts_ray.data import row_check as check

    if not isinstance(plan.data_source, MiniSource):
        display.message(f"checking the rows of {len(dict.fromkeys(splits))} splits before training")
    checked = check.check_rows(plan.data_source, splits)
    if runtime.flawed_rows == "refuse":
        check.refuse_repairs(checked)
    show_sizes(check.size_warnings(plan.data_source, checked), display)
    show_repairs([line for each in checked if (line := each.repairs)], display)


def check_encoders(plan: Plan, display: Display) -> None:
    """Checks the sweep's pretrained encoders, without their weights, and says which run padded. Raises RequestError for an
    unusable encoder."""
    pretrained = [weights for weights in pretrained_encoders(plan.sweep).values() if weights.source != "mini"]
    if not pretrained:
        return
    from stilts_ray.models.encoder_check import check_encoder, padding_note

    for weights in pretrained:
        commit = encoder_pin(weights, plan.data_source).get("revision")
        where = folder_or_hub_id(weights.source)
        architecture = check_encoder(where, commit, plan.data_source.repositories.values())
        if note := padding_note(where, architecture):
            display.message(note)
