"""Sweeps from Python: what a script or a notebook imports, and what it gets."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

import stilts_ray
from stilts_ray import Encoder, Pretrained, Recipe, RequestError, Results, Search, Sweep, load_results, plan, run
from stilts_ray.plan.build import Plan
from stilts_ray.report import terminal
from stilts_ray.report.frame import DTYPES
from stilts_ray.store.state import state_of
from stilts_ray.store.store import Store
from tests.report import fakes

TINY = Sweep(
    name="api",
    data="mini",
    encoders=(Encoder(name="mini", weights=Pretrained(source="mini")),),
    targets=("udpos",),
    languages={"udpos": ("qaa", "qab")},
    recipe=Recipe(epochs=1, batch_size=16, max_length=64, train_examples=32, dev_examples=16, evaluations=1),
    search=Search(learning_rates=(1e-3,)),
)
"""One trial, one evaluation."""


def fresh(program: str, *arguments: str) -> str:
    """What a program prints in a process of its own."""
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def small(store: Store) -> Plan:
    """A finished sweep of made-up records."""
    made = fakes.small()
    fakes.execute_job(made, store)
    return made


# Names


def test_the_import_loads_nothing_heavier_than_pydantic() -> None:
    heavy = "{'torch', 'ray', 'mlflow', 'pandas', 'numpy', 'rich', 'typer', 'fsspec', 'optuna'}"
    assert fresh(f"import sys, stilts_ray; print(sorted({heavy} & set(sys.modules)))") == "[]\n"


def test_plan_stays_the_function_whatever_is_imported() -> None:
    """A function and a subpackage share the name."""
    program = (
        "import stilts_ray.plan.build\nfrom stilts_ray import plan\nfrom stilts_ray.plan import build\n"
        "plan('quickstart', '/nowhere')\nfrom stilts_ray import plan as again\nprint(again is plan is stilts_ray.plan)"
    )
    assert fresh(program) == "True\n"


def test_every_exported_name_is_there_and_documented() -> None:
    assert all(getattr(stilts_ray, name).__doc__ for name in stilts_ray.__all__)


def test_the_package_is_typed() -> None:
    assert (Path(stilts_ray.__file__).parent / "py.typed").is_file()


# Plans


def test_a_sweep_is_a_value_a_file_or_the_name_of_a_shipped_one(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from stilts_ray import *\ndef other():\n"
        "    return Sweep(name='mine', data='mini', encoders=[Encoder(name='mini', weights=Pretrained(source='mini'))])"
    )
    assert plan(TINY, tmp_path).sweep == TINY
    assert plan(f"{file}:other", tmp_path).sweep.name == "mine"
    assert plan("quickstart", str(tmp_path)).sweep.name == "quickstart"
    assert plan("paper:mini", tmp_path).sweep.name == "paper-mini"
    with pytest.raises(RequestError, match="has no function sweep"):
        plan(file, tmp_path)
    with pytest.raises(RequestError, match="did you mean 'quickstart'"):
        plan("quickstrat", tmp_path)
    with pytest.raises(RequestError, match="--data-dir does not apply to it"):
        plan(TINY, tmp_path, data_dir=tmp_path)


def test_the_first_gpu_sweep_counts_what_its_estimate_says() -> None:
    from stilts_ray.config.sweep_file import load, shipped
    from stilts_ray.data.sources import HubSource
    from stilts_ray.plan.build import make_plan
    from stilts_ray.plan.steps import Study

    file = shipped()["first_gpu"]
    text = file.read_text(encoding="utf-8")
    made = make_plan(load(file), HubSource())
    studies = [step for step in made.steps if isinstance(step, Study)]
    tokens = sum(study.trials * study.tokens for study in studies)
    assert f"{tokens / 1e6:.0f} million training tokens ({sum(study.trials for study in studies)} trials)" in text
    assert f"{tokens / 15_000 / 3600:.1f} hours at an assumed 15,000 tokens per second" in text


# Results


def test_results_are_frames_and_the_printed_table(store: Store, small: Plan) -> None:
    results = load_results(store.url, small.sweep)
    assert list(results.to_pandas().columns) == list(DTYPES)
    table = results.table()
    assert list(table.columns) == ["udpos", "xquad", "tatoeba", "average"]
    assert table.loc[("mini", "squad"), "udpos"] == results.result_table.rows[1].cells["udpos"].score
    assert repr(results) == "<Results of small: 20 of 20 steps done, 0 failed>"
    html = results._repr_html_()
    for line in ("best per", "hellaswag", terminal.legend(results.result_table)[:20]):
        assert line in html
    assert (results.failed, results.jobs, results.report) == ({}, 0, None)


def test_results_of_an_empty_store_are_empty(tmp_path: Path) -> None:
    results = load_results(tmp_path / "store", TINY)
    assert results.to_pandas().empty
    assert results.table().isna().to_numpy().all()
    assert "udpos" in results._repr_html_()
    assert not (tmp_path / "store").exists()


def test_failed_steps_are_named_with_their_reasons(store: Store) -> None:
    made = fakes.small()
    fakes.execute_job(made, store, failing="hellaswag")
    failed = Results(made, state_of(store)).failed
    (study,) = [reason for step, reason in failed.items() if step.startswith("study/mini.hellaswag-squad-")]
    assert "out of memory" in study
    assert any(step.startswith("study/mini.hellaswag-squad.udpos-") for step in failed)


def test_loading_results_needs_neither_ray_nor_mlflow_nor_torch(store: Store, small: Plan) -> None:
    program = (
        "import sys, json\nfrom stilts_ray import Sweep, load_results\n"
        "results = load_results(sys.argv[1], Sweep.model_validate_json(sys.argv[2]))\n"
        "frame, table, shown = results.to_pandas(), results.table(), results._repr_html_()\n"
        "heavy = {'torch', 'ray', 'mlflow', 'transformers', 'datasets', 'optuna'} & set(sys.modules)\n"
        "print(json.dumps([sorted(heavy), len(frame), list(table.columns)]))"
    )
    heavy, rows, columns = json.loads(fresh(program, store.url, small.sweep.model_dump_json()))
    assert heavy == []
    assert rows == len(load_results(store.url, small.sweep).to_pandas())
    assert columns == ["udpos", "xquad", "tatoeba", "average"]


# Runs


@pytest.mark.parametrize(
    "runtime, said",
    [
        ({"gpus": 1}, "Runtime has no such field"),
        ({"workers_per_trial": 0}, "workers_per_trial"),
        ({"mlflow": "gopher://x"}, "not an address of MLflow"),
    ],
)
def test_a_wrong_request_is_raised(runtime: dict[str, object], said: str, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=said):
        run(TINY, tmp_path / "store", **runtime)


class Seen:
    """A display that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __getattr__(self, name: str) -> object:
        return lambda *told: self.lines.append(f"{name} {' '.join(map(str, told))}")


