"""What trials cost that do nothing, one after the other through one Ray Tune run: does the driver slow down, does it grow?

    python benchmarks/noop_trials.py [--jobs 2000]

All is as in `stilts run`, but a job writes its record at once. Prints one JSON line: seconds a job (median) and the driver's
memory over the first and the last 200.
"""

import argparse
import json
import tempfile
from itertools import pairwise
from statistics import median

import psutil
from made_up import plan_of, record
from watch import Ends

from stilts_ray.config import Runtime
from stilts_ray.execution.context import WorkerContext
from stilts_ray.execution.jobs import Job
from stilts_ray.execution.launch import tune
from stilts_ray.execution.scheduler import Scheduler
from stilts_ray.store.records import AnyJobRecord
from stilts_ray.store.store import Store

SHARE = 200


def write_record(job: Job, context: WorkerContext) -> AnyJobRecord:
    """In place of the work."""
    made = record(job)
    context.store.write_record(made, job.path)
    return made


def measure(jobs: int) -> list[tuple[float, float]]:
    """When each job ended, and the driver's memory then in MiB."""
    ends = Ends(lambda _: psutil.Process().memory_info().rss / 2**20)
    plan = plan_of(round(0.58 * jobs))
    with tempfile.TemporaryDirectory() as folder:
        tune(Scheduler(plan, {}, {}), Store(folder), plan, Runtime(max_concurrent=1), [ends], write_record)
    return ends.seen


def main() -> None:
    """Measures and prints."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--jobs", type=int, default=2000)
    ends = measure(options.parse_args().jobs)
    seconds = [after - before for (before, _), (after, _) in pairwise(ends)]
    first, last = median(seconds[:SHARE]), median(seconds[-SHARE:])
    begin, middle, end = (ends[place][1] for place in (SHARE, len(ends) // 2, -1))
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
