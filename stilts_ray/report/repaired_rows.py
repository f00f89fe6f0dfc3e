"""The rows that a sweep read: how many became examples, and how many were repaired. Pure."""

from stilts_ray.plan.build import Plan
from stilts_ray.report.pipes import table
from stilts_ray.store.records import RowCounts, ScoreRecord, TrainingRecord
from stilts_ray.store.state import StoreState


def rows_read(plan: Plan, state: StoreState) -> dict[str, RowCounts]:
    """By split, as "<task> <split> (<language>)", over all finished jobs."""
    found: dict[str, RowCounts] = {}
    for job in state.jobs_of(plan):
        if isinstance(job, TrainingRecord | ScoreRecord):
            found |= job.data
    return dict(sorted(found.items()))


def repaired(plan: Plan, state: StoreState) -> str:
    """The splits with repaired rows, or rows left out by the data set's own rule, as a table; "" if there are none."""
    lines = [
        (name, f"{read.rows:,}", f"{read.examples:,}", _said(read))
        for name, read in rows_read(plan, state).items()
        if read.repairs or read.left_out
    ]
    return table(["split", "rows", "examples", "repaired rows, by rule"], lines) if lines else ""


def _said(read: RowCounts) -> str:
    rules = [f"{rule} {count:,}" for rule, count in sorted(read.repairs.items())]
    return ", ".join([*rules, *([f"left out by its own rule {read.left_out:,}"] if read.left_out else [])])
