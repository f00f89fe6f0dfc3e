"""The parts of a job: nested ones are timed once, and all of them sum to the job's time."""

import threading
from dataclasses import dataclass

import pytest

from stilts_ray.timing import PARTS, HostClock, Stopwatch, measured, part


@dataclass
class ManualClock:
    """A clock set by the test. The device has not reached marks later than `reached`."""

    now: float = 0.0
    reached: float = float("inf")

    def mark(self) -> float:
        return self.now

    def seconds(self, begin: float, end: float) -> float | None:
        return end - begin if end <= self.reached else None

    def finish(self) -> None:
        self.reached = self.now


def test_a_nested_part_is_timed_alone() -> None:
    clock = ManualClock()
    with measured(clock) as stopwatch:
        clock.now += 1
        with part("evaluate"):
            clock.now += 2
            with part("tokenise"):
                clock.now += 4
                with part("load"):
                    clock.now += 8
            clock.now += 16
        with part("tokenise"):
            clock.now += 32
        clock.now += 64
        assert stopwatch.read() == {"evaluate": 18, "tokenise": 36, "load": 8, "other": 65}
    assert sum(stopwatch.spent.values()) == clock.now
    assert tuple(stopwatch.spent) == PARTS


def test_a_part_ends_with_an_exception() -> None:
    clock = ManualClock()

    @part("load")
    def fail() -> None:
        clock.now += 1
        raise KeyError

    with measured(clock) as stopwatch:
        with pytest.raises(KeyError):
            fail()
        clock.now += 2
        assert stopwatch.read() == {"load": 1, "other": 2}


def test_a_decorated_function_is_a_part_at_every_call() -> None:
    clock = ManualClock()

    @part("upload")
    def send(seconds: float) -> float:
        clock.now += seconds
        return seconds

    assert send(1) == 1, "without a stopwatch only the function is called"
    with measured(clock) as stopwatch:
        assert send(2) + send(3) == 5
        assert stopwatch.read() == {"upload": 5}
    send(4)
    assert stopwatch.read() == {"upload": 5, "other": 4}, "calls outside the context are not timed"


def test_intervals_are_counted_once_the_device_has_reached_them() -> None:
    clock = ManualClock(reached=0.0)
    with measured(clock) as stopwatch:
        for _ in range(3):
            with part("forward"):
                clock.now += 1
            with part("backward"):
                clock.now += 2
        assert sum(stopwatch.spent.values()) == 0
        clock.reached = 4
        with part("wait"):
            pass
        assert {name: spent for name, spent in stopwatch.spent.items() if spent} == {"forward": 2, "backward": 2}
        assert stopwatch.read() == {"forward": 3, "backward": 6}


def test_other_threads_are_not_timed() -> None:
    clock = ManualClock()

    def work() -> None:
        with part("upload"):
            clock.now += 1

    with measured(clock) as stopwatch:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert stopwatch.read() == {"other": 1}


def test_the_host_clock_measures_seconds() -> None:
    stopwatch, event = Stopwatch(HostClock()), threading.Event()
    stopwatch.enter("wait")
    event.wait(0.05)
    stopwatch.leave()
    assert 0.04 < stopwatch.read()["wait"] < 5
