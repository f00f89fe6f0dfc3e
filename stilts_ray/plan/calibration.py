"""Training throughput of encoders on a device, read from a file that `benchmarks/calibrate.py` wrote."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from stilts_ray.config import Encoder, Pretraining, Spec, Untrained, explain
from stilts_ray.config.values import Positive
from stilts_ray.errors import RequestError

PositiveFinite = Annotated[float, Field(gt=0, allow_inf_nan=False)]
CPU = "cpu"


class Speed(Spec):
    """Training tokens per second: packed, in packed batches of sequences of `mean_length` tokens on average; padded, in batches
    whose sequences are all padded to `padded_length`, padding included.

    Attention makes a token slightly more expensive in longer sequences; hours computed from these values ignore that.
    """

    packed: PositiveFinite
    padded: PositiveFinite
    mean_length: PositiveFinite
    padded_length: Positive
    batch_size: Positive


class Calibration(Spec):
    """device: name reported by its driver, or `CPU`. encoders: `calibration_key` -> speed."""

    device: str
    date: str
    versions: dict[str, str]
    encoders: dict[str, Speed]

    def packed_hours(self, tokens: Mapping[str, int]) -> float | None:
        """Hours on one such device. tokens: encoder -> training tokens in packed batches. None if an encoder was not
        measured."""
        return _hours(tokens, {name: speed.packed for name, speed in self.encoders.items()})

    def padded_hours(self, tokens: Mapping[str, int]) -> float | None:
        """Likewise for padded batches. tokens: padding included."""
        return _hours(tokens, {name: speed.padded for name, speed in self.encoders.items()})


def _hours(tokens: Mapping[str, int], speeds: Mapping[str, float]) -> float | None:
    if not set(tokens) <= set(speeds):
        return None
    return round(sum(count / speeds[name] for name, count in tokens.items()) / 3600, 2)


def calibration_key(encoder: Encoder) -> str:
    """Key of an encoder in `Calibration.encoders`: the source of its configuration, or its shape and vocabulary if it is
    pretrained by the sweep."""
    match encoder.weights:
        case Pretraining(shape=shape, vocabulary=vocabulary):
            size = f"{shape.layers} x {shape.hidden} ({shape.heads} heads, {shape.feed_forward})"
            return f"new XLM-R of {size}, vocabulary {vocabulary}"
        case Untrained(like=source):
            return source
    return encoder.weights.source


def read_calibration(path: Path) -> Calibration:
    """The calibration in a file. Raises RequestError if the file cannot be read or is invalid."""
    try:
        return Calibration.model_validate(json.loads(path.read_bytes()))
    except OSError as error:
        raise RequestError(f"--calibration: {path}: {error.strerror}") from None
    except ValidationError as error:
        raise RequestError(f"--calibration: {path}: {explain(error)}") from None
    except ValueError:
        raise RequestError(f"--calibration: {path} is not what benchmarks/calibrate.py writes") from None
