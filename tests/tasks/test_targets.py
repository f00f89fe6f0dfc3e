"""What single tasks make of their columns, and what they are trained on."""

from pathlib import Path

import pytest

from stilts_ray import mini
from stilts_ray.config import Encoder, Pretrained, Recipe, Search, Sweep
from stilts_ray.data.sources import FolderSource, HubSource, MiniSource
from stilts_ray.execution.context import WorkerContext
from stilts_ray.execution.execute import execute_job
from stilts_ray.execution.scheduler import Scheduler
from stilts_ray.plan.build import make_plan
from stilts_ray.plan.steps import Evaluation, Study
from stilts_ray.report import labels
from stilts_ray.store.store import Store
from stilts_ray.tasks import TASKS
from tests.execution.fakes import run
from tests.pins import at_commits
from tests.tasks.rows import FIXTURES

ENCODER = Encoder(name="xlmr", weights=Pretrained(source="owner/xlmr"))


def test_the_question_for_a_cause_or_an_effect_reaches_the_model() -> None:
    """In XTREME-R's words, English in every language."""
    row = FIXTURES["xcopa"].rows["tr"][0]
    example = TASKS["xcopa"].example(row)
    assert (example.prompt, example.choices, example.label) == (
        "Göl dondu. What was the cause?",
        ("Öğlendi.", "Hava soğuktu."),
        1,
    )
    assert TASKS["copa"].example(FIXTURES["copa"].rows["en"][1]).prompt == "The lake froze. What was the effect?"


@pytest.mark.parametrize("name, prompt", [("cosmosqa", "My train was late . Why was I cold ?"),
                                          ("social_i_qa", "Bo hid the key. How does Anna feel?"),
                                          ("commonsense_qa", "Where does a baker bake?")])  # fmt: skip
def test_a_prompt_is_the_text_and_then_the_question(name: str, prompt: str) -> None:
    example = TASKS[name].example(FIXTURES[name].rows["en"][0])
    assert example.prompt == prompt
    assert example.choices[example.label] == {"cosmosqa": "I waited .", "social_i_qa": "cross"}.get(name, "oven")


def test_mlqas_text_and_question_are_in_one_language() -> None:
    source = TASKS["mlqa"].source
    assert [source.hub_config(code) for code in ("en", "zh")] == ["MLQA.en.en", "MLQA.zh.zh"]
    assert source.path("zh") == "mlqa/zh"


XTREME_R = {"udpos_xr": 38, "panx_xr": 48, "xquad_xr": 12, "tatoeba_xr": 41, "xcopa": 11}


@pytest.mark.parametrize("name", XTREME_R)
def test_xtreme_rs_languages_are_xtremes_and_more(name: str) -> None:
    assert len(set(TASKS[name].languages)) == len(TASKS[name].languages) == XTREME_R[name]
    if name != "xcopa":
        assert set(TASKS[name.removesuffix("_xr")].languages) < set(TASKS[name].languages)


def test_xtreme_rs_retrieval_reads_an_encoder_that_was_trained_on_squad() -> None:
    sweep = Sweep(name="t", encoders=[ENCODER], intermediates=[(), ("squad",)], targets=["tatoeba", "tatoeba_xr"])
    plan = make_plan(sweep, HubSource({}))
    studies = {step.name: step for step in plan.steps if isinstance(step, Study)}
    reads = {step.name: step.of for step in plan.steps if isinstance(step, Evaluation)}
    assert set(studies) == {"xlmr.squad", "xlmr.squad.squad"}
    assert reads["xlmr.squad.tatoeba-test"] == reads["xlmr.squad.tatoeba_xr-test"] == studies["xlmr.squad"].digest
    assert reads["xlmr.squad.squad.tatoeba_xr-test"] == studies["xlmr.squad.squad"].digest


def test_targets_of_both_benchmarks_share_their_training() -> None:
    targets = ["udpos", "udpos_xr", "panx", "panx_xr", "xquad", "xquad_xr", "mlqa"]
    plan = make_plan(Sweep(name="t", encoders=[ENCODER], targets=targets), HubSource({}))
    assert {step.name for step in plan.steps if isinstance(step, Study)} == {"xlmr.udpos", "xlmr.panx", "xlmr.squad"}


@pytest.mark.parametrize("data, said", [
    ("hub", "facebook/anli@{0}, nyu-mll/glue@{0}, stanfordnlp/snli@{0}"), ("mini", f"mini {mini.VERSION}"),
])  # fmt: skip
def test_the_data_of_several_parts_are_all_named(data: str, said: str) -> None:
    commits = dict.fromkeys(("facebook/anli", "nyu-mll/glue", "stanfordnlp/snli", "owner/xlmr"), "c" * 40)
    data_source = HubSource(at_commits(commits)) if data == "hub" else MiniSource()
    plan = make_plan(Sweep(name="t", encoders=[ENCODER], intermediates=[("anli_plus",)], data=data), data_source)
    assert labels.pinned(plan.steps) == {"data.anli_plus": said.format("c" * 40)}


def test_a_sweep_of_them_is_done(data_dir: Path, tiny_encoder: Path, store: Store) -> None:
    targets = ["xcopa", "mlqa", "udpos_xr", "tatoeba_xr"]
    sweep = Sweep(
        name="t",
        encoders=[Encoder(name="tiny", weights=Pretrained(source=str(tiny_encoder)))],
        intermediates=[("anli_plus",), ("commonsense_qa", "cosmosqa", "social_i_qa")],
        targets=targets,
        languages={name: tuple(FIXTURES[name].rows) for name in targets},
        recipe=Recipe(epochs=1, batch_size=4, max_length=48, stride=24, evaluations=1),
        search=Search(learning_rates=[1e-3]),
    )
    plan = make_plan(sweep, FolderSource(data_dir))
    scheduler = Scheduler(plan, {}, {})
    run(scheduler, lambda job: execute_job(job, WorkerContext(store, plan.data_source, checkpoint_seconds=1e9)))
    assert not scheduler.failed
    for row in plan.conditions:
        for name, digest in row.cells.items():
            assert set(scheduler.records[digest].languages) == set(FIXTURES[name].rows)
    trials = {record.name.rsplit("-lr", 1)[0]: record for record in store.records("train").values()}
    assert trials["tiny.anli_plus"].steps == -(-(3 * 6 + 8 + 5) // 4), "all parts in one epoch"
