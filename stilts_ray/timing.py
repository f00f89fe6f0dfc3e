"""A job's time by part of its work: a stopwatch that times exactly one part at any moment.

Code marks itself with `part`; the stopwatch started by `measured` times it. Without a stopwatch, `part` does nothing.
"""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal, Protocol, get_args

Part = Literal[
    "load", "tokenise", "wait", "forward", "backward", "optimizer", "evaluate", "checkpoint", "upload", "other"
]
"""load: loading encoder and weights into the model. tokenise: making or reading examples and their sequences. wait: waiting for
the job, and making batches. forward, backward, optimizer: a training step. evaluate: predictions, scores and losses.
checkpoint: saving or loading training state. upload: writing results to the store. other: the rest."""
PARTS: tuple[Part, ...] = get_args(Part)


class Clock(Protocol):
    """Makes time marks. A device runs behind the host and may not have reached a mark yet."""

    def mark(self) -> Any:
        """A mark at the present moment."""

    def seconds(self, begin: Any, end: Any) -> float | None:
        """Seconds between two marks; None while the device has not reached the later one."""

    def finish(self) -> None:
        """Waits until all marks are reached."""


class HostClock:
    """The host's clock."""

    def mark(self) -> float:
        """The present moment, in seconds."""
        return time.perf_counter()

    def seconds(self, begin: float, end: float) -> float:
        """Seconds between two marks."""
        return end - begin

    def finish(self) -> None:
        """Returns at once: every mark is reached when it is made."""


class Stopwatch:
    """Seconds by part. While parts are nested, only the innermost one is timed, so that all parts sum to the time since the
    start."""

    def __init__(self, clock: Clock) -> None:
        """Starts on "other"."""
        self.clock, self.spent = clock, dict.fromkeys(PARTS, 0.0)
        self._parts: list[Part] = ["other"]
        self._pending: deque[tuple[Part, Any, Any]] = deque()
        self._last_mark = clock.mark()

    def enter(self, name: Part) -> None:
        """Enters a part."""
        self._mark()
        self._parts.append(name)

    def leave(self) -> None:
        """Leaves the current part for the one around it."""
        self._mark()
        self._parts.pop()

    def read(self) -> dict[str, float]:
        """Seconds so far by part, to the millisecond; parts that round to 0 are left out."""
        self._mark()
        self.clock.finish()
        self._count()
        return {name: round(seconds, 3) for name, seconds in self.spent.items() if round(seconds, 3)}

    def _mark(self) -> None:
        now = self.clock.mark()
        self._pending.append((self._parts[-1], self._last_mark, now))
        self._last_mark = now
        self._count()

    def _count(self) -> None:
        # Counts the intervals whose marks are reached, without waiting for the others.
        while self._pending:
            name, begin, end = self._pending[0]
            seconds = self.clock.seconds(begin, end)
            if seconds is None:
                return
            self.spent[name] += seconds
            self._pending.popleft()


_RUNNING: ContextVar[Stopwatch | None] = ContextVar("stopwatch", default=None)


@contextmanager
def measured(clock: Clock) -> Iterator[Stopwatch]:
    """A stopwatch that times the parts of the code within the context, in this thread."""
    stopwatch = Stopwatch(clock)
    token = _RUNNING.set(stopwatch)
    try:
        yield stopwatch
    finally:
        _RUNNING.reset(token)


@contextmanager
def part(name: Part) -> Iterator[None]:
    """Times the code within the context, or the decorated function, as this part."""
    stopwatch = _RUNNING.get()
    if stopwatch is None:
        yield
        return
    stopwatch.enter(name)
    try:
        yield
    finally:
        stopwatch.leave()
