"""What a server has of a sweep."""

from typing import Any

from stilts_ray import tracking
from stilts_ray.plan.build import Plan
from stilts_ray.store.state import state_of
from stilts_ray.store.store import Store
from stilts_ray.tracking import address

WHOLE = {"condition": 3, "study": 7, "trial": 21, "pretrain": 1}
"""Runs of the small sweep, by kind."""


def sync(uri: str, plan: Plan, store: Store) -> int:
    return tracking.Tracker(uri, plan).sync(state_of(store))


def runs_of(uri: str, plan: Plan) -> list[Any]:
    client = address.client_of(uri)
    found = client.get_experiment_by_name(plan.sweep.name)
    return list(client.search_runs([found.experiment_id], max_results=1000)) if found else []


def picture(uri: str, plan: Plan) -> dict[str, Any]:
    """All runs of a sweep, without ids."""
    client, runs = address.client_of(uri), runs_of(uri, plan)
    names = {run.info.run_id: f"{run.data.tags['stilts.kind']} {run.info.run_name}" for run in runs}
    assert len(set(names.values())) == len(runs), "a run is there twice"
    found = {}
    for run in runs:
        tags = {name: value for name, value in run.data.tags.items() if name != "mlflow.parentRunId"}
        curves = {
            name: [(m.step, m.value, m.timestamp) for m in client.get_metric_history(run.info.run_id, name)]
            for name in run.data.metrics
        }
        times = (run.info.status, run.info.start_time, run.info.end_time)
        files = [file.path for file in client.list_artifacts(run.info.run_id)]
        parent = names.get(run.data.tags.get("mlflow.parentRunId", ""))
        found[names[run.info.run_id]] = (parent, times, tags, run.data.params, curves, files)
    return found
