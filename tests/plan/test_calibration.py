"""Calibration files: a round trip, and one-line errors for invalid files."""

import json
from pathlib import Path
from typing import Any

import pytest

from stilts_ray.config import Encoder, Pretrained, Pretraining, Shape, Untrained
from stilts_ray.errors import RequestError
from stilts_ray.plan.calibration import Calibration, Speed, calibration_key, read_calibration

SPEED = Speed(packed=1000.0, padded=2000.0, mean_length=48.1, padded_length=256, batch_size=32)
CALIBRATION = Calibration(
    device="H200", date="2026-11-21", versions={"torch": "2.13.0"}, encoders={"a": SPEED, "b": SPEED}
)


def written(path: Path, **changes: Any) -> Path:
    path.write_text(json.dumps(CALIBRATION.model_dump() | changes))
    return path


def test_a_calibration_survives_a_round_trip(tmp_path: Path) -> None:
    assert read_calibration(written(tmp_path / "file.json")) == CALIBRATION


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"device": None}, "device"),
        ({"speed": 3}, "no such field"),
        ({"encoders": {"a": SPEED.model_dump() | {"packed": 0}}}, "encoders.a.packed"),
        ({"encoders": {"a": SPEED.model_dump() | {"packed": float("inf")}}}, "encoders.a.packed"),
        ({"encoders": {"a": {"packed": 5.0}}}, "encoders.a.padded"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=said) as error:
        read_calibration(written(tmp_path / "file.json", **changes))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["# README\n\nof several lines", "", "\udcff"])
def test_invalid_json_is_a_one_line_error(text: str, tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(RequestError, match=r"is not what benchmarks/calibrate\.py writes$"):
        read_calibration(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"nowhere\.json: No such file"):
        read_calibration(tmp_path / "nowhere.json")


def test_hours_use_the_speed_of_each_encoder() -> None:
    calibration = CALIBRATION.model_copy(
        update={"encoders": {"a": SPEED, "b": SPEED.model_copy(update={"packed": 500.0})}}
    )
    assert calibration.packed_hours({"a": 3_600_000, "b": 3_600_000}) == 1 + 2
    assert calibration.padded_hours({"a": 3_600_000}) == 0.5
    assert calibration.packed_hours({"a": 1, "c": 1}) is None


def test_random_and_pretrained_weights_have_one_key() -> None:
    trained = Encoder(name="large", weights=Pretrained(source="owner/xlmr"))
    assert calibration_key(trained) == calibration_key(Encoder(name="random", weights=Untrained(like="owner/xlmr")))


def test_the_key_of_a_new_encoder_is_its_shape() -> None:
    def new(name: str, **changes: Any) -> Encoder:
        shape = Shape(layers=2, hidden=16, heads=2, feed_forward=24).model_copy(update=changes)
        return Encoder(name=name, weights=Pretraining(languages=("en",), vocabulary=200, shape=shape, tokens=1000))

    assert calibration_key(new("one")) == calibration_key(new("other"))
    assert calibration_key(new("one")) != calibration_key(new("one", layers=3))
