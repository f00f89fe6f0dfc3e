"""Replaying a plan on simulated GPUs."""

import pytest

pytest.importorskip("ray.tune")

from stilts_ray.config import Recipe, Search
from stilts_ray.plan.build import Plan
from tests.benchmarks.script import script
from tests.execution.fakes import planned
from tests.execution.test_sweeps import on_hub

pytestmark = pytest.mark.ray

schedule = script("schedule")
PENDING = 1


@pytest.fixture(scope="module")
def plan() -> Plan:
    """Two intermediates, two targets; a search of three learning rates in two rounds, and two seeds."""
    return planned(
        intermediates=[(), ("squad",)],
        targets=["xnli", "xquad"],
        recipe=Recipe(epochs=1, train_examples=1000),
        search=Search(learning_rates=(1e-5, 3e-5, 5e-5), trials_per_round=2),
        seeds=(0, 1),
    )


def test_one_gpu_executes_one_job_after_the_other(plan: Plan) -> None:
    done = schedule.replay(plan, 1, PENDING)
    assert max(each.end for each in done) == pytest.approx(sum(schedule.work(plan, each.job) for each in done))
    assert schedule.figures(plan, 1, PENDING)["efficiency"] == 1
    # Four studies of three learning rates and a second seed, and four evaluations of two seeds.
    assert len(done) == 4 * 4 + 4 * 2


@pytest.mark.parametrize("gpus", [1, 2, 3, 100])
@pytest.mark.parametrize("pending", [1, 16])
def test_no_job_starts_before_its_dependencies_end_and_no_gpu_has_two_jobs(plan: Plan, gpus: int, pending: int) -> None:
    done = schedule.replay(plan, gpus, pending)
    ends = {each.job.digest: each.end for each in done}
    dependencies = schedule.dependencies(plan, [each.job for each in done])
    for each in done:
        assert each.begin >= max((ends[digest] for digest in dependencies[each.job.digest]), default=0)
        assert sum(other.begin <= each.begin < other.end for other in done) <= gpus


def test_with_a_gpu_for_each_job_the_makespan_is_the_critical_path(plan: Plan) -> None:
    """No job waits for more than its dependencies: the makespan is the longest chain of dependent jobs."""
    done = schedule.replay(plan, 1000, PENDING)
    assert max(each.end for each in done) == pytest.approx(schedule.critical_path(plan, done))
    # SQuAD in two rounds and at its second seed, then SQuAD again at that seed, and its scoring.
    trial = next(step.tokens for step in plan.steps if step.name == "xlmr.squad")
    score = next(schedule.work(plan, each.job) for each in done if "squad.squad.xquad-test" in each.job.name)
    assert schedule.critical_path(plan, done) == pytest.approx((2 + 2 + 1) * trial + score)


def test_the_jobs_do_not_depend_on_the_gpus(plan: Plan) -> None:
    few, many = ({each.job.digest for each in schedule.replay(plan, gpus, PENDING)} for gpus in (2, 64))
    assert few == many


@pytest.mark.parametrize("gpus", [16, 32])
def test_the_papers_makespan_is_near_its_bound(gpus: int) -> None:
    """At the numbers of GPUs where the order matters most; the benchmark covers the others."""
    assert schedule.figures(on_hub("paper"), gpus, PENDING)["efficiency"] >= 0.95
