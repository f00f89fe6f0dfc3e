"""Ranking of examples by the loss of a finished trial, and trials on difficulty quantiles, executed on the fixture rows."""

import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file
from scipy.stats import spearmanr

from stilts_ray.config import MaskedShare, Mixture, Search, Sweep
from stilts_ray.config.mini_variant import MINI, SHORT
from stilts_ray.data import cache
from stilts_ray.data.batches import Share, collate, order
from stilts_ray.data.encoded import TokenizationConfig
from stilts_ray.data.sources import MiniSource
from stilts_ray.errors import RequestError
from stilts_ray.execution import training_examples
from stilts_ray.execution.context import WEIGHTS, WorkerContext, load_parent
from stilts_ray.execution.execute import execute_job
from stilts_ray.execution.jobs import Job
from stilts_ray.execution.scheduler import Scheduler
from stilts_ray.kinds import model_for, objective_of
from stilts_ray.kinds.splits import encoded_split
from stilts_ray.models import weights
from stilts_ray.plan.build import make_plan
from stilts_ray.store.records import CurvePoint
from stilts_ray.store.store import Store
from stilts_ray.tasks import TASKS
from tests.execution.fakes import run
from tests.execution.test_execute import QUICK, Bench, Killed, without_times
from tests.tasks.rows import FIXTURES, write

SEED = 3
HALVES = tuple(Mixture(tasks=("mnli",), difficulty_quantiles=half) for half in ((0, 0.5), (0.5, 1)))


@pytest.fixture(scope="module")
def bench(data_dir: Path, tiny_encoder: Path) -> Bench:
    return Bench(data_dir, tiny_encoder)


def request(**changes: Any) -> dict[str, Any]:
    """A sweep over the two halves of MNLI, without targets."""
    return {"intermediates": HALVES, "targets": [], "seeds": (SEED,), **changes}


def done(bench: Bench, store: Store, **changes: Any) -> tuple[Scheduler, dict[str, Job]]:
    """Runs the sweep. Returns its scheduler, and its jobs by name up to the learning rate."""
    scheduler, jobs = bench.all(bench.plan(**request(**changes)), store)
    assert not scheduler.failed, scheduler.failed
    return scheduler, {job.name.rsplit("-lr", 1)[0]: job for job in jobs}


def ranked(store: Store, job: Job) -> tuple[np.ndarray, np.ndarray]:
    arrays = load_file(store.fetch(job.path, training_examples.LOSSES))
    return arrays["rows"], arrays["losses"]


RANKED = {"mnli": 6, "squad": 5, "udpos": 4, "hellaswag": 4}


@pytest.mark.parametrize("task", RANKED)
def test_every_drawn_example_has_its_loss_under_the_finished_trial(task: str, bench: Bench, store: Store) -> None:
    recipe = QUICK.model_copy(update={"train_examples": RANKED[task], "max_length": 24, "stride": 6, "epochs": 1})
    _, jobs = done(bench, store, intermediates=[Mixture(tasks=(task,), difficulty_quantiles=(0, 0.5))], recipe=recipe)
    job, trial = jobs[f"tiny.{task}-ranking-s{SEED}"], jobs[f"tiny.{task}"]
    items, losses = ranked(store, job)

    encoder, folder = load_parent(job.parent, WorkerContext(store, bench.data_source))
    model = model_for(encoder, [TASKS[task]], seed=0).eval()
    weights.load_weights(model, store.fetch(trial.path, WEIGHTS))
    data = encoded_split(bench.data_source, TASKS[task], "train", "en", str(folder), TokenizationConfig(24, 6))
    seen = {item for _, batch in order({task: data.items}, {task: Share(2, 3, RANKED[task])}, SEED) for item in batch}
    assert items.tolist() == sorted(seen), "the examples of the trial"
    assert len(items) == RANKED[task] < data.items
    objective = objective_of(TASKS[task].kind)
    for item, loss in zip(items, losses, strict=True):
        batch = collate(data, np.array([item]))
        with torch.inference_mode():
            expected = objective.loss(model(task, batch), batch) / objective.count(batch)
        assert loss == pytest.approx(float(expected), abs=1e-5)
    record = store.record(job.path)
    assert record.rows == RANKED[task]
    assert record.loss == pytest.approx(losses.mean())
    assert (record.deciles[0], record.deciles[-1]) == pytest.approx((losses.min(), losses.max()))


