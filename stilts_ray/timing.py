"""Where a job's seconds go: a stopwatch that is on exactly one part of the work at any moment.

Work says what it is with `part`, wherever it is done; the stopwatch that `measured` has started counts it. Without one nothing
is counted.
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
"""load: encoder and weights into the model. tokenise: rows and their sequences, made or read. wait: for the job, and for its
batches. forward, backward, optimizer: a training step. evaluate: predictions, scores and losses. checkpoint: training state,
saved or read. upload: results into the store. other: the rest."""
PARTS: tuple[Part, ...] = get_args(Part)


class Clock(Protocol):
    """Marks moments. On a device that works behind the host a moment may be still to come."""

    def mark(self) -> Any:
        """This moment."""

    def seconds(self, begin: Any, end: Any) -> float | None:
        """Between two moments; None while the later one is still to come."""

    def finish(self) -> None:
        """Waits for all moments that were marked."""


class HostClock:
    """The clock of this process."""

    def mark(self) -> float:
        """This moment, in seconds."""
        return time.perf_counter()

    def seconds(self, begin: float, end: float) -> float:
        """Between two moments."""
        return end - begin

    def finish(self) -> None:
        """Nothing is still to come."""


class Stopwatch:
    """Seconds by part. Of nested parts the inner one alone counts, so that all of them add up to the time since the start."""

    def __init__(self, clock: Clock) -> None:
        """Starts on "other"."""
        self.clock, self.spent = clock, dict.fromkeys(PARTS, 0.0)
        self._parts: list[Part] = ["other"]
        self._ahead: deque[tuple[Part, Any, Any]] = deque()
        self._since = clock.mark()

    def enter(self, name: Part) -> None:
        """Goes on with a part."""
        self._mark()
        self._parts.append(name)

    def leave(self) -> None:
        """Goes back to what the part was entered from."""
        self._mark()
        self._parts.pop()

    def read(self) -> dict[str, float]:
        """Seconds so far, to the millisecond, of the parts that took any."""
        self._mark()
        self.clock.finish()
        self._count()
        return {name: round(seconds, 3) for name, seconds in self.spent.items() if round(seconds, 3)}

    def _mark(self) -> None:
        now = self.clock.mark()
        self._ahead.append((self._parts[-1], self._since, now))
        self._since = now
        self._count()

    def _count(self) -> None:
        # What has come to pass by now is counted without waiting for the rest.
        while self._ahead:
            name, begin, end = self._ahead[0]
            seconds = self.clock.seconds(begin, end)
            if seconds is None:
                return
            self.spent[name] += seconds
            self._ahead.popleft()


_RUNNING: ContextVar[Stopwatch | None] = ContextVar("stopwatch", default=None)


@contextmanager
def measured(clock: Clock) -> Iterator[Stopwatch]:
    """A stopwatch that counts the parts of what is done in the context, in this thread."""
    stopwatch = Stopwatch(clock)
    token = _RUNNING.set(stopwatch)
    try:
        yield stopwatch
    finally:
        _RUNNING.reset(token)


@contextmanager
def part(name: Part) -> Iterator[None]:
    """What is done in the context, or in a function that this decorates, is this part of the work."""
    stopwatch = _RUNNING.get()
    if stopwatch is None:
        yield
        return
    stopwatch.enter(name)
    try:
        yield
    finally:
        stopwatch.leave()
