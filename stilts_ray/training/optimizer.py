"""AdamW and its schedule."""

import math

import torch
from torch import nn

from stilts_ray.config import Optimizer


def make_optimizer(model: nn.Module, learning_rate: float, spec: Optimizer) -> torch.optim.AdamW:
    """Fused AdamW; biases and layer norms (parameters of one dimension) are not decayed."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": spec.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    betas = (spec.beta1, spec.beta2)
    return torch.optim.AdamW(groups, lr=learning_rate, betas=betas, eps=spec.epsilon, fused=True)


def schedule(step: int, steps: int, warmup: float) -> float:
    """Factor of the learning rate at `step` (from 0) of `steps`: linear from 0 over the share `warmup`, then back to 0.

    The formula of transformers' get_linear_schedule_with_warmup.
    """
    rising = int(steps * warmup)
    if step < rising:
        return step / max(1, rising)
    return max(0.0, (steps - step) / max(1, steps - rising))


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Sets the learning rate of the next update."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def decay(steps: int, learning_rate: float, spec: Optimizer) -> float:
    """What a run of `steps` multiplies a weight by that never has a gradient: the product of AdamW's decays."""
    return math.prod(
        1 - learning_rate * schedule(step, steps, spec.warmup) * spec.weight_decay for step in range(steps)
    )
