"""Sends runs while the sweep goes on, without ever holding it up."""

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from stilts_ray.plan.build import Plan
from stilts_ray.store.records import AnyJobRecord
from stilts_ray.store.state import StoreState, redacted, state_of
from stilts_ray.store.store import Store
from stilts_ray.tracking.address import reason
from stilts_ray.tracking.tracker import Tracker


def _print(line: str) -> None:
    print(line, file=sys.stderr)


class Sender:
    """A thread that keeps a server up to date with a store; a Watcher of the sweep, and a context.

    A server that is slow or gone delays nothing and stops nothing: there is one line of warning, and what is missing is
    sent later, at the latest by the next run of the sweep.
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
        """state: what has been read of the store already. pause: seconds between two rounds. patience: seconds after a round
        that failed, and the longest time that leaving the context takes."""
        self.uri, self.plan, self.store, self.state, self.warn = uri, plan, store, state, warn
        self.pause, self.patience = pause, patience
        self.tracker = Tracker(uri, plan)
        self.news, self.over, self.warned = threading.Event(), threading.Event(), False
        self.thread = threading.Thread(target=self._work, name="tracking", daemon=True)

    def __enter__(self) -> "Sender":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join(self.patience)
        if self.thread.is_alive():
            self._complain("it is too slow")

    def on_job_start(self, job: Any) -> None:
        """Nothing: what has ended is sent."""

    def on_evaluation(self, job: Any, entry: dict[str, Any]) -> None:
        """Nothing."""

    def on_job_end(self, job: Any, outcome: AnyJobRecord | str) -> None:
        """There is something new in the store."""
        self.news.set()

    def _work(self) -> None:
        pause = self.pause
        while not self.over.wait(pause):
            if self.news.is_set():
                self.news.clear()
                begin = time.monotonic()
                done = self._sync()
                # A round reads the whole store; where that is slow, rounds are rare.
                pause = max(self.pause, 10 * (time.monotonic() - begin)) if done else self.patience
        self._sync(last=True)

    def _sync(self, last: bool = False) -> bool:
        try:
            self.state = state_of(self.store, self.state)
            # While a sweep runs, the failures in its store are those of an earlier run.
            self.tracker.sync(self.state if last else replace(self.state, failed={}))
        except Exception as error:  # whatever it is, the sweep goes on
            self._complain(reason(error))
            self.tracker = Tracker(self.uri, self.plan)
            self.news.set()
            return False
        return True

    def _complain(self, why: str) -> None:
        if not self.warned:
            self.warned = True
            self.warn(f"MLflow at {redacted(self.uri)}: {why}; what is missing there is sent later or by the next run")