def test_a_trial_on_difficulty_quantiles_equals_a_trial_on_a_file_of_those_rows(
    bench: Bench, store: Store, tmp_path: Path, data_dir: Path
) -> None:
    _, jobs = done(bench, store)
    items, losses = ranked(store, jobs[f"tiny.mnli-ranking-s{SEED}"])
    fixture = FIXTURES["mnli"]
    labels = [fixture.rows["en"][row]["label"] for row in items]

    def quantile(position: int) -> float:
        own = [loss for loss, label in zip(losses, labels, strict=True) if label == labels[position]]
        return (sum(loss < losses[position] for loss in own) + 0.5) / len(own)

    hard = sorted(items[sorted(range(len(items)), key=quantile)[4:]])
    data = Path(shutil.copytree(data_dir, tmp_path / "data"))
    write(fixture.features, [fixture.rows["en"][row] for row in hard], data / "glue/mnli/train.parquet")
    other = Bench(data, bench.encoder)
    alone = other.do(other.job(**request(intermediates=[("mnli",)])), store)
    hard_half = store.record(jobs["tiny.mnli_50-100"].path)
    for name in ("files", "curve", "steps", "tokens", "score"):
        assert getattr(hard_half, name) == getattr(alone, name), name
    easy = store.record(jobs["tiny.mnli_0-50"].path)
    assert easy.steps == hard_half.steps
    assert easy.files != hard_half.files


def test_the_unfiltered_study_ranks_for_every_mixture_on_its_difficulty_quantiles(bench: Bench, store: Store) -> None:
    masked = MaskedShare(share=0.5, languages=("en",))
    half = Mixture(tasks=("pawsx",), languages=("de", "en"), difficulty_quantiles=(0, 0.5), masked=masked)
    scheduler, jobs = done(bench, store, intermediates=[half, Mixture(tasks=("pawsx",), languages=("de", "en"))])
    assert [name for name in jobs if "mlm" not in name] == ["tiny.pawsx@de_en", f"tiny.pawsx@de_en-ranking-s{SEED}"]
    assert len(ranked(store, jobs[f"tiny.pawsx@de_en-ranking-s{SEED}"])[0]) == sum(
        len(FIXTURES["pawsx"].rows[code]) for code in ("de", "en")
    )
    assert set(scheduler.records) == {step.digest for step in scheduler.plan.steps}


# Interruptions


def test_killed_trials_and_rankings_have_the_records_of_uninterrupted_ones(bench: Bench, tmp_path: Path) -> None:
    uninterrupted = Store(str(tmp_path / "whole"))
    expected, jobs = done(bench, uninterrupted)
    assert [job.kind for job in jobs.values()] == ["train", "rank", "train", "train"]
    cut = Store(str(tmp_path / "cut"))

    def killed(now: CurvePoint, fatal: int) -> None:
        if now.step == fatal:
            raise Killed

    for job in jobs.values():
        record = uninterrupted.record(job.path)
        for entry in getattr(record, "curve", ()):
            with pytest.raises(Killed):
                bench.do(job, cut, lambda now, fatal=entry.step: killed(now, fatal))
        if job.kind == "rank":
            # Its process was killed while writing to a store without atomic writes.
            cut.write(b"half of", job.path, training_examples.LOSSES)
        assert without_times(bench.do(job, cut)) == without_times(record)
    again, nothing = bench.all(bench.plan(**request()), cut)
    assert nothing == []
    assert again.records == expected.records


def test_a_damaged_or_missing_ranking_is_a_one_line_error(bench: Bench, store: Store) -> None:
    _, jobs = done(bench, store)
    ranking, trial = jobs[f"tiny.mnli-ranking-s{SEED}"], jobs["tiny.mnli_0-50"]
    store.delete(trial.path)
    store.write(b"half of", ranking.path, training_examples.LOSSES)
    for _ in range(2):
        with pytest.raises(RequestError, match=r"ranking .*losses\.safetensors cannot be read: .*delete its folder"):
            bench.do(trial, store)
        store.delete(ranking.path, training_examples.LOSSES)


