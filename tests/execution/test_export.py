"""Exported predictions and models agree with the records of the sweep."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from stilts_ray import tasks
from stilts_ray.config import Search
from stilts_ray.data import cache
from stilts_ray.errors import RequestError
from stilts_ray.evaluation.signature import signature
from stilts_ray.evaluation.submission import score_file
from stilts_ray.execution.export import export_model, export_predictions
from stilts_ray.kinds import KINDS
from stilts_ray.plan.build import Plan
from stilts_ray.store.state import state_of
from stilts_ray.store.store import Store
from stilts_ray.tasks import TASKS, Kind
from stilts_ray.tasks.base import BY_VECTOR
from stilts_ray.tasks.examples import Pair
from tests.execution.test_execute import LANGUAGES, Bench

TARGETS = ("xnli", "pawsx", "udpos", "panx", "xquad", "lareqa", "mewslix", "bucc2018", "tatoeba")


def finished(plan: Plan, store: Store, bench: Bench) -> dict[str, Any]:
    """Runs all of a plan and writes the records of its steps, as an invocation does."""
    scheduler, _ = bench.all(plan, store)
    for digest, record in scheduler.records.items():
        step = plan.by_digest[digest]
        store.write_record(record, step.path)
    return scheduler.records


@pytest.fixture(scope="module")
def bench(data_dir: Path, tiny_encoder: Path) -> Bench:
    return Bench(data_dir, tiny_encoder)


@pytest.fixture(scope="module")
def exported(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Store, dict[str, Any]]:
    store = Store(str(tmp_path_factory.mktemp("export") / "store"))
    plan = bench.plan(targets=list(TARGETS), seeds=(0, 1))
    return plan, store, finished(plan, store, bench)


def test_exported_predictions_have_the_scores_of_the_records(exported: tuple[Plan, Store, Any], tmp_path: Path) -> None:
    plan, store, records = exported
    assert export_predictions(plan, store, state_of(store), tmp_path / "out") == ["tiny.baseline"]
    (row,) = plan.conditions
    seeds = dict.fromkeys(TARGETS, (0, 1)) | {"bucc2018": (0,), "tatoeba": (0,)}
    for target in TARGETS:
        for seed, entry in zip(seeds[target], records[row.cells[target]].trials, strict=True):
            for language in LANGUAGES[target]:
                tree = tmp_path / "out" / "tiny.baseline" / f"seed-{seed}"
                scores = score_file(tree, tmp_path / "out" / "labels", target, language)
                own = entry.languages[language]
                assert scores == {name: pytest.approx(own[name]) for name in scores}, (target, language)


def test_an_exported_model_makes_the_scored_predictions(
    exported: tuple[Plan, Store, Any], bench: Bench, tmp_path: Path
) -> None:
    plan, store, _ = exported
    export_predictions(plan, store, state_of(store), tmp_path / "out")
    loader = export_model(plan, store, state_of(store), "tiny.baseline/xnli", 1, tmp_path / "model")
    assert loader == "AutoModelForSequenceClassification"
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "model").eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    assert tokenizer.model_max_length == AutoTokenizer.from_pretrained(bench.encoder).model_max_length
    pairs = [e for e in cache.examples(bench.data_source, TASKS["xnli"], "test", "de") if isinstance(e, Pair)]
    read = plan.by_digest[plan.conditions[0].cells["xnli"]].input.inference  # type: ignore[attr-defined]
    with torch.inference_mode():
        batch = tokenizer(
            [p.first for p in pairs], [p.second for p in pairs], padding=True, return_tensors="pt",
            truncation="longest_first", max_length=read.max_length,
        )  # fmt: skip
        best = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits.argmax(-1)
    written = (tmp_path / "out" / "tiny.baseline" / "seed-1" / "xnli" / "test-de.tsv").read_text().splitlines()
    assert [model.config.id2label[label] for label in best.tolist()] == written


def test_the_encoder_of_an_untrained_target_is_exported(exported: tuple[Plan, Store, Any], tmp_path: Path) -> None:
    plan, store, _ = exported
    assert export_model(plan, store, state_of(store), "tiny.baseline/tatoeba", None, tmp_path / "model") == "AutoModel"


def test_a_head_without_a_transformers_class_is_a_one_line_error(
    exported: tuple[Plan, Store, Any], tmp_path: Path
) -> None:
    plan, store, _ = exported
    said = "transformers has no class for a xlm-roberta encoder with a head for dual-encoder retrieval"
    with pytest.raises(RequestError, match=said):
        export_model(plan, store, state_of(store), "tiny.baseline/lareqa", None, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_candidates_of_all_languages_are_ranked_correctly(exported: tuple[Plan, Store, Any], tmp_path: Path) -> None:
    plan, store, _ = exported
    export_predictions(plan, store, state_of(store), tmp_path / "out")
    right = json.loads((tmp_path / "out/labels/lareqa/test-zh.json").read_text())
    assert right["q1"] == ["en_0_0", "zh_0_0"]
    ranked = json.loads((tmp_path / "out/tiny.baseline/seed-0/lareqa/test-zh.json").read_text())
    # Two English passages of three and two sentences, two Chinese ones of two and one.
    assert {len(names) for names in ranked.values()} == {8}
    assert {name.split("_")[0] for names in ranked.values() for name in names} == {"en", "zh"}


def test_separate_candidate_entities_are_ranked_by_their_own_names(
    exported: tuple[Plan, Store, Any], tmp_path: Path
) -> None:
    plan, store, _ = exported
    export_predictions(plan, store, state_of(store), tmp_path / "out")
    right = json.loads((tmp_path / "out/labels/mewslix/test-de.json").read_text())
    assert list(right.values()) == [["Q9"], ["Q8"], ["Q7"]]
    ranked = json.loads((tmp_path / "out/tiny.baseline/seed-0/mewslix/test-de.json").read_text())
    assert ranked.keys() == right.keys()
    assert {frozenset(names) for names in ranked.values()} == {frozenset(("Q1", "Q7", "Q8", "Q9"))}


def test_missing_cells_and_models_are_one_line_errors(
    exported: tuple[Plan, Store, Any], bench: Bench, tmp_path: Path
) -> None:
    plan, store, _ = exported
    with pytest.raises(RequestError, match=r"no cell 'tiny\.base/xnli'; did you mean 'tiny\.baseline/xnli'\?"):
        export_model(plan, store, state_of(store), "tiny.base/xnli", None, tmp_path / "a")
    with pytest.raises(RequestError, match="no seed 7 in test; it has 0, 1"):
        export_model(plan, store, state_of(store), "tiny.baseline/xnli", 7, tmp_path / "a")
    with pytest.raises(RequestError, match="is not empty"):
        export_predictions(plan, store, state_of(store), Path(__file__).parent)
    both = bench.plan(targets=["tatoeba", "tatoeba_xr"])
    with pytest.raises(RequestError, match="tatoeba and tatoeba_xr have the same path in the tree"):
        export_predictions(both, store, state_of(store), tmp_path / "b")
    other = bench.plan(targets=["xnli"], search=Search(learning_rates=(1e-4,)))
    with pytest.raises(RequestError, match="no finished predictions of test"):
        export_predictions(other, store, state_of(store), tmp_path / "b")
    with pytest.raises(RequestError, match=r"tiny\.baseline/xnli with seed 0 has no finished trial"):
        export_model(other, store, state_of(store), "tiny.baseline/xnli", None, tmp_path / "b")
    assert not (tmp_path / "b").exists()


# Signatures


def test_every_score_record_has_its_signature(exported: tuple[Plan, Store, Any]) -> None:
    plan, _, records = exported
    (row,) = plan.conditions
    said = {target: records[row.cells[target]].signature for target in TARGETS}
    for target, line in said.items():
        assert line.startswith(f"{target}|data:content-")
        assert f"|split:{tasks.get(target).test}|" in line
        assert "|scorer:stilts_ray-" in line
    assert "|rule:seqeval-f1-of-runs|" in said["udpos"]
    assert "|answers:squad|" in said["xquad"]
    assert "|layer:1|pooling:mean-with-special-tokens|" in said["tatoeba"]
    assert "|threshold:best-on-dev|" in said["bucc2018"]
    assert "|pool:en+zh|" in said["lareqa"]
    assert "|pool:candidate_entities:content-" in said["mewslix"]
    assert len({np.str_(line) for line in said.values()}) == len(TARGETS)


def test_a_signature_names_a_hub_revision() -> None:
    line = signature(TASKS["mlqa"], {"hub": "google/xtreme", "revision": "0123456789abcdef", "configs": []})
    assert line.startswith(
        "mlqa|data:google/xtreme@01234567|split:test|rule:mean-of-em-and-f1|answers:mlqa|task-version:1|"
    )
    rules = {kind: spec.scoring.rule for kind, spec in KINDS.items() if spec.scoring}
    assert set(rules) == set(Kind) - {Kind.TEXT, Kind.CANDIDATES}
    assert set(rules) > BY_VECTOR
    assert all(re.fullmatch(r"[a-z0-9@-]+", rule) for rule in rules.values())
