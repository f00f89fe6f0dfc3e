"""The scheduler on a plan with made-up outcomes: order of jobs, and consequences of failures."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stilts_ray.config import Encoder, LogUniform, Mixture, Pretrained, Search
from stilts_ray.data.sources import HubSource
from stilts_ray.execution import run_index
from stilts_ray.execution.jobs import Job, PretrainJob, StoredEncoder
from stilts_ray.execution.run_index import Outcome, RunIndex
from stilts_ray.execution.scheduler import Scheduler
from stilts_ray.identity import digest
from stilts_ray.plan.build import Plan, make_plan
from stilts_ray.plan.costs import critical_paths
from stilts_ray.plan.steps import Evaluation, Ranking, Study
from stilts_ray.store.records import RankingRef, SelectedTrial
from tests.execution import fakes
from tests.execution.fakes import RANDOM, REVISIONS, XLMR, diverged, drained, number, planned, run, scoring, succeed
from tests.pins import at_commits

RATES = Search(learning_rates=(1e-5, 3e-5, 5e-5))
THREE_RATES_TWO_SEEDS: dict[str, Any] = {"search": RATES, "seeds": (0, 1)}


def step(plan: Plan, name: str, kind: type = Study) -> Any:
    return next(s for s in plan.steps if s.name == name and isinstance(s, kind))


def of(jobs: list[Job], plan: Plan, name: str) -> list[Job]:
    """Jobs of a study or evaluation."""
    digests = {s.digest for s in plan.steps if s.name == name}
    return [job for job in jobs if job.step in digests]


def is_trial(job: Job, name: str, seed: int | None = None, rate: float | None = None) -> bool:
    """Whether a job is a trial of a study, by its name up to the learning rate."""
    parts = job.kind == "train" and job.name.startswith(f"{name}-lr")
    return parts and seed in (None, job.seed) and rate in (None, job.learning_rate)


def finished(plan: Plan, **options: Any) -> Scheduler:
    scheduler = Scheduler(plan, {}, {})
    run(scheduler, **options)
    assert scheduler.running == 0
    return scheduler


# A sweep without failures


def test_every_job_runs_once_and_every_step_has_a_record() -> None:
    plan = planned(
        encoders=[XLMR, RANDOM],
        intermediates=[(), ("mnli",), ("squad", "hellaswag")],
        targets=["xnli", "udpos", "tatoeba"],
        **THREE_RATES_TWO_SEEDS,
    )
    scheduler = Scheduler(plan, {}, {})
    jobs = run(scheduler)
    assert len({job.digest for job in jobs}) == len(jobs)
    assert not scheduler.failed
    assert set(scheduler.records) == {s.digest for s in plan.steps}
    assert [s.digest for s, _ in scheduler.completed] != sorted(s.digest for s, _ in scheduler.completed)
    assert {s.digest for s, _ in scheduler.completed} == set(scheduler.records)
    # Three rates and a second seed per study; the trial of each seed is scored, the bare encoder once.
    studies = [s for s in plan.steps if isinstance(s, Study)]
    evaluations = [s for s in plan.steps if isinstance(s, Evaluation)]
    assert sum(job.kind == "train" for job in jobs) == 4 * len(studies)
    assert sum(job.kind == "score" for job in jobs) == sum(len(e.seeds) for e in evaluations)
    assert sum(job.kind == "pretrain" for job in jobs) == 1


def test_records_of_steps_have_the_selected_trials_and_scores() -> None:
    plan = planned(intermediates=[(), ("squad",)], targets=["xnli", "udpos"], **THREE_RATES_TWO_SEEDS)
    scheduler = finished(plan)
    study = step(plan, "xlmr.mnli")
    record = scheduler.records[study.digest]
    assert [trial.learning_rate for trial in record.trials] == [1e-5, 3e-5, 5e-5]
    best = max(record.trials, key=lambda trial: trial.score)
    assert record.learning_rate == best.learning_rate
    assert record.selected[0].digest == best.digest
    assert set(record.selected) == {0, 1}
    assert {trial.learning_rate for trial in record.selected.values()} == {best.learning_rate}

    evaluation = step(plan, "xlmr.mnli.xnli-test", Evaluation)
    cell = scheduler.records[evaluation.digest]
    assert cell.score == pytest.approx(sum(entry.score for entry in cell.trials) / 2)
    assert [(entry.seed, entry.learning_rate) for entry in cell.trials] == [
        (0, best.learning_rate),
        (1, best.learning_rate),
    ]
    for condition in plan.conditions:
        cells = [scheduler.records[digest].score for digest in condition.cells.values()]
        assert scheduler.records[condition.digest].average == pytest.approx(sum(cells) / 2)
        assert scheduler.records[condition.digest].intermediate == condition.intermediate


def test_jobs_without_upstream_steps_start_at_once() -> None:
    """Initially all searches whose parent is the encoder are ready, and retrieval with the encoder."""
    plan = planned(intermediates=[(), ("squad",), ("hellaswag",)], targets=["xnli", "tatoeba"], search=RATES)
    ready = drained(Scheduler(plan, {}, {}))
    assert {job.name.rsplit("-lr", 1)[0] for job in ready if job.kind == "train"} == {
        "xlmr.mnli",
        "xlmr.squad",
        "xlmr.hellaswag",
    }
    assert [job.name for job in ready if job.kind == "score"] == ["xlmr.tatoeba-test-s0"]


@given(seed=st.integers(0, 2**32))
def test_scoring_goes_first_and_then_the_longest_critical_path(seed: int) -> None:
    """Whichever jobs end first, and however many end before the next start; ties are in the plan's order."""
    plan = planned(intermediates=[("squad",), ("hellaswag",), ()], targets=["xnli", "udpos"], **THREE_RATES_TWO_SEEDS)
    paths, positions = critical_paths(plan), {s.digest: position for position, s in enumerate(plan.steps)}
    scheduler, draw = Scheduler(plan, {}, {}), Random(seed)
    running: list[Job] = []
    while scheduler.running:
        ready = drained(scheduler)
        priorities = [(job.kind != "score", -paths[job.step], positions[job.step]) for job in ready]
        assert priorities == sorted(priorities)
        running += ready
        for _ in range(draw.randint(1, len(running))):
            job = running.pop(draw.randrange(len(running)))
            scheduler.finish(job, succeed(job))
    assert set(scheduler.records) == set(positions)


