"""Ray Tune's search algorithm: what becomes of jobs that end, fail and break off."""

import pytest

pytest.importorskip("ray.tune")

from ray.tune.search import Searcher

from stilts_ray.plan import Plan
from stilts_ray.store import Store
from stilts_ray.sweep.frontier import Frontier
from stilts_ray.sweep.jobs import Job
from stilts_ray.sweep.ledger import Outcome
from stilts_ray.sweep.searcher import PlanSearcher
from tests.sweep.fakes import RANDOM, planned, succeed

pytestmark = pytest.mark.ray

RETRIES = 2


class Ended:
    """A Watcher that keeps outcomes."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    def begun(self, job: Job) -> None: ...

    def progressed(self, job: Job, entry: dict[str, object]) -> None: ...

    def ended(self, job: Job, outcome: Outcome) -> None:
        self.outcomes.append(outcome)


@pytest.fixture
def plan() -> Plan:
    return planned(encoders=[RANDOM], targets=["xnli"])


@pytest.fixture
def watcher() -> Ended:
    return Ended()


@pytest.fixture
def searcher(plan: Plan, store: Store, watcher: Ended) -> PlanSearcher:
    return PlanSearcher(Frontier(plan, {}, {}), store, lambda: None, [watcher], RETRIES)


def test_a_job_that_breaks_off_is_suggested_again(searcher: PlanSearcher, watcher: Ended) -> None:
    """Whenever it does: also before its process has begun with it, of which Tune tells the searcher in the same way."""
    first = searcher.suggest("a")
    assert searcher.suggest("b") is None
    searcher.on_trial_complete("a", error=True)
    assert searcher.suggest("c")["job"] == first["job"]
    assert watcher.outcomes == []


def test_it_fails_after_the_last_retry(searcher: PlanSearcher, watcher: Ended) -> None:
    for attempt in range(RETRIES + 1):
        searcher.suggest(str(attempt))
        searcher.on_trial_complete(str(attempt), error=True)
    assert watcher.outcomes == ["its process died again and again"]
    assert searcher.suggest("after") == Searcher.FINISHED


def test_a_noted_failure_is_the_reason(searcher: PlanSearcher, store: Store, watcher: Ended) -> None:
    job = Job.from_json(searcher.suggest("a")["job"])
    store.write_json({"reason": "no such file"}, job.path, "failure.json")
    searcher.on_trial_complete("a")
    assert watcher.outcomes == ["no such file"]


def test_a_process_that_dies_after_its_work_has_done_it(searcher: PlanSearcher, store: Store, watcher: Ended) -> None:
    job = Job.from_json(searcher.suggest("a")["job"])
    store.write_json(succeed(job), job.path, "record.json")
    searcher.on_trial_complete("a", error=True)
    assert watcher.outcomes == [succeed(job)]
    assert searcher.ended == 1
