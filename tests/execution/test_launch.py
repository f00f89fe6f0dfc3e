"""Numbers of concurrent and pending trials, and the environment after an invocation."""

import logging
import os
import sys

import pytest

from stilts_ray.config import Runtime
from stilts_ray.errors import RequestError
from stilts_ray.execution import launch
from stilts_ray.execution.launch import max_pending_trials


@pytest.mark.parametrize(
    "runtime, resources, trials",
    [
        ({}, {"CPU": 2.0}, 2),
        ({"gpus_per_trial": 1}, {"CPU": 16.0, "GPU": 8.0}, 8),
        ({"gpus_per_trial": 0.25}, {"CPU": 16.0, "GPU": 2.0}, 8),
        ({"gpus_per_trial": 0.25}, {"CPU": 4.0, "GPU": 2.0}, 4),
        ({"gpus_per_trial": 1, "workers_per_trial": 4}, {"CPU": 16.0, "GPU": 8.0}, 2),
        ({"workers_per_trial": 2}, {"CPU": 3.0}, 1),
        ({"gpus_per_trial": 0.3}, {"CPU": 1.0, "GPU": 1.0}, 1),
    ],
)
def test_as_many_trials_are_pending_as_run_at_once(
    runtime: dict[str, float], resources: dict[str, float], trials: int
) -> None:
    assert max_pending_trials(Runtime(**runtime), resources) == trials  # type: ignore[arg-type]


def test_a_cluster_grows_by_several_machines_at_once() -> None:
    assert max_pending_trials(Runtime(address="auto", gpus_per_trial=1), {"CPU": 0.0}) == 16


class FakeRay:
    """The part of Ray's interface that starts a session, connects to one and shuts it down."""

    def __init__(self, running: bool) -> None:
        self.running, self.calls = running, list[str]()

    def is_initialized(self) -> bool:
        return self.running

    def init(self, address: str | None, **options: object) -> None:
        self.calls.append("init")

    def shutdown(self) -> None:
        self.calls.append("shutdown")

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 2.0}


@pytest.mark.parametrize("running, calls", [(True, []), (False, ["init", "shutdown"])])
def test_a_running_ray_session_is_used_and_stays_open(
    running: bool, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = FakeRay(running)
    monkeypatch.setitem(sys.modules, "ray", ray)
    with launch._ray(Runtime()):
        assert os.environ["TUNE_MAX_PENDING_TRIALS_PG"] == "2"
    assert ray.calls == calls
    with pytest.raises(RequestError, match="asks for 3 workers"), launch._ray(Runtime(workers_per_trial=3)):
        pass
    assert ray.calls == 2 * calls, "shut down after an error, too"


def test_environment_and_loggers_are_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", FakeRay(True))
    monkeypatch.setenv("MALLOC_ARENA_MAX", "7")
    before, level = dict(os.environ), logging.getLogger("ray.tune").level
    with launch._ray(Runtime()):
        assert os.environ["MALLOC_ARENA_MAX"] == "7"
        assert os.environ.items() > before.items()
        assert logging.getLogger("ray.tune").level == logging.CRITICAL
    assert (dict(os.environ), logging.getLogger("ray.tune").level) == (before, level)
