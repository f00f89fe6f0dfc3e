from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from stilts_ray import spec
from stilts_ray.spec import (
    Encoder,
    LogUniform,
    Optimizer,
    Pretrained,
    Pretraining,
    Recipe,
    Runtime,
    Search,
    Shape,
    Sweep,
    Untrained,
    explain,
)

XLMR = Encoder(name="xlmr", start=Pretrained(source="owner/xlmr"))
SHAPE = Shape(layers=1, hidden=8, heads=2, feed_forward=8)


def sweep(**changes: Any) -> Sweep:
    return Sweep(**{"name": "test", "encoders": [XLMR], **changes})


WRONG: dict[str, tuple[Callable[[], object], tuple[str, ...]]] = {
    "unknown field": (lambda: sweep(target=["xnli"]), ("Sweep", "target", "has no such field", "['xnli']")),
    "unknown field below": (lambda: Recipe(optimizer={"lr": 1.0}), ("Recipe", "optimizer.lr")),
    "missing field": (lambda: Sweep(encoders=[XLMR]), ("Sweep", "name", "required")),  # type: ignore[call-arg]
    "wrong type": (lambda: Recipe(epochs="3"), ("Recipe", "epochs", "integer", "'3'")),
    "bool for a number": (lambda: Recipe(epochs=True), ("Recipe", "epochs", "integer")),
    "float for a count": (lambda: Recipe(epochs=2.0), ("Recipe", "epochs", "integer", "2.0")),
    "out of range": (lambda: Recipe(epochs=0), ("Recipe", "epochs", "greater than 0", "0")),
    "share": (lambda: Optimizer(warmup=1.5), ("Optimizer", "warmup", "less than or equal to 1", "1.5")),
    "too short": (lambda: Recipe(max_length=4), ("Recipe", "max_length", "8", "4")),
    "accepted values": (lambda: sweep(data="local"), ("Sweep", "data", "'hub'", "'mini'", "'local'")),
    "learning rate": (lambda: Search(learning_rates=[2.0]), ("Search", "learning_rates", "less than 1")),
    "no learning rate": (lambda: Search(learning_rates=[]), ("Search", "learning_rates", "at least 1")),
    "bounds": (lambda: LogUniform(low=1e-3, high=1e-4, trials=2), ("LogUniform", "low (0.001) must be below")),
    "a name instead of a row": (lambda: sweep(intermediates=["mnli"]), ("intermediates.0", "tuple", "'mnli'")),
    "a name instead of names": (lambda: sweep(targets="xnli"), ("targets", "tuple", "'xnli'")),
    "a row twice": (lambda: sweep(intermediates=[("mnli",), ("mnli",)]), ("intermediates has an entry twice", "mnli")),
    "a target twice": (lambda: sweep(targets=["xnli", "xnli"]), ("targets has an entry twice",)),
    "a mixture twice": (
        lambda: sweep(intermediates=[("mnli", "squad"), ("squad", "mnli")]),
        ("intermediates has an entry twice", "mnli"),
    ),
    "a task twice in a mixture": (
        lambda: sweep(intermediates=[("mnli", "mnli")]),
        ("a task twice in a mixture", "mnli"),
    ),
    "no language": (lambda: sweep(languages={"xnli": []}), ("languages of xnli", "at least one")),
    "a language twice": (lambda: sweep(languages={"xnli": ["en", "en"]}), ("languages of xnli", "each once")),
    "a seed too large": (lambda: sweep(seeds=[2**40]), ("seeds.0", "less than 4294967296")),
    "a negative seed": (lambda: sweep(seeds=[-1]), ("seeds.0", "greater than or equal to 0", "-1")),
    "no decay of moments": (lambda: Optimizer(beta1=1.0), ("Optimizer", "beta1", "less than 1")),
    "heads that do not divide": (
        lambda: Shape(layers=1, hidden=10, heads=4, feed_forward=8),
        ("Shape", "hidden (10) must be a multiple of heads (4)"),
    ),
    "longer than its positions": (
        lambda: Pretraining(languages=("en",), vocabulary=100, shape=SHAPE, tokens=10, max_length=512),
        ("Pretraining", "max_length (512) is more than the shape's 256 positions"),
    ),
    "a seed twice": (lambda: sweep(seeds=[3, 3]), ("seeds has an entry twice", "(3, 3)")),
    "no seed": (lambda: sweep(seeds=[]), ("seeds", "at least 1")),
    "no encoder": (lambda: sweep(encoders=[]), ("encoders", "at least 1")),
    "an encoder's name twice": (lambda: sweep(encoders=[XLMR, XLMR]), ("two encoders have one name", "xlmr")),
    "targets of nothing": (lambda: sweep(intermediates=[], targets=["xnli"]), ("((),)", "baseline")),
    "a name for paths": (lambda: sweep(name="a/b"), ("name", "pattern", "'a/b'")),
    "a start that is none": (lambda: Encoder(name="x", start="mini"), ("Encoder", "start", "'mini'")),
    "parameters of a trial": (lambda: Runtime(gpus_per_trial=-1), ("Runtime", "gpus_per_trial", "-1")),
}


