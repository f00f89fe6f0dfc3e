"""Execution of jobs on a tiny encoder and the fixture rows, without Ray."""

import itertools
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import AutoModelForMaskedLM, AutoTokenizer

from stilts_ray import timing
from stilts_ray.config import (
    Encoder,
    MaskedShare,
    Mixture,
    Optimizer,
    Pretrained,
    Pretraining,
    Recipe,
    Retrieval,
    Search,
    Shape,
    Sweep,
    Untrained,
)
from stilts_ray.data import cache
from stilts_ray.data.encoded import TokenizationConfig
from stilts_ray.data.sources import FolderSource
from stilts_ray.errors import RequestError, RowError
from stilts_ray.execution import execute
from stilts_ray.execution.context import WEIGHTS, WorkerContext, load_parent
from stilts_ray.execution.execute import execute_job
from stilts_ray.execution.jobs import ExistingEncoder, Job, ParentCheckpoint, StoredEncoder, train_job
from stilts_ray.execution.scheduler import Scheduler
from stilts_ray.execution.trial import first_examples
from stilts_ray.identity import file_digest
from stilts_ray.kinds.splits import encoded_split
from stilts_ray.models import weights
from stilts_ray.models.hf_folders import load_encoder
from stilts_ray.plan.build import Plan, make_plan
from stilts_ray.plan.steps import Study
from stilts_ray.store.records import AnyJobRecord, CurvePoint
from stilts_ray.store.state import state_of
from stilts_ray.store.store import Store
from stilts_ray.tasks import TASKS
from stilts_ray.timing import PARTS
from stilts_ray.training import masked
from tests.by_kind import encode
from tests.execution import fakes
from tests.execution.fakes import run
from tests.tasks.rows import FIXTURES, SUPERTAGS, write

LANGUAGES = {
    "xnli": ("en", "de"),
    "pawsx": ("en", "de"),
    "udpos": ("en", "de"),
    "panx": ("en", "de"),
    "xquad": ("en", "zh"),
    "lareqa": ("en", "zh"),
    "mewslix": ("en", "de"),
    "bucc2018": ("de", "zh"),
    "tatoeba": ("de", "zh"),
    "tatoeba_xr": ("de",),
}
QUICK = Recipe(epochs=2, batch_size=3, max_length=48, stride=24, evaluations=3)
MASKED = MaskedShare(share=0.5, languages=("en", "de"))
TIMES: dict[str, Any] = {"seconds": 0.0, "profile": {}, "finished_at": "", "path": ""}


class Killed(Exception):
    """Simulates the death of a process."""


class Bench:
    """Plans on the fixture rows and executes their jobs."""

    def __init__(self, data: Path, encoder: Path, checkpoint_seconds: float = 0.0) -> None:
        """checkpoint_seconds: as in `WorkerContext`; 0 for a checkpoint after every step."""
        self.data_source, self.encoder, self.checkpoint_seconds = FolderSource(data), encoder, checkpoint_seconds

    def plan(self, **changes: Any) -> Plan:
        request: dict[str, Any] = {
            "name": "test",
            "encoders": [Encoder(name="tiny", weights=Pretrained(source=str(self.encoder)))],
            "intermediates": [()],
            "targets": ["xnli"],
            "recipe": QUICK,
            "search": Search(learning_rates=(1e-3,)),
            **changes,
        }
        request.setdefault("languages", {name: LANGUAGES[name] for name in request["targets"]})
        return make_plan(Sweep(**request), self.data_source)

    def job(self, **changes: Any) -> Job:
        """The first job of a plan."""
        job = Scheduler(self.plan(**changes), {}, {}).next()
        assert job is not None
        return job

    def do(self, job: Job, store: Store, report: Callable[[CurvePoint], None] = lambda point: None) -> AnyJobRecord:
        return execute_job(
            job, WorkerContext(store, self.data_source, checkpoint_seconds=self.checkpoint_seconds, report=report)
        )

    def all(self, plan: Plan, store: Store) -> tuple[Scheduler, list[Job]]:
        """Runs the jobs of a plan that the store does not have."""
        scheduler = Scheduler(plan, dict(state_of(store).jobs), {})
        return scheduler, run(scheduler, lambda job: self.do(job, store))


