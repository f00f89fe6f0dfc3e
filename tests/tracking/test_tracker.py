"""Synchronisation with a real MLflow, in SQLite."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stilts_ray import tracking
from stilts_ray.errors import RequestError
from stilts_ray.plan.build import Plan
from stilts_ray.report.runs import tracked_runs
from stilts_ray.store.state import EMPTY_STATE, state_of
from stilts_ray.store.store import Store
from stilts_ray.tracking import address, tracker
from tests.report import fakes
from tests.tracking.seen import WHOLE, picture, sync


def test_sends_all_once(
    uri: str,
    plan: Plan,
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    fakes.execute_job(plan, store)
    assert sync(uri, plan, store) == sum(WHOLE.values())
    first = picture(uri, plan)
    assert Counter(name.split()[0] for name in first) == WHOLE
    assert sync(uri, plan, store) == 0
    assert picture(uri, plan) == first
    versions = address.client_of(uri).search_model_versions(f"name='{plan.sweep.name}.mini.squad.udpos'")
    assert sorted(version.tags["seed"] for version in versions) == ["0", "1"]
    assert all(version.source.startswith(f"{store.url}/train/mini.squad.udpos-lr0.001-s") for version in versions)
    assert [path.name for path in tmp_path.iterdir()] == ["store"], "something was written to the working folder"
    assert capfd.readouterr() == ("", ""), "MLflow printed something"


def test_a_server_that_has_all_runs_is_not_searched(
    uri: str, plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes.execute_job(plan, store, jobs=10)
    sync(uri, plan, store)
    searched = 0

    class Counting(Forwarding):
        """A client that counts searches for runs."""

        def search_runs(self, *args: Any, **kwargs: Any) -> Any:
            nonlocal searched
            searched += 1
            return self.client.search_runs(*args, **kwargs)

    monkeypatch.setattr(tracker, "client_of", lambda uri: Counting(address.client_of(uri)))
    assert (sync(uri, plan, store), searched) == (0, 0)
    fakes.execute_job(plan, store)
    assert sync(uri, plan, store) > 0
    assert searched == 1
    assert (sync(uri, plan, store), searched) == (0, 1)


class Forwarding:
    """A client that forwards every call."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)


def test_partial_syncs_add_up_to_the_whole(uri: str, plan: Plan, store: Store, tmp_path: Path) -> None:
    sender, jobs = tracking.Tracker(uri, plan), 0
    while fakes.execute_job(plan, store, jobs=12).running:
        sender.sync(state_of(store))
        jobs += 1
    sender.sync(state_of(store))
    assert jobs >= 3
    whole = replace(plan, sweep=plan.sweep.model_copy(update={"name": "whole"}))
    sync(uri, whole, store)
    grown, at_once = picture(uri, plan), picture(uri, whole)
    for name, (parent, times, tags, params, curves, files) in grown.items():
        wanted = at_once[name]
        tags, other = ({n: v for n, v in t.items() if n != "stilts.model"} for t in (tags, wanted[2]))
        assert (parent, times[0], times[2], tags, params, files) == (wanted[0], *wanted[1][::2], other, *wanted[3:6:2])
        # A metric that was sent before the end of its row stays in the history.
        assert {metric: curve[-1] for metric, curve in curves.items()} == {m: c[-1] for m, c in wanted[4].items()}
    assert list(grown) == sorted(grown, key=lambda name: grown[name][1][1], reverse=True)


