"""The paper's sweep replayed on simulated GPUs: its makespan compared with a lower bound.

    python benchmarks/schedule.py [--gpus 1 2 4 8 16 32 64] [--pending 1 16]

The real searcher schedules the jobs of `sweeps/paper.py`; a job takes as long as its number of tokens and writes a made-up
record. `pending` is the number of trials that Tune holds ready, in a fixed order, before a GPU is free: 1 on one machine, 16 on
a cluster. Time is counted in training tokens. Loading, dev evaluations and Tune's own work take none, nor do the trials of CCG,
whose size is not public. The bound is max(work / GPUs, critical path); the critical path follows from the jobs' true
dependencies. Prints one JSON line for each number of GPUs.
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
from stilts_ray.execution.jobs import Job, ScoreJob, TrainJob
from stilts_ray.execution.scheduler import Scheduler
from stilts_ray.execution.tune_searcher import TuneSearcher
from stilts_ray.plan.build import Plan, make_plan
from stilts_ray.plan.steps import Evaluation, Study
from stilts_ray.store.records import AnyJobRecord, CurvePoint, ScoreRecord, TrainRecord
from stilts_ray.store.store import Store

SWEEP = Path(__file__).parents[1] / "sweeps" / "paper.py"
FORWARD = 1 / 3
"""Work of a scored token relative to a trained one: the backward pass takes twice as long as the forward pass."""
LARGEST_TEST = {"udpos": 20_436, "panx": 10_000, "tydiqa": 2_719, "bucc2018": 14_330, "tatoeba": 1_000}
"""Test examples of the largest language (arXiv 2010.12821, table 11), used for every language without a published number, so
that scoring is overestimated."""


@dataclass(frozen=True)
class Done:
    """An executed job; times in training tokens."""

    job: Job
    begin: float
    end: float


def work(plan: Plan, job: Job) -> float:
    """Work of a job: the training tokens of a trial, or the equivalent number for scoring a trial."""
    step = plan.by_digest[job.step]
    if isinstance(step, Study):
        return step.tokens
    assert isinstance(step, Evaluation)
    task = tasks.get(step.task)
    rows = sum(task.published_rows(task.test, code) or LARGEST_TEST[task.name] for code in step.languages)
    mean_length = tasks.get(task.trained).tokens if task.trained else 0
    longest = step.input.inference.max_length
    return FORWARD * rows * min(mean_length or longest, longest)


def outcome(job: Job) -> AnyJobRecord:
    """A made-up record that depends on the job alone."""
    where: dict[str, Any] = {"name": job.name, "digest": job.digest, "step": job.step}
    score = int(job.digest[:8], 16) % 10_000 / 100
    if isinstance(job, ScoreJob):
        languages = {code: {"score": score} for code in job.input.languages}
        return ScoreRecord(**where, score=score, languages=languages, signature="made up")
    assert isinstance(job, TrainJob)
    curve = (CurvePoint(step=1, loss=1.0, score=score),)
    trial = {"learning_rate": job.learning_rate, "seed": job.seed}
    return TrainRecord(**where, **trial, score=score, collapsed=False, curve=curve)


def replay(plan: Plan, gpus: int, pending: int) -> list[Done]:
    """Executes all jobs, one at a time on each GPU; returns them by start time."""
    store = Store("memory://schedule")
    searcher = TuneSearcher(Scheduler(plan, {}, {}), store, lambda: None, [], max_restarts=0)
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
        store.write_record(outcome(searcher.jobs[name]), searcher.jobs[name].path)
        searcher.on_trial_complete(name)


def dependencies(plan: Plan, jobs: Sequence[Job]) -> dict[str, set[str]]:
    """The dependencies of each job, by digest; derived from the jobs themselves, not from the order of scheduling."""
    by_path = {job.path: job for job in jobs}
    searches: dict[str, list[str]] = defaultdict(list)
    for job in jobs:
        if _searches(plan, job):
            searches[job.step].append(job.digest)
    needed = {}
    for job in jobs:
        before: set[str] = set()
        if run := job.parent.trial:
            # The parent is selected from all trials of its search.
            before = {by_path[run].digest, *searches[by_path[run].step]}
        if isinstance(job, TrainJob):
            own, per_round = searches[job.step], plan.by_digest[job.step].search.trials_per_round
            place = own.index(job.digest) if job.digest in own else len(own)
            before |= set(own if place == len(own) else own[: place - place % per_round])
        needed[job.digest] = before
    return needed


def _searches(plan: Plan, job: Job) -> bool:
    step = plan.by_digest[job.step]
    return isinstance(step, Study) and isinstance(job, TrainJob) and job.seed == step.seeds[0]


def critical_path(plan: Plan, done: Sequence[Done]) -> float:
    """Work on the longest chain of dependent jobs."""
    ends: dict[str, float] = {}
    before = dependencies(plan, [each.job for each in done])
    # A job starts after its dependencies end, so this is a topological order.
    for each in done:
        ends[each.job.digest] = work(plan, each.job) + max((ends[d] for d in before[each.job.digest]), default=0.0)
    return max(ends.values())


def figures(plan: Plan, gpus: int, pending: int) -> dict[str, Any]:
    """The schedule on `gpus` GPUs and its lower bound."""
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
    """Prints a line for each number of GPUs and of pending trials."""
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
