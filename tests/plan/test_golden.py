"""Identities that must not change: results in a store are reused only while their identities stay the same.

The golden files say what identities were when they were released. A difference has one of two reasons:
- A default has another value. Identities leave defaults out, so the same digest would mean another experiment. Give the old
  default back and add an option for the new behaviour, or bump the VERSION of the steps it concerns.
- A digest has changed. Then nothing that exists would be found again. Restore the identity, or bump VERSION if what a step
  makes has changed.
New entries (an option, a kind of step) are added to the files: `python -m tests.plan.test_golden` writes them anew.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from stilts_ray.config import Encoder, MaskedShare, Mixture, Optimizer, Pretraining, Recipe, Search, Shape, Spec
from stilts_ray.execution.jobs import Job
from stilts_ray.execution.scheduler import Scheduler
from stilts_ray.identity import JSON, canonical, defaults_of
from stilts_ray.plan.build import Plan
from stilts_ray.tasks.base import COPIED, HASHED, Task
from tests.execution import fakes

GOLDEN = Path(__file__).parents[1] / "golden"
DIGESTS, DEFAULTS = GOLDEN / "digests.json", GOLDEN / "defaults.json"
SPECS = sorted(
    (model for model in Spec.__subclasses__() if "stilts_ray.config" in model.__module__), key=lambda m: m.tag
)

SHAPE = Shape(layers=1, hidden=8, heads=2, feed_forward=8)
TEXTS = Pretraining(languages=("en",), texts={"mlm_parallel": 1.0}, vocabulary=200, shape=SHAPE, tokens=1000)
MASKED = MaskedShare(share=0.2, languages=("en", "de"), texts="mlm_parallel")


def planned(recipe: Recipe) -> Plan:
    """A sweep with steps and jobs of every kind."""
    return fakes.planned(
        encoders=[fakes.XLMR, fakes.RANDOM, Encoder(name="made", weights=TEXTS)],
        intermediates=[
            (),
            Mixture(tasks=("mnli", "squad"), cap=1000, temperature=2.0),
            Mixture(tasks=("squad",), masked=MASKED),
            Mixture(tasks=("squad",), difficulty_quantiles=(0, 1 / 3)),
        ],
        targets=["xnli", "tatoeba"],
        recipe=recipe,
        search=Search(learning_rates=(1e-5, 2e-5)),
        seeds=(0, 1),
    )


def digests(recipe: Recipe) -> dict[str, str]:
    """Of every step and job: kind and name -> digest. Outcomes are made up, and do not depend on the recipe."""
    plan = planned(recipe)
    jobs: list[Job] = fakes.run(Scheduler(plan, {}, {}))
    return {f"{each.kind} {each.name}": each.digest for each in (*plan.steps, *jobs)}


def defaults() -> dict[str, dict[str, JSON]]:
    """Tag -> field -> default, of everything that identities leave out."""
    found = {model.tag: dict(sorted(defaults_of(model).items())) for model in SPECS}
    task = {
        field.name: canonical(field.default)
        for field in dataclasses.fields(Task)
        if field.name in HASHED - {"name", "kind"}
    }
    return found | {"task": dict(sorted(task.items())), "source": {"repairs": sorted(COPIED)}}


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_no_default_has_changed() -> None:
    golden, now = read(DEFAULTS), defaults()
    for tag, fields in golden.items():
        for name, value in fields.items():
            assert now.get(tag, {}).get(name, "no such option") == value, (
                f"the default of {tag}.{name} was {value!r}: add an option instead, or bump VERSION (see this file)"
            )
    assert golden == now, "new options: write the golden file anew (see this file)"


def test_no_digest_has_changed() -> None:
    golden, now = read(DIGESTS), digests(Recipe())
    assert {name.partition(" ")[0] for name in golden} == {
        *("pretrain", "study", "ranking", "evaluation", "condition"),
        *("train", "rank", "score"),
    }
    assert now == golden, "what was made before would not be found again (see this file)"


class Grown(Recipe):
    """A recipe of a later version, with a new option."""

    label_smoothing: float = 0.0


def test_a_new_option_changes_no_digest_until_it_is_used() -> None:
    assert digests(Grown()) == digests(Recipe()) == read(DIGESTS)
    used = digests(Grown(label_smoothing=0.1))
    trained = {name for name in used if name.startswith(("study", "train"))}
    assert trained
    assert not {used[name] for name in trained} & set(read(DIGESTS).values())


def test_a_renamed_class_changes_no_digest() -> None:
    renamed = type("Settings", (Recipe,), {})
    assert canonical(renamed(epochs=5)) == canonical(Recipe(epochs=5))


@pytest.mark.parametrize("changes", [{"epochs": 4}, {"optimizer": Optimizer(weight_decay=0.0)}], ids=str)
def test_what_is_not_at_its_default_changes_digests(changes: dict[str, Any]) -> None:
    assert digests(Recipe(**changes)) != read(DIGESTS)


if __name__ == "__main__":
    DEFAULTS.write_text(json.dumps(defaults(), indent=1) + "\n")
    DIGESTS.write_text(json.dumps(dict(sorted(digests(Recipe()).items())), indent=1) + "\n")
