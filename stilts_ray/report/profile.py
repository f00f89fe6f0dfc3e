"""The time of a sweep's jobs by part of their work: on a terminal by kind of step, as Markdown and JSON by step."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stilts_ray.plan.build import Plan
from stilts_ray.report.pipes import table
from stilts_ray.store.records import AnyJobRecord
from stilts_ray.store.state import StoreState, trials_of
from stilts_ray.timing import PARTS

LONGEST = 5
"""Number of steps that the terminal lists one by one."""


@dataclass(frozen=True)
class Spent:
    """Time of a step's finished jobs. seconds: by part, over the jobs that were profiled; None if none was. unmeasured: number
    of the others."""

    kind: str
    name: str
    jobs: int
    unmeasured: int
    seconds: Mapping[str, float] | None

    @property
    def total(self) -> float:
        """Seconds over all parts."""
        return sum((self.seconds or {}).values())

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        seconds = self.seconds and {name: round(value, 3) for name, value in self.seconds.items()}
        total = self.seconds and round(self.total, 3)
        return {**vars(self), "seconds": seconds, "total": total}


def profile(plan: Plan, state: StoreState) -> list[Spent]:
    """The time of the plan's steps, of those with a finished job. A job that several steps use counts once."""
    users = {trial.digest: digest for digest in plan.by_digest for trial in trials_of(state.steps.get(digest))}
    jobs: dict[str, list[AnyJobRecord]] = {}
    for job in state.jobs_of(plan):
        jobs.setdefault(job.step if job.step in plan.by_digest else users[job.digest], []).append(job)
    return [_spent(step.kind, step.name, jobs[step.digest]) for step in plan.steps if step.digest in jobs]


def document(steps: Sequence[Spent]) -> dict[str, Any]:
    """For JSON: the steps, and their sum."""
    return {"steps": [step.as_dict() for step in steps], "total": sum_spent("total", steps).as_dict()}


def _spent(kind: str, name: str, jobs: Sequence[AnyJobRecord]) -> Spent:
    measured = [job.profile for job in jobs if job.profile is not None]
    return Spent(kind, name, len(jobs), len(jobs) - len(measured), _summed(measured))


def sum_spent(name: str, steps: Sequence[Spent]) -> Spent:
    """The sum of several."""
    seconds = _summed([step.seconds for step in steps if step.seconds is not None])
    return Spent(name, name, sum(step.jobs for step in steps), sum(step.unmeasured for step in steps), seconds)


def _summed(profiles: Sequence[Mapping[str, float]]) -> dict[str, float] | None:
    if not profiles:
        return None
    return {part: sum(each.get(part, 0.0) for each in profiles) for part in PARTS}


# Tables


def show(steps: Sequence[Spent], console: Console) -> None:
    """Prints a column for each kind of step, and the steps that took longest."""
    if not steps:
        return
    console.print(_by_kind(steps))
    console.print(_longest(steps))
    for line in _remarks(steps):
        console.print(line, style="dim", highlight=False, markup=False)


def markdown(steps: Sequence[Spent]) -> str:
    """A section of a report with a line for every step."""
    if not steps:
        return ""
    lines = [
        [spent.kind, spent.name, spent.jobs, *(_number(spent, part) for part in PARTS), _total(spent)]
        for spent in (*steps, sum_spent("total", steps))
    ]
    head = ["kind", "step", "jobs", *PARTS, "total"]
    remarks = "".join(f"- {line}\n" for line in _remarks(steps))
    return f"\n## Where the time went\n\n{table(head, lines)}\n{remarks}"


def _by_kind(steps: Sequence[Spent]) -> Table:
    kinds = dict.fromkeys(step.kind for step in steps)
    whole = sum_spent("total", steps)
    columns = [*(sum_spent(kind, [step for step in steps if step.kind == kind]) for kind in kinds), whole]
    grid = _grid("seconds of", *(column.name for column in columns), "share")
    for part in PARTS:
        grid.add_row(part, *(_number(column, part) for column in columns), _share(whole, part))
    grid.add_section()
    grid.add_row("total", *map(_total, columns), "")
    grid.add_row("jobs", *(f"{column.jobs:,}" for column in columns), "")
    return grid


def _longest(steps: Sequence[Spent]) -> Table:
    ranked = sorted(steps, key=lambda step: -step.total)
    grid = _grid("longest steps", "jobs", "seconds")
    grid.add_column("most of it in", overflow="fold")
    for spent in ranked[:LONGEST]:
        most = sorted(PARTS, key=lambda part: -(spent.seconds or {}).get(part, 0.0))[:2]
        shares = ", ".join(f"{part} {_share(spent, part)}" for part in most) if spent.seconds else "–"
        grid.add_row(spent.name, f"{spent.jobs}", _total(spent), shares)
    if rest := ranked[LONGEST:]:
        others = sum_spent("", rest)
        grid.add_row(Text(f"and {len(rest)} more", "dim"), f"{others.jobs}", _total(others), "")
    return grid


def _grid(first: str, *numbers: str) -> Table:
    grid = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    grid.add_column(first, overflow="fold")
    for name in numbers:
        grid.add_column(name, justify="right", no_wrap=True)
    return grid


def _remarks(steps: Sequence[Spent]) -> Iterable[str]:
    yield "summed over jobs, of which several run at a time; wait: of a process for its job, of training for its batches"
    whole = sum_spent("total", steps)
    if whole.unmeasured:
        yield f"{whole.unmeasured} of {whole.jobs} jobs have no profile, and are not in the sums"


def _number(spent: Spent, part: str) -> str:
    return "–" if spent.seconds is None else f"{spent.seconds[part]:,.1f}"


def _total(spent: Spent) -> str:
    return "–" if spent.seconds is None else f"{spent.total:,.1f}"


def _share(spent: Spent, part: str) -> str:
    return "–" if not spent.seconds or not spent.total else f"{100 * spent.seconds[part] / spent.total:.0f}%"