def test_there_is_no_barrier_between_studies() -> None:
    """A target's study starts when its own intermediate is finished, whatever else is running."""
    plan = planned(intermediates=[("squad",), ("hellaswag",)], search=RATES)
    scheduler = Scheduler(plan, {}, {})
    ready = drained(scheduler)
    slow = [job for job in ready if is_trial(job, "xlmr.hellaswag")]
    for job in ready:
        if job not in slow:
            scheduler.finish(job, succeed(job))
    later = drained(scheduler)
    assert {job.name.rsplit("-lr", 1)[0] for job in later} == {"xlmr.squad.mnli"}
    assert scheduler.running == len(slow) + len(later)


def test_other_seeds_start_after_the_search() -> None:
    plan = planned(intermediates=[()], search=RATES, seeds=(0, 1, 2))
    scheduler = Scheduler(plan, {}, {})
    search = drained(scheduler)
    assert [(job.learning_rate, job.seed) for job in search] == [(r, 0) for r in (1e-5, 3e-5, 5e-5)]
    for job in search[:2]:
        scheduler.finish(job, scoring(50.0)(job))
        assert drained(scheduler) == []
    scheduler.finish(search[2], scoring(60.0)(search[2]))
    following = drained(scheduler)
    assert {(job.learning_rate, job.seed) for job in following if job.kind == "train"} == {
        (5e-5, 1),
        (5e-5, 2),
    }
    # The selected trial of the first seed is finished, and is scored meanwhile.
    assert [job.name for job in following if job.kind == "score"] == ["xlmr.mnli.xnli-test-s0"]
    # Only trials of the search may be pruned.
    assert all(job.pruning_thresholds == () for job in following if job.kind == "train")