def test_rows_show_as_the_table(uri: str, plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fakes.execute_job(plan, store)
    sync(uri, plan, store)
    client = address.client_of(uri)
    experiment = client.get_experiment_by_name(plan.sweep.name)
    # As the user interface lists them.
    rows = client.search_runs(
        [experiment.experiment_id], "tags.`stilts.kind` = 'condition'", order_by=["start_time DESC"]
    )
    assert [row.info.run_name for row in rows] == ["mini.baseline", "mini.squad", "mini.hellaswag-squad"]
    assert rows[1].data.metrics.keys() >= {"target/udpos", "delta/udpos", "sd/udpos", "partial/avg_of_3", "delta/avg"}
    # This method of the client searches the server that the variable names, not the client's own.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    found = client.load_table(experiment.experiment_id, "languages.json", run_ids=[rows[1].info.run_id])
    assert list(found.columns) == ["test", "score", "accuracy", "em", "f1", "target", "language"]
    assert len(found) == 6
    assert found[found.test == "xquad qba"].em.item() > 0
    place = Path(uri.removeprefix("sqlite:///")).parent / "mlartifacts"
    assert list(place.glob(f"{rows[1].info.run_id}/**/languages.json"))
    view = f"/#/experiments/{experiment.experiment_id}/runs?viewStateShareKey=stilts-results"
    assert tracking.table_links(uri, "http://host:1")[plan.sweep.name].startswith(f"http://host:1{view}")
    assert "target/udpos" in experiment.tags["mlflow.sharedViewState.stilts-results"]


@pytest.mark.parametrize("requests", [1, 2, 3, 8, 40])
def test_an_interrupted_sync_is_completed_by_the_next(
    uri: str, plan: Plan, store: Store, requests: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes.execute_job(plan, store, jobs=14)
    left = requests

    class Failing:
        """A client whose answers are lost after some requests."""

        def __init__(self, client: Any) -> None:
            self.client = client

        def __getattr__(self, name: str) -> Any:
            def call(*args: Any, **kwargs: Any) -> Any:
                nonlocal left
                left -= 1
                result = getattr(self.client, name)(*args, **kwargs)
                if left < 0:
                    raise ConnectionError("answer lost")
                return result

            return call

    with monkeypatch.context() as patch:
        patch.setattr(tracker, "client_of", lambda uri: Failing(address.client_of(uri)))
        with pytest.raises(ConnectionError):
            sync(uri, plan, store)
    sync(uri, plan, store)
    found = picture(uri, plan)
    assert sync(uri, plan, store) == 0
    assert all(times[0] != "RUNNING" for name, (_, times, *_) in found.items() if name.startswith("trial"))
    assert len(found) == len(tracked_runs(plan, state_of(store)))


def test_a_failed_step_is_done_in_the_next_invocation(uri: str, plan: Plan, store: Store) -> None:
    fakes.execute_job(plan, store, failing="hellaswag")
    sync(uri, plan, store)
    before = picture(uri, plan)["condition mini.hellaswag-squad"]
    assert before[1][0] == "FAILED"
    assert "out of memory" in before[2]["stilts.reason"]
    fakes.execute_job(plan, store)
    sync(uri, plan, store)
    assert picture(uri, plan)["condition mini.hellaswag-squad"][1][0] == "FINISHED"


def test_two_drivers_make_one_experiment(uri: str, plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fakes.execute_job(plan, store, jobs=3)
    sync(uri, plan, store)
    answers = iter([None])  # the other driver creates its experiment after this one has looked
    real = address.experiment
    monkeypatch.setattr(tracker, "experiment", lambda *args: next(answers, real(*args)))
    assert sync(uri, plan, store) == 0


def test_a_deleted_experiment_is_refused(uri: str, plan: Plan, store: Store) -> None:
    fakes.execute_job(plan, store, jobs=3)
    sync(uri, plan, store)
    tracking.check(uri, plan.sweep.name)
    client = address.client_of(uri)
    client.delete_experiment(client.get_experiment_by_name(plan.sweep.name).experiment_id)
    with pytest.raises(RequestError, match=r"is deleted; restore it \(mlflow experiments restore -x \d+\) or"):
        tracking.check(uri, plan.sweep.name)
    lines: list[str] = []
    with tracking.Sender(uri, plan, store, EMPTY_STATE, warn=lines.append):
        pass
    assert len(lines) == 1