@pytest.fixture(scope="session")
def bench(data_dir: Path, tiny_encoder: Path) -> Bench:
    return Bench(data_dir, tiny_encoder)


def without_times(record: AnyJobRecord) -> AnyJobRecord:
    return record.model_copy(update=TIMES)


@pytest.fixture(scope="session")
def long_bench(data_dir: Path, tiny_encoder: Path) -> Bench:
    """Without checkpoints, which would take a third of the time of long training."""
    return Bench(data_dir, tiny_encoder, checkpoint_seconds=1e9)


# A complete sweep


def test_a_sweep_runs_once_and_another_reuses_its_results(bench: Bench, store: Store) -> None:
    request: dict[str, Any] = {
        "intermediates": [(), ("hellaswag", "squad")],
        "targets": ["xnli", "xquad", "udpos", "tatoeba"],
        "search": Search(learning_rates=(1e-3, 3e-4)),
        "seeds": (0, 1),
        "recipe": QUICK.model_copy(update={"epochs": 1}),
    }
    scheduler, jobs = bench.all(bench.plan(**request), store)
    assert not scheduler.failed
    assert {job.kind for job in jobs} == {"train", "score"}
    for condition in scheduler.plan.conditions:
        assert 0 <= scheduler.records[condition.digest].average <= 100
    for job in jobs:
        record = store.record(job.path)
        assert (record.kind, record.digest, record.identity) == (job.kind, job.digest, job.identity)
        assert all((record.versions["torch"], record.host, record.finished_at))
        assert record.device == "cpu"
        if job.kind == "score":
            # XTREME's rule: the plain mean over languages, English included.
            scores = [metrics["score"] for metrics in record.languages.values()]
            assert record.score == pytest.approx(np.mean(scores))
            assert set(record.languages) == set(LANGUAGES[job.input.task])
        assert not store.fs.exists(store.path(job.path, "checkpoint"))

    again, nothing = bench.all(bench.plan(**request), store)
    assert nothing == []
    assert again.records == scheduler.records

    # Another name for the same encoder, another seed and another layer: stored trials are used at their paths.
    encoder = Encoder(name="renamed", weights=Pretrained(source=str(bench.encoder)))
    changes = {"encoders": [encoder], "seeds": (0, 1, 2), "retrieval": Retrieval(layer=2)}
    more, added = bench.all(bench.plan(**request | changes), store)
    assert not more.failed
    assert {job.seed for job in added if job.kind == "train"} == {2}
    parents = {job.parent.trial for job in added if job.kind == "score"}
    assert any(parent and parent.startswith("train/tiny.") for parent in parents)


