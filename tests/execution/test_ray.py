"""Sweeps under Ray, each in its own process, as a user runs them; processes are killed at any time."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from stilts_ray.config.sweep_file import load
from stilts_ray.data.sources import MiniSource
from stilts_ray.execution.context import WorkerContext
from stilts_ray.execution.execute import execute_job
from stilts_ray.execution.launch import commit_completed_steps
from stilts_ray.execution.scheduler import Scheduler
from stilts_ray.plan.build import Plan, make_plan
from stilts_ray.store.state import state_of
from stilts_ray.store.store import Store
from tests.test_cli import call, document

pytestmark = [pytest.mark.ray, pytest.mark.timeout(3600)]

PATIENCE = 1200
"""Seconds for a run or a moment of it, which take one or two minutes at most."""
SWEEP = Path(__file__).parent / "sweeps" / "tiny.py"
JOBS = 24
"""1 encoder, 4 studies of 3 trials, 4 x 2 + 3 scores."""


def command(store: Path, *options: str, sweep: Path = SWEEP) -> list[str]:
    """`stilts run` of a sweep."""
    program = "from stilts_ray.cli import main; main()"
    return [
        sys.executable,
        "-c",
        program,
        "run",
        str(sweep),
        "--store",
        str(store),
        "--checkpoint-seconds",
        "0",
        *options,
    ]


def run(store: Path, *options: str, sweep: Path = SWEEP) -> subprocess.CompletedProcess[str]:
    """Runs to the end."""
    return subprocess.run(command(store, *options, sweep=sweep), capture_output=True, text=True, timeout=PATIENCE)


def results(store: Path) -> dict[str, dict[str, Any]]:
    """The results of a sweep: records of steps and jobs, without what may differ between two invocations."""
    state = state_of(Store(str(store)))
    volatile = {"seconds", "profile", "finished_at", "host", "path"}
    records = {**state.jobs, **state.steps}
    return {digest: record.model_dump(exclude=volatile) for digest, record in records.items()}


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(load(SWEEP), MiniSource())


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A store with an uninterrupted sweep, and the output of the command."""
    folder = tmp_path_factory.mktemp("finished")
    done = run(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout


def run_in_process(plan: Plan, folder: Path) -> Path:
    """Executes the jobs of a sweep sequentially in this process."""
    store = Store(str(folder))
    scheduler, context = Scheduler(plan, {}, {}), WorkerContext(store, plan.data_source)
    while job := scheduler.next():
        scheduler.finish(job, execute_job(job, context))
    commit_completed_steps(scheduler, store)
    return folder


@pytest.fixture(scope="module")
def inline(tmp_path_factory: pytest.TempPathFactory, plan: Plan) -> Path:
    """A store with the sweep run without Ray."""
    return run_in_process(plan, tmp_path_factory.mktemp("inline"))


def test_every_step_runs_once(finished: tuple[Path, str], plan: Plan) -> None:
    state = state_of(Store(str(finished[0])))
    assert set(state.steps) == {step.digest for step in plan.steps}
    assert len(state.jobs) == JOBS


def test_the_same_numbers_as_without_ray(finished: tuple[Path, str], inline: Path) -> None:
    assert results(finished[0]) == results(inline)


def test_output_is_a_table_without_noise(finished: tuple[Path, str]) -> None:
    text = finished[1]
    assert "tatoeba" in text
    assert "Traceback" not in text
    assert "WARNING" not in text


def test_a_second_invocation_trains_nothing_without_ray(
    finished: tuple[Path, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**options: object) -> None:
        pytest.fail("Ray was started")

    before = results(finished[0])
    monkeypatch.setattr("ray.init", fail)
    status, printed, wrong = call(capsys, "run", str(SWEEP), "--store", str(finished[0]))
    assert status == 0, wrong
    assert "ran 0 jobs" in printed
    assert results(finished[0]) == before


def test_plan_and_report_of_a_finished_sweep(finished: tuple[Path, str], capsys: pytest.CaptureFixture[str]) -> None:
    def answer(name: str) -> Any:
        return document(capsys, name, str(SWEEP), "--store", str(finished[0]))

    planned = answer("plan")
    assert {step["status"] for step in planned["steps"]} == {"done"}
    assert planned["totals"]["new"] == planned["totals"]["trials"] == 0
    rows = answer("report")["rows"]
    assert [row["intermediate"] for row in rows] == [[], ["mnli"]]
    assert all(len(cell["trials"]) == 2 for cell in rows[1]["cells"].values())
    difference = rows[1]["cells"]["udpos"]["score"] - rows[0]["cells"]["udpos"]["score"]
    assert rows[1]["cells"]["udpos"]["delta"] == pytest.approx(difference)


def wait_for(what: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Waits until a condition holds; fails if the process ends first."""
    limit = time.monotonic() + PATIENCE
    while not what():
        assert process.poll() is None, "the run ended before it could be disturbed"
        assert time.monotonic() < limit
        time.sleep(0.01)


def started(store: Path) -> subprocess.Popen[bytes]:
    """An invocation in the background, in its own process group, with its output in `<store>.log`."""
    with store.with_suffix(".log").open("wb") as sink:
        return subprocess.Popen(command(store), stdout=sink, stderr=sink, start_new_session=True)


def committed(store: Path, kind: str) -> bool:
    """Whether an unfinished job of that kind has a checkpoint."""
    return any(store.glob(f"{kind}/*/checkpoint/latest.json"))


MOMENTS: list[Callable[[Path], bool]] = [
    lambda store: committed(store, "pretrain"),
    lambda store: committed(store, "train"),
    lambda store: any(store.glob("score/*/record.json")) and committed(store, "train"),
    lambda store: len(list(store.glob("evaluation/*/record.json"))) >= 3,
]


def test_a_killed_driver_resumes_and_a_second_one_is_rejected(
    finished: tuple[Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    process = started(tmp_path)
    wait_for((tmp_path / "lock.json").exists, process)
    status, _, refused = call(capsys, "run", str(SWEEP), "--store", str(tmp_path))
    assert status == 2
    assert "in use by process" in refused
    assert os.linesep not in refused.strip()
    # The other moments differ in the jobs that are interrupted, not in what the driver finds.
    for moment in (MOMENTS[1], MOMENTS[3]):
        wait_for(lambda moment=moment: moment(tmp_path), process)  # type: ignore[misc]
        process.kill()
        process.wait()
        process = started(tmp_path)
    assert process.wait(PATIENCE) == 0, tmp_path.with_suffix(".log").read_text()
    assert results(tmp_path) == results(finished[0])


def trial_processes(driver: int) -> list[psutil.Process]:
    """The actor processes that execute the jobs of an invocation."""
    found = []
    for process in psutil.Process(driver).children(recursive=True):
        try:
            if process.cmdline()[:1] and process.cmdline()[0].startswith("ray::ImplicitFunc"):
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_killed_trial_processes_resume(finished: tuple[Path, str], tmp_path: Path) -> None:
    process = started(tmp_path)
    for moment in MOMENTS[:3]:
        wait_for(lambda moment=moment: moment(tmp_path), process)  # type: ignore[misc]
        victims = trial_processes(process.pid)
        for victim in victims:
            victim.send_signal(signal.SIGKILL)
        psutil.wait_procs(victims, timeout=PATIENCE)
    assert process.wait(PATIENCE) == 0
    assert results(tmp_path) == results(finished[0])
    printed = tmp_path.with_suffix(".log").read_text()
    assert "its worker crashed; it resumes from" in printed
    assert "Traceback" not in printed


def test_two_workers_train_one_model(tmp_path: Path) -> None:
    """Sharded, for which they exchange more than with DDP; without Ray both are tested in `test_process_group`."""
    sweep = Path(__file__).parent / "sweeps" / "pair.py"
    done = run(tmp_path / "two", "--workers-per-trial", "2", "--data-parallel", "fsdp", sweep=sweep)
    assert done.returncode == 0, done.stdout + done.stderr
    run_in_process(make_plan(load(sweep), MiniSource()), tmp_path / "alone")
    (one,), (two,) = (Store(str(tmp_path / name)).records("train").values() for name in ("alone", "two"))
    assert [point.step for point in two.curve] == [point.step for point in one.curve]
    for expected, found in zip(one.curve, two.curve, strict=True):
        assert found.loss == pytest.approx(expected.loss, rel=1e-3)
        assert found.metrics == pytest.approx(expected.metrics, rel=1e-3)
