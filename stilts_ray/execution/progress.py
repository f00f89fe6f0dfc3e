"""What the user sees while a sweep runs: a live table on a terminal, a line a step elsewhere."""

import time
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from stilts_ray.execution.jobs import Job
from stilts_ray.execution.run_index import Outcome
from stilts_ray.plan.build import Plan
from stilts_ray.plan.steps import Evaluation, Pretrain, Ranking, Study
from stilts_ray.store.records import ScoreRecord

ROWS = 20
"""Steps shown at once: those that run, then those that ended last."""


@dataclass
class Line:
    """State of one step."""

    name: str
    kind: str
    total: int
    done: int = 0
    failed: int = 0
    running: set[str] = field(default_factory=set)
    best: float | None = None
    share: dict[str, int] = field(default_factory=dict)
    changed: float = 0.0


class Progress:
    """A Watcher that shows a sweep on a console; use it as a context."""

    def __init__(self, plan: Plan, console: Console, finished: set[str]) -> None:
        """`finished`: digests of steps that are done already."""
        self.console, self.begin = console, time.monotonic()
        self.lines = {
            step.digest: Line(step.name, step.kind, _jobs(step))
            for step in plan.steps
            if isinstance(step, Pretrain | Study | Ranking | Evaluation) and step.digest not in finished
        }
        # Drawn twice a second, not at every event: a large sweep has many of them, and many lines to choose from.
        live = Live(console=console, refresh_per_second=2, transient=True, get_renderable=self._shown)
        self.live = live if console.is_terminal else None

    def __enter__(self) -> "Progress":
        if self.live is not None:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live is not None:
            self.live.stop()

    def on_job_start(self, job: Job) -> None:
        """Marks the job's step as running; says so if it had begun before."""
        if line := self.lines.get(job.step):
            if job.digest in line.running:
                again = f"{job.kind} {job.name}: its process died, and it is gone on with from its last checkpoint"
                self.console.print(f"[yellow]{escape(again)}[/yellow]", highlight=False, soft_wrap=True)
            line.running.add(job.digest)
            line.changed = time.monotonic()

    def on_evaluation(self, job: Job, entry: dict[str, Any]) -> None:
        """Notes the step's best dev score so far."""
        if line := self.lines.get(job.step):
            score = float(entry["score"])
            line.best = score if line.best is None else max(score, line.best)

    def on_job_end(self, job: Job, outcome: Outcome) -> None:
        """Counts the job; on a plain console prints a line when its step is through."""
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
        return _duration(time.monotonic() - self.begin)

    def _shown(self) -> Group:
        return Group(self._table(), self._summary())

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name, align in (("step", "left"), ("", "left"), ("runs", "right"), ("best", "right")):
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
        spent = time.monotonic() - self.begin
        left = f", about {_duration(spent / done * (total - done))} left" if done else ""
        return Text(f"{done}/{total} runs in {_duration(spent)}{left}; {waiting} steps waiting", style="dim")


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
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
