"""Training speed of a sweep's encoders on this machine: the calibration file for `stilts plan --calibration`.

    python benchmarks/calibrate.py SWEEP --out FILE [--steps 30]

Needs torch and transformers but no data, and uses the GPU if there is one. Every encoder, with random weights, is trained by
this package's loop at the batch size of the sweep's `recipe`: once packed, with MNLI's distribution of lengths
(training_step.py), and once with every sequence `max_length` long, the cost of padding to it. Tokens are random. The first
steps, which include memory allocation, are not timed.
"""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from training_step import LENGTHS, PERCENT, Clock, loop_seconds
from transformers import AutoConfig, PretrainedConfig, XLMRobertaXLConfig

from stilts_ray import tasks
from stilts_ray.config import Encoder, Pretraining, Recipe, Shape, Untrained
from stilts_ray.config.sweep_file import load, named
from stilts_ray.data.encoded import Encoded
from stilts_ray.errors import RequestError, first_line
from stilts_ray.kinds import model_for
from stilts_ray.models import model as models
from stilts_ray.plan.calibration import CPU, Calibration, Speed, calibration_key
from stilts_ray.plan.inputs import folder_or_hub_id

BASE = Shape(layers=12, hidden=768, heads=12, feed_forward=3072, positions=512)
LARGE = Shape(layers=24, hidden=1024, heads=16, feed_forward=4096, positions=512)
PUBLISHED = {
    "FacebookAI/xlm-roberta-base": lambda: models.xlm_roberta(BASE, 250_002),
    "FacebookAI/xlm-roberta-large": lambda: models.xlm_roberta(LARGE, 250_002),
    "facebook/xlm-roberta-xl": XLMRobertaXLConfig,
}
"""Configurations for machines without access to the hub; others are loaded from their source."""
WARM_UP = 5
"""Number of steps that are not timed."""


def configuration(encoder: Encoder) -> PretrainedConfig:
    """An encoder's configuration. Raises RequestError if it cannot be read."""
    weights = encoder.weights
    if isinstance(weights, Pretraining):
        return models.xlm_roberta(weights.shape, weights.vocabulary)
    source = weights.like if isinstance(weights, Untrained) else weights.source
    if source in PUBLISHED:
        return PUBLISHED[source]()
    try:
        return AutoConfig.from_pretrained(folder_or_hub_id(source))
    except (OSError, ValueError) as error:
        raise RequestError(f"encoder {source}: {first_line(error)}") from None


def examples_of(lengths: NDArray[np.int64], vocabulary: int) -> Encoded:
    """Labelled sequences of random tokens, with these lengths."""
    draw = np.random.default_rng(0)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    tokens = draw.integers(5, vocabulary, offsets[-1]).astype(np.int32)
    return Encoded(tokens, offsets, 1, {"label": draw.integers(0, 3, len(lengths)).astype(np.int32)})


def tokens_per_second(config: PretrainedConfig, examples: Encoded, batch_size: int, device: torch.device) -> float:
    """Training tokens per second over one epoch, without its first steps."""
    task = tasks.get("mnli")
    model = model_for(models.new_encoder(config, 0), [task], 0).to(device)
    batches = np.split(np.random.default_rng(0).permutation(examples.items), examples.items // batch_size)
    seconds = loop_seconds(model, task, examples, batches, Clock(device, WARM_UP))
    return float(sum(examples.lengths[items].sum() for items in batches[WARM_UP:]) / seconds)


def speed(encoder: Encoder, recipe: Recipe, steps: int, device: torch.device) -> Speed:
    """The packed and the padded speed of an encoder. Raises RequestError if a batch does not fit in device memory."""
    count = recipe.batch_size * (WARM_UP + steps)
    drawn = np.interp(np.random.default_rng(0).uniform(0, 100, count), PERCENT, LENGTHS["nli"][1]).astype(np.int64)
    short, full = np.minimum(drawn, recipe.max_length), np.full(count, recipe.max_length)
    vocabulary = configuration(encoder).vocab_size
    try:
        packed, padded = (
            tokens_per_second(configuration(encoder), examples_of(lengths, vocabulary), recipe.batch_size, device)
            for lengths in (short, full)
        )
    except torch.OutOfMemoryError as error:
        raise RequestError(f"encoder {encoder.name}: {first_line(error)}") from None
    return Speed(
        packed=round(packed, 1),
        padded=round(padded, 1),
        mean_length=round(float(short.mean()), 1),
        padded_length=recipe.max_length,
        batch_size=recipe.batch_size,
    )


def main() -> None:
    """Measures each encoder and writes the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sweep", metavar="SWEEP")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument("--steps", type=int, default=30)
    given = parser.parse_args()
    sweep = load(*named(given.sweep))
    device = torch.device("cuda" if torch.cuda.is_available() else CPU)
    encoders = {calibration_key(encoder): encoder for encoder in sweep.encoders}
    calibration = Calibration(
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else CPU,
        date=datetime.now(UTC).date().isoformat(),
        versions={"torch": torch.__version__, "transformers": transformers.__version__},
        encoders={name: speed(each, sweep.recipe, given.steps, device) for name, each in encoders.items()},
    )
    given.out.write_text(calibration.model_dump_json(indent=1) + "\n")
    print(json.dumps(calibration.model_dump()))


if __name__ == "__main__":
    try:
        main()
    except RequestError as error:
        print(f"calibrate: {error}", file=sys.stderr)
        sys.exit(2)
