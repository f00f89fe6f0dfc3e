"""The paper's sweep replayed on simulated GPUs: how near its schedule comes to the shortest there can be.

    python benchmarks/schedule.py [--gpus 1 2 4 8 16 32 64] [--pending 1 16]

The real searcher hands out the jobs of `sweeps/paper.py`; they take as long as their tokens say and leave made-up records.
`pending` are the trials that Tune holds ready before a GPU is free, and whose order is then settled: 1 on one machine, 16 on
a cluster. Time is counted in training tokens; loading, dev evaluations and Tune's own work take none, and the trials
of CCG neither, whose size is not public. A schedule is held against max(work / GPUs, critical path), the latter from what
each job truly needs. Prints one JSON line for each number of GPUs.
"""

import argparse
import heapq
import itertools
import json
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stilts_ray import tasks
from stilts_ray.config.sweep_file import load
from stilts_ray.data.sources import HubSource
from stilts_ray.execution.jobs import Job
from stilts_ray.execution.scheduler import Scheduler
from stilts_ray.execution.tune_searcher import TuneSearcher
from stilts_ray.plan.build import Plan, make_plan
from stilts_ray.plan.steps import Evaluation, Study
from stilts_ray.store.store import Store

SWEEP = Path(__file__).parents[1] / "sweeps" / "paper.py"
FORWARD = 1 / 3
"""Work of a scored token beside a trained one: the backward pass takes twice what the forward pass does."""
LARGEST_TEST = {"udpos": 20_436, "panx": 10_000, "tydiqa": 2_719, "bucc2018": 14_330, "tatoeba": 1_000}
"""Rows of the largest language's test split (arXiv 2010.12821, table 11); taken for every language of which no number is
published, so that scoring is overestimated."""


@dataclass(frozen=True)
class Done:
    """A job that was carried out; times in training tokens."""

    job: Job
    begin: float
    end: float


def work(plan: Plan, job: Job) -> float:
    """Training tokens of a trial, or what the scoring of a run is worth in them."""
    step = plan.by_digest[job.step]
    if isinstance(step, Study):
        return step.tokens
    assert isinstance(step, Evaluation)
    task = tasks.get(step.task)
    rows = sum(task.published_rows(task.test, code) or LARGEST_TEST[task.name] for code in step.languages)
    measured = tasks.get(task.trained).tokens if task.trained else 0
    longest = step.identity["read"]["max_length"]
    return FORWARD * rows * min(measured or longest, longest)


def outcome(job: Job) -> dict[str, Any]:
    """A made-up record that follows from the job alone."""
    score = int(job.digest[:8], 16) % 10_000 / 100
    if job.kind == "score":
        languages = {code: {"score": score} for code in job.details["languages"]}
        return {"digest": job.digest, "score": score, "languages": languages, "signature": "made up"}
    asked = {name: job.details[name] for name in ("learning_rate", "seed")}
    curve = [{"step": 1, "score": score}]
    return {"digest": job.digest, "end": "finished", "score": score, "collapsed": False, "curve": curve, **asked}


def replay(plan: Plan, gpus: int, pending: int) -> list[Done]:
    """All jobs in the order of their beginning, one at a time on each GPU."""
    store = Store("memory://schedule")
    searcher = TuneSearcher(Scheduler(plan, {}, {}), store, lambda: None, [], retries=0)
    waiting: deque[str] = deque()
    running: list[tuple[float, str]] = []
    done: list[Done] = []
    clock, names = 0.0, (f"{number:06}" for number in itertools.count())
    while True:
        while True:
            if waiting and len(running) < gpus:
                name = waiting.popleft()
                job = searcher.jobs[name]
                done.append(Done(job, clock, clock + work(plan, job)))
                heapq.heappush(running, (done[-1].end, name))
            elif len(waiting) < pending and isinstance(searcher.suggest(name := next(names)), dict):
                waiting.append(name)
            else:
                break
        if not running:
            return done
        clock, name = heapq.heappop(running)
        store.write_json(outcome(searcher.jobs[name]), searcher.jobs[name].path, "record.json")
        searcher.on_trial_complete(name)


def needs(plan: Plan, jobs: Sequence[Job]) -> dict[str, set[str]]:
    """The jobs that each one truly has to wait for, by digest; told from the jobs themselves, not from when they were
    handed out."""
    made = {job.path: job for job in jobs}
    searches: dict[str, list[str]] = defaultdict(list)
    for job in jobs:
        if _searches(plan, job):
            searches[job.step].append(job.digest)
    found = {}
    for job in jobs:
        before: set[str] = set()
        if run := job.details["start"]["run"]:
            # Which run it is follows from the whole search.
            before = {made[run].digest, *searches[made[run].step]}
        if job.kind == "trial":
            own, parallel = searches[job.step], plan.by_digest[job.step].search.trials_per_round
            place = own.index(job.digest) if job.digest in own else len(own)
            before |= set(own if place == len(own) else own[: place - place % parallel])
        found[job.digest] = before
    return found


def _searches(plan: Plan, job: Job) -> bool:
    step = plan.by_digest[job.step]
    return isinstance(step, Study) and job.details["seed"] == step.seeds[0]


def critical_path(plan: Plan, done: Sequence[Done]) -> float:
    """Work on the longest chain of jobs of which each needs the one before it."""
    ends: dict[str, float] = {}
    before = needs(plan, [each.job for each in done])
    # Jobs begin after what they need has ended, so that this order is one of a graph without cycles.
    for each in done:
        ends[each.job.digest] = work(plan, each.job) + max((ends[d] for d in before[each.job.digest]), default=0.0)
    return max(ends.values())


def figures(plan: Plan, gpus: int, pending: int) -> dict[str, Any]:
    """The schedule on so many GPUs beside its bound."""
    done = replay(plan, gpus, pending)
    total, critical = sum(work(plan, each.job) for each in done), critical_path(plan, done)
    makespan, bound = max(each.end for each in done), max(total / gpus, critical)
    return {
        "gpus": gpus,
        "pending": pending,
        "jobs": len(done),
        "makespan": round(makespan),
        "bound": round(bound),
        "bound_by": "work" if bound > critical else "critical path",
        "efficiency": round(bound / makespan, 4),
    }


def main() -> None:
    """Prints a line for each number of GPUs and of trials held ready."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gpus", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64])
    parser.add_argument("--pending", type=int, nargs="+", default=[1, 16])
    given = parser.parse_args()
    plan = make_plan(load(SWEEP), HubSource({}))
    for pending in given.pending:
        for gpus in given.gpus:
            print(json.dumps(figures(plan, gpus, pending)), flush=True)


if __name__ == "__main__":
    main()
