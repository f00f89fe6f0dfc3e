import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from stilts_ray.config import Optimizer
from stilts_ray.tasks import TASKS
from stilts_ray.training.optimizer import decay_product, make_optimizer, make_scheduler
from tests import tiny


def rate_by_hand(step: int, steps: int, warmup: float) -> float:
    """Factor of the learning rate: up from 0 over the share `warmup`, then down to 0."""
    rising = int(steps * warmup)
    if step < rising:
        return step / max(1, rising)
    return max(0.0, (steps - step) / max(1, steps - rising))


def rates(steps: int, peak: float, warmup: float, first: int = 0) -> list[list[float]]:
    """The learning rates of each update from `first` on, of both groups of parameters."""
    model = torch.nn.Linear(1, 1)
    optimizer = make_optimizer(model, peak, Optimizer())
    scheduler, seen = make_scheduler(optimizer, steps, warmup, first), []
    for _ in range(first, steps):
        seen.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    return seen


@given(steps=st.integers(1, 60), warmup=st.floats(0, 1), peak=st.floats(1e-6, 1e-1), first=st.integers(0, 59))
def test_learning_rates_are_those_by_hand_to_the_bit_from_any_step_on(
    steps: int, warmup: float, peak: float, first: int
) -> None:
    expected = [[peak * rate_by_hand(step, steps, warmup)] * 2 for step in range(steps)]
    assert rates(steps, peak, warmup) == expected
    first = min(first, steps - 1)
    assert rates(steps, peak, warmup, first) == expected[first:], "resumed"


def test_schedule_in_numbers() -> None:
    assert [rate for rate, _ in rates(10, 1.0, 0.2)] == [0.0, 0.5, 1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125]
    assert rates(10, 1.0, 0.0)[0] == [1.0, 1.0]


@given(
    steps=st.integers(1, 60),
    warmup=st.floats(0, 1),
    peak=st.floats(1e-6, 1e-1),
    weight_decay=st.floats(0, 1),
    first=st.integers(0, 59),
)
def test_the_product_of_decays_has_the_factors_of_all_steps_wherever_the_run_was_resumed(
    steps: int, warmup: float, peak: float, weight_decay: float, first: int
) -> None:
    optimizer = make_optimizer(torch.nn.Linear(1, 1), peak, Optimizer(weight_decay=weight_decay))
    scheduler = make_scheduler(optimizer, steps, warmup, min(first, steps - 1))
    factors = [1 - peak * rate_by_hand(step, steps, warmup) * weight_decay for step in range(steps)]
    assert decay_product(scheduler, steps, weight_decay) == math.prod(factors)


def test_biases_and_layer_norms_are_not_decayed() -> None:
    model = tiny.model(TASKS["mnli"])
    optimizer = make_optimizer(model, 1e-3, Optimizer(weight_decay=0.5, beta1=0.8, beta2=0.9, epsilon=1e-7))
    decay = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    for name, parameter in model.named_parameters():
        plain = name.endswith("bias") or "LayerNorm" in name
        assert decay[id(parameter)] == (0.0 if plain else 0.5), name
    assert len(decay) == len(list(model.parameters()))
    for group in optimizer.param_groups:
        assert (group["lr"], group["betas"], group["eps"]) == (1e-3, (0.8, 0.9), 1e-7)


def test_one_step_is_that_of_adamw_by_hand() -> None:
    model = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(model.weight, 2.0)
    optimizer = make_optimizer(model, 0.1, Optimizer(weight_decay=0.01, epsilon=1e-8))  # type: ignore[arg-type]
    model.weight.grad = torch.tensor([[3.0]])
    optimizer.step()
    # Decay 2 x (1 - 0.1 x 0.01), then one step of size 0.1 against the sign of the gradient.
    assert model.weight.item() == pytest.approx(2.0 * (1 - 0.001) - 0.1, abs=1e-6)
