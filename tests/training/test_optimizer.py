import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import get_linear_schedule_with_warmup

from stilts_ray.config import Optimizer
from stilts_ray.tasks import TASKS
from stilts_ray.training.optimizer import make_optimizer, schedule
from tests import tiny


@given(steps=st.integers(1, 60), warmup=st.floats(0, 1))
def test_schedule_is_transformers_linear_one(steps: int, warmup: float) -> None:
    dummy = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    expected = get_linear_schedule_with_warmup(dummy, int(steps * warmup), steps).lr_lambdas[0]
    assert [schedule(step, steps, warmup) for step in range(steps)] == [expected(step) for step in range(steps)]


def test_schedule_by_hand() -> None:
    assert [schedule(step, 10, 0.2) for step in (0, 1, 2, 6, 9)] == [0.0, 0.5, 1.0, 0.5, 0.125]
    assert schedule(0, 10, 0.0) == 1.0


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
