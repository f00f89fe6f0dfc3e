"""Which rows a sweep read, and what became of them. Pure."""

from typing import Any

from stilts_ray.plan.build import Plan
from stilts_ray.report.pipes import table
from stilts_ray.store.state import StoreState


def rows_read(plan: Plan, state: StoreState) -> dict[str, Any]:
    """{"<task> <split> (<language>)": {"rows", "examples", "left_out", "repairs": {rule: rows}}} of all jobs that are done."""
    found: dict[str, Any] = {}
    for job in state.jobs_of(plan):
        found |= job.get("data", {})
    return dict(sorted(found.items()))


def repaired(plan: Plan, state: StoreState) -> str:
    """The splits in which rows needed a rule, or were left out by the data set's own, as a table; "" if there are none."""
    lines = [
        (name, f"{read['rows']:,}", f"{read['examples']:,}", _said(read))
        for name, read in rows_read(plan, state).items()
        if read["repairs"] or read["left_out"]
    ]
    return table(["split", "rows", "examples", "rows that needed a rule"], lines) if lines else ""


def _said(read: dict[str, Any]) -> str:
    rules = [f"{rule} {count:,}" for rule, count in sorted(read["repairs"].items())]
    return ", ".join([*rules, *([f"left out by its own rule {read['left_out']:,}"] if read["left_out"] else [])])