def test_difficulty_quantiles_without_examples_are_a_one_line_error(bench: Bench, store: Store) -> None:
    narrow = Mixture(tasks=("mnli",), difficulty_quantiles=(0.5, 0.51))
    scheduler = Scheduler(bench.plan(**request(intermediates=[narrow])), {}, {})
    for _ in range(2):
        job = scheduler.next()
        assert job is not None
        scheduler.finish(job, bench.do(job, store))
    job = scheduler.next()
    assert job is not None
    with pytest.raises(
        RequestError, match=r"intermediates: mnli\[50-51%\] has no examples; widen the difficulty quantiles"
    ):
        bench.do(job, store)


# Difficulty quantiles

LOSS_LISTS = st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.7, 3.0]) | st.floats(0, 10, width=32), min_size=1, max_size=60)


@given(LOSS_LISTS, st.lists(st.floats(0.01, 0.99), unique=True, max_size=4), st.integers(1, 3), st.integers(0, 99))
def test_difficulty_quantiles_partition_the_examples_of_each_class(
    losses: list[float], cuts: list[float], classes: int, seed: int
) -> None:
    labels = np.random.default_rng(seed).integers(0, classes, len(losses))
    edges = [0.0, *sorted(cuts), 1.0]
    parts = [
        training_examples.in_quantiles(
            Mixture(tasks=("mnli",), difficulty_quantiles=bounds), np.array(losses), labels
        ).tolist()
        for bounds in pairwise(edges)
    ]
    assert sorted(item for part in parts for item in part) == list(range(len(losses)))
    assert all(part == sorted(part) for part in parts)
    for label in range(classes):
        own = [[losses[item] for item in part if labels[item] == label] for part in parts]
        for (low, high), members in zip(pairwise(edges), own, strict=True):
            assert len(members) == pytest.approx((high - low) * (labels == label).sum(), abs=2)
        for easy, hard in pairwise(own):
            assert max(easy, default=0) <= min(hard, default=10)


def test_the_trials_at_the_selected_learning_rate_rank(bench: Bench, store: Store) -> None:
    scheduler, _ = done(bench, store, search=Search(learning_rates=(1e-3, 1e-12)), seeds=(0, 1))
    selected = {
        trial.digest
        for step in scheduler.plan.steps
        if step.name == "tiny.mnli"
        for trial in scheduler.records[step.digest].selected.values()
    }
    assert {record.identity["of"] for record in store.records("rank").values()} == selected
    assert len(selected) == 2


# On generated text, where training has an effect


@pytest.mark.laboratory
@pytest.mark.timeout(3600)
def test_two_trials_agree_on_difficulty(store: Store) -> None:
    """Two trials draw different examples; within each class their rankings of the common ones correlate."""
    thirds = [Mixture(tasks=("mnli",), difficulty_quantiles=(part / 3, (part + 1) / 3)) for part in range(3)]
    request = Sweep(
        name="thirds",
        data="mini",
        encoders=(MINI,),
        intermediates=thirds[2:],
        recipe=SHORT.model_copy(update={"train_examples": 2400}),
        search=Search(learning_rates=(1e-3,)),
        seeds=(0, 1),
    )
    plan = make_plan(request, MiniSource())
    jobs = run(Scheduler(plan, {}, {}), lambda job: execute_job(job, WorkerContext(store, plan.data_source)))
    one, other = (ranked(store, job) for job in jobs if job.kind == "rank")
    labels = np.array([example.label for example in cache.examples(plan.data_source, TASKS["mnli"], "train", "qaa")])
    parts = [training_examples.in_quantiles(third, one[1], labels[one[0]]) for third in thirds]
    easy, middle, hard = (one[1][part].mean() for part in parts)
    assert easy < middle < hard
    for part in parts:
        assert len(part) == 800
        for label in TASKS["mnli"].labels:
            assert np.mean(labels[one[0]][part] == label) == pytest.approx(np.mean(labels[one[0]] == label), abs=0.005)
    seen, mine, theirs = np.intersect1d(one[0], other[0], return_indices=True)
    assert len(seen) > 500
    agreement = [
        spearmanr(one[1][mine][own], other[1][theirs][own]).statistic
        for own in (labels[seen] == label for label in TASKS["mnli"].labels)
    ]
    assert min(agreement) > 0.15, agreement
