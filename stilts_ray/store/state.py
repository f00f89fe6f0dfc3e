"""The state of a store: all records and failures, read once per command, and the status of each step."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from stilts_ray.plan.build import Plan
from stilts_ray.plan.steps import JobKind, Step, StepKind
from stilts_ray.store.records import (
    AnyJobRecord,
    AnyRecord,
    AnyStepRecord,
    JobRecord,
    PretrainRecord,
    SearchedTrial,
    SelectedTrial,
    StudyRecord,
)
from stilts_ray.store.store import Store

JOB_KINDS: tuple[JobKind, ...] = get_args(JobKind)
STEP_KINDS: tuple[StepKind, ...] = get_args(StepKind)


@dataclass(frozen=True)
class StoreState:
    """steps, jobs: digest -> record. failed: digest -> why the step failed or was skipped. store: its URL, without secrets."""

    steps: Mapping[str, AnyStepRecord] = field(default_factory=dict)
    jobs: Mapping[str, AnyJobRecord] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    store: str = ""

    def jobs_of(self, plan: Plan) -> list[AnyJobRecord]:
        """The jobs of a plan's steps, by the time they finished. A store may also have jobs of other sweeps, and steps may use
        trials that another sweep ran."""
        used = {t.digest for d, step in self.steps.items() if d in plan.by_digest for t in trials_of(step)}
        own = [job for d, job in self.jobs.items() if d in used or job.step in plan.by_digest]
        return sorted(own, key=lambda job: job.finished_at)


def trials_of(record: AnyStepRecord | None) -> list[SearchedTrial | SelectedTrial]:
    """The trials in a study's record; none for other steps."""
    return [*record.trials, *record.selected.values()] if isinstance(record, StudyRecord) else []


EMPTY_STATE = StoreState()


def state_of(store: Store, known: StoreState = EMPTY_STATE) -> StoreState:
    """The state of a store. known: an earlier state, whose records are not read again.

    Raises RequestError for a damaged record, Unavailable if the store does not answer.
    """
    folders = [folder for kind in dict.fromkeys((*STEP_KINDS, *JOB_KINDS)) for folder in store.folders(kind)]
    by_folder: dict[str, AnyRecord] = {record.path: record for record in (*known.steps.values(), *known.jobs.values())}
    by_folder |= store.records_in([folder for folder in folders if folder not in by_folder])
    records = [by_folder[folder] for folder in folders if folder in by_folder]
    steps = {r.digest: r for r in records if not isinstance(r, JobRecord) or isinstance(r, PretrainRecord)}
    jobs = {r.digest: r for r in records if isinstance(r, JobRecord)}
    unfinished = [folder for folder in folders if folder not in by_folder and folder.split("/")[0] in STEP_KINDS]
    failed = {failure.digest: failure.reason for failure in store.failures_in(unfinished).values()}
    return StoreState(steps, jobs, failed, redacted(store.url))


# Status


@dataclass(frozen=True)
class Status:
    """The status of a step. reason: why it failed, or which steps it waits for."""

    state: Literal["done", "failed", "running", "waiting", "ready"]
    reason: str = ""


def status_of(step: Step, plan: Plan, state: StoreState, running: Collection[str] = ()) -> Status:
    """The status of a plan's step. running: digests of steps with running jobs, if known."""
    if step.digest in state.steps:
        return Status("done")
    if step.digest in running:
        return Status("running")
    if step.digest in state.failed:
        return Status("failed", state.failed[step.digest])
    upstream = [plan.by_digest[digest].name for digest in step.depends_on if digest not in state.steps]
    return Status("waiting", f"waits for {', '.join(upstream)}") if upstream else Status("ready")


def redacted(text: str) -> str:
    """`text` without the user and password of any URI in it."""
    text = re.sub(r"(\w[\w+.-]*://)[^/\s]*@", r"\1***@", text)
    return re.sub(r"(?i)([?&]\w*(?:password|token|secret|key)\w*=)[^&\s]+", r"\1***", text)
