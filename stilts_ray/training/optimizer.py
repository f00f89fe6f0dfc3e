"""AdamW and its learning-rate schedule."""

import math

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from transformers import get_linear_schedule_with_warmup

from stilts_ray.config import Optimizer


def make_optimizer(model: nn.Module, learning_rate: float, spec: Optimizer) -> torch.optim.AdamW:
    """Fused AdamW. Biases and layer norms (one-dimensional parameters) have no weight decay."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": spec.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    betas = (spec.beta1, spec.beta2)
    return torch.optim.AdamW(groups, lr=learning_rate, betas=betas, eps=spec.epsilon, fused=True)


def make_scheduler(optimizer: torch.optim.Optimizer, steps: int, warmup: float, step: int = 0) -> LambdaLR:
    """The linear schedule over `steps` updates, set to update `step` (from 0): the learning rate rises from 0 over the first
    share `warmup`, then falls to 0. The optimizer's learning rate is the peak."""
    for group in optimizer.param_groups:
        # LambdaLR requires the peak under this name if it does not start at 0.
        group["initial_lr"] = group["lr"]
    scheduler: LambdaLR = get_linear_schedule_with_warmup(optimizer, int(steps * warmup), steps, last_epoch=step - 1)
    return scheduler


def decay_product(scheduler: LambdaLR, steps: int, weight_decay: float) -> float:
    """Factor by which `steps` updates of AdamW scale a weight whose gradient is always zero: the product of
    1 - learning rate x weight decay."""
    peak, factor = float(scheduler.base_lrs[0]), scheduler.lr_lambdas[0]
    return math.prod(1 - peak * factor(step) * weight_decay for step in range(steps))
