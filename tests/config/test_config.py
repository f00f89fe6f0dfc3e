from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from stilts_ray import config as spec
from stilts_ray.config import (
    Encoder,
    LogUniform,
    MaskedShare,
    Mixture,
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

XLMR = Encoder(name="xlmr", weights=Pretrained(source="owner/xlmr"))
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
    "a row twice": (
        lambda: sweep(intermediates=[("mnli",), ("mnli",)]),
        ("intermediates has a duplicate entry", "mnli"),
    ),
    "a target twice": (lambda: sweep(targets=["xnli", "xnli"]), ("targets has a duplicate entry",)),
    "a mixture twice": (
        lambda: sweep(intermediates=[("mnli", "squad"), ("squad", "mnli")]),
        ("intermediates has a duplicate entry", "mnli"),
    ),
    "a task twice in a mixture": (
        lambda: sweep(intermediates=[("mnli", "mnli")]),
        ("a task twice in a mixture", "mnli"),
    ),
    "a language twice in a mixture": (
        lambda: sweep(intermediates=[Mixture(tasks=["pawsx"], languages=["de", "de"])]),
        ("Mixture", "a language twice", "de"),
    ),
    "languages of nothing": (lambda: Mixture(tasks=(), languages=("de",)), ("Mixture", "baseline")),
    "a cap for one task": (lambda: Mixture(tasks=("mnli",), cap=100), ("Mixture", "several tasks", "mnli")),
    "quantiles of two tasks": (
        lambda: Mixture(tasks=("mnli", "squad"), difficulty_quantiles=(0, 0.5)),
        ("Mixture", "single task", "squad"),
    ),
    "quantiles of nothing": (
        lambda: Mixture(tasks=(), difficulty_quantiles=(0, 0.5)),
        ("Mixture", "single task", "()"),
    ),
    "decreasing quantiles": (
        lambda: Mixture(tasks=("mnli",), difficulty_quantiles=(0.5, 0.2)),
        ("difficulty_quantiles (0.5, 0.2) must increase", "(0, 1/3)"),
    ),
    "quantiles in percent": (
        lambda: Mixture(tasks=("mnli",), difficulty_quantiles=(0, 33)),
        ("Mixture", "difficulty_quantiles", "less than or equal to 1"),
    ),
    "two quantile ranges with one label": (
        lambda: sweep(intermediates=[Mixture(tasks=("mnli",), difficulty_quantiles=(0, top)) for top in (0.33, 1 / 3)]),
        ("intermediates has a duplicate entry", "mnli[0-33%]"),
    ),
    "a temperature below 1": (lambda: Mixture(tasks=("mnli", "squad"), temperature=0.5), ("temperature", "0.5")),
    "nothing but masked text": (
        lambda: Mixture(tasks=("mnli",), masked=MaskedShare(share=1.0, languages=("en",))),
        ("MaskedShare", "share", "less than 1"),
    ),
    "a language of masked text twice": (
        lambda: MaskedShare(share=0.5, languages=("en", "en")),
        ("MaskedShare", "languages", "duplicate entry: en, en"),
    ),
    "two mixtures with one label": (
        lambda: sweep(intermediates=[("mnli",), Mixture(tasks=("squad",), name="mnli")]),
        ("intermediates has a duplicate entry", "mnli"),
    ),
    "no language": (lambda: sweep(languages={"xnli": []}), ("languages of xnli", "at least one")),
    "a language twice": (lambda: sweep(languages={"xnli": ["en", "en"]}), ("languages of xnli", "without duplicates")),
    "a seed too large": (lambda: sweep(seeds=[2**40]), ("seeds.0", "less than 4294967296")),
    "a negative seed": (lambda: sweep(seeds=[-1]), ("seeds.0", "greater than or equal to 0", "-1")),
    "no decay of moments": (lambda: Optimizer(beta1=1.0), ("Optimizer", "beta1", "less than 1")),
    "heads that do not divide": (
        lambda: Shape(layers=1, hidden=10, heads=4, feed_forward=8),
        ("Shape", "hidden (10) must be a multiple of heads (4)"),
    ),
    "longer than its positions": (
        lambda: Pretraining(languages=("en",), vocabulary=100, shape=SHAPE, tokens=10, max_length=512),
        ("Pretraining", "max_length (512) exceeds the shape's 256 positions"),
    ),
    "a seed twice": (lambda: sweep(seeds=[3, 3]), ("seeds has a duplicate entry", "(3, 3)")),
    "no seed": (lambda: sweep(seeds=[]), ("seeds", "at least 1")),
    "no encoder": (lambda: sweep(encoders=[]), ("encoders", "at least 1")),
    "an encoder's name twice": (lambda: sweep(encoders=[XLMR, XLMR]), ("two encoders have the same name", "xlmr")),
    "targets of nothing": (lambda: sweep(intermediates=[], targets=["xnli"]), ("((),)", "baseline")),
    "a name for paths": (lambda: sweep(name="a/b"), ("name", "pattern", "'a/b'")),
    "weights of no known form": (lambda: Encoder(name="x", weights="mini"), ("Encoder", "weights", "'mini'")),
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


MASKED = MaskedShare(share=0.2, languages=("en", "de"))
SPECS = [cls for cls in vars(spec).values() if isinstance(cls, type) and issubclass(cls, spec.Spec)]
EXAMPLES: list[BaseModel] = [
    Optimizer(),
    Recipe(),
    LogUniform(low=1e-6, high=1e-4, trials=3),
    Search(),
    spec.Retrieval(),
    MASKED,
    Mixture(tasks=("mnli", "squad"), languages=("de", "fr"), cap=1000, temperature=2.0, masked=MASKED, name="all"),
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


# Mixtures


def test_mixtures_are_named_after_what_is_in_them() -> None:
    full = Mixture(tasks=("squad", "mnli"), languages=("de", "fr"), cap=1000, temperature=2.0, masked=MASKED)
    made = sweep(intermediates=[(), ("squad", "mnli"), full, full.model_copy(update={"name": "everything"})])
    assert [mixture.parts for mixture in made.mixtures] == [
        (),
        ("mnli", "squad"),
        ("mnli@de_fr", "squad@de_fr", "mlm0.2@en_de", "cap1000", "T2"),
        ("everything",),
    ]
    hard = Mixture(tasks=("pawsx",), languages=("de",), difficulty_quantiles=[2 / 3, 1], masked=MASKED)
    assert hard.parts == ("pawsx@de[67-100%]", "mlm0.2@en_de")
    assert hard.unfiltered == Mixture(tasks=("pawsx",), languages=("de",))
    many = Mixture(tasks=("mnli",), languages=tuple("abcd"))
    assert many.parts == ("mnli@4languages",)


@given(st.lists(st.floats(0.001, 0.999), unique=True), st.integers(1, 100_000))
def test_adjacent_quantile_ranges_partition_the_examples(cuts: list[float], count: int) -> None:
    edges = [0.0, *sorted(cuts), 1.0]
    mixtures = [Mixture(tasks=("mnli",), difficulty_quantiles=quantiles) for quantiles in pairwise(edges)]
    selected = [range(count)[mixture.quantile_slice(count)] for mixture in mixtures]
    assert [example for examples in selected for example in examples] == list(range(count))
    for examples, (low, high) in zip(selected, pairwise(edges), strict=True):
        assert len(examples) == pytest.approx((high - low) * count, abs=1)
    assert range(count)[Mixture(tasks=("mnli",)).quantile_slice(count)] == range(count)


SIZES = st.dictionaries(st.sampled_from("abcd"), st.integers(1, 100_000), min_size=2)


def recipes(sizes: dict[str, int], **values: Any) -> dict[str, Recipe]:
    return dict.fromkeys((*sizes, "mlm_text"), Recipe(**values))


@given(SIZES, st.integers(1, 3), st.integers(1, 64))
def test_a_plain_mixture_sees_every_task_for_all_its_epochs(sizes: dict[str, int], epochs: int, size: int) -> None:
    found = Mixture(tasks=tuple(sizes)).batches(sizes, recipes(sizes, epochs=epochs, batch_size=size))
    assert found == {name: epochs * -(-count // size) for name, count in sizes.items()}


@given(SIZES, st.integers(1, 100_000))
def test_a_cap_is_the_most_that_a_task_counts_for(sizes: dict[str, int], cap: int) -> None:
    found = Mixture(tasks=tuple(sizes), cap=cap).batches(sizes, recipes(sizes, epochs=1, batch_size=1))
    assert found == {name: min(count, cap) for name, count in sizes.items()}


@given(SIZES, st.floats(1.01, 100))
def test_temperature_takes_from_the_large_and_gives_to_the_small(sizes: dict[str, int], temperature: float) -> None:
    """jiant's TemperatureMultiTaskSampler: p ~ n ** (1 / T), here as a number of batches."""
    one = recipes(sizes, epochs=1, batch_size=1)
    found = Mixture(tasks=tuple(sizes), temperature=temperature).batches(sizes, one)
    weights = {name: count ** (1 / temperature) for name, count in sizes.items()}
    whole = sum(sizes.values())
    for name, weight in weights.items():
        assert found[name] == pytest.approx(max(1, whole * weight / sum(weights.values())), abs=1)
    assert whole <= sum(found.values()) <= whole + len(sizes)


def test_temperature_works_on_what_the_cap_leaves() -> None:
    sizes = {"large": 90_000, "small": 100}
    mixture = Mixture(tasks=("large", "small"), cap=10_000, temperature=2.0)
    found = mixture.batches(sizes, recipes(sizes, epochs=1, batch_size=1))
    assert sum(found.values()) == 10_100
    assert found["large"] / found["small"] == pytest.approx((10_000 / 100) ** 0.5, rel=0.01)


@given(SIZES, st.floats(0.01, 0.9))
def test_masked_text_has_its_share_of_the_batches(sizes: dict[str, int], share: float) -> None:
    mixture = Mixture(tasks=tuple(sizes), masked=MaskedShare(share=share, languages=("en",)))
    found = mixture.batches(sizes, recipes(sizes, epochs=1, batch_size=1))
    assert {name: found[name] for name in sizes} == sizes, "the tasks keep theirs"
    assert found["mlm_text"] == pytest.approx(max(1, sum(sizes.values()) * share / (1 - share)), abs=0.5)
