"""The cost of trials that do no work, run one after the other in one Ray Tune run: does the driver slow down or grow?

    python benchmarks/noop_trials.py [--jobs 2000]

As in `stilts run`, but a job only writes its record. Prints one JSON line: seconds per job (median) over the first and the last
200 jobs, and the driver's memory.
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

WINDOW = 200


def write_record(job: Job, context: WorkerContext) -> AnyJobRecord:
    """A stand-in for execute_job."""
    written = record(job)
    context.store.write_record(written, job.path)
    return written


def measure(jobs: int) -> list[tuple[float, float]]:
    """The end of each job in seconds, and the driver's memory at that time in MiB."""
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
    seconds = [end - previous for (previous, _), (end, _) in pairwise(ends)]
    first, last = median(seconds[:WINDOW]), median(seconds[-WINDOW:])
    begin, middle, end = (ends[number][1] for number in (WINDOW, len(ends) // 2, -1))
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