def test_the_parent_of_a_target_has_the_same_seed() -> None:
    plan = planned(intermediates=[("squad",)], **THREE_RATES_TWO_SEEDS)
    scheduler = Scheduler(plan, {}, {})
    jobs = run(scheduler)
    parents = scheduler.records[step(plan, "xlmr.squad").digest].selected
    targets = [job for job in jobs if is_trial(job, "xlmr.squad.mnli")]
    assert len(targets) == 4
    for job in targets:
        parent = parents[job.seed]
        assert job.parent.digest == parent.digest
        assert job.parent.trial == parent.path


def test_a_target_is_searched_while_other_seeds_of_its_intermediate_train() -> None:
    plan = planned(intermediates=[("squad",)], seeds=(0, 1, 2))
    scheduler = Scheduler(plan, {}, {})
    (first,) = drained(scheduler)
    scheduler.finish(first, succeed(first))
    ready = drained(scheduler)
    assert [(job.name, job.seed) for job in ready] == [
        ("xlmr.squad-lr1e-05-s1", 1),
        ("xlmr.squad-lr1e-05-s2", 2),
        ("xlmr.squad.mnli-lr1e-05-s0", 0),
    ]


def test_each_score_job_loads_the_trial_of_its_seed() -> None:
    plan = planned(intermediates=[()], **THREE_RATES_TWO_SEEDS)
    scheduler = Scheduler(plan, {}, {})
    jobs = run(scheduler)
    trials = scheduler.records[step(plan, "xlmr.mnli").digest].selected
    scores = [job for job in jobs if job.kind == "score"]
    assert [job.parent.trial for job in scores] == [trials[0].path, trials[1].path]


def test_a_pretrain_job_delays_only_studies_of_its_encoder() -> None:
    plan = planned(encoders=[RANDOM, XLMR], intermediates=[()])
    scheduler = Scheduler(plan, {}, {})
    ready = drained(scheduler)
    assert [job.name for job in ready] == ["random", "xlmr.mnli-lr1e-05-s0"]
    scheduler.finish(ready[0], succeed(ready[0]))
    (trial,) = drained(scheduler)
    assert trial.parent.encoder == StoredEncoder(path=step(plan, "random", object).path)


def test_a_round_of_a_search_has_pruning_thresholds_from_earlier_rounds() -> None:
    search = Search(learning_rates=(1e-5, 2e-5, 3e-5, 4e-5), trials_per_round=2, reduction_factor=2.0)
    plan = planned(intermediates=[()], search=search)
    scheduler = Scheduler(plan, {}, {})
    first = drained(scheduler)
    assert [job.pruning_thresholds for job in first] == [(), ()]
    curves = [[10.0, 20.0, 30.0], [40.0, 15.0, 35.0]]
    for job, curve in zip(first, curves, strict=True):
        scheduler.finish(job, scoring(curve[-1], curve=fakes.curve(curve))(job))
    second = drained(scheduler)
    assert [job.learning_rate for job in second] == [3e-5, 4e-5]
    assert [job.pruning_thresholds for job in second] == [(40.0, 20.0)] * 2


# Difficulty quantiles

THIRDS = [Mixture(tasks=("squad",), difficulty_quantiles=(part / 3, (part + 1) / 3)) for part in range(3)]
THIRD_NAMES = ("squad_0-33", "squad_33-67", "squad_67-100")


