"""Synchronises a sweep's runs with a server that may have some of them."""

import json
from dataclasses import dataclass
from typing import Any

from stilts_ray.identity import digest
from stilts_ray.plan.build import Plan
from stilts_ray.report.labels import started_at
from stilts_ray.report.runs import TrackedRun, made_of, tracked_runs
from stilts_ray.report.views import saved_views
from stilts_ray.store.state import StoreState
from stilts_ray.tracking.address import artifacts, client_of, experiment, is_server

TABLE = "languages.json"
BATCH = 800
"""Metrics per request; MLflow accepts 1000 metrics, parameters and tags together."""
SENT = "stilts.sent"
"""Tag of an experiment: `made_of` the state whose runs were all sent, else ''. It saves a search through the runs of a large
sweep, which takes longer than reading its records. A run deleted on the server is sent again with the next new record."""


@dataclass
class _Known:
    """A run on the server: digests of what was sent last."""

    run_id: str
    state: str = ""
    table: str = ""
    model: str = ""


class Tracker:
    """Sends a sweep's runs, and keeps track of what the server has, so that nothing is sent twice.

    After an error a new one is needed: the server may have executed a request whose answer was lost.
    """

    def __init__(self, uri: str, plan: Plan) -> None:
        """Connects at the first `sync` with something to send."""
        self.uri, self.plan = uri, plan
        self.client: Any = None
        self.experiment, self.sent = "", ""
        self.known: dict[str, _Known] | None = None

    def sync(self, state: StoreState) -> int:
        """Sends what the server lacks of the runs of `state`; returns the number of runs that were sent."""
        jobs = state.jobs_of(self.plan)
        if not jobs:
            return 0
        if self.client is None:
            self._connect(min(map(started_at, jobs)))
        whole = made_of(self.plan, state)
        if self.sent == whole:
            return 0
        wanted = tracked_runs(self.plan, state)
        if self.known is None:
            self.known = self._there()
        self._mark("")
        sent = sum([self._send(run, self.known) for run in wanted])
        # Artifacts may be stored elsewhere than runs: if that fails, all runs are sent already.
        for run in wanted:
            self._send_table(run, self.known[run.digest])
        for run in wanted:
            self._register(run, self.known[run.digest])
        self._mark(whole)
        return sent

    def _mark(self, sent: str) -> None:
        if self.sent != sent:
            self.client.set_experiment_tag(self.experiment, SENT, sent)
            self.sent = sent

    def _connect(self, begin: int) -> None:
        client = client_of(self.uri)
        self.experiment = experiment(client, self.plan.sweep.name) or self._new_experiment(client)
        there = client.get_experiment(self.experiment).tags
        for tag, view in saved_views(self.plan, begin).items():
            if there.get(tag) != view:
                client.set_experiment_tag(self.experiment, tag, view)
        self.client, self.sent = client, there.get(SENT, "")

    def _there(self) -> dict[str, _Known]:
        """The runs on the server, by digest."""
        known: dict[str, _Known] = {}
        page: str | None = None
        while page != "":
            found = self.client.search_runs([self.experiment], max_results=1000, page_token=page)
            for run in found:
                tags = run.data.tags
                if "stilts.digest" in tags:
                    sent = {name: tags.get(f"stilts.{name}", "") for name in ("state", "table", "model")}
                    known[tags["stilts.digest"]] = _Known(run.info.run_id, **sent)
            page = found.token or ""
        return known

    def _new_experiment(self, client: Any) -> str:
        from mlflow.exceptions import MlflowException

        name = self.plan.sweep.name
        # Without this tag the user interface opens on the traces of a chat model.
        kind = {"mlflow.experimentKind": "custom_model_development"}
        try:
            return str(client.create_experiment(name, artifact_location=artifacts(self.uri), tags=kind))
        except MlflowException as error:
            there = experiment(client, name) if error.error_code == "RESOURCE_ALREADY_EXISTS" else None
            if there is None:
                raise
            return there  # another driver created it first

    def _send(self, run: TrackedRun, there: dict[str, _Known]) -> bool:
        known, state = there.get(run.digest), run.state
        if known is not None and known.state == state:
            return False
        from mlflow.entities import Metric, Param, RunTag

        tags = {**run.tags, "stilts.digest": run.digest, "stilts.kind": run.kind}
        if known is None:
            parent = {"mlflow.parentRunId": there[run.parent].run_id} if run.parent else {}
            made = self.client.create_run(self.experiment, run.start, {**tags, **parent}, run.name)
            known = there[run.digest] = _Known(made.info.run_id)
        elif run.status == "RUNNING":
            self.client.update_run(known.run_id, run.status)
        if run.status != "RUNNING":
            self.client.set_terminated(known.run_id, run.status, run.end)
        metrics = [Metric(point.name, point.value, point.time, point.step) for point in run.metrics]
        for first in range(0, len(metrics), BATCH):
            self.client.log_batch(known.run_id, metrics[first : first + BATCH])
        # The tag that marks the run as sent comes last.
        tags["stilts.state"] = state
        params = [Param(*param) for param in run.params.items()]
        self.client.log_batch(known.run_id, params=params, tags=[RunTag(*tag) for tag in tags.items()])
        known.state = state
        return True

    def _send_table(self, run: TrackedRun, known: _Known) -> None:
        if run.table is None or known.table == (state := digest(run.table)):
            return
        # The format of log_table and load_table; log_table itself would append to an existing table.
        self.client.log_text(known.run_id, json.dumps(run.table), TABLE)
        self.client.set_tag(known.run_id, "mlflow.loggedArtifacts", json.dumps([{"path": TABLE, "type": "table"}]))
        self.client.set_tag(known.run_id, "stilts.table", state)
        known.table = state

    def _register(self, run: TrackedRun, known: _Known) -> None:
        # Servers refuse paths on the machines of their clients; nothing is uploaded instead.
        if run.model is None or known.model or (is_server(self.uri) and "://" not in run.model[1]):
            return
        from mlflow.exceptions import MlflowException

        name, source = run.model
        try:
            self.client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        versions = self.client.search_model_versions(f"name='{name}'")
        version = next((v.version for v in versions if v.run_id == known.run_id), None)
        if version is None:
            tags = {name: run.tags[name] for name in ("checkpoint.sha256", "learning_rate", "seed")}
            version = self.client.create_model_version(name, source, known.run_id, tags, await_creation_for=0).version
        known.model = f"{name}/{version}"
        self.client.set_tag(known.run_id, "stilts.model", known.model)