@pytest.mark.parametrize("make, parts", WRONG.values(), ids=WRONG)
def test_a_wrong_value_is_one_line_with_place_reason_and_value(make: Callable[[], object], parts: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        make()
    line = explain(caught.value)
    assert "\n" not in line
    assert "Value error" not in line
    assert "Sweep: Sweep" not in line
    for part in parts:
        assert part in line


def test_lists_are_kept_as_tuples_and_whole_numbers_as_floats() -> None:
    made = sweep(intermediates=[[], ["mnli", "squad"]], targets=["xnli"], seeds=[1, 2], languages={"xnli": ["en"]})
    assert made.intermediates == ((), ("mnli", "squad"))
    assert (made.targets, made.seeds, made.languages) == (("xnli",), (1, 2), {"xnli": ("en",)})
    assert type(Optimizer(weight_decay=0).weight_decay) is float


SPECS = [cls for cls in vars(spec).values() if isinstance(cls, type) and issubclass(cls, spec.Spec)]
EXAMPLES: list[BaseModel] = [
    Optimizer(),
    Recipe(),
    LogUniform(low=1e-6, high=1e-4, trials=3),
    Search(),
    spec.Retrieval(),
    SHAPE,
    Pretrained(source="a/b"),
    Pretraining(languages=("en",), vocabulary=100, shape=SHAPE, tokens=10),
    Untrained(like="a/b"),
    XLMR,
    sweep(),
    Runtime(),
]


def test_there_is_an_example_of_every_spec() -> None:
    assert {type(example) for example in EXAMPLES} | {spec.Spec} == set(SPECS)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: type(example).__name__)
def test_every_spec_is_frozen_strict_and_comes_back_from_json(example: BaseModel) -> None:
    name = next(iter(type(example).model_fields))
    with pytest.raises(ValidationError, match="frozen"):
        setattr(example, name, getattr(example, name))
    with pytest.raises(ValidationError, match="Extra inputs"):
        type(example)(**{**example.model_dump(), "surplus": 1})
    assert type(example).model_validate_json(example.model_dump_json()) == example


def test_search_counts_its_trials() -> None:
    assert Search(learning_rates=(1e-5, 2e-5, 3e-5)).trials == 3
    assert Search(learning_rates=LogUniform(low=1e-6, high=1e-4, trials=17)).trials == 17


def test_a_task_has_its_own_recipe_or_the_common_one() -> None:
    own = Recipe(epochs=9)
    made = sweep(recipes={"mnli": own}, recipe=Recipe(epochs=2))
    assert made.recipe_of("mnli") is own
    assert made.recipe_of("squad").epochs == 2


def test_nothing_of_a_runtime_is_part_of_a_request() -> None:
    """What cannot change a number is not hashed: no part of a sweep has a field of that name."""
    request = {name for cls in SPECS if cls is not Runtime for name in cls.model_fields}
    assert not request & set(Runtime.model_fields)
