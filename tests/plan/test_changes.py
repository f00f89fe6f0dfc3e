"""Differences between identities, as text."""

from typing import Any

import pytest

from stilts_ray.config import LogUniform, MaskedShare, Mixture, Recipe, Search
from stilts_ray.identity import JSON, canonical
from stilts_ray.plan.build import Plan
from stilts_ray.plan.changes import changes
from stilts_ray.plan.steps import StepKind
from tests.execution.fakes import planned
from tests.plan.test_costs import NEW

SHARED: dict[str, Any] = {"intermediates": [(), ("squad",)], "targets": ["xnli", "tatoeba"]}


def identity_of(name: str, kind: StepKind, plan: Plan) -> dict[str, JSON]:
    (step,) = (step for step in plan.steps if (step.name, step.kind) == (name, kind))
    identity = canonical(step.identity)
    assert isinstance(identity, dict)
    return identity


def between(name: str, old: dict[str, Any], new: dict[str, Any], kind: StepKind = "study") -> list[str]:
    """Differences of the step of that name and kind between two plans."""
    before, after = planned(**(SHARED | old)), planned(**(SHARED | new))
    names = {digest: step.name for digest, step in after.by_digest.items()}
    return changes(identity_of(name, kind, before), identity_of(name, kind, after), names)


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ({}, {}, []),
        ({"recipe": Recipe(batch_size=32)}, {"recipe": Recipe(batch_size=16)}, ["recipe.batch_size 32 -> 16"]),
        # A field at its default is not in the identity.
        ({"recipe": Recipe(epochs=7)}, {"recipe": Recipe()}, [f"recipe.epochs 7 -> {Recipe().epochs}"]),
        ({"seeds": (0,)}, {"seeds": (0, 1)}, ["seeds [0] -> [0, 1]"]),
        (
            {"search": Search(learning_rates=(1e-5,))},
            {"search": Search(learning_rates=(1e-5, 3e-5), trials_per_round=1)},
            ["search.learning_rates [1e-05] -> [1e-05, 3e-05]", "search.trials_per_round 8 -> 1"],
        ),
        (
            {"search": Search(learning_rates=(1e-5,))},
            {"search": Search(learning_rates=LogUniform(low=1e-6, high=1e-4, trials=2))},
            ['search.learning_rates [1e-05] -> {"high": 0.0001, "is": "log_uniform", "low": 1e-06, "trials"...'],
        ),
    ],
)
def test_fields_of_a_study(old: dict[str, Any], new: dict[str, Any], lines: list[str]) -> None:
    assert between("xlmr.squad", old, new) == lines


def test_nested_fields() -> None:
    lines = between("xlmr.squad", {}, {"recipe": Recipe.model_validate({"optimizer": {"weight_decay": 0.5}})})
    assert lines == ["recipe.optimizer.weight_decay 0.01 -> 0.5"]


def test_tasks_that_are_trained_together_are_named() -> None:
    rows = {"intermediates": [("hellaswag", "squad")]}
    recipes = {"recipes": {"hellaswag": Recipe(epochs=9)}}
    assert between("xlmr.hellaswag-squad", rows, rows | recipes) == [f"hellaswag.recipe.epochs {Recipe().epochs} -> 9"]


def test_options_of_a_mixture() -> None:
    named = {"name": "mix", "tasks": ("hellaswag", "squad")}
    plain, capped = ({"intermediates": [Mixture(**named, **more)]} for more in ({}, {"cap": 100}))
    assert between("xlmr.mix", plain, capped) == ["mixture.cap null -> 100"]
    masked = {"intermediates": [Mixture(**named, masked=MaskedShare(share=0.5, languages=("en",)))]}
    assert any(line.startswith("mixture.masked null -> ") for line in between("xlmr.mix", plain, masked))
    fewer = {"intermediates": [Mixture(name="mix", tasks=("squad",))]}
    assert between("xlmr.mix", plain, fewer) == ["hellaswag removed"]
    assert between("xlmr.mix", fewer, plain) == ["hellaswag added"]


def test_downstream_steps_name_their_parent() -> None:
    old, new = {"recipes": {"squad": Recipe(epochs=1)}}, {"recipes": {"squad": Recipe(epochs=2)}}
    assert between("xlmr.squad.mnli", old, new) == ["parent xlmr.squad"]
    assert between("xlmr.squad.mnli.xnli-test", old, new, "evaluation") == ["parent xlmr.squad.mnli"]
    cells = ["parent xlmr.squad.tatoeba-test", "parent xlmr.squad.mnli.xnli-test"]
    assert between("xlmr.squad", old, new, "condition") == cells
    assert between("xlmr.squad", {**new, "targets": ["xnli"]}, new, "condition") == ["tatoeba added"]


def test_pins_of_data_and_encoders_are_short() -> None:
    old = {"kind": "study", "training": [{"task": {"name": "a"}, "data": {"train": {"revision": "0" * 40}}}]}
    new = {"kind": "study", "training": [{"task": {"name": "a"}, "data": {"train": {"revision": "1" * 40}}}]}
    assert changes(old, new, {}) == ["data.train.revision 00000000 -> 11111111"]
    parts = [{"data": [{"hub": "a", "revision": code * 40}, {"hub": "b"}]} for code in "01"]
    assert changes(*parts, {}) == ["data.0.revision 00000000 -> 11111111"]
    assert changes({"version": 1}, {"version": 2}, {}) == ["version 1 -> 2"]
    long = changes({"text": ""}, {"text": "x" * 100}, {})
    assert long == [f"text  -> {'x' * 60}..."]


def test_a_pretrained_encoder_says_what_changed() -> None:
    longer = NEW.model_copy(update={"weights": NEW.weights.model_copy(update={"tokens": 77})})
    (line,) = between(NEW.name, {"encoders": [NEW]}, {"encoders": [longer]}, "pretrain")
    assert line.startswith("weights.tokens ")
    assert line.endswith(" -> 77")
