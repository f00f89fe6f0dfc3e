"""Sweeps under Ray, run as a user runs them: in a process of their own, which may be killed at any moment."""

import json
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
from stilts_ray.execution.scheduler import Scheduler
from stilts_ray.plan.build import Plan, make_plan
from stilts_ray.store.state import state_of
from stilts_ray.store.store import Record, Store

pytestmark = pytest.mark.ray

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
    return subprocess.run(command(store, *options, sweep=sweep), capture_output=True, text=True, timeout=240)


def results(store: Path) -> dict[str, Record]:
    """What a sweep came to: records of steps and jobs, less what may differ between two runs of the same."""
    state = state_of(Store(str(store)))
    volatile = {"seconds", "profile", "finished_at", "host", "path"}
    records = {**state.jobs, **state.steps}
    return {digest: {k: v for k, v in record.items() if k not in volatile} for digest, record in records.items()}


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(load(SWEEP), MiniSource())


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A store in which the sweep has run without disturbance, and what the command printed."""
    folder = tmp_path_factory.mktemp("finished")
    done = run(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout


@pytest.fixture(scope="module")
def inline(tmp_path_factory: pytest.TempPathFactory, plan: Plan) -> Path:
    """A store in which the same jobs were done one after the other in this process."""
    folder = tmp_path_factory.mktemp("inline")
    store = Store(str(folder))
    scheduler, place = Scheduler(plan, {}, {}), WorkerContext(store, plan.data_source)
    while job := scheduler.next():
        scheduler.finish(job, execute_job(job, place))
    for step, record in scheduler.completed:
        if step.kind != "pretrain":
            store.write_json(record, step.kind, step.slug, "record.json")
    return folder


def test_every_step_is_done_once(finished: tuple[Path, str], plan: Plan) -> None:
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


def test_a_second_run_trains_nothing(finished: tuple[Path, str]) -> None:
    before, started = results(finished[0]), time.monotonic()
    again = run(finished[0])
    assert again.returncode == 0, again.stderr
    assert "ran 0 jobs" in again.stdout
    assert results(finished[0]) == before
    assert time.monotonic() - started < 30


def test_plan_and_report_of_a_finished_sweep(finished: tuple[Path, str]) -> None:
    def answer(name: str) -> Any:
        program = "from stilts_ray.cli import main; main()"
        words = [sys.executable, "-c", program, name, str(SWEEP), "--store", str(finished[0]), "--json"]
        return json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)

    planned = answer("plan")
    assert {step["status"] for step in planned["steps"]} == {"done"}
    assert planned["totals"]["new"] == planned["totals"]["trials"] == 0
    rows = answer("report")["rows"]
    assert [row["intermediate"] for row in rows] == [[], ["mnli"]]
    assert all(len(cell["seeds"]) == 2 for cell in rows[1]["cells"].values())
    difference = rows[1]["cells"]["udpos"]["score"] - rows[0]["cells"]["udpos"]["score"]
    assert rows[1]["cells"]["udpos"]["delta"] == pytest.approx(difference)


def wait_for(what: Callable[[], bool], process: subprocess.Popen[bytes], seconds: float = 120) -> None:
    """Waits until something holds; fails if the run ends before."""
    limit = time.monotonic() + seconds
    while not what():
        assert process.poll() is None, "the run ended before it could be disturbed"
        assert time.monotonic() < limit
        time.sleep(0.01)


def started(store: Path) -> subprocess.Popen[bytes]:
    """A run in the background, in a process group of its own; what it prints is in `<store>.log`."""
    with store.with_suffix(".log").open("wb") as sink:
        return subprocess.Popen(command(store), stdout=sink, stderr=sink, start_new_session=True)


def committed(store: Path, kind: str) -> bool:
    """Whether a run of that kind is under way and has a checkpoint."""
    return any(store.glob(f"{kind}/*/checkpoint/latest.json"))


MOMENTS: list[Callable[[Path], bool]] = [
    lambda store: committed(store, "pretrain"),
    lambda store: committed(store, "trial"),
    lambda store: any(store.glob("score/*/record.json")) and committed(store, "trial"),
    lambda store: len(list(store.glob("evaluation/*/record.json"))) >= 3,
]


def test_a_killed_driver_loses_nothing(finished: tuple[Path, str], tmp_path: Path) -> None:
    for moment in MOMENTS:
        process = started(tmp_path)
        wait_for(lambda moment=moment: moment(tmp_path), process)  # type: ignore[misc]
        process.kill()
        process.wait()
    last = run(tmp_path)
    assert last.returncode == 0, last.stdout + last.stderr
    assert results(tmp_path) == results(finished[0])


def trial_processes(driver: int) -> list[psutil.Process]:
    """The actors in which jobs of a run are done."""
    found = []
    for process in psutil.Process(driver).children(recursive=True):
        try:
            if process.cmdline()[:1] and process.cmdline()[0].startswith("ray::ImplicitFunc"):
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_killed_trial_processes_lose_nothing(finished: tuple[Path, str], tmp_path: Path) -> None:
    process = started(tmp_path)
    for moment in MOMENTS[:3]:
        wait_for(lambda moment=moment: moment(tmp_path), process)  # type: ignore[misc]
        for victim in trial_processes(process.pid):
            victim.send_signal(signal.SIGKILL)
        time.sleep(1)
    assert process.wait(240) == 0
    assert results(tmp_path) == results(finished[0])
    printed = tmp_path.with_suffix(".log").read_text()
    assert "its process died; it resumes from" in printed
    assert "Traceback" not in printed


def test_two_workers_train_one_model(tmp_path: Path) -> None:
    sweep = Path(__file__).parent / "sweeps" / "pair.py"
    scores = {}
    for way, options in {"alone": ("1", "ddp"), "ddp": ("2", "ddp"), "fsdp": ("2", "fsdp")}.items():
        workers, kind = options
        done = run(tmp_path / way, "--workers-per-trial", workers, "--data-parallel", kind, sweep=sweep)
        assert done.returncode == 0, done.stdout + done.stderr
        (trial,) = Store(str(tmp_path / way)).records("trial").values()
        scores[way] = trial["curve"]
    for way in ("ddp", "fsdp"):
        assert [entry["step"] for entry in scores[way]] == [entry["step"] for entry in scores["alone"]]
        for one, two in zip(scores["alone"], scores[way], strict=True):
            assert two == pytest.approx(one, rel=1e-3)


def test_a_second_driver_is_refused(tmp_path: Path) -> None:
    first = started(tmp_path)
    wait_for((tmp_path / "lease.json").exists, first)
    second = run(tmp_path)
    first.kill()
    assert second.returncode == 2
    assert "in use by process" in second.stderr
    assert os.linesep not in second.stderr.strip()