def test_a_study_on_difficulty_quantiles_waits_only_for_the_ranking_of_its_seed() -> None:
    plan = planned(intermediates=THIRDS, seeds=(0, 1), search=RATES)
    scheduler = Scheduler(plan, {}, {})
    search = drained(scheduler)
    assert {job.name.rsplit("-lr", 1)[0] for job in search} == {"xlmr.squad"}
    for job in search:
        assert drained(scheduler) == []
        scheduler.finish(job, succeed(job))
    second, ranking = drained(scheduler)
    assert (ranking.kind, ranking.name, is_trial(second, "xlmr.squad", seed=1)) == (
        "rank",
        "xlmr.squad-ranking-s0",
        True,
    )
    selected = RunIndex(plan, scheduler.outcomes, scheduler.records).selected(step(plan, "xlmr.squad"), 0)
    assert isinstance(selected, SelectedTrial)
    assert ranking.parent.trial == selected.path

    scheduler.finish(ranking, succeed(ranking))
    first_seed = drained(scheduler)
    assert {job.name.rsplit("-lr", 1)[0] for job in first_seed} == {f"xlmr.{name}" for name in THIRD_NAMES}
    assert len(first_seed) == 3 * 3
    for job in first_seed:
        assert job.parent.ranking == RankingRef(digest=ranking.digest, path=ranking.path)
        assert job.parent.trial is None, "the parent is the encoder"
        scheduler.finish(job, succeed(job))
    # The second seed is ranked by the second seed of the unfiltered study, which is not finished.
    assert not [job for job in drained(scheduler) if job.seed == 1 and job.name.startswith("xlmr.squad_")]
    scheduler.finish(second, succeed(second))
    (other,) = (job for job in drained(scheduler) if job.kind == "rank")
    scheduler.finish(other, succeed(other))
    later = [job for job in drained(scheduler) if is_trial(job, "xlmr.squad_0-33", seed=1)]
    assert [job.parent.ranking.digest for job in later] == [other.digest]
    assert scheduler.records[step(plan, "xlmr.squad-ranking", Ranking).digest].rankings == {
        0: RankingRef(digest=ranking.digest, path=ranking.path),
        1: RankingRef(digest=other.digest, path=other.path),
    }


def test_examples_are_ranked_once_for_all_difficulty_quantiles() -> None:
    plan = planned(intermediates=[(), ("squad",), *THIRDS], targets=["xnli", "xquad"], **THREE_RATES_TWO_SEEDS)
    scheduler = Scheduler(plan, {}, {})
    jobs = run(scheduler)
    assert not scheduler.failed
    assert [job.name for job in jobs if job.kind == "rank"] == ["xlmr.squad-ranking-s0", "xlmr.squad-ranking-s1"]
    # The ranking study is also the intermediate task's own study and the baseline's fine-tuning.
    assert sum(is_trial(job, "xlmr.squad") for job in jobs) == 4
    assert [condition.intermediate for condition in plan.conditions][2:] == [
        ("squad[0-33%]",),
        ("squad[33-67%]",),
        ("squad[67-100%]",),
    ]


def test_a_diverged_trial_ranks_nothing_and_dependent_trials_count_as_collapsed() -> None:
    plan = planned(intermediates=[THIRDS[0]], seeds=(0, 1))
    act = lambda job: diverged(job) if is_trial(job, "xlmr.squad", seed=1) else succeed(job)  # noqa: E731
    scheduler = Scheduler(plan, {}, {})
    jobs = run(scheduler, act)
    assert not scheduler.failed
    assert [job.name for job in jobs if job.kind == "rank"] == ["xlmr.squad-ranking-s0"]
    assert [job.seed for job in jobs if is_trial(job, "xlmr.squad_0-33")] == [0]
    assert scheduler.records[step(plan, "xlmr.squad-ranking", Ranking).digest].rankings[1] is None
    cell = scheduler.records[step(plan, "xlmr.squad_0-33.mnli.xnli-test", Evaluation).digest]
    assert (cell.collapsed, len(cell.trials)) == (1, 2)
    # The records of steps alone lead to the same.
    records = {digest: r for digest, r in scheduler.records.items() if r.kind == "ranking"}
    again = Scheduler(plan, {d: o for d, o in scheduler.outcomes.items() if o.kind != "rank"}, records)
    assert run(again, act) == []
    assert again.records == scheduler.records


