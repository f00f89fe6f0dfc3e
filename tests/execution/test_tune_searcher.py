"""Ray Tune's search algorithm: jobs that finish, fail and crash."""

import pytest

pytest.importorskip("ray.tune")

from ray.tune.search import Searcher

from stilts_ray.errors import Unavailable
from stilts_ray.execution.jobs import Job, from_json
from stilts_ray.execution.launch import commit_completed_steps
from stilts_ray.execution.run_index import Outcome
from stilts_ray.execution.scheduler import Scheduler
from stilts_ray.execution.tune_searcher import TuneSearcher
from stilts_ray.plan.build import Plan
from stilts_ray.store.records import Failure
from stilts_ray.store.store import Store
from tests.execution.fakes import RANDOM, planned, succeed

pytestmark = pytest.mark.ray

RESTARTS = 2


class Ended:
    """A callback that collects outcomes."""

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
    return TuneSearcher(Scheduler(plan, {}, {}), store, lambda: None, [callback], RESTARTS)


def test_a_crashed_job_is_suggested_again(searcher: TuneSearcher, callback: Ended) -> None:
    """Also if it crashes before it starts: Tune reports both in the same way."""
    first = searcher.suggest("a")
    assert searcher.suggest("b") is None
    searcher.on_trial_complete("a", error=True)
    assert searcher.suggest("c")["job"] == first["job"]
    assert callback.outcomes == []


def test_it_fails_after_the_last_restart(searcher: TuneSearcher, callback: Ended) -> None:
    for attempt in range(RESTARTS + 1):
        searcher.suggest(str(attempt))
        searcher.on_trial_complete(str(attempt), error=True)
    assert callback.outcomes == [f"its worker crashed ({RESTARTS} restarts)"]
    assert searcher.suggest("after") == Searcher.FINISHED


def test_the_stored_failure_is_the_reason(searcher: TuneSearcher, store: Store, callback: Ended) -> None:
    job = from_json(searcher.suggest("a")["job"])
    failure = Failure(kind=job.kind, name=job.name, digest=job.digest, reason="no such file", at="")
    store.write_failure(failure, job.path)
    searcher.on_trial_complete("a")
    assert callback.outcomes == ["no such file"]


def test_a_worker_that_crashes_after_its_record_is_written_has_finished(
    searcher: TuneSearcher, store: Store, callback: Ended
) -> None:
    job = from_json(searcher.suggest("a")["job"])
    store.write_record(succeed(job), job.path)
    searcher.on_trial_complete("a", error=True)
    assert callback.outcomes == [succeed(job).model_copy(update={"path": job.path})]
    assert searcher.finished == 1


def test_restarts_are_counted_since_the_last_progress(searcher: TuneSearcher, store: Store, callback: Ended) -> None:
    """Processes that run out of memory restart with a smaller budget, more often than a job may crash."""
    sizes = (4096, 2048, 1024, 512, 256)
    budgets = [{"micro_batch_tokens": tokens, "activation_checkpointing": False} for tokens in sizes]
    for number, budget in enumerate(budgets):
        job = from_json(searcher.suggest(str(number))["job"])
        store.write_json(budget, job.path, "checkpoint", "memory_budget.json")
        searcher.on_trial_complete(str(number), error=True)
    assert callback.outcomes == []
    for number in range(RESTARTS):
        searcher.suggest(f"{number} more")
        searcher.on_trial_complete(f"{number} more", error=True)
    assert callback.outcomes == [f"its worker crashed ({RESTARTS} restarts)"]


@pytest.mark.parametrize("error", [False, True], ids=["ended", "crashed"])
def test_an_error_while_storing_ends_the_tune_run(error: bool, plan: Plan, store: Store) -> None:
    """Tune would swallow the error and wait forever."""

    def commit_completed_steps() -> None:
        raise Unavailable("no space left")

    searcher = TuneSearcher(Scheduler(plan, {}, {}), store, commit_completed_steps, [], RESTARTS)
    job = from_json(searcher.suggest("a")["job"])
    store.write_record(succeed(job), job.path)
    searcher.on_trial_complete("a", error=error)
    with pytest.raises(Unavailable, match="no space left"):
        searcher.suggest("b")


def test_a_completed_step_is_stored_after_an_earlier_error(
    plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = Scheduler(plan, {}, {})
    job = scheduler.next()
    assert job is not None
    scheduler.finish(job, succeed(job))
    completed = list(scheduler.completed)
    assert completed

    def unavailable(*_: object) -> None:
        raise Unavailable("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "delete", unavailable)
        with pytest.raises(Unavailable):
            commit_completed_steps(scheduler, store)
    assert scheduler.completed == completed
    commit_completed_steps(scheduler, store)
    assert scheduler.completed == []