def test_the_parts_of_a_job_add_up_to_its_seconds(bench: Bench, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that advances by a hundredth of a second at each reading."""
    ticks = itertools.count()
    clock = SimpleNamespace(monotonic=lambda: next(ticks) / 100, perf_counter=lambda: next(ticks) / 100)
    for module in (timing, execute):
        monkeypatch.setattr(module, "time", clock)
    cache._loaded.cache_clear()
    cache._encoded.cache_clear()
    _, jobs = bench.all(bench.plan(targets=["xnli"]), store)
    records = {job.kind: store.record(job.path) for job in jobs}
    trained = {"load", "tokenise", "wait", "forward", "backward", "optimizer", "evaluate", "checkpoint", "upload"}
    assert trained <= set(records["train"].profile)
    assert {"load", "tokenise", "evaluate", "upload"} <= set(records["score"].profile)
    for record in records.values():
        spent = record.profile
        assert set(spent) <= set(PARTS)
        assert sum(spent.values()) <= record.seconds + 0.001 * len(spent)
        # The rest are readings of the clock.
        assert sum(spent.values()) > record.seconds - 0.1


def test_the_idle_time_before_a_job_is_in_its_profile(bench: Bench, store: Store) -> None:
    job = bench.job()
    record = execute_job(job, WorkerContext(store, bench.data_source, waited=5.0))
    assert 5.0 <= record.profile["wait"] <= 5.0 + record.seconds


def test_a_finished_job_is_not_executed_again(bench: Bench, store: Store) -> None:
    job = bench.job()
    record = bench.do(job, store)

    def report(point: CurvePoint) -> None:
        pytest.fail("it was trained again")

    assert bench.do(job, store, report) == record.model_copy(update={"path": job.path})


# Interruptions

TRIALS: dict[str, dict[str, Any]] = {
    "one task": {},
    "mixture": {"intermediates": [("hellaswag", "mnli", "squad")]},
    "mixture with options": {
        "intermediates": [Mixture(tasks=("mnli", "pawsx"), languages=("en",), cap=3, temperature=2.0, masked=MASKED)]
    },
}


@pytest.mark.parametrize("url", ["folder", "memory"])
@pytest.mark.parametrize("request_", TRIALS.values(), ids=TRIALS)
def test_a_killed_trial_has_the_record_of_an_uninterrupted_one(
    request_: dict[str, Any], url: str, bench: Bench, tmp_path: Path
) -> None:
    """`files` in the record is a digest over the weights: they are equal to the last bit."""
    job = bench.job(**request_)
    curve: list[CurvePoint] = []
    expected = bench.do(job, Store(str(tmp_path / "whole")), curve.append)
    assert expected.files
    assert len(expected.curve) == 3
    # Evaluations are reported during training.
    assert curve == list(expected.curve)

    cut = Store(str(tmp_path / "cut") if url == "folder" else f"memory://{uuid.uuid4().hex}")
    for entry in curve:

        def kill(now: CurvePoint, fatal: int = entry.step) -> None:
            if now.step == fatal:
                raise Killed

        with pytest.raises(Killed):
            bench.do(job, cut, kill)
        assert cut.record(job.path) is None, "no record before the end"
    record = bench.do(job, cut)
    assert without_times(record) == without_times(expected)
    assert without_times(cut.record(job.path)) == without_times(expected)
    weights = cut.fetch(job.path, WEIGHTS)
    assert file_digest(weights) == record.files[WEIGHTS]
    assert record.bytes == weights.stat().st_size
    assert not cut.fs.exists(cut.path(job.path, "checkpoint"))


def test_a_damaged_checkpoint_does_not_change_the_record(bench: Bench, tmp_path: Path) -> None:
    job = bench.job()
    expected = bench.do(job, Store(str(tmp_path / "whole")))
    cut = Store(str(tmp_path / "cut"))

    def kill(entry: CurvePoint) -> None:
        if entry.step == expected.steps:
            raise Killed

    with pytest.raises(Killed):
        bench.do(job, cut, kill)
    (weights,) = (tmp_path / "cut" / job.path).glob("checkpoint/*/weights.safetensors")
    weights.write_bytes(weights.read_bytes()[:-10])
    assert without_times(bench.do(job, cut)) == without_times(expected)


def test_a_record_with_another_digest_at_the_same_path_is_replaced(bench: Bench, store: Store) -> None:
    job = bench.job()
    store.write_record(fakes.succeed(job).model_copy(update={"digest": "0" * 64}), job.path)
    assert bench.do(job, store).digest == job.digest


# Training has an effect on the scores

LEARN = Recipe(
    epochs=150, batch_size=8, max_length=96, stride=64, evaluations=1, optimizer=Optimizer(warmup=0.1, weight_decay=0.0)
)


@pytest.mark.parametrize("target", ["xnli", "udpos", "xquad", "lareqa", "mewslix"])
def test_memorised_training_examples_are_predicted_in_the_test(target: str, long_bench: Bench, store: Store) -> None:
    """The fixture's English test rows are its training rows, so a correct pipeline scores near 100."""
    # The seed differs from that of the head that scoring initialises, so the trained head must be loaded.
    plan = long_bench.plan(targets=[target], recipe=LEARN, search=Search(learning_rates=(2e-3,)), seeds=(3,))
    scheduler, (trial, score) = long_bench.all(plan, store)
    assert (trial.kind, score.kind) == ("train", "score")
    record = store.record(trial.path)
    assert record.score > 80
    assert not record.collapsed
    result = store.record(score.path)
    # In LAReQA's pool are the sentences of a language that was not learnt, too: 53 to 84 over six seeds, and 78 for this one.
    assert result.languages["en"]["score"] > (60 if target == "lareqa" else 80)
    assert result.languages["en"]["score"] > result.languages[LANGUAGES[target][1]]["score"]
    assert scheduler.records[plan.conditions[0].digest].average == result.score


def test_a_mixture_learns_each_of_its_tasks(long_bench: Bench, store: Store) -> None:
    job = long_bench.job(
        intermediates=[("hellaswag", "mnli")], targets=[], recipe=LEARN, search=Search(learning_rates=(4e-3,))
    )
    last = long_bench.do(job, store).curve[-1]
    assert last.score == pytest.approx((last.metrics["hellaswag/score"] + last.metrics["mnli/score"]) / 2)
    assert min(last.metrics["hellaswag/score"], last.metrics["mnli/score"]) >= 80


def test_a_task_is_trained_together_with_masked_text(long_bench: Bench, store: Store) -> None:
    """The encoder's own masked-LM head is trained further; selection is by the task's dev score only."""
    request = {"targets": [], "recipe": LEARN, "search": Search(learning_rates=(4e-3,))}
    job = long_bench.job(intermediates=[Mixture(tasks=("mnli",), masked=MASKED)], **request)
    record = long_bench.do(job, store)
    alone = long_bench.do(long_bench.job(intermediates=[("mnli",)], **request), store)
    assert record.steps == 2 * alone.steps
    assert record.curve[-1].metrics.keys() == alone.curve[-1].metrics.keys()
    assert record.score >= 80
    weights = load_file(store.fetch(job.path, WEIGHTS))
    head = {name: tensor for name, tensor in weights.items() if name.startswith("heads.mlm_text.")}
    before = load_file(long_bench.encoder / "model.safetensors")
    assert head.keys() == {f"heads.mlm_text.{n.removeprefix('lm_head.')}" for n in before if n.startswith("lm_head.")}
    moved = head["heads.mlm_text.dense.weight"] - before["lm_head.dense.weight"]
    assert float(moved.norm()) > 0


def test_rows_of_all_languages_are_trained_on(bench: Bench, store: Store) -> None:
    request = {"targets": [], "recipe": Recipe(epochs=1, batch_size=1, max_length=48, evaluations=1)}
    steps = [
        bench.do(bench.job(intermediates=[Mixture(tasks=("pawsx",), languages=codes)], **request), store).steps
        for codes in (("en",), ("de",), ("en", "de"))
    ]
    assert steps == [len(FIXTURES["pawsx"].rows[code]) for code in ("en", "de")] + [sum(steps[:2])]


def test_a_trial_at_the_majority_score_is_collapsed(bench: Bench, store: Store) -> None:
    record = bench.do(bench.job(search=Search(learning_rates=(1e-12,))), store)
    majority = 100 * 3 / 8
    assert record.score <= majority
    assert record.collapsed
    assert record.end == "finished"


def test_a_diverged_trial_keeps_no_weights(bench: Bench, store: Store, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(bench.encoder, tmp_path / "broken"))
    weights = load_file(broken / "model.safetensors")
    weights["roberta.embeddings.LayerNorm.weight"][0] = float("inf")
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    job = Bench(bench.data_source.root, broken).job()
    record = bench.do(job, store)
    assert (record.end, record.score, record.collapsed, record.files) == ("diverged", None, True, {})
    assert not store.fs.exists(store.path(job.path, WEIGHTS))
    assert store.records("train")[job.digest].score is None


def test_a_pruned_trial_keeps_no_weights(bench: Bench, store: Store) -> None:
    study = next(step for step in bench.plan().steps if isinstance(step, Study))
    parent = ParentCheckpoint(digest=study.parent, encoder=ExistingEncoder(location=str(bench.encoder)))
    job = train_job(study, parent, learning_rate=1e-12, seed=0, thresholds=(None, 99.9))
    record = bench.do(job, store)
    assert (record.end, record.files, len(record.curve)) == ("pruned", {}, 2)
    assert record.steps == record.curve[-1].step < 2 * 3
    assert not store.fs.exists(store.path(job.path, WEIGHTS))


# Parent checkpoints


def test_a_target_trains_from_the_weights_of_its_intermediate_trial(bench: Bench, store: Store) -> None:
    plan = bench.plan(intermediates=[("squad",)])
    _, jobs = bench.all(plan, store)
    squad, mnli = (job for job in jobs if job.kind == "train")
    saved = load_file(store.fetch(squad.path, WEIGHTS))
    encoder, folder = load_parent(mnli.parent, WorkerContext(store, bench.data_source))
    assert folder == bench.encoder
    table = "embeddings.word_embeddings"
    rows, decay = saved[f"encoder.{table}.rows"], saved[f"encoder.{table}.decay"]
    for name, tensor in encoder.state_dict().items():
        found = tensor[rows] if name == f"{table}.weight" else tensor
        assert torch.equal(found, saved[f"encoder.{name}"])
    # Embeddings of tokens that the trial did not see are the encoder's own, after weight decay.
    unseen = np.setdiff1d(np.arange(len(encoder.embeddings.word_embeddings.weight)), rows)
    original = load_encoder(str(bench.encoder)).embeddings.word_embeddings.weight
    assert len(unseen) > 0
    assert 0.99 < decay < 1
    torch.testing.assert_close(encoder.embeddings.word_embeddings.weight[unseen], original[unseen] * decay.float())
    own = load_file(store.fetch(mnli.path, WEIGHTS))
    assert weights.parent_trial(store.fetch(squad.path, WEIGHTS)) is None
    assert weights.parent_trial(store.fetch(mnli.path, WEIGHTS)) == squad.path
    assert {name.split(".")[1] for name in saved if name.startswith("heads.")} == {"squad"}
    assert {name.split(".")[1] for name in own if name.startswith("heads.")} == {"mnli"}, "the parent's head is dropped"


def test_retrieval_records_all_layers_and_scores_the_requested_one(bench: Bench, store: Store) -> None:
    records = {
        layer: bench.do(bench.job(targets=["tatoeba"], retrieval=Retrieval(layer=layer)), store)
        for layer in (None, 0, 1, 2)
    }
    assert records[None].layer == 1, "half-way, as 14 of 24"
    for layer in (0, 1, 2):
        record = records[layer]
        assert record.layers == records[None].layers
        assert {code: len(scores) for code, scores in record.layers.items()} == {"de": 3, "zh": 3}
        assert record.score == pytest.approx(np.mean([record.layers[code][layer] for code in ("de", "zh")]))
        assert record.languages["de"]["score"] == record.layers["de"][layer]


def test_a_layer_beyond_the_encoders_depth_is_a_one_line_error(bench: Bench, store: Store) -> None:
    with pytest.raises(RequestError, match="retrieval: layer 3 of an encoder with 2 layers"):
        bench.do(bench.job(targets=["tatoeba"], retrieval=Retrieval(layer=3)), store)


def test_sentences_are_mined_from_every_layer_and_no_head_is_needed(bench: Bench, store: Store) -> None:
    record = bench.do(bench.job(targets=["bucc2018"]), store)
    assert record.layer == 1
    assert {code: len(scores) for code, scores in record.layers.items()} == {"de": 3, "zh": 3}
    for code, scores in record.languages.items():
        assert scores.keys() == {"score", "f1", "precision", "recall", "threshold"}
        assert scores["score"] == scores["f1"] == record.layers[code][1]
    other = bench.do(bench.job(targets=["bucc2018"], retrieval=Retrieval(layer=2)), store)
    assert other.score == pytest.approx(np.mean([record.layers[code][2] for code in ("de", "zh")]))


def test_every_intermediate_task_is_trained_and_paraphrases_and_entities_are_tested(bench: Bench, store: Store) -> None:
    request: dict[str, Any] = {
        "intermediates": [("ccg", "squad_v2"), ("qqp",)],
        "targets": ["pawsx", "panx"],
        "recipe": QUICK.model_copy(update={"epochs": 1, "evaluations": 1}),
    }
    scheduler, jobs = bench.all(bench.plan(**request), store)
    assert not scheduler.failed
    curves = {name: bench_record.curve[-1].metrics for name, bench_record in _trials(store).items()}
    mixture, qqp = curves["tiny.ccg-squad_v2"], curves["tiny.qqp"]
    assert mixture["ccg/score"] == mixture["ccg/accuracy"]
    assert mixture["squad_v2/score"] == pytest.approx((mixture["squad_v2/em"] + mixture["squad_v2/f1"]) / 2)
    assert mixture["squad_v2/score"] >= 25, "two of eight questions have no answer"
    assert qqp["qqp/score"] == qqp["qqp/acc_and_f1"]
    weights = load_file(store.fetch(next(job.path for job in jobs if job.name.startswith("tiny.ccg")), WEIGHTS))
    assert weights["heads.ccg.classifier.weight"].shape[0] == len(SUPERTAGS)
    for row in scheduler.plan.conditions:
        assert set(scheduler.records[row.cells["panx"]].languages) == {"en", "de"}
        assert scheduler.records[row.cells["pawsx"]].languages["de"].keys() >= {"score", "accuracy"}


def _trials(store: Store) -> dict[str, AnyJobRecord]:
    """Records of trials, by the name of their study."""
    return {record.name.rsplit("-lr", 1)[0]: record for record in store.records("train").values()}


# Recipes


def test_examples_and_tokens_follow_the_recipe(bench: Bench, store: Store, tokenizer: Any) -> None:
    few = QUICK.model_copy(
        update={"train_examples": 4, "dev_examples": 2, "epochs": 3, "batch_size": 3, "evaluations": 1}
    )
    record = bench.do(bench.job(recipe=few), store)
    assert record.steps == 3 * 2
    assert record.score in (0.0, 50.0, 100.0)
    lengths = [len(tokenizer(r["premise"], r["hypothesis"])["input_ids"]) for r in FIXTURES["mnli"].rows["en"]]
    assert 3 * sum(sorted(lengths)[:4]) <= record.tokens <= 3 * sum(sorted(lengths)[-4:])


@pytest.mark.parametrize("target", ["xnli", "tatoeba"])
def test_sequences_longer_than_the_encoder_are_refused(target: str, bench: Bench, store: Store) -> None:
    job = bench.job(targets=[target], recipe=QUICK.model_copy(update={"max_length": 129}))
    with pytest.raises(RequestError, match=r"max_length 129 is more than the encoder's 128 positions"):
        bench.do(job, store)
    assert store.records("train") == store.records("score") == {}


def test_an_invalid_row_fails_the_job_and_is_named(bench: Bench, store: Store, tmp_path: Path, data_dir: Path) -> None:
    data = Path(shutil.copytree(data_dir, tmp_path / "data"))
    fixture = FIXTURES["mnli"]
    rows = [*fixture.rows["en"][:3], {**fixture.rows["en"][3], "label": -1}]
    write(fixture.features, rows, data / "glue/mnli/train.parquet")
    other = Bench(data, bench.encoder)
    with pytest.raises(RowError, match=r"mnli: glue/mnli/train\.parquet: row 3 \(id 3\): .*no label"):
        other.do(other.job(), store)


@pytest.mark.parametrize("name", ["mnli", "hellaswag", "squad", "squad_v2", "udpos"])
@pytest.mark.parametrize("count", [1, 3])
def test_the_first_examples_are_those_of_the_first_rows(
    name: str, count: int, bench: Bench, tiny_encoder: Path
) -> None:
    task = TASKS[name]
    split = (bench.data_source, task, task.dev or "", "en")
    tokenization = TokenizationConfig(16 if name == "udpos" else 40, 8)
    whole = encoded_split(*split, str(tiny_encoder), tokenization)
    part = first_examples(whole, task, count)
    everything = first_examples(whole, task, len(cache.examples(*split)))
    assert everything.tokens.tolist() == whole.tokens.tolist()
    expected = encode(task, cache.examples(*split)[:count], cache.tokenizer_at(str(tiny_encoder)), tokenization)
    assert part.group == expected.group
    assert part.tokens.tolist() == expected.tokens.tolist()
    assert part.offsets.tolist() == expected.offsets.tolist()
    assert {n: v.tolist() for n, v in part.fields.items()} == {n: v.tolist() for n, v in expected.fields.items()}


# Encoders

PRETRAINING = Pretraining(
    languages=("en", "de"),
    vocabulary=150,
    shape=Shape(layers=1, hidden=16, heads=2, feed_forward=16, positions=64, dropout=0.2),
    tokens=3000,
    batch_tokens=128,
    max_length=32,
)


def pretraining_job(bench: Bench, weights: Any) -> Job:
    return bench.job(encoders=[Encoder(name="made", weights=weights)])


def test_transformers_loads_a_pretrained_encoder(bench: Bench, store: Store) -> None:
    job = pretraining_job(bench, PRETRAINING)
    record = bench.do(job, store)
    folder = store.fetch(job.path, "model")
    model, tokenizer = AutoModelForMaskedLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert model.config.hidden_dropout_prob == 0.2, "for fine-tuning; pretraining itself runs without"
    assert model.config.vocab_size == len(tokenizer) <= 150
    assert record.texts == {"mlm_text/en": 8, "mlm_text/de": 4}
    assert record.tokens >= 3000
    assert record.curve[-1].loss < record.curve[0].loss
    assert record.files == {file.name: file_digest(file) for file in sorted(folder.iterdir())}
    assert set(record.files) >= {"config.json", "model.safetensors", "tokenizer.json"}


def test_killed_pretraining_makes_the_same_encoder(bench: Bench, tmp_path: Path) -> None:
    job = pretraining_job(bench, PRETRAINING)
    expected = bench.do(job, Store(str(tmp_path / "whole")))
    cut = Store(str(tmp_path / "cut"))
    for number in (0, 4, len(expected.curve) - 1):

        def kill(entry: CurvePoint, fatal: int = expected.curve[number].step) -> None:
            if entry.step == fatal:
                raise Killed

        with pytest.raises(Killed):
            bench.do(job, cut, kill)
    assert without_times(bench.do(job, cut)) == without_times(expected)


def test_a_tokenizer_is_trained_once(bench: Bench, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Training a unigram tokenizer again gives other token ids."""
    job = pretraining_job(bench, PRETRAINING.model_copy(update={"tokenizer": "unigram"}))

    def kill(entry: CurvePoint) -> None:
        raise Killed

    def again(*_: Any) -> None:
        pytest.fail("trained again")

    with pytest.raises(Killed):
        bench.do(job, store, kill)
    kept = Tokenizer.from_str(store.fetch(job.path, "checkpoint", "tokenizer.json").read_text())
    monkeypatch.setattr(masked, "make_tokenizer", again)
    bench.do(job, store)
    ended = AutoTokenizer.from_pretrained(store.fetch(job.path, "model"))
    assert ended.get_vocab() == kept.get_vocab()


def test_an_untrained_encoder_copies_the_architecture_and_not_the_weights(bench: Bench, store: Store) -> None:
    jobs = [pretraining_job(bench, Untrained(like=str(bench.encoder), seed=seed)) for seed in (0, 1)]
    folders = []
    for job in jobs:
        bench.do(job, store)
        folders.append(store.fetch(job.path, "model"))
    weights = [load_encoder(str(folder)).state_dict() for folder in (bench.encoder, *folders)]
    assert weights[0].keys() == weights[1].keys()
    name = "encoder.layer.0.output.dense.weight"
    assert weights[0][name].shape == weights[1][name].shape
    assert not torch.equal(weights[1][name], weights[2][name])
    assert not torch.equal(weights[0][name], weights[1][name])
    text = "The river rises in the hills."
    ids = [AutoTokenizer.from_pretrained(folder)(text)["input_ids"] for folder in (bench.encoder, *folders)]
    assert ids[0] == ids[1] == ids[2]


def test_a_sweep_on_a_pretrained_encoder_trains_from_it(bench: Bench, store: Store) -> None:
    plan = bench.plan(
        encoders=[Encoder(name="made", weights=PRETRAINING)],
        recipe=QUICK.model_copy(update={"max_length": 32}),
        targets=["xnli", "tatoeba"],
    )
    scheduler, jobs = bench.all(plan, store)
    assert not scheduler.failed
    assert [job.kind for job in jobs].count("pretrain") == 1
    trial = next(job for job in jobs if job.kind == "train")
    assert trial.parent.encoder == StoredEncoder(path=jobs[0].path)


BLANKS: dict[str, list[tuple[str, str, str, dict[str, Any]]]] = {
    "xnli": [("xnli", "de", "test", {"premise": "", "hypothesis": ""}), ("xnli", "en", "test", {"hypothesis": None})],
    "udpos": [("udpos", "de", "test", {"tokens": ["\u00a0"], "pos_tags": ["X"]})],
    "xquad": [
        ("xquad", "zh", "validation", {"question": " "}),
        ("xquad", "en", "validation", {"context": "", "answers": {"text": ["mill"], "answer_start": [0]}}),
    ],
    "tatoeba": [("tatoeba", "de", "validation", {"source_sentence": "\n"})],
    "mewslix": [("mewslix", "de", "test", {"mention": ""})],
}
"""Target -> task, language, split and change of a test row. The changed row must be predicted and scored."""


@pytest.mark.parametrize("target", BLANKS)
def test_blank_rows_of_a_test_set_are_predicted_and_scored(
    target: str, bench: Bench, store: Store, tmp_path: Path, data_dir: Path
) -> None:
    data = Path(shutil.copytree(data_dir, tmp_path / "data"))
    sizes = {}
    for name, language, split, change in BLANKS[target]:
        task, fixture = TASKS[name], FIXTURES[name]
        changed = [dict(row) for row in fixture.rows[language]]
        changed[1] |= change
        write(fixture.features, changed, data / task.source.path(language) / f"{split}.parquet")
        sizes[language] = len(changed)
    other = Bench(data, bench.encoder)
    _, jobs = other.all(other.plan(targets=[target]), store)
    record = store.record(jobs[-1].path)
    for language, count in sizes.items():
        read = record.data[f"{target} {TASKS[target].test} ({language})"]
        assert (read.rows, read.examples, read.left_out) == (count, count, 0)
        assert read.repairs["drop_blank"] == 1
        assert record.languages[language]["score"] >= 0
    assert "repaired:" in record.signature
