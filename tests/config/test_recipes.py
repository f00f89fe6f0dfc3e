"""The named recipes hold the published numbers, and a sweep takes them as they are."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from stilts_ray import Encoder, MaskedShare, Mixture, Pretrained, Recipe, Sweep, tasks
from stilts_ray.config.recipes import (
    JIANT,
    JIANT_GUIDE,
    JIANT_RATES,
    XTREME_RATES,
    XTREME_SCRIPTS,
    search,
)
from stilts_ray.config.sweep_file import load
from stilts_ray.data.sources import HubSource
from stilts_ray.errors import RequestError
from stilts_ray.plan.build import make_plan
from stilts_ray.plan.steps import Study

# Epochs, batch, length; learning rate.
PUBLISHED = {
    "jiant": {
        "mnli": (2, 32, 256, 1e-5), "pawsx": (5, 32, 256, 1e-5), "udpos": (10, 32, 256, 1e-5),
        "panx": (10, 32, 256, 1e-5), "squad": (2, 16, 384, 1e-5), "tydiqa": (2, 16, 384, 1e-5),
    },
    "xtreme": {
        "mnli": (5, 32, 128, 3e-5), "pawsx": (5, 32, 128, 2e-5), "udpos": (10, 32, 128, 2e-5),
        "panx": (10, 32, 128, 2e-5), "squad": (3, 32, 384, 3e-5), "tydiqa": (3, 32, 384, 3e-5),
        "social_i_qa": (5, 32, 128, 3e-5), "copa": (5, 32, 128, 3e-5), "squad_r": (3, 16, 256, 2e-5),
        "wikipedia_pairs": (2, 32, 64, 1e-5),
    },
}  # fmt: skip
ENCODER = Encoder(name="base", weights=Pretrained(source="FacebookAI/xlm-roberta-base"))
NAMED = {"jiant": (JIANT, JIANT_RATES), "xtreme": (XTREME_SCRIPTS, XTREME_RATES)}


@pytest.mark.parametrize("name", NAMED)
def test_numbers_are_the_published_ones(name: str) -> None:
    recipes, rates = NAMED[name]
    found = {task: (r.epochs, r.batch_size, r.max_length, rates[task]) for task, r in recipes.items()}
    assert found == PUBLISHED[name]
    assert {(r.stride, r.max_answer_length) for r in recipes.values()} == {(128, 30)}
    assert {(r.optimizer.clip, r.optimizer.epsilon) for r in recipes.values()} == {(1.0, 1e-8)}


def test_jiants_optimizer_and_evaluations() -> None:
    assert {(r.optimizer.weight_decay, r.optimizer.warmup, r.dev_examples) for r in JIANT.values()} == {
        (0.01, 0.1, 500)
    }
    # 392,702 rows in batches of 32, twice: 24,544 steps, evaluated every thousand; TyDiQA has 462 steps.
    assert (JIANT["mnli"].evaluations, JIANT["tydiqa"].evaluations) == (24, 1)
    assert max(recipe.evaluations for recipe in JIANT.values()) < 30, "it stops after 30 without a better one"
    assert (JIANT_GUIDE.epochs, JIANT_GUIDE.batch_size, JIANT_GUIDE.max_length) == (3, 4, 256)


def test_xtremes_warmup_is_a_share_of_the_steps() -> None:
    optimizers = {task: (r.optimizer.weight_decay, r.optimizer.warmup) for task, r in XTREME_SCRIPTS.items()}
    assert {optimizers[task] for task in XTREME_SCRIPTS if task not in ("squad", "tydiqa")} == {(0.0, 0.0)}
    # 87,599 rows in batches of 32, thrice: 8,214 steps; TyDiQA has fewer than 500.
    assert optimizers["squad"] == (1e-4, pytest.approx(500 / 8214))
    assert optimizers["tydiqa"] == (1e-4, 1.0)


def test_train_sizes_are_those_of_the_tasks() -> None:
    # arXiv 2010.12821, table 11; for MNLI and SQuAD also the hub's data sets.
    rows = {"mnli": 392_702, "pawsx": 49_401, "udpos": 21_253, "panx": 20_000, "squad": 87_599, "tydiqa": 3_696}
    assert {name: tasks.get(name).train_size for name in rows} == rows


def test_one_search_for_all_tasks() -> None:
    assert search(JIANT_RATES, *JIANT).learning_rates == (1e-5,)
    assert search(XTREME_RATES, "squad", "udpos", "mnli").learning_rates == (2e-5, 3e-5)


@pytest.mark.parametrize("name", NAMED)
def test_a_sweep_plans_with_them(name: str) -> None:
    recipes, rates = NAMED[name]
    targets = ("xnli", "pawsx", "udpos", "panx", "xquad", "tydiqa")
    if name == "xtreme":
        targets = (*targets, "xcopa", "lareqa", "mewslix")
    trained = {task for target in targets for task in tasks.get(target).training}
    assert trained == set(recipes)
    sweep = Sweep(
        name="s", encoders=[ENCODER], targets=targets, recipes=recipes, search=search(rates, *trained), recipe=Recipe()
    )
    assert len(make_plan(sweep, HubSource({})).conditions) == 1


def test_what_only_xtreme_r_has_is_trained_as_its_scripts_say() -> None:
    sweep = load(Path(__file__).resolve().parents[2] / "sweeps" / "english_or_multilingual.py")
    studies = [step for step in make_plan(sweep, HubSource({})).steps if isinstance(step, Study)]
    found = {name: study.recipes[name] for study in studies for name in study.recipes}
    own = [name for name in XTREME_SCRIPTS if name not in JIANT]
    assert {name: found[name] for name in own} == {name: XTREME_SCRIPTS[name] for name in own}
    tried = {study.search.learning_rates for study in studies}
    assert tried == {tuple(sorted({*JIANT_RATES.values(), *(XTREME_RATES[name] for name in own)}))}


def refusal(mixture: Mixture, recipes: dict[str, Recipe]) -> str:
    with pytest.raises(RequestError) as caught:
        make_plan(Sweep(name="s", encoders=[ENCODER], intermediates=[mixture], recipes=recipes), HubSource({}))
    return str(caught.value)


def test_tasks_of_unlike_optimizers_are_not_trained_together() -> None:
    mixture = Mixture(tasks=("squad", "mnli", "hellaswag"))
    recipes = {"mnli": JIANT["mnli"], "squad": XTREME_SCRIPTS["squad"], "hellaswag": XTREME_SCRIPTS["copa"]}
    assert refusal(mixture, recipes) == (
        "recipes: hellaswag, mnli, squad are trained together and need one optimizer; "
        "weight_decay is 0 (hellaswag), 0.01 (mnli), 0.0001 (squad); warmup is 0 (hellaswag), 0.1 (mnli), 0.0608717 (squad)"
    )
    assert "warmup is 0 (hellaswag, mnli), 0.0608717 (squad)" in refusal(
        mixture, recipes | {"mnli": XTREME_SCRIPTS["mnli"]}
    )


def test_the_optimizer_of_a_masked_share_is_one_of_them() -> None:
    """Its recipe is that of the texts: here the sweep's own, which warms up."""
    mixture = Mixture(tasks=("mnli",), masked=MaskedShare(share=0.2, languages=("en",)))
    assert refusal(mixture, {"mnli": XTREME_SCRIPTS["mnli"]}) == (
        "recipes: mnli, mlm_text are trained together and need one optimizer; "
        "weight_decay is 0 (mnli), 0.01 (mlm_text); warmup is 0 (mnli), 0.1 (mlm_text)"
    )


def test_windows_that_do_not_advance_are_refused() -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        Recipe(stride=0)
