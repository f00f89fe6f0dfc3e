"""The driver's cost in a large sweep: `stilts plan`, `stilts run` with nothing left to do, and `stilts report`.

    python benchmarks/driver.py [--trials 10000]

Makes a store of finished trials and its MLflow database in a temporary folder, which takes a quarter of an hour and is not
timed. Then runs each command five times, as a user does. Prints one JSON line: median seconds and peak memory of each command,
and the limits.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import psutil
from made_up import plan_of, record

from stilts_ray import tracking
from stilts_ray.execution.launch import commit_completed_steps
from stilts_ray.execution.scheduler import Scheduler
from stilts_ray.plan.build import Plan
from stilts_ray.store.pins import REPOSITORIES
from stilts_ray.store.state import state_of
from stilts_ray.store.store import Store

SECONDS, MEGABYTES, REPEATS = 20, 1024, 5
PROGRAM = "from stilts_ray.cli import main; main()"
SWEEP = """from pathlib import Path

from stilts_ray import Sweep


def sweep() -> Sweep:
    return Sweep.model_validate_json(Path(__file__).with_suffix(".json").read_text())
"""


def finish(plan: Plan, store: Store) -> int:
    """Fills a store as a run of the whole plan does; returns the number of jobs."""
    repositories = plan.data_source.repositories
    store.write_json({key: each.model_dump(mode="json") for key, each in repositories.items()}, REPOSITORIES)
    scheduler = Scheduler(plan, {}, {})
    while job := scheduler.next():
        finished = record(job)
        store.write_record(finished, job.path)
        scheduler.finish(job, finished)
        commit_completed_steps(scheduler, store)
    tracking.Tracker(tracking.default_uri(store), plan).sync(state_of(store))
    return len(scheduler.outcomes)


def cost(*words: str) -> dict[str, float]:
    """Median seconds of a command, and its peak memory in MB."""
    seconds, peaks = zip(*(once(*words) for _ in range(REPEATS)), strict=True)
    return {"seconds": round(median(seconds), 1), "mb": round(max(peaks) / 2**20)}


def once(*words: str) -> tuple[float, int]:
    """Seconds of a command, and its peak memory in bytes."""
    started, peak = time.perf_counter(), 0
    # The system's own peak of a child process includes this process's memory at the fork.
    with psutil.Popen([sys.executable, "-c", PROGRAM, *words], stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            with contextlib.suppress(psutil.Error):
                peak = max(peak, process.memory_info().rss)
            time.sleep(0.02)
    if process.returncode:
        raise SystemExit(f"stilts {' '.join(words)} ended with status {process.returncode}")
    return time.perf_counter() - started, peak


def main() -> None:
    """Measures and prints."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--trials", type=int, default=10_000)
    plan = plan_of(options.parse_args().trials)
    with tempfile.TemporaryDirectory() as folder:
        sweep, store = Path(folder) / "sweep.py", Store(f"{folder}/runs")
        sweep.write_text(SWEEP)
        sweep.with_suffix(".json").write_text(plan.sweep.model_dump_json())
        jobs = finish(plan, store)
        arguments = (str(sweep), "--store", store.url)
        costs = {
            "plan": cost("plan", *arguments),
            "run": cost("run", *arguments),
            "report": cost("report", *arguments, "--out", f"{folder}/report"),
        }
    limits = {"seconds": SECONDS, "mb": MEGABYTES}
    within = all(each[name] < limit for each in costs.values() for name, limit in limits.items())
    print(json.dumps({"jobs": jobs, **costs, "limits": limits, "within": within}))


if __name__ == "__main__":
    main()
