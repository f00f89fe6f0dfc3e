"""Ray Tune's search algorithm: what becomes of jobs that end, fail and break off."""

import pytest

pytest.importorskip("ray.tune")

from ray.tune.search import Searcher

from stilts_ray.errors import Unavailable
from stilts_ray.execution.jobs import Job
from stilts_ray.execution.launch import commit_completed_steps
from stilts_ray.execution.run_index import Outcome
from stilts_ray.execution.scheduler import Scheduler
from stilts_ray.execution.tune_searcher import TuneSearcher
from stilts_ray.plan.build import Plan
from stilts_ray.store.store import Store
from tests.execution.fakes import RANDOM, planned, succeed

pytestmark = pytest.mark.ray

RETRIES = 2


class Ended:
    """A Watcher that keeps outcomes."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    def on_job_start(self, job: Job) -> None: ...

    def on_evaluation(self, job: Job, entry: dict[str, object]) -> None: ...

    def on_job_end(self, job: Job, outcome: Outcome) -> None:
        self.outcomes.append(outcome)


@pytest.fixture
def plan() -> Plan:
    return planned(encoders=[RANDOM], targets=["xnli"])


@pytest.fixture
def callback() -> Ended:
    return Ended()


@pytest.fixture
def searcher(plan: Plan, store: Store, callback: Ended) -> TuneSearcher:
    return TuneSearcher(Scheduler(plan, {}, {}), store, lambda: None, [callback], RETRIES)


def test_a_job_that_breaks_off_is_suggested_again(searcher: TuneSearcher, callback: Ended) -> None:
    """Whenever it does: also before its process has begun with it, of which Tune tells the searcher in the same way."""
    first = searcher.suggest("a")
    assert searcher.suggest("b") is None
    searcher.on_trial_complete("a", error=True)
    assert searcher.suggest("c")["job"] == first["job"]
    assert callback.outcomes == []


def test_it_fails_after_the_last_retry(searcher: TuneSearcher, callback: Ended) -> None:
    for attempt in range(RETRIES + 1):
        searcher.suggest(str(attempt))
        searcher.on_trial_complete(str(attempt), error=True)
    assert callback.outcomes == ["its process died again and again"]
    assert searcher.suggest("after") == Searcher.FINISHED


def test_a_noted_failure_is_the_reason(searcher: TuneSearcher, store: Store, callback: Ended) -> None:
    job = Job.from_json(searcher.suggest("a")["job"])
    store.write_json({"reason": "no such file"}, job.path, "failure.json")
    searcher.on_trial_complete("a")
    assert callback.outcomes == ["no such file"]


def test_a_process_that_dies_after_its_work_has_done_it(searcher: TuneSearcher, store: Store, callback: Ended) -> None:
    job = Job.from_json(searcher.suggest("a")["job"])
    store.write_json(succeed(job), job.path, "record.json")
    searcher.on_trial_complete("a", error=True)
    assert callback.outcomes == [succeed(job)]
    assert searcher.ended == 1


def test_tries_are_counted_from_where_a_job_last_came_further(
    searcher: TuneSearcher, store: Store, callback: Ended
) -> None:
    """A team that runs out of memory begins again with less room, and may have to more often than anything may break off."""
    rooms = [
        {"micro_batch_tokens": tokens, "activation_checkpointing": False} for tokens in (4096, 2048, 1024, 512, 256)
    ]
    for number, room in enumerate(rooms):
        job = Job.from_json(searcher.suggest(str(number))["job"])
        store.write_json(room, job.path, "checkpoint", "memory_budget.json")
        searcher.on_trial_complete(str(number), error=True)
    assert callback.outcomes == []
    for number in range(RETRIES):
        searcher.suggest(f"{number} more")
        searcher.on_trial_complete(f"{number} more", error=True)
    assert callback.outcomes == ["its process died again and again"]


@pytest.mark.parametrize("error", [False, True], ids=["ended", "broke off"])
def test_an_outcome_that_cannot_be_taken_in_ends_the_run(error: bool, plan: Plan, store: Store) -> None:
    """Tune would swallow it and wait for ever."""

    def commit_completed_steps() -> None:
        raise Unavailable("no space left")

    searcher = TuneSearcher(Scheduler(plan, {}, {}), store, commit_completed_steps, [], RETRIES)
    job = Job.from_json(searcher.suggest("a")["job"])
    store.write_json(succeed(job), job.path, "record.json")
    searcher.on_trial_complete("a", error=error)
    with pytest.raises(Unavailable, match="no space left"):
        searcher.suggest("b")


def test_a_step_that_could_not_be_stored_is_stored_the_next_time(
    plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = Scheduler(plan, {}, {})
    job = scheduler.next()
    assert job is not None
    scheduler.finish(job, succeed(job))
    waiting = list(scheduler.completed)
    assert waiting

    def gone(*_: object) -> None:
        raise Unavailable("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "delete", gone)
        with pytest.raises(Unavailable):
            commit_completed_steps(scheduler, store)
    assert scheduler.completed == waiting
    commit_completed_steps(scheduler, store)
    assert scheduler.completed == []