def test_messages_go_to_the_display_and_nothing_is_printed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    seen = Seen()
    with pytest.raises(RequestError, match="not an address of MLflow"):
        run(TINY, tmp_path / "store", mlflow="gopher://x", display=seen)  # type: ignore[arg-type]
    assert seen.lines[0].startswith("message 3 steps, 0 done; to do: 1 trials")
    assert capsys.readouterr() == ("", "")


@pytest.mark.ray
def test_a_run_joins_a_ray_that_is_running_and_leaves_it_so(tmp_path: Path) -> None:
    import ray

    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=100 * 2**20, log_to_driver=False)
    try:
        results = run(TINY, tmp_path / "store")
        assert ray.is_initialized()
        again = run(TINY, tmp_path / "store")
    finally:
        ray.shutdown()
    assert (results.failed, results.jobs, again.jobs) == ({}, 2, 0)
    assert results.report == tmp_path / "store" / "reports" / "api" / "report.md"
    assert results.report.is_file()
    assert results.table().equals(again.table())
    assert set(results.to_pandas()["language"]) == {"qaa", "qab"}


@pytest.mark.ray
def test_a_run_works_under_an_event_loop_and_shuts_its_own_ray_down(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import ray

    async def notebook() -> Results:
        return run(TINY, tmp_path / "store")

    results = asyncio.run(notebook())
    assert not ray.is_initialized()
    assert (results.failed, results.jobs) == ({}, 2)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "3 steps, 0 done" in printed.err
    assert "study mini.udpos: " in printed.err