def test_a_failed_ranking_fails_only_studies_on_its_difficulty_quantiles() -> None:
    plan = planned(intermediates=[(), ("squad",), *THIRDS[:2]])
    scheduler = finished(plan, act=lambda job: "out of memory" if job.kind == "rank" else succeed(job))
    assert {each.name: each.digest in scheduler.records for each in plan.conditions} == {
        "xlmr.baseline": True, "xlmr.squad": True, "xlmr.squad_0-33": False, "xlmr.squad_33-67": False,
    }  # fmt: skip
    assert set(scheduler.failed.values()) == {"out of memory"}


# Independence of the order

PLAN = planned(
    encoders=[XLMR, RANDOM],
    intermediates=[(), ("mnli",), ("squad", "hellaswag"), Mixture(tasks=("squad",), difficulty_quantiles=(0.5, 1))],
    targets=["xnli", "tatoeba"],
    search=Search(learning_rates=(1e-5, 2e-5, 3e-5, 4e-5), trials_per_round=2),
    seeds=(0, 1),
)


def unlucky(share: float) -> Any:
    """A share of the trials diverges, and a quarter of the share of all jobs fails; deterministic per job."""

    def act(job: Job) -> Outcome:
        luck = number(job, index=3)
        if luck < 100 * share / 4:
            return f"job {job.name} failed"
        return diverged(job) if luck < 100 * share and job.kind == "train" else succeed(job)

    return act


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.05, 0.3]))
def test_decisions_do_not_depend_on_which_job_ends_first(seed: int, share: float) -> None:
    act = unlucky(share)
    straight = finished(PLAN, act=act)
    shuffled = finished(PLAN, act=act, choose=Random(seed).randrange)
    assert shuffled.records == straight.records
    assert set(shuffled.failed) == set(straight.failed)


def test_unlucky_jobs_fail_and_diverge() -> None:
    scheduler = finished(PLAN, act=unlucky(0.05))
    assert scheduler.failed
    assert any(getattr(record, "collapsed", 0) for record in scheduler.records.values())
    assert set(scheduler.records) | set(scheduler.failed) == {s.digest for s in PLAN.steps}
    assert not set(scheduler.records) & set(scheduler.failed)


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.floats(0, 1))
def test_an_interrupted_sweep_has_the_same_records(seed: int, share: float) -> None:
    """Any part of the records of jobs and steps may be in the store; failed jobs run again."""
    random = Random(seed)
    uninterrupted = finished(PLAN, act=unlucky(0.05))
    outcomes = {d: o for d, o in uninterrupted.outcomes.items() if not isinstance(o, str) and random.random() < share}
    records = {d: r for d, r in uninterrupted.records.items() if random.random() < share / 2}
    # The record of a pretrain step is that of its job.
    outcomes |= {digest: record for digest, record in records.items() if record.kind == "pretrain"}
    resumed = Scheduler(PLAN, dict(outcomes), dict(records))
    jobs = run(resumed, act=unlucky(0.05))
    assert resumed.records == uninterrupted.records
    assert set(resumed.failed) == set(uninterrupted.failed)
    assert not {job.digest for job in jobs} & set(outcomes), "finished jobs do not run again"


def test_a_finished_sweep_has_no_jobs() -> None:
    uninterrupted = finished(PLAN)
    again = Scheduler(PLAN, dict(uninterrupted.outcomes), {})
    assert drained(again) == []
    assert again.records == uninterrupted.records
    from_steps = Scheduler(PLAN, dict(uninterrupted.outcomes), dict(uninterrupted.records))
    assert drained(from_steps) == []
    assert from_steps.completed == []


