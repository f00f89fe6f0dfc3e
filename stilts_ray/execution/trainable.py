"""The Ray Tune trainable that executes a job, and its resources."""

from collections.abc import Callable
from typing import Any

import ray.tune

from stilts_ray.execution.jobs import Job, from_json
from stilts_ray.execution.worker_settings import ExecuteJob, WorkerSettings
from stilts_ray.store.records import AnyJobRecord


def execute_job(job: Job, context: Any) -> AnyJobRecord:
    """Executes a job; see `stilts_ray.execution.execute.execute_job`.

    That module imports torch, which takes seconds. Only the workers import it, never the driver.
    """
    from stilts_ray.execution.execute import execute_job

    return execute_job(job, context)


def trainable(settings: WorkerSettings, execute: ExecuteJob) -> Callable[[dict[str, Any]], None]:
    """The function that Ray Tune runs for every job, with its resources.

    With one worker it executes the job in its own process, an actor that Tune reuses. With several, it starts a worker group
    and waits for it.
    """

    def run(config: dict[str, Any]) -> None:
        from stilts_ray.execution.worker import run_trial

        run_trial(from_json(config["job"]), settings, execute, config["handed_out"])

    def resources(config: dict[str, Any]) -> ray.tune.PlacementGroupFactory:
        bundle = {"CPU": 1.0, "GPU": settings.gpus} if settings.single_process(config["kind"]) else ON_HEAD
        return ray.tune.PlacementGroupFactory([{name: quantity for name, quantity in bundle.items() if quantity}])

    return ray.tune.with_resources(run, resources)  # type: ignore[no-any-return]


ON_HEAD = {"node:__internal_head__": 0.001}
"""Resources of a trial that only starts workers: it is scheduled on the head node, which is not preempted."""
