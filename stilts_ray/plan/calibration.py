"""How fast a device trains an encoder, as `benchmarks/calibrate.py` measured it there and wrote it to a file."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from stilts_ray.config import Encoder, Pretraining, Spec, Untrained, explain
from stilts_ray.config.values import Positive
from stilts_ray.errors import RequestError

Amount = Annotated[float, Field(gt=0, allow_inf_nan=False)]
CPU = "cpu"


class Speed(Spec):
    """Training tokens a second, in packed batches of sequences of `mean_length` tokens, and in batches of sequences that
    all have `padded_length`, padding counted.

    By attention a token costs a little more in longer sequences; hours computed from these leave that out.
    """

    packed: Amount
    padded: Amount
    mean_length: Amount
    padded_length: Positive
    batch_size: Positive


class Calibration(Spec):
    """device: as its driver calls it, or `CPU`. encoders: by `calibrated_as`."""

    device: str
    date: str
    versions: dict[str, str]
    encoders: dict[str, Speed]

    def packed_hours(self, tokens: Mapping[str, int]) -> float | None:
        """Hours on one such device for so many tokens of each encoder in packed batches; None if one was not measured."""
        return _hours(tokens, {name: speed.packed for name, speed in self.encoders.items()})

    def padded_hours(self, tokens: Mapping[str, int]) -> float | None:
        """The same in padded batches, with padding counted among the tokens."""
        return _hours(tokens, {name: speed.padded for name, speed in self.encoders.items()})


def _hours(tokens: Mapping[str, int], speeds: Mapping[str, float]) -> float | None:
    if not set(tokens) <= set(speeds):
        return None
    return round(sum(count / speeds[name] for name, count in tokens.items()) / 3600, 2)


def calibrated_as(encoder: Encoder) -> str:
    """By what the speed of an encoder is known: the source of its configuration, and the shape of one that is made new."""
    match encoder.weights:
        case Pretraining(shape=shape, vocabulary=vocabulary):
            size = f"{shape.layers} x {shape.hidden} ({shape.heads} heads, {shape.feed_forward})"
            return f"new XLM-R of {size}, vocabulary {vocabulary}"
        case Untrained(like=source):
            return source
    return encoder.weights.source


def read_calibration(path: Path) -> Calibration:
    """The calibration in a file. Raises RequestError if there is none, or none that can be understood."""
    try:
        return Calibration.model_validate(json.loads(path.read_bytes()))
    except OSError as error:
        raise RequestError(f"--calibration: {path}: {error.strerror}") from None
    except ValidationError as error:
        raise RequestError(f"--calibration: {path}: {explain(error)}") from None
    except ValueError:
        raise RequestError(f"--calibration: {path} is not what benchmarks/calibrate.py writes") from None
