"""What Ray Tune runs for every job, and the resources that it requests."""

from collections.abc import Callable
from typing import Any

import ray.tune

from stilts_ray.execution.jobs import Job, from_json
from stilts_ray.execution.worker_settings import ExecuteJob, WorkerSettings
from stilts_ray.store.records import AnyJobRecord


def execute_job(job: Job, context: Any) -> AnyJobRecord:
    """Executes a job, as `stilts_ray.execution.execute.execute_job`.

    That module imports torch, which takes seconds. The driver never needs it and starts the workers meanwhile.
    """
    from stilts_ray.execution.execute import execute_job

    return execute_job(job, context)


def trainable(setting: WorkerSettings, execute: ExecuteJob) -> Callable[[dict[str, Any]], None]:
    """The function that Ray Tune runs for every job, with its resources.

    With one worker it executes the job itself, in an actor that Tune reuses. With several, it starts a group of workers that
    train, and waits for them.
    """

    def run(config: dict[str, Any]) -> None:
        from stilts_ray.execution.worker import run_trial

        run_trial(from_json(config["job"]), setting, execute, config["handed_out"])

    def resources(config: dict[str, Any]) -> ray.tune.PlacementGroupFactory:
        kinds = {"CPU": 1.0, "GPU": setting.gpus} if setting.single_process(config["kind"]) else ON_HEAD
        return ray.tune.PlacementGroupFactory([{name: amount for name, amount in kinds.items() if amount}])

    return ray.tune.with_resources(run, resources)  # type: ignore[no-any-return]


ON_HEAD = {"node:__internal_head__": 0.001}
"""Resources of a trial that only starts workers: a place on the head node, which is not preempted."""