def test_children_of_a_trial_wait_while_it_is_trained_again() -> None:
    """A trial's weights file needs that of its parent; a user deletes a damaged one, with its study's record."""
    plan = planned(encoders=[XLMR], intermediates=[("mnli",)], targets=["udpos"], seeds=(0, 1))
    uninterrupted = Scheduler(plan, {}, {})
    scored = {job.digest for job in of(run(uninterrupted), plan, "xlmr.mnli.udpos.udpos-test")}
    parent, child = step(plan, "xlmr.mnli"), step(plan, "xlmr.mnli.udpos")
    lost = {each.digest for each in uninterrupted.records[parent.digest].selected.values()}
    outcomes = {name: outcome for name, outcome in uninterrupted.outcomes.items() if name not in lost | scored}
    again = Scheduler(plan, outcomes, {child.digest: uninterrupted.records[child.digest]})
    first = drained(again)
    assert {job.digest for job in first} == {uninterrupted.records[parent.digest].selected[0].digest}
    for job in first:
        again.finish(job, succeed(job))
    run(again)
    assert again.records == uninterrupted.records
    assert not again.failed


def test_additional_seeds_reuse_finished_trials() -> None:
    few, more = (planned(intermediates=[("squad",)], search=RATES, seeds=seeds) for seeds in ((0,), (0, 1)))
    done = finished(few)
    extended = Scheduler(more, dict(done.outcomes), dict(done.records))
    jobs = run(extended)
    assert {job.seed for job in jobs if job.kind == "train"} == {1}
    assert len(jobs) == 3, "an intermediate trial, a target trial and its score"
    assert not extended.failed


def test_a_sweep_with_another_name_for_its_encoder_reuses_trials_at_their_paths() -> None:
    """Names are part of paths, but not of identities."""
    old = planned(encoders=[XLMR, RANDOM], intermediates=[("squad",)], search=RATES)
    done = finished(old)
    paths = {job.digest: job.path for job in run(Scheduler(old, {}, {}))}
    stored = {d: o.model_copy(update={"path": paths[d]}) for d, o in done.outcomes.items() if not isinstance(o, str)}

    renamed = [Encoder(name=f"new-{encoder.name}", weights=encoder.weights) for encoder in (XLMR, RANDOM)]
    new = planned(encoders=renamed, intermediates=[("squad",)], search=RATES, seeds=(0, 1), targets=["xnli", "tatoeba"])
    jobs = run(Scheduler(new, dict(stored), {}))
    assert jobs
    assert all(job.name.startswith("new-") for job in jobs)
    stored_paths = {job.path for job in jobs} | set(paths.values())
    for job in jobs:
        if not isinstance(job, PretrainJob):
            assert job.parent.trial in {None, *stored_paths}
            assert getattr(job.parent.encoder, "path", None) in {None, *stored_paths}
    # A new target loads the old trial, and the encoder at the path of the old sweep.
    parents = [job.parent for job in jobs if not isinstance(job, PretrainJob)]
    assert any((parent.trial or "").startswith("train/xlmr.squad-") for parent in parents)
    assert any(getattr(parent.encoder, "path", "").startswith("pretrain/random-") for parent in parents)


@pytest.mark.parametrize("trials_per_round", [2, 3])
def test_a_sampled_search_is_the_same_in_any_order(trials_per_round: int) -> None:
    search = Search(learning_rates=LogUniform(low=1e-6, high=1e-4, trials=7), trials_per_round=trials_per_round)
    plan = planned(intermediates=[()], search=search)
    straight = finished(plan)
    backwards = finished(plan, choose=lambda waiting: waiting - 1)
    assert backwards.records == straight.records
    rates = [t.learning_rate for t in straight.records[step(plan, "xlmr.mnli").digest].trials]
    assert len(set(rates)) == len(rates) == 7


# Failures


def acting(**cases: Any) -> Any:
    """Outcomes of jobs by prefix of their names; other jobs succeed."""

    def act(job: Job) -> Outcome:
        for name, outcome in cases.items():
            if job.name.startswith(name.replace("__", ".").replace("_", "-")):
                return outcome(job) if callable(outcome) else outcome
        return succeed(job)

    return act


