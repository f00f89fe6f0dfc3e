"""One optimizer update: the gradients of a batch, accumulated over micro-batches that fit in device memory, on one or more
devices."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from stilts_ray.data.batches import Batch, shared, split
from stilts_ray.errors import RequestError
from stilts_ray.kinds import objective_of
from stilts_ray.kinds.spec import Objective
from stilts_ray.models.families import layers_of
from stilts_ray.models.inference import precision
from stilts_ray.models.model import Model
from stilts_ray.timing import part
from stilts_ray.training.process_group import ProcessGroup, no_sync
from stilts_ray.training.training_run import TrainingRun


@dataclass(frozen=True)
class MemoryBudget:
    """How a batch is computed on a device: in micro-batches of at most `micro_batch_tokens` tokens or one item (None: the
    whole batch at once), with or without activation checkpointing (Chen et al., 2016). Gradients are the same up to rounding;
    dropout masks are drawn for each micro-batch."""

    micro_batch_tokens: int | None = None
    activation_checkpointing: bool = False

    def with_smaller_micro_batches(self, share: Batch) -> "MemoryBudget | None":
        """Half of the largest micro-batch of a process's share of a batch; None if every micro-batch is a single item."""
        micro_batches = split(share, self.micro_batch_tokens)
        if all(len(micro_batch.lengths) == micro_batch.group for micro_batch in micro_batches):
            return None
        return replace(self, micro_batch_tokens=max(len(micro_batch.tokens) for micro_batch in micro_batches) // 2)

    def with_activation_checkpointing(self) -> "MemoryBudget | None":
        """With activation checkpointing; None if it is on already."""
        return None if self.activation_checkpointing else replace(self, activation_checkpointing=True)


@dataclass(frozen=True)
class Update:
    """What is known after an update. loss: [], on the device, this process's summand of the mean loss over the predictions of
    the whole batch. tokens: of the whole batch."""

    loss: torch.Tensor
    tokens: int


@dataclass
class Stepper:
    """Makes the updates of a run. module: the wrapped model, in training mode. memory_budget: shrinks whenever the device is
    out of memory; `on_out_of_memory` receives the new one."""

    run: TrainingRun
    model: Model
    module: nn.Module
    optimizer: torch.optim.Optimizer
    process_group: ProcessGroup
    memory_budget: MemoryBudget
    on_out_of_memory: Callable[[MemoryBudget], None]

    def __post_init__(self) -> None:
        self._apply_memory_budget()

    def update(self, step: int) -> Update:
        """One update, on batch `step` of the run's order.

        Raises RequestError if a single item does not fit in device memory. With several processes, raises
        torch.OutOfMemoryError if a share of the batch does not fit: a process that retried would leave the others waiting in
        a collective, so all of them restart with the smaller budget.
        """
        task, items = self.run.order[step]
        # Every process makes the whole batch, so that counts and random draws do not depend on the number of processes.
        with part("wait"):
            batch = self.run.make_batch(step, task, items)
        while (loss := self._forward_backward(step, task, batch)) is None:
            self._reduce_memory(task, batch)
        with part("optimizer"):
            torch.nn.utils.clip_grad_norm_(self.module.parameters(), self.run.optimizer.clip)
            self.optimizer.step()
        return Update(loss, len(batch.tokens))

    def _forward_backward(self, step: int, task: str, batch: Batch) -> torch.Tensor | None:
        """Computes the gradients of a batch. Returns this process's summand of its loss; None if out of memory."""
        # Each step seeds its own dropout, so that resuming needs no saved random state.
        _seed((self.run.seed * 1_000_003 + step) * 1_009 + self.process_group.rank, self.process_group.device)
        try:
            return self._accumulate_gradients(task, batch)
        except torch.OutOfMemoryError:
            # The retry is not made here: during handling, the exception's traceback keeps all activations alive.
            return None

    def _accumulate_gradients(self, task: str, batch: Batch) -> torch.Tensor:
        objective, device = objective_of(self.run.kinds[task]), self.process_group.device
        self.optimizer.zero_grad(set_to_none=True)
        count, total = objective.count(batch), torch.zeros((), dtype=torch.float64, device=device)
        micro_batches = list(_micro_batches(batch, objective, self.process_group, self.memory_budget))
        for number, (micro_batch, weight) in enumerate(micro_batches):
            micro_batch = micro_batch.to(device)
            with no_sync(self.module, last=number == len(micro_batches) - 1):
                with part("forward"), precision(device):
                    loss = objective.loss(self.module(task, micro_batch), micro_batch) * (weight / count)
                with part("backward"):
                    # DDP and FSDP average gradients over processes; the mean over the batch needs their sum.
                    (loss * self.process_group.size).backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        return total

    def _reduce_memory(self, task: str, batch: Batch) -> None:
        memory_budget = None
        if objective_of(self.run.kinds[task]).separable:
            largest = max(shared(batch, self.process_group.size), key=lambda share: len(share.tokens))
            memory_budget = self.memory_budget.with_smaller_micro_batches(largest)
        memory_budget = memory_budget or self.memory_budget.with_activation_checkpointing()
        if memory_budget is None:
            raise RequestError(
                f"{task}: one item does not fit in device memory; use a larger device or --workers-per-trial"
            )
        self.on_out_of_memory(memory_budget)
        if self.process_group.size > 1:
            raise torch.OutOfMemoryError(
                f"{task}: out of memory; retrying with micro-batches of {memory_budget.micro_batch_tokens} tokens"
            )
        self.memory_budget = memory_budget
        self._apply_memory_budget()
        torch.cuda.empty_cache()

    def _apply_memory_budget(self) -> None:
        if self.memory_budget.activation_checkpointing:
            activation_checkpointing(self.model)


def _seed(seed: int, device: torch.device) -> None:
    """Seeds the generators that dropout draws from. `torch.manual_seed` formats a stack trace for each kind of device that is
    not in use, which takes a hundred times as long."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)


def activation_checkpointing(model: Model) -> None:
    """Recomputes each layer's activations in the backward pass, with the same dropout masks. transformers' own method was
    renamed within the versions that are supported."""
    for layer in layers_of(model.encoder):
        if "forward" not in vars(layer):
            # The determinism check compares shapes, which not every kind of jagged tensor has.
            layer.forward = partial(checkpoint, layer.forward, use_reentrant=False, determinism_check="none")


def _micro_batches(
    batch: Batch, objective: Objective, process_group: ProcessGroup, memory_budget: MemoryBudget
) -> Iterator[tuple[Batch, float]]:
    """This process's micro-batches of a batch, with loss weight 1. Every process yields as many as the one with the most, so
    that collectives match; the surplus has weight 0."""
    shares = [[batch]]
    if objective.separable:
        shares = [split(share, memory_budget.micro_batch_tokens) for share in shared(batch, process_group.size)]
    own = shares[process_group.rank] if process_group.rank < len(shares) else []
    for number in range(max(len(share) for share in shares)):
        yield (own[number], 1.0) if number < len(own) else (shares[0][0], 0.0)
