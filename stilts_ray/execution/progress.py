"""The progress display of a running sweep: a live table on a terminal, else one line per step."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from stilts_ray.execution.callback import SweepCallback
from stilts_ray.execution.jobs import Job
from stilts_ray.execution.run_index import Outcome
from stilts_ray.plan.build import Plan
from stilts_ray.plan.steps import Evaluation, Pretrain, Ranking, Study
from stilts_ray.store.records import CurvePoint, ScoreRecord

ROWS = 20
"""Maximum number of steps in the table: running steps, then the latest to end."""


class Display(SweepCallback, Protocol):
    """The display of an invocation of a sweep: messages and warnings, then its jobs."""

    def message(self, line: str) -> None:
        """Shows an information."""

    def warning(self, line: str) -> None:
        """Shows a warning."""

    def jobs_of(self, plan: Plan, finished: set[str]) -> AbstractContextManager[None]:
        """Shows jobs inside a with block. finished: digests of finished steps."""


@dataclass
class Line:
    """State of one step. total, done, failed: numbers of jobs. running: digests of jobs. best: best score so far. changed: time
    of the last event by the monotonic clock, 0 before the first."""

    name: str
    kind: str
    total: int
    done: int = 0
    failed: int = 0
    running: set[str] = field(default_factory=set)
    best: float | None = None
    changed: float = 0.0


class Progress:
    """A `Display` on a console."""

    def __init__(self, console: Console) -> None:
        self.console, self.start = console, time.monotonic()
        self.lines: dict[str, Line] = {}
        # Rendered twice a second, not at every event: a large sweep has many events and lines.
        live = Live(console=console, refresh_per_second=2, transient=True, get_renderable=self._rendered)
        self.live = live if console.is_terminal else None

    def message(self, line: str) -> None:
        """Prints a line."""
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def warning(self, line: str) -> None:
        """Prints a line in yellow."""
        self.console.print(line, style="yellow", highlight=False, markup=False, soft_wrap=True)

    @contextmanager
    def jobs_of(self, plan: Plan, finished: set[str]) -> Iterator[None]:
        """Shows the live table, if the console is a terminal."""
        self.start = time.monotonic()
        self.lines = {
            step.digest: Line(step.name, step.kind, _jobs(step))
            for step in plan.steps
            if isinstance(step, Pretrain | Study | Ranking | Evaluation) and step.digest not in finished
        }
        with self.live or nullcontext():
            yield

    def on_job_start(self, job: Job) -> None:
        """Marks the job's step as running; warns if the job is restarted."""
        if line := self.lines.get(job.step):
            if job.digest in line.running:
                self.warning(f"{job.kind} {job.name}: its worker crashed; it resumes from its last checkpoint")
            line.running.add(job.digest)
            line.changed = time.monotonic()

    def on_evaluation(self, job: Job, point: CurvePoint) -> None:
        """Keeps the step's best dev score so far."""
        if line := self.lines.get(job.step):
            score = point.score
            line.best = score if line.best is None else max(score, line.best)

    def on_job_end(self, job: Job, outcome: Outcome) -> None:
        """Counts the job; without a live table prints a line when its step has ended."""
        line = self.lines.get(job.step)
        if line is None:
            return
        line.running.discard(job.digest)
        line.changed = time.monotonic()
        if isinstance(outcome, str):
            line.failed += 1
            self.console.print(
                f"[red]failed[/red] {job.kind} {job.name}: {escape(outcome)}", highlight=False, soft_wrap=True
            )
        else:
            line.done += 1
            if isinstance(outcome, ScoreRecord):
                line.best = outcome.score
        if self.live is None and line.done + line.failed >= line.total:
            self.console.print(f"{self._clock()} {line.kind} {line.name}: {_score(line)}", highlight=False)

    def _clock(self) -> str:
        return _duration(time.monotonic() - self.start)

    def _rendered(self) -> Group:
        return Group(self._table(), self._summary())

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name, align in (("step", "left"), ("", "left"), ("jobs", "right"), ("best", "right")):
            table.add_column(name, justify=align, no_wrap=True)  # type: ignore[arg-type]
        shown = sorted(self.lines.values(), key=lambda line: (not line.running, -line.changed))[:ROWS]
        for line in sorted((line for line in shown if line.changed), key=lambda line: line.changed):
            state = "[yellow]running[/yellow]" if line.running else "[green]done[/green]"
            if not line.running and line.done + line.failed < line.total:
                state = "waiting"
            table.add_row(line.name, state, f"{line.done}/{line.total}", _score(line))
        return table

    def _summary(self) -> Text:
        lines = self.lines.values()
        total, done = sum(line.total for line in lines), sum(line.done + line.failed for line in lines)
        waiting = sum(not line.changed for line in lines)
        elapsed = time.monotonic() - self.start
        remaining = f", about {_duration(elapsed / done * (total - done))} left" if done else ""
        return Text(f"{done}/{total} jobs in {_duration(elapsed)}{remaining}; {waiting} steps waiting", style="dim")


def _jobs(step: Pretrain | Study | Ranking | Evaluation) -> int:
    match step:
        case Study():
            return step.trials
        case Ranking() | Evaluation():
            return len(step.seeds)
    return 1


def _score(line: Line) -> str:
    return "–" if line.best is None else f"{line.best:.1f}"


def _duration(seconds: float) -> str:
    minutes, whole_seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{whole_seconds:02d}" if hours else f"{minutes}:{whole_seconds:02d}"
