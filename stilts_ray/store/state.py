"""What a store knows, read once by a command and handed on."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from stilts_ray.plan.build import Plan
from stilts_ray.store.store import Record, Store

JOB_KINDS = ("pretrain", "trial", "rank", "score")
STEP_KINDS = ("pretrain", "study", "ranking", "evaluation", "row")


@dataclass(frozen=True)
class StoreState:
    """By digest: records of steps and of jobs; steps that failed or could not be run, and why.

    store: its URL, without secrets.
    """

    steps: Mapping[str, Record] = field(default_factory=dict)
    jobs: Mapping[str, Record] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    store: str = ""

    def jobs_of(self, plan: Plan) -> list[Record]:
        """The jobs behind a plan's steps, by the time of their end. A store may hold those of other sweeps as well, and
        steps may use runs that another sweep began."""
        used = {t["digest"] for d, step in self.steps.items() if d in plan.by_digest for t in trials_of(step)}
        own = [job for d, job in self.jobs.items() if d in used or job.get("step", d) in plan.by_digest]
        return sorted(own, key=lambda job: str(job["finished_at"]))


def trials_of(step: Record) -> list[Record]:
    """What a study's record says of its trials; nothing for other steps."""
    return [*step.get("trials", []), *step.get("runs", {}).values()]


NOTHING = StoreState()


def state_of(store: Store, known: StoreState = NOTHING) -> StoreState:
    """All that a store knows. `known`: an earlier state of it, whose records are not read again.

    Raises RequestError for a damaged record, Unavailable if the store does not answer.
    """
    folders = [folder for kind in dict.fromkeys((*STEP_KINDS, *JOB_KINDS)) for folder in store.folders(kind)]
    there = {record["path"]: record for record in (*known.steps.values(), *known.jobs.values())}
    there |= store.records_in([folder for folder in folders if folder not in there])
    records = [there[folder] for folder in folders if folder in there]
    steps, jobs = ({r["digest"]: r for r in records if _kind(r["path"]) in kinds} for kinds in (STEP_KINDS, JOB_KINDS))
    undone = [folder for folder in folders if folder not in there and _kind(folder) in STEP_KINDS]
    notes = store.records_in(undone, "failure.json").values()
    return StoreState(steps, jobs, {note["digest"]: str(note["reason"]) for note in notes}, redacted(store.url))


def _kind(folder: str) -> str:
    return folder.split("/")[0]


def redacted(text: str) -> str:
    """`text` without the user and password of any URI in it."""
    text = re.sub(r"(\w[\w+.-]*://)[^/\s]*@", r"\1***@", text)
    return re.sub(r"(?i)([?&]\w*(?:password|token|secret|key)\w*=)[^&\s]+", r"\1***", text)
