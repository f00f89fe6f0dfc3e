"""The named recipes hold the published numbers, and a sweep takes them as they are."""

import pytest

from stilts_ray import Encoder, Pretrained, Recipe, Sweep, tasks
from stilts_ray.origin import Hub
from stilts_ray.plan import make_plan
from stilts_ray.recipes import (
    JIANT,
    JIANT_GUIDE,
    JIANT_RATES,
    XTREME_RATES,
    XTREME_SCRIPTS,
    search,
)

# Epochs, batch, length; learning rate.
PUBLISHED = {
    "jiant": {
        "mnli": (2, 32, 256, 1e-5), "pawsx": (5, 32, 256, 1e-5), "udpos": (10, 32, 256, 1e-5),
        "panx": (10, 32, 256, 1e-5), "squad": (2, 16, 384, 1e-5), "tydiqa": (2, 16, 384, 1e-5),
    },
    "xtreme": {
        "mnli": (5, 32, 128, 3e-5), "pawsx": (5, 32, 128, 2e-5), "udpos": (10, 32, 128, 2e-5),
        "panx": (10, 32, 128, 2e-5), "squad": (3, 32, 384, 3e-5), "tydiqa": (3, 32, 384, 3e-5),
        "wikipedia_pairs": (2, 32, 64, 1e-5),
    },
}  # fmt: skip
NAMED = {"jiant": (JIANT, JIANT_RATES), "xtreme": (XTREME_SCRIPTS, XTREME_RATES)}


@pytest.mark.parametrize("name", NAMED)
def test_numbers_are_the_published_ones(name: str) -> None:
    recipes, rates = NAMED[name]
    found = {task: (r.epochs, r.batch_size, r.max_length, rates[task]) for task, r in recipes.items()}
    assert found == PUBLISHED[name]
    assert {(r.stride, r.max_answer_length) for r in recipes.values()} == {(128, 30)}
    assert {(r.optimizer.clip, r.optimizer.epsilon) for r in recipes.values()} == {(1.0, 1e-8)}


def test_jiants_optimizer_and_evaluations() -> None:
    assert {(r.optimizer.weight_decay, r.optimizer.warmup, r.dev_rows) for r in JIANT.values()} == {(0.01, 0.1, 500)}
    # 392,702 rows in batches of 32, twice: 24,544 steps, evaluated every thousand; TyDiQA has 462 steps.
    assert (JIANT["mnli"].evaluations, JIANT["tydiqa"].evaluations) == (24, 1)
    assert max(recipe.evaluations for recipe in JIANT.values()) < 30, "it stops after 30 without a better one"
    assert (JIANT_GUIDE.epochs, JIANT_GUIDE.batch_size, JIANT_GUIDE.max_length) == (3, 4, 256)


def test_xtremes_warmup_is_a_share_of_the_steps() -> None:
    optimizers = {task: (r.optimizer.weight_decay, r.optimizer.warmup) for task, r in XTREME_SCRIPTS.items()}
    assert {optimizers[task] for task in ("mnli", "pawsx", "udpos", "panx", "wikipedia_pairs")} == {(0.0, 0.0)}
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
    targets = ("xnli", "pawsx", "udpos", "panx", "xquad", "tydiqa", *(["mewslix"] if name == "xtreme" else []))
    trained = {str(tasks.get(target).trained) for target in targets}
    assert trained == set(recipes)
    encoder = Encoder(name="base", start=Pretrained(source="FacebookAI/xlm-roberta-base"))
    sweep = Sweep(
        name="s", encoders=[encoder], targets=targets, recipes=recipes, search=search(rates, *trained), recipe=Recipe()
    )
    assert len(make_plan(sweep, Hub({})).rows) == 1