def failed_names(scheduler: Scheduler) -> set[str]:
    return {scheduler.plan.by_digest[digest].name for digest in scheduler.failed}


def test_a_failed_trial_of_a_search_fails_its_study() -> None:
    """Selection among the others would make the learning rate depend on which machine failed."""
    plan = planned(intermediates=[()], **THREE_RATES_TWO_SEEDS)

    def act(job: Job) -> Outcome:
        if is_trial(job, "xlmr.mnli", seed=0):
            return "out of memory" if job.learning_rate == 5e-5 else scoring(50.0)(job)
        return succeed(job)

    scheduler = finished(plan, act=act)
    study = step(plan, "xlmr.mnli").digest
    assert "out of memory" in scheduler.failed[study]
    assert study not in scheduler.records


@pytest.mark.parametrize(
    "outcome, reason", [("out of memory", "out of memory"), (diverged, "every trial of the search")]
)
def test_a_search_without_results_fails_only_its_study_and_downstream_steps(outcome: Any, reason: str) -> None:
    plan = planned(intermediates=[(), ("squad",), ("hellaswag",)], search=RATES, targets=["xnli", "udpos"])
    scheduler = finished(plan, act=acting(xlmr__squad_lr=outcome))
    assert failed_names(scheduler) == {
        "xlmr.squad",
        "xlmr.squad.mnli",
        "xlmr.squad.mnli.xnli-test",
        "xlmr.squad.udpos",
        "xlmr.squad.udpos.udpos-test",
    }
    assert all(reason in why for why in scheduler.failed.values())
    conditions = {each.name: each.digest in scheduler.records for each in plan.conditions}
    assert conditions == {"xlmr.baseline": True, "xlmr.squad": False, "xlmr.hellaswag": True}


def test_a_diverged_seed_is_a_result_and_counts_as_collapsed() -> None:
    plan = planned(intermediates=[()], seeds=(0, 1, 2))
    scheduler = finished(plan, act=lambda job: diverged(job) if is_trial(job, "xlmr.mnli", seed=1) else succeed(job))
    assert not scheduler.failed
    trials = scheduler.records[step(plan, "xlmr.mnli").digest].selected
    assert [(trial.kept, trial.end) for trial in trials.values()] == [
        (True, "finished"),
        (False, "diverged"),
        (True, "finished"),
    ]
    cell = scheduler.records[step(plan, "xlmr.mnli.xnli-test", Evaluation).digest]
    assert cell.collapsed == 1
    assert [entry.score is None for entry in cell.trials] == [False, True, False]
    sound = [entry.score for entry in cell.trials if entry.score is not None]
    assert cell.score == pytest.approx(sum(sound) / 2)


def test_children_of_a_diverged_trial_are_skipped_and_count_as_collapsed() -> None:
    plan = planned(intermediates=[("squad",)], seeds=(0, 1), targets=["xnli", "tatoeba"])
    scheduler = Scheduler(plan, {}, {})
    jobs = run(scheduler, lambda job: diverged(job) if is_trial(job, "xlmr.squad", seed=1) else succeed(job))
    assert not scheduler.failed
    assert [job.seed for job in jobs if is_trial(job, "xlmr.squad.mnli")] == [0]
    trials = scheduler.records[step(plan, "xlmr.squad.mnli").digest].selected
    assert trials[1] == SelectedTrial(
        digest=None,
        path=None,
        kept=False,
        learning_rate=trials[0].learning_rate,
        score=None,
        collapsed=True,
        end="diverged",
    )
    for name in ("xlmr.squad.mnli.xnli-test", "xlmr.squad.tatoeba-test"):
        cell = scheduler.records[step(plan, name, Evaluation).digest]
        assert (cell.collapsed, len(cell.trials)) == (1, 2)
        assert cell.score == cell.trials[0].score


