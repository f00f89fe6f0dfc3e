"""The MLflow runs of a sweep, as values."""

from collections import Counter
from typing import Any

from stilts_ray import mini
from stilts_ray.plan.build import Plan
from stilts_ray.report.runs import TrackedRun, tracked_runs
from stilts_ray.store.state import state_of
from stilts_ray.store.store import Store
from tests.report import fakes


def runs_of(plan: Plan, store: Store, **how: Any) -> dict[str, TrackedRun]:
    fakes.execute_job(plan, store, **how)
    found = tracked_runs(plan, state_of(store))
    assert len({run.digest for run in found}) == len(found)
    names = {f"{run.kind} {run.name}": run for run in found}
    assert len(names) == len(found)
    return names


def test_every_row_study_and_trial_once_below_the_first_that_uses_it(store: Store) -> None:
    runs = runs_of(fakes.small(), store)
    # Studies: squad and the mixture, and from each parent udpos and squad. Squad from the encoder is the intermediate of the
    # second row and the baseline's fine-tuning for xquad.
    assert Counter(run.kind for run in runs.values()) == {"condition": 3, "study": 7, "trial": 21, "pretrain": 1}
    rows = [run.name for run in runs.values() if run.kind == "condition"]
    assert rows == ["mini.baseline", "mini.squad", "mini.hellaswag-squad"]
    by_digest = {run.digest: run for run in runs.values()}
    parents = {name: by_digest[run.parent].name for name, run in runs.items() if run.parent}
    assert parents["study mini.squad"] == "mini.baseline"
    assert parents["study mini.squad.udpos"] == "mini.squad"
    assert parents["trial mini.squad.udpos-lr0.001-s1"] == "mini.squad.udpos"
    assert parents["pretrain mini.encoder"] == "mini.baseline"
    order = [run.digest for run in runs.values()]
    assert all(order.index(run.parent) < order.index(run.digest) for run in runs.values() if run.parent)


def test_a_row_has_the_metrics_of_the_table(store: Store) -> None:
    row = runs_of(fakes.small(), store, collapsing="mini.squad.udpos-lr0.001-s1")["condition mini.squad"]
    metrics = {point.name: point.value for point in row.metrics}
    assert set(metrics) == {
        "partial/avg_of_3", "target/udpos", "target/xquad", "target/tatoeba", "sd/xquad", "sd/tatoeba",
        "delta/avg", "delta/udpos", "delta/xquad", "delta/tatoeba", "collapsed",
    }  # fmt: skip
    assert metrics["collapsed"] == 1
    assert all(value == round(value, 2) for value in metrics.values())
    assert row.table is not None
    assert row.table["columns"] == ["test", "score", "accuracy", "em", "f1", "target", "language"]
    tests = [f"{target} {code}" for target in ("udpos", "xquad", "tatoeba") for code in ("qab", "qba")]
    assert [line[0] for line in row.table["data"]] == tests
    assert row.params["encoder"] == "mini"
    assert row.params["epochs/squad"] == "2"
    assert row.params["learning_rates"] == "0.001, 0.0003"


def test_tags_say_what_a_run_is(store: Store) -> None:
    runs = runs_of(fakes.small(), store)
    assert runs["study mini.squad"].tags["phase"] == "intermediate, target"
    assert runs["study mini.squad"].tags["learning_rate"] == "0.001"
    assert runs["study mini.hellaswag-squad"].tags["phase"] == "intermediate"
    assert "target" not in runs["study mini.hellaswag-squad"].tags
    trial = runs["trial mini.squad.squad-lr0.001-s1"]
    wanted = {"phase": "target", "target": "xquad", "tasks": "squad", "encoder": "mini", "intermediate": "squad"}
    wanted |= {
        "learning_rate": "0.001",
        "seed": "1",
        "selected": "true",
        "collapsed": "false",
        "data.squad": f"mini {mini.VERSION}",
    }
    assert wanted.items() <= trial.tags.items()
    assert trial.tags["checkpoint"].startswith(f"{store.url}/train/mini.squad.squad-lr0.001-s1-")
    assert len(trial.tags["checkpoint.sha256"]) == 64
    assert trial.tags["stilts.git_commit"].startswith("0123")
    assert runs["trial mini.squad.squad-lr0.0003-s0"].tags["selected"] == "false"


