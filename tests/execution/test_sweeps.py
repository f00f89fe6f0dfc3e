"""The sweeps in `sweeps/`: each plans on the hub, and has a mini variant, which runs."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from stilts_ray import Recipe, Sweep, mini
from stilts_ray.cli import sweeps as commands
from stilts_ray.config import Mixture
from stilts_ray.config.sweep_file import load
from stilts_ray.data.sources import HubSource, MiniSource
from stilts_ray.execution.context import WorkerContext
from stilts_ray.execution.execute import execute_job
from stilts_ray.execution.scheduler import Scheduler
from stilts_ray.plan.build import Plan, make_plan, mixture_slug
from stilts_ray.plan.steps import Condition, Evaluation, Ranking, Study
from stilts_ray.report.table import average_of
from stilts_ray.store.store import Store
from stilts_ray.tasks import TASKS
from tests.execution.fakes import run

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden" / "paper_plan.txt"
QUESTIONS = (
    "first_gpu", "paper", "paper_variants", "morphology", "families_by_scale", "english_or_multilingual", "domains",
    "difficulty",
)  # fmt: skip


def file_of(question: str) -> Path:
    return ROOT / "sweeps" / f"{question}.py"


@cache
def on_hub(question: str) -> Plan:
    return make_plan(load(file_of(question)), HubSource({}))


def studies(plan: Plan) -> dict[str, Study]:
    return {step.name: step for step in plan.steps if isinstance(step, Study)}


# Plans


def test_the_papers_plan_is_the_golden_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """After an intended change: stilts plan sweeps/paper.py --store /nowhere > tests/golden/paper_plan.txt"""
    monkeypatch.delenv("STILTS_DATA_DIR", raising=False)
    monkeypatch.setattr(commands, "out", Console(width=80))
    commands.plan(str(file_of("paper")), store=str(tmp_path / "empty"))
    assert capsys.readouterr().out == GOLDEN.read_text(encoding="utf-8")


def test_the_papers_identical_studies_appear_once() -> None:
    plan = on_hub("paper")
    found = studies(plan)
    assert len(plan.conditions) == 11
    assert sum(isinstance(step, Evaluation) for step in plan.steps) == 11 * 9
    # Trained for XNLI in the baseline row, MNLI is the intermediate task of another, and SQuAD as well.
    assert {name for name in found if name.count(".") == 1} == {
        f"xlmr-large.{name}"
        for name in (
            "anli_plus", "mnli", "qqp", "squad_v2", "squad", "hellaswag", "ccg", "cosmosqa", "commonsense_qa", "all-nine",
            "pawsx", "udpos", "panx", "tydiqa",
        )
    }  # fmt: skip
    for row in plan.conditions:
        of = {target: plan.by_digest[digest].of for target, digest in row.cells.items()}  # type: ignore[attr-defined]
        assert of["xquad"] == of["mlqa"]
        assert of["bucc2018"] == of["tatoeba"]
    baseline = plan.by_digest[plan.conditions[0].cells["xnli"]]
    assert isinstance(baseline, Evaluation)
    assert baseline.of == found["xlmr-large.mnli"].digest


def test_conditions_of_a_variant_have_equal_numbers_of_tokens() -> None:
    for question in ("paper_variants", "morphology", "english_or_multilingual"):
        sizes: dict[tuple[str, bool], set[int]] = {}
        for name, study in studies(on_hub(question)).items():
            if name.count(".") == 1:
                sizes.setdefault((study.mixture.tasks[0], bool(study.mixture.masked)), set()).add(study.tokens)
        assert all(len(tokens) == 1 for tokens in sizes.values()), (question, sizes)


def test_domains_have_equal_numbers_of_examples() -> None:
    plan = on_hub("domains")
    found = studies(plan)
    for encoder in plan.sweep.encoders:
        for mixture in plan.sweep.mixtures[1:]:
            recipes = found[f"{encoder.name}.{'-'.join(mixture.parts)}"].recipes
            assert {recipe.train_examples for recipe in recipes.values()} == {TASKS["hellaswag"].train_size}
            assert all(TASKS[name].train_size >= TASKS["hellaswag"].train_size for name in recipes)


def test_difficulty_quantiles_have_equal_numbers_of_examples() -> None:
    plan = on_hub("difficulty")
    found = studies(plan)
    rows = [mixture for mixture in plan.sweep.mixtures if mixture.tasks]
    for mixture in rows:
        (task,) = mixture.tasks
        drawn = found[f"xlmr-large.{mixture_slug(mixture.parts)}"].recipes[task].train_examples
        assert drawn is not None
        assert drawn <= TASKS[task].train_size
        assert len(range(drawn)[mixture.quantile_slice(drawn)]) == TASKS["anli_r1"].train_size
    assert len(rows) == 7
    # The baseline's own study for XNLI ranks the examples, so ranking needs no further training.
    baseline = plan.by_digest[plan.conditions[0].cells["xnli"]]
    assert isinstance(baseline, Evaluation)
    assert {step.of for step in plan.steps if isinstance(step, Ranking)} == {baseline.of}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_mini_variant_has_as_many_intermediates_and_targets_as_its_sweep(question: str) -> None:
    sweep, mini_variant = load(file_of(question)), load(file_of(question), "mini")
    assert mini_variant.data == "mini"
    assert mini_variant.name == f"{sweep.name}-mini"
    assert len(mini_variant.intermediates) == len(sweep.intermediates)
    assert len(mini_variant.targets) == len(sweep.targets)
    assert Sweep.model_validate_json(mini_variant.model_dump_json()) == mini_variant, "`model_copy` does not validate"
    conditions = [step for step in make_plan(mini_variant, MiniSource()).steps if isinstance(step, Condition)]
    assert len(conditions) == len(mini_variant.encoders) * len(mini_variant.intermediates)


# Mini variants

ALL_ROWS, ALL_COLUMNS = "all rows", "all columns"


@pytest.fixture
def small_mini(own_cache: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """mini with at most sixty rows in a split: what is shown is that a sweep runs, not what it finds."""
    for folder, sizes in mini.SIZES.items():
        # PubMedQA's dev set is a range of rows of its only split.
        if folder != "pubmedqa/pqa_artificial":
            monkeypatch.setitem(mini.SIZES, folder, {split: min(count, 60) for split, count in sizes.items()})


def part_of(sweep: Sweep, part: str) -> dict[str, Any]:
    """The changes that cut a sweep to its last target, or to all targets of its first and last intermediate."""
    if part == ALL_ROWS:
        return {"targets": sweep.targets[-1:]}
    return {"intermediates": (sweep.mixtures[0], sweep.mixtures[-1])}


def check_table(plan: Plan, scheduler: Scheduler) -> None:
    """Every cell has a score, and every condition an average."""
    assert not scheduler.failed
    for condition in plan.conditions:
        record = scheduler.records[condition.digest]
        assert record.average is not None
        assert set(record.cells) == set(plan.sweep.targets)
    assert {condition.intermediate for condition in plan.conditions} == {
        mixture.parts for mixture in plan.sweep.mixtures
    }


def few_languages(mixture: Mixture) -> Mixture:
    """The mixture in its first three languages, and with as much masked text as examples."""
    small = {"share": 0.5, "languages": mixture.masked.languages[:3]} if mixture.masked else {}
    masked = mixture.masked and mixture.masked.replace(**small)
    return mixture.replace(languages=mixture.languages[:3], masked=masked)


def tiny(mini_variant: Sweep) -> Sweep:
    """The mini variant at the smallest size that runs."""
    recipe = Recipe(epochs=1, batch_size=8, max_length=64, stride=32, train_examples=8, dev_examples=8, evaluations=1)
    changes: dict[str, Any] = {
        "recipe": recipe,
        "recipes": {},
        "languages": dict.fromkeys(mini_variant.targets, ("qab", "qca")),
        "intermediates": tuple(map(few_languages, mini_variant.mixtures)),
    }
    return mini_variant.replace(**changes)


@pytest.mark.parametrize("question, part", [*((question, ALL_ROWS) for question in QUESTIONS), ("paper", ALL_COLUMNS)])
def test_a_mini_variant_runs_to_its_table(question: str, part: str, small_mini: None, store: Store) -> None:
    """Each condition trains and scores a target alike, so all targets run only in the paper, which has most of them."""
    sweep = tiny(load(file_of(question), "mini"))
    run_in_process(sweep.replace(**part_of(sweep, part)), store)


def test_targets_that_the_paper_lacks_run_on_mini(small_mini: None, store: Store) -> None:
    sweep = tiny(load(file_of("english_or_multilingual"), "mini"))
    new = tuple(target for target in sweep.targets if target not in load(file_of("paper")).targets)
    assert new == ("xcopa", "mewslix", "lareqa")
    run_in_process(sweep.replace(**part_of(sweep, ALL_COLUMNS), targets=new), store)


def run_in_process(sweep: Sweep, store: Store) -> None:
    languages = {target: sweep.languages[target] for target in sweep.targets}
    plan = make_plan(sweep.replace(languages=languages), MiniSource())
    scheduler = Scheduler(plan, {}, {})
    run(scheduler, lambda job: execute_job(job, WorkerContext(store, plan.data_source)))
    check_table(plan, scheduler)
    assert all(isinstance(mixture, Mixture) for mixture in plan.sweep.mixtures)


def test_only_the_paper_on_the_hub_has_xtremes_average() -> None:
    assert average_of(on_hub("paper")) == "xtreme/avg"
    assert average_of(make_plan(load(file_of("paper"), "mini"), MiniSource())) == "partial/avg_of_9"


def test_only_xtreme_rs_ten_targets_on_the_hub_have_its_average() -> None:
    assert average_of(on_hub("english_or_multilingual")) == "xtreme-r/avg"
    assert average_of(make_plan(load(file_of("english_or_multilingual"), "mini"), MiniSource())) == "partial/avg_of_10"
    plan = on_hub("english_or_multilingual")
    targets = tuple(target for target in plan.sweep.targets if target != "mewslix")
    fewer = plan.sweep.model_copy(update={"targets": targets, "recipes": {}})
    assert average_of(make_plan(fewer, HubSource({}))) == "partial/avg_of_9"
