"""Training several learning rates together on stacked weights, compared with one after the other.

    python benchmarks/fused_rates.py [--rates 4] [--steps 10] [--repeats 5] [--shape mini|small]

Both take the same steps on the same packed batches from the same weights: one after the other with the loop's own model and
fused AdamW, and together with torch.func (`functional_call` under `vmap`, stacked weights, dropout drawn for each), each with
its own learning rate. Runs alternate. Prints one JSON line: median seconds, the ratio, and the largest difference between
their weights (due to rounding: dropout is 0).
"""

import argparse
import json
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import torch
from torch.func import functional_call, grad_and_value, stack_module_state, vmap
from training_step import LENGTHS, PERCENT

from stilts_ray import tasks
from stilts_ray.config import Optimizer, Shape
from stilts_ray.data.batches import Batch, collate
from stilts_ray.data.encoded import Encoded
from stilts_ray.kinds import model_for, objective_of
from stilts_ray.models import model as models
from stilts_ray.models.model import Model
from stilts_ray.training.optimizer import make_optimizer

SHAPES = {
    "mini": Shape(layers=4, hidden=128, heads=4, feed_forward=512, dropout=0.0),
    "small": Shape(layers=4, hidden=256, heads=4, feed_forward=1024, dropout=0.0),
}
VOCABULARY, BATCH = 4000, 16
TASK = tasks.get("mnli")
SPEC = Optimizer(epsilon=1e-3)
"""Epsilon is larger than usual: the gradient of a bias before a softmax is only rounding error, of which AdamW would otherwise
make full steps, so that the weights of both sides could not be compared."""


def batches(steps: int) -> list[Batch]:
    """Batches of random tokens with MNLI's distribution of lengths."""
    draw, count = np.random.default_rng(0), steps * BATCH
    lengths = np.interp(draw.uniform(0, 100, count), PERCENT, LENGTHS["nli"][1]).astype(np.int64)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    ids = draw.integers(5, VOCABULARY, offsets[-1]).astype(np.int32)
    encoded = Encoded(ids, offsets, 1, {"label": draw.integers(0, 3, count).astype(np.int32)})
    return [collate(encoded, np.arange(step * BATCH, (step + 1) * BATCH)) for step in range(steps)]


def fresh(shape: Shape) -> Model:
    """A new model, always with the same weights."""
    return model_for(models.new_encoder(models.xlm_roberta(shape, VOCABULARY), 0), [TASK], 0).train()


def one_after_the_other(shape: Shape, rates: list[float], data: list[Batch]) -> list[dict[str, torch.Tensor]]:
    """The weights after training, one learning rate after the other."""
    ended = []
    for rate in rates:
        model = fresh(shape)
        optimizer = make_optimizer(model, rate, SPEC)
        for batch in data:
            optimizer.zero_grad(set_to_none=True)
            (objective_of(TASK.kind).loss(model(TASK.name, batch), batch) / BATCH).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        ended.append({name: p.detach() for name, p in model.named_parameters()})
    return ended


def together(shape: Shape, rates: list[float], data: list[Batch]) -> list[dict[str, torch.Tensor]]:
    """The weights after training all learning rates together."""
    replicas = [fresh(shape) for _ in rates]
    stacked, buffers = stack_module_state(replicas)
    base = fresh(shape).to("meta")
    slices = [
        {name: torch.nn.Parameter(values[n].detach()) for name, values in stacked.items()} for n in range(len(rates))
    ]
    optimizers = [make_optimizer(_Holder(own), rate, SPEC) for own, rate in zip(slices, rates, strict=True)]

    for batch in data:

        def loss(parameters: dict[str, torch.Tensor], batch: Batch = batch) -> torch.Tensor:
            logits = functional_call(base, (parameters, {n: b[0] for n, b in buffers.items()}), (TASK.name, batch))
            return objective_of(TASK.kind).loss(logits, batch) / BATCH

        gradients, _ = vmap(grad_and_value(loss), randomness="different")(
            {name: torch.stack([own[name].detach() for own in slices]) for name in stacked}
        )
        for number, (own, optimizer) in enumerate(zip(slices, optimizers, strict=True)):
            for name, parameter in own.items():
                parameter.grad = gradients[name][number]
            torch.nn.utils.clip_grad_norm_(own.values(), 1.0)
            optimizer.step()
    return [{name: p.detach() for name, p in own.items()} for own in slices]


class _Holder(torch.nn.Module):
    """A module with these parameters."""

    def __init__(self, parameters: dict[str, torch.nn.Parameter]) -> None:
        super().__init__()
        self.own = torch.nn.ParameterList(parameters.values())


def main() -> None:
    """Measures both in turn and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rates", type=int, default=4)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--shape", choices=SHAPES, default="mini")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    rates, data = [1e-4 * (n + 1) for n in range(given.rates)], batches(given.steps)
    sides: dict[str, Callable[..., list[dict[str, torch.Tensor]]]] = {
        "apart": one_after_the_other,
        "together": together,
    }
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    ended = {}
    for _ in range(given.repeats + 1):
        for name, side in sides.items():
            started = time.perf_counter()
            ended[name] = side(SHAPES[given.shape], rates, data)
            seconds[name].append(time.perf_counter() - started)
    medians = {name: round(median(values[1:]), 3) for name, values in seconds.items()}
    worst = max(
        float((one[name] - other[name]).abs().max()) for one, other in zip(*ended.values(), strict=True) for name in one
    )
    figures = {"shape": given.shape, "rates": given.rates, "steps": given.steps, "threads": given.threads}
    ratio = round(medians["apart"] / medians["together"], 2)
    print(json.dumps(figures | {"seconds": medians, "ratio": ratio, "largest_difference": worst}))


if __name__ == "__main__":
    main()