def test_a_failed_seed_fails_its_study() -> None:
    """A mean over fewer seeds than requested would be another result."""
    plan = planned(intermediates=[(), ("squad",)], seeds=(0, 1))
    scheduler = finished(plan, act=lambda job: "node died" if is_trial(job, "xlmr.squad", seed=1) else succeed(job))
    assert failed_names(scheduler) == {"xlmr.squad", "xlmr.squad.mnli", "xlmr.squad.mnli.xnli-test"}
    assert scheduler.failed[step(plan, "xlmr.squad").digest] == "seed 1: node died"
    assert [each.digest in scheduler.records for each in plan.conditions] == [True, False]


def test_a_collapsed_trial_is_selected_last_and_counted() -> None:
    plan = planned(intermediates=[()], search=RATES)

    def act(job: Job) -> Outcome:
        if job.kind == "train":
            rate = job.learning_rate
            return scoring(70.0 if rate == 3e-5 else 50.0, collapsed=rate == 3e-5)(job)
        return succeed(job)

    record = finished(plan, act=act).records[step(plan, "xlmr.mnli").digest]
    assert record.learning_rate == 1e-5
    everything = finished(plan, act=lambda j: scoring(33.0, collapsed=True)(j) if j.kind == "train" else succeed(j))
    assert not everything.failed
    assert everything.records[step(plan, "xlmr.mnli.xnli-test", Evaluation).digest].collapsed == 1


def test_a_failed_pretrain_job_fails_all_steps_of_its_encoder() -> None:
    plan = planned(encoders=[RANDOM, XLMR], intermediates=[(), ("squad",)], targets=["xnli", "tatoeba"])
    scheduler = finished(plan, act=acting(random="no such folder"))
    assert {s.digest for s in plan.steps if s.name.startswith("random")} == set(scheduler.failed)
    assert set(scheduler.failed.values()) == {"no such folder"}
    assert [each.digest in scheduler.records for each in plan.conditions] == [False, False, True, True]


def test_a_failed_score_fails_its_condition_and_no_other_cell() -> None:
    plan = planned(intermediates=[()], targets=["xnli", "tatoeba"])
    scheduler = finished(plan, act=acting(xlmr__tatoeba="no file"))
    assert failed_names(scheduler) == {"xlmr.tatoeba-test", "xlmr.baseline"}
    assert scheduler.records[step(plan, "xlmr.mnli.xnli-test", Evaluation).digest].score is not None


# Complexity


def examinations(encoders: int, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """The number of examined steps and of jobs, in a sweep of so many encoders."""
    names = [f"encoder-{number}" for number in range(encoders)]
    revisions = {**REVISIONS, **{f"owner/{name}": digest(name)[:40] for name in names}}
    new = tuple(Encoder(name=name, weights=Pretrained(source=f"owner/{name}")) for name in names)
    template = planned(intermediates=[(), ("squad",)], targets=["xnli", "xquad"], **THREE_RATES_TWO_SEEDS)
    plan = make_plan(template.sweep.model_copy(update={"encoders": new}), HubSource(at_commits(revisions)))
    examined: list[Any] = []
    real = Scheduler._examine
    with monkeypatch.context() as patch:
        patch.setattr(Scheduler, "_examine", lambda self, step: (examined.append(step), real(self, step)))
        jobs = run(Scheduler(plan, {}, {}))
    return len(examined), len(jobs)


def test_the_scheduler_is_linear_in_the_number_of_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    (few, jobs), (many, more) = examinations(2, monkeypatch), examinations(20, monkeypatch)
    assert more == 10 * jobs
    assert many == 10 * few


def test_each_round_of_a_search_is_proposed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    histories: list[int] = []
    real = run_index.propose

    def propose(search: Search, history: list[Any], seed: int) -> list[float]:
        histories.append(len(history))
        return real(search, history, seed)

    monkeypatch.setattr(run_index, "propose", propose)
    rates = LogUniform(low=1e-6, high=1e-3, trials=12)
    finished(planned(search=Search(learning_rates=rates, trials_per_round=2), seeds=(0, 1, 2)))
    assert histories == [0, 2, 4, 6, 8, 10, 12]
