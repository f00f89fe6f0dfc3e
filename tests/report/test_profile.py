"""Profiles: every job counts once, at its step, and steps add up to the total."""

import io
import json

import pytest
from rich.console import Console

from stilts_ray.plan.build import Plan
from stilts_ray.report import profile as profiles
from stilts_ray.report.profile import LONGEST, Spent, document, markdown, profile
from stilts_ray.store.state import state_of
from stilts_ray.store.store import Store
from stilts_ray.timing import PARTS
from tests.report import fakes


def shown(steps: list[Spent], width: int = 80) -> list[str]:
    console = Console(width=width, file=io.StringIO(), record=True)
    profiles.show(steps, console)
    return [line.strip() for line in console.export_text().splitlines() if line.strip()]


def aged(store: Store, plan: Plan, name: str) -> int:
    """Removes the profiles of a step's jobs; returns their number."""
    old = [job for job in state_of(store).jobs_of(plan) if job.name.rsplit("-lr")[0] == name]
    for job in old:
        store.write_record(job.model_copy(update={"profile": None}), job.path)
    return len(old)


def test_every_job_counts_once_at_its_step(store: Store) -> None:
    plan = fakes.small()
    fakes.execute_job(plan, store)
    steps, jobs = profile(plan, state_of(store)), state_of(store).jobs_of(plan)
    assert [step.name for step in steps] == [step.name for step in plan.steps if step.kind != "condition"]
    assert sum(step.jobs for step in steps) == len(jobs)
    whole = document(steps)
    assert whole["total"]["jobs"] == len(jobs)
    assert whole["total"]["total"] == pytest.approx(sum(sum((job.profile or {}).values()) for job in jobs))
    for part in PARTS:
        there = sum((job.profile or {}).get(part, 0) for job in jobs)
        assert whole["total"]["seconds"][part] == pytest.approx(there)
        assert sum(step["seconds"][part] for step in whole["steps"]) == pytest.approx(there)
    (study,) = (step for step in whole["steps"] if step["name"] == "mini.squad" and step["kind"] == "study")
    assert study == {
        "kind": "study", "name": "mini.squad", "jobs": 3, "unmeasured": 0, "total": 24.0,
        "seconds": {**dict.fromkeys(PARTS, 0.0), "load": 1.5, "wait": 1.5, "forward": 6.0, "backward": 12.0, "other": 3.0},
    }  # fmt: skip
    assert json.loads(json.dumps(whole)) == whole


def test_a_trial_that_another_sweep_ran_is_at_the_step_that_uses_it(store: Store) -> None:
    fakes.execute_job(fakes.small(seeds=(0,)), store)
    plan = fakes.small()
    fakes.execute_job(plan, store)
    steps = profile(plan, state_of(store))
    assert {step.jobs for step in steps if step.kind == "study"} == {3}, "two learning rates, and the second seed"


def test_jobs_without_times_are_counted_apart(store: Store) -> None:
    plan = fakes.small()
    fakes.execute_job(plan, store)
    whole = document(profile(plan, state_of(store)))["total"]
    assert aged(store, plan, "mini.squad") == 3
    steps = profile(plan, state_of(store))
    found = {(step.kind, step.name): step for step in steps}[("study", "mini.squad")]
    assert (found.jobs, found.unmeasured, found.seconds) == (3, 3, None)
    assert document(steps)["total"]["total"] == pytest.approx(whole["total"] - 24.0)
    assert f"3 of {whole['jobs']} jobs have no profile, and are not in the sums" in shown(steps)
    (line,) = (line for line in markdown(steps).splitlines() if line.startswith("| study | mini.squad |"))
    assert line.count("–") == len(PARTS) + 1


def test_a_terminal_has_a_column_for_each_kind_and_names_the_longest(store: Store) -> None:
    plan = fakes.small()
    fakes.execute_job(plan, store)
    steps = profile(plan, state_of(store))
    lines = shown(steps)
    rows: dict[str, list[str]] = {line.split()[0]: line.split()[1:] for line in lines}
    assert lines[0].split() == ["seconds", "of", "pretrain", "study", "evaluation", "total", "share"]
    assert rows["forward"] == ["2.0", "42.0", "34.0", "78.0", "25%"]
    assert [row[0] for row in map(str.split, lines) if row[0] in PARTS] == list(PARTS)
    shares = [int(rows[part][-1].removesuffix("%")) for part in PARTS]
    assert sum(shares) == pytest.approx(100, abs=3)
    assert [line.endswith("24.0  backward 50%, forward 25%") for line in lines].count(True) == LONGEST
    assert f"and {len(steps) - LONGEST} more" in "\n".join(lines)
    assert shown([]) == []


def test_a_report_has_every_step(store: Store) -> None:
    plan = fakes.small()
    fakes.execute_job(plan, store)
    steps = profile(plan, state_of(store))
    lines = [line for line in markdown(steps).splitlines() if line.startswith("| ")]
    assert len(lines) == 2 + len(steps) + 1
    assert lines[0] == f"| kind | step | jobs | {' | '.join(PARTS)} | total |"
    numbers = [line.split(" | ")[3:] for line in lines[2:]]
    for column in zip(*numbers, strict=True):
        *parts, whole = (float(cell.strip(" |").replace(",", "")) for cell in column)
        assert whole == pytest.approx(sum(parts))
    assert markdown([]) == ""


def test_no_time_at_all_has_no_shares() -> None:
    nothing = Spent("study", "s", 1, 0, dict.fromkeys(PARTS, 0.0))
    assert not any("%" in line for line in shown([nothing]))
