"""What Ray Tune is given: the function that it runs for every job, and the resources which that asks for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ray.tune

from stilts_ray.config.runtime import DataParallel
from stilts_ray.execution.jobs import Job
from stilts_ray.store.store import Record


@dataclass(frozen=True)
class Setting:
    """Where jobs of a sweep run; plain data that travels to the workers."""

    store: str
    data_source: dict[str, Any]
    checkpoint_seconds: float
    gpus: float
    workers: int
    data_parallel: DataParallel

    def alone(self, kind: str) -> bool:
        """Whether one process does a job of that kind; only training is shared."""
        return self.workers == 1 or kind in {"score", "rank"}


ExecuteJob = Callable[[Job, Any], Record]
"""What is done for a job at a place: its record is in the store afterwards."""


def execute_job(job: Job, place: Any) -> Record:
    """Executes a job, as `stilts_ray.execution.execute.execute_job`.

    That module imports torch, which takes seconds. The driver never needs it and starts the workers meanwhile.
    """
    from stilts_ray.execution.execute import execute_job

    return execute_job(job, place)


def trainable(setting: Setting, work: ExecuteJob) -> Callable[[dict[str, Any]], None]:
    """The function that Ray Tune runs for every job, with the resources it asks for.

    With one worker it does the job itself, in an actor that Tune reuses. With several, training is done by a group of
    workers, which the trial starts and waits for.
    """

    def run(config: dict[str, Any]) -> None:
        from stilts_ray.execution.worker import carry

        carry(Job.from_json(config["job"]), setting, work, config["handed_out"])

    def resources(config: dict[str, Any]) -> ray.tune.PlacementGroupFactory:
        kinds = {"CPU": 1.0, "GPU": setting.gpus} if setting.alone(config["kind"]) else CRUMB
        return ray.tune.PlacementGroupFactory([{name: amount for name, amount in kinds.items() if amount}])

    return ray.tune.with_resources(run, resources)  # type: ignore[no-any-return]


CRUMB = {"node:__internal_head__": 0.001}
"""What a trial holds that only starts others: a place on the head, which is not taken away in the middle of a run."""