def test_selected_trials_of_targets_are_models(store: Store) -> None:
    runs = runs_of(fakes.small(), store, diverging="mini.udpos-lr0.001-s1")
    models = {run.name: run.model[0] for run in runs.values() if run.model}
    assert models["mini.squad.squad-lr0.001-s1"] == "small.mini.squad.squad"
    assert not [name for name in models if "lr0.0003" in name or name.startswith("mini.hellaswag-squad-lr")]
    assert "mini.udpos-lr0.001-s1" not in models


def test_curves_have_their_steps_and_times(store: Store) -> None:
    trial = runs_of(fakes.small(), store)["trial mini.hellaswag-squad-lr0.001-s0"]
    loss = [point for point in trial.metrics if point.name == "train/loss"]
    assert [point.step for point in loss] == [25, 50, 75, 100]
    assert loss[-1].time == trial.end == trial.start + 7500
    names = {point.name for point in trial.metrics}
    assert names >= {"dev/score", "dev/hellaswag/score", "dev/squad/f1", "cost/tokens", "cost/seconds"}


def test_rows_are_listed_in_the_order_of_the_sweep(store: Store) -> None:
    rows = [run for run in runs_of(fakes.small(), store).values() if run.kind == "condition"]
    # The server lists the newest first.
    assert rows == sorted(rows, key=lambda run: run.start, reverse=True)


def test_before_the_first_job_there_is_nothing(store: Store) -> None:
    assert runs_of(fakes.small(), store, jobs=0) == {}
    started = runs_of(fakes.small(), store, jobs=1)
    assert {run.status for run in started.values() if run.kind == "condition"} == {"RUNNING"}
    assert not any(run.metrics for run in started.values() if run.kind == "condition")


def test_what_needs_no_training_is_there_first(store: Store) -> None:
    rows = [run for run in runs_of(fakes.small(), store, jobs=2).values() if run.kind == "condition"]
    assert {(run.name, point.name) for run in rows for point in run.metrics} == {
        ("mini.baseline", "target/tatoeba"),
        ("mini.baseline", "collapsed"),
    }


def test_failures_have_reasons(store: Store) -> None:
    runs = runs_of(fakes.small(), store, failing="mini.squad.udpos-lr0.001-s1", diverging="mini.udpos-lr0.0003")
    row, study = runs["condition mini.squad"], runs["study mini.squad.udpos"]
    assert row.status == study.status == "FAILED"
    assert "out of memory" in row.tags["stilts.reason"]
    assert runs["condition mini.baseline"].status == "FINISHED"
    assert runs["trial mini.udpos-lr0.0003-s0"].status == "FAILED"


def test_a_trial_that_another_sweep_ran_is_shown(store: Store) -> None:
    fakes.execute_job(fakes.small(name="first", seeds=(0, 1, 2)), store)
    runs = runs_of(fakes.small(name="second"), store)
    assert Counter(run.kind for run in runs.values()) == {"condition": 3, "study": 7, "trial": 21, "pretrain": 1}


def test_a_sweep_without_targets_has_its_studies_at_the_top(store: Store) -> None:
    runs = runs_of(fakes.small(targets=[], languages={}), store)
    assert runs
    assert {run.parent for run in runs.values() if run.kind != "trial"} == {None}


def test_the_state_of_a_run_follows_its_contents(store: Store) -> None:
    started = runs_of(fakes.small(), store, jobs=12)
    whole = runs_of(fakes.small(), store)
    again = runs_of(fakes.small(), store)
    assert {name: run.state for name, run in whole.items()} == {name: run.state for name, run in again.items()}
    assert started["condition mini.baseline"].state != whole["condition mini.baseline"].state
    assert started["pretrain mini.encoder"].state == whole["pretrain mini.encoder"].state
