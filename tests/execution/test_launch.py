"""How many trials are started at a time."""

import pytest

from stilts_ray.config import Runtime
from stilts_ray.execution.launch import waiting


@pytest.mark.parametrize(
    "asked, there, trials",
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
def test_as_many_trials_wait_as_run_at_once(asked: dict[str, float], there: dict[str, float], trials: int) -> None:
    assert waiting(Runtime(**asked), there) == trials  # type: ignore[arg-type]


def test_a_cluster_grows_by_several_machines_at_a_time() -> None:
    assert waiting(Runtime(address="auto", gpus_per_trial=1), {"CPU": 0.0}) == 16
