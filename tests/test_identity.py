import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from stilts_ray.config import LogUniform, Optimizer, Pretrained, Recipe, Search, Spec
from stilts_ray.identity import canonical, canonical_json, digest, file_digest, folder_digest
from stilts_ray.tasks import Kind
from tests.plan.test_golden import SPECS

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(PLAIN)
def test_plain_data_is_its_own_canonical_form(value: Any) -> None:
    assert canonical(value) == value
    assert canonical_json(canonical(value)) == canonical_json(value)


@given(st.dictionaries(st.text(max_size=5), PLAIN, min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_matter(value: dict[str, Any], random: Any) -> None:
    keys = random.sample(list(value), len(value))
    assert digest({key: value[key] for key in keys}) == digest(value)


@given(PLAIN, PLAIN)
def test_different_data_have_different_digests(one: Any, other: Any) -> None:
    assert (canonical_json(one) == canonical_json(other)) == (digest(one) == digest(other))


@pytest.mark.parametrize(
    "one, other",
    [(1, True), (0, False), (1, 1.0), ("1", 1), (None, "null"), ([], {}), ("", None), (["ab"], ["a", "b"]), (0.1, 0.2)],
)
def test_what_looks_alike_is_told_apart(one: Any, other: Any) -> None:
    assert digest(one) != digest(other)


def test_tuples_are_lists_and_enums_are_their_values() -> None:
    assert canonical((1, (2, "a"))) == [1, [2, "a"]]
    assert canonical({"kind": Kind.SPAN}) == {"kind": "span QA"}
    assert type(canonical(Kind.SPAN)) is str


@pytest.mark.parametrize(
    "value",
    [
        len,
        lambda: None,
        int,
        {1, 2},
        frozenset(),
        b"bytes",
        Path("x"),
        object(),
        np.int64(1),
        np.zeros(2),
        {1: "a"},
        1j,
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize(
    "wrap", [lambda v: v, lambda v: [v], lambda v: {"a": {"b": (v,)}}], ids=["bare", "list", "deep"]
)
def test_what_has_no_canonical_form_is_refused(value: Any, wrap: Any) -> None:
    with pytest.raises(TypeError, match="canonical form"):
        digest(wrap(value))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), np.float64("nan")])
def test_numbers_that_are_none_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="no canonical form"):
        digest({"a": [value]})


def test_a_model_is_its_tag_and_what_differs_from_the_defaults() -> None:
    assert canonical(Recipe()) == {"is": "recipe"}
    assert canonical(Recipe(epochs=Recipe().epochs, batch_size=16)) == {"is": "recipe", "batch_size": 16}
    assert canonical(LogUniform(low=1e-6, high=1e-4, trials=3)) == {
        "is": "log_uniform",
        "low": 1e-6,
        "high": 1e-4,
        "trials": 3,
    }
    assert canonical(Recipe(optimizer=Optimizer(clip=2.0))) == {
        "is": "recipe",
        "optimizer": {"is": "optimizer", "clip": 2.0},
    }
    assert digest(Pretrained(source="a/b")) != digest({"source": "a/b"})
    assert digest(Search(learning_rates=[1e-5, 3e-5])) == digest(Search(learning_rates=(1e-5, 3e-5)))
    assert digest(Optimizer(weight_decay=0)) == digest(Optimizer(weight_decay=0.0))


def test_a_default_is_left_out_only_if_it_is_the_same_json() -> None:
    class Flags(Spec, tag="flags"):
        number: int | bool | float = 1

    assert canonical(Flags()) == {"is": "flags"}
    assert canonical(Flags(number=True)) == {"is": "flags", "number": True}
    assert canonical(Flags(number=1.0)) == {"is": "flags", "number": 1.0}


def test_a_model_without_a_tag_is_refused() -> None:
    class Untagged(BaseModel):
        number: int = 1

    with pytest.raises(TypeError, match="Untagged has no canonical form: it has no tag"):
        canonical(Untagged())


def test_tags_are_distinct_and_belong_to_every_model_of_a_sweep() -> None:
    tags = [model.tag for model in SPECS]
    assert len(set(tags)) == len(tags)
    assert {"sweep", "encoder", "mixture", "recipe", "search", "optimizer", "retrieval"} <= set(tags)


def test_digests_are_those_of_another_process() -> None:
    """Not of Python's own, salted hash; and the same in years to come."""
    value = {"b": [1, 2.5, None], "a": "größer", "c": {"x": True}}
    code = f"from stilts_ray.identity import digest; print(digest({value!r}))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert digest(value) == other
    assert canonical_json(value) == '{"a":"gr\\u00f6\\u00dfer","b":[1,2.5,null],"c":{"x":true}}'
    assert digest("") == "12ae32cb1ec02d01eda3581b127c1fee3b0dc53572ed6baf239721a03d82e126"


def test_a_files_digest_is_sha256_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert file_digest(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_model_folders_digest_covers_weights_configuration_and_tokenizer(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"1")
    first = folder_digest(tmp_path)
    (tmp_path / "record.json").write_text("{}")
    (tmp_path / "README.md").write_text("read me")
    assert folder_digest(tmp_path) == first
    (tmp_path / "tokenizer.json").write_text("{}")
    second = folder_digest(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"2")
    assert len({first, second, folder_digest(tmp_path)}) == 3
