"""Sends MLflow runs during the sweep, from a thread of its own."""

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from stilts_ray.plan.build import Plan
from stilts_ray.store.records import AnyJobRecord, CurvePoint
from stilts_ray.store.state import StoreState, redacted, state_of
from stilts_ray.store.store import Store
from stilts_ray.tracking.address import reason
from stilts_ray.tracking.tracker import Tracker


def _print(line: str) -> None:
    print(line, file=sys.stderr)


class Sender:
    """A thread that keeps a server up to date with a store; a SweepCallback, and a context manager.

    A slow or unreachable server neither delays nor stops the sweep: one warning is printed, and what is missing is sent later,
    at the latest by the next invocation.
    """

    def __init__(
        self,
        uri: str,
        plan: Plan,
        store: Store,
        state: StoreState,
        warn: Callable[[str], None] = _print,
        pause: float = 2.0,
        patience: float = 60.0,
    ) -> None:
        """state: what has been read of the store already. warn: prints a warning. pause: seconds between synchronisations.
        patience: seconds until the next one after one that failed, and the longest time that leaving the context takes."""
        self.uri, self.plan, self.store, self.state, self.warn = uri, plan, store, state, warn
        self.pause, self.patience = pause, patience
        self.tracker = Tracker(uri, plan)
        self.changed, self.stopping, self.warned = threading.Event(), threading.Event(), False
        self.thread = threading.Thread(target=self._work, name="tracking", daemon=True)

    def __enter__(self) -> "Sender":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.thread.join(self.patience)
        if self.thread.is_alive():
            self._warn("it is too slow")

    def on_job_start(self, job: Any) -> None:
        """Does nothing: a job is sent when it has ended."""

    def on_evaluation(self, job: Any, point: CurvePoint) -> None:
        """Does nothing."""

    def on_job_end(self, job: Any, outcome: AnyJobRecord | str) -> None:
        """Notes that the store has something new."""
        self.changed.set()

    def _work(self) -> None:
        pause = self.pause
        while not self.stopping.wait(pause):
            if self.changed.is_set():
                self.changed.clear()
                begin = time.monotonic()
                done = self._sync()
                # Each synchronisation lists the whole store; the slower that is, the rarer they are.
                pause = max(self.pause, 10 * (time.monotonic() - begin)) if done else self.patience
        self._sync(last=True)

    def _sync(self, last: bool = False) -> bool:
        try:
            self.state = state_of(self.store, self.state)
            # While a sweep runs, the failures in its store are those of an earlier invocation.
            self.tracker.sync(self.state if last else replace(self.state, failed={}))
        except Exception as error:  # no error of MLflow may stop the sweep
            self._warn(reason(error))
            self.tracker = Tracker(self.uri, self.plan)
            self.changed.set()
            return False
        return True

    def _warn(self, why: str) -> None:
        if not self.warned:
            self.warned = True
            self.warn(f"MLflow at {redacted(self.uri)}: {why}; what it lacks is sent later, or by the next invocation")
