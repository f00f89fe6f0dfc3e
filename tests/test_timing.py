"""The parts of a job: nested ones count once, and all of them add up."""

import threading
from dataclasses import dataclass

import pytest

from stilts_ray.timing import PARTS, HostClock, Stopwatch, measured, part


@dataclass
class Hands:
    """A clock that is moved by hand. What lies after `reached` is still to come."""

    now: float = 0.0
    reached: float = float("inf")

    def mark(self) -> float:
        return self.now

    def seconds(self, begin: float, end: float) -> float | None:
        return end - begin if end <= self.reached else None

    def finish(self) -> None:
        self.reached = self.now


def test_a_nested_part_counts_for_itself_alone() -> None:
    clock = Hands()
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


def test_a_part_that_fails_is_left() -> None:
    clock = Hands()

    @part("load")
    def fail() -> None:
        clock.now += 1
        raise KeyError

    with measured(clock) as stopwatch:
        with pytest.raises(KeyError):
            fail()
        clock.now += 2
        assert stopwatch.read() == {"load": 1, "other": 2}


def test_a_function_can_be_a_part_whenever_it_is_called() -> None:
    clock = Hands()

    @part("upload")
    def send(seconds: float) -> float:
        clock.now += seconds
        return seconds

    assert send(1) == 1, "without a stopwatch it is the function alone"
    with measured(clock) as stopwatch:
        assert send(2) + send(3) == 5
        assert stopwatch.read() == {"upload": 5}
    send(4)
    assert stopwatch.read() == {"upload": 5, "other": 4}, "what is done outside is no part any more"


def test_what_the_device_has_not_come_to_is_counted_when_it_has() -> None:
    clock = Hands(reached=0.0)
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


def test_other_threads_are_no_part_of_a_job() -> None:
    clock = Hands()

    def work() -> None:
        with part("upload"):
            clock.now += 1

    with measured(clock) as stopwatch:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert stopwatch.read() == {"other": 1}


def test_the_hosts_clock_gives_seconds() -> None:
    stopwatch, event = Stopwatch(HostClock()), threading.Event()
    stopwatch.enter("wait")
    event.wait(0.05)
    stopwatch.leave()
    assert 0.04 < stopwatch.read()["wait"] < 5
