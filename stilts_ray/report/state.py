"""How far a sweep has come, as its store knows it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from stilts_ray.overview import failures, job_records, step_records
from stilts_ray.plan import Plan
from stilts_ray.store import Record, Store


@dataclass(frozen=True)
class State:
    """By digest: records of steps and of jobs; steps that failed or could not be run, and why.

    store: its URL, without secrets.
    """

    steps: Mapping[str, Record]
    jobs: Mapping[str, Record]
    failed: Mapping[str, str]
    store: str

    def jobs_of(self, plan: Plan) -> list[Record]:
        """The jobs behind a plan's steps, by the time of their end. A store may hold those of other sweeps as well, and
        steps may use runs that another sweep began."""
        used = {t["digest"] for d, step in self.steps.items() if d in plan.by_digest for t in trials(step)}
        own = [job for d, job in self.jobs.items() if d in used or job.get("step", d) in plan.by_digest]
        return sorted(own, key=lambda job: str(job["finished_at"]))


def trials(step: Record) -> list[Record]:
    """The trials that a step's record names, tried and selected; none of a step that is no study."""
    return [*step.get("trials", []), *step.get("runs", {}).values()]


def state_of(store: Store) -> State:
    """All that a store knows."""
    done = step_records(store)
    failed = {digest: str(note["reason"]) for digest, note in failures(store).items() if digest not in done}
    return State(done, job_records(store), failed, redacted(store.url))


def redacted(text: str) -> str:
    """`text` without the user and password of any URI in it."""
    text = re.sub(r"(\w[\w+.-]*://)[^/\s]*@", r"\1***@", text)
    return re.sub(r"(?i)([?&]\w*(?:password|token|secret|key)\w*=)[^&\s]+", r"\1***", text)
