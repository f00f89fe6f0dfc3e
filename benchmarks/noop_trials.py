"""What trials cost that do nothing, one after the other through one Ray Tune run: does the driver slow down, does it grow?

    python benchmarks/noop_trials.py [--jobs 2000]

All is as in `stilts run`, but a job writes its record at once. Prints one JSON line: seconds a job (median) and the driver's
memory over the first and the last 200.
"""

import argparse
import json
import tempfile
import time
from itertools import pairwise
from statistics import median
from typing import Any

import psutil
from made_up import plan_of, record

from stilts_ray.spec import Runtime
from stilts_ray.store import Record, Store
from stilts_ray.sweep.frontier import Frontier
from stilts_ray.sweep.jobs import Job
from stilts_ray.sweep.launch import tune
from stilts_ray.sweep.ledger import Outcome
from stilts_ray.sweep.place import Place

SHARE = 200


class Clock:
    """A Watcher that notes when each job ended, and the driver's memory then."""

    def __init__(self) -> None:
        self.ends: list[tuple[float, int]] = []

    def begun(self, job: Job) -> None:
        """Nothing."""

    def progressed(self, job: Job, entry: dict[str, Any]) -> None:
        """Nothing."""

    def ended(self, job: Job, outcome: Outcome) -> None:
        """Notes time and memory."""
        assert isinstance(outcome, dict), outcome
        self.ends.append((time.perf_counter(), psutil.Process().memory_info().rss))


def write_record(job: Job, place: Place) -> Record:
    """In place of the work."""
    made = record(job)
    place.store.write_json(made, job.path, "record.json")
    return made


def measure(jobs: int) -> list[tuple[float, int]]:
    """Time and memory at the end of each job."""
    clock = Clock()
    plan = plan_of(round(0.58 * jobs))
    with tempfile.TemporaryDirectory() as folder:
        tune(Frontier(plan, {}, {}), Store(folder), plan, Runtime(max_concurrent=1), [clock], write_record)
    return clock.ends


def main() -> None:
    """Measures and prints."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--jobs", type=int, default=2000)
    ends = measure(options.parse_args().jobs)
    seconds = [after - before for (before, _), (after, _) in pairwise(ends)]
    first, last = median(seconds[:SHARE]), median(seconds[-SHARE:])
    begin, middle, end = (ends[place][1] / 2**20 for place in (SHARE, len(ends) // 2, -1))
    print(
        json.dumps(
            {
                "jobs": len(ends),
                "first_200_median_s": round(first, 4),
                "last_200_median_s": round(last, 4),
                "ratio": round(last / first, 2),
                "driver_mb_after_200": round(begin),
                "driver_mb_halfway": round(middle),
                "driver_mb_at_the_end": round(end),
            }
        )
    )


if __name__ == "__main__":
    main()
