"""One update of a model: a batch, in as many parts as the device has room for, shared by as many devices as there are."""

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
    """How a device takes a batch: `tokens` of it at a time (None: all), and, where `recompute` says so, without keeping the
    activations of its layers for the backward pass (activation checkpointing; Chen et al., 2016). Neither changes a
    gradient but by rounding; dropout is drawn for each part."""

    tokens: int | None = None
    activation_checkpointing: bool = False

    def with_smaller_micro_batches(self, share: Batch) -> "MemoryBudget | None":
        """For a process that had no room for its share of a batch in such parts; None if each is an item already."""
        parts = split(share, self.tokens)
        if all(len(part.lengths) == part.group for part in parts):
            return None
        return replace(self, tokens=max(len(part.tokens) for part in parts) // 2)

    def with_activation_checkpointing(self) -> "MemoryBudget | None":
        """Without keeping activations; None if that is so already."""
        return None if self.activation_checkpointing else replace(self, activation_checkpointing=True)


@dataclass(frozen=True)
class Update:
    """What an update says of its batch. loss: [], on the device, this process's part of the mean over all that is predicted.
    tokens: of the whole batch."""

    loss: torch.Tensor
    tokens: int


@dataclass
class Stepper:
    """Makes the updates of a run. module: the model as the team trains it, in training mode. room: becomes less whenever the
    device was out of memory, of which `lost` is told."""

    run: TrainingRun
    model: Model
    module: nn.Module
    optimizer: torch.optim.Optimizer
    process_group: ProcessGroup
    memory_budget: MemoryBudget
    on_out_of_memory: Callable[[MemoryBudget], None]

    def __post_init__(self) -> None:
        self._recompute()

    def take(self, step: int) -> Update:
        """One update.

        Raises RequestError if a single item does not fit the device, torch.OutOfMemoryError if a team's part of the batch
        does not: some of a team would wait for one that tries again, so that all have to begin anew, with less room.
        """
        task, items = self.run.order[step]
        # All of a team know the whole batch: what is counted and drawn does not depend on how many they are.
        with part("wait"):
            batch = self.run.make_batch(step, task, items)
        while (loss := self._try(step, task, batch)) is None:
            self._reduce_memory(task, batch)
        with part("optimizer"):
            torch.nn.utils.clip_grad_norm_(self.module.parameters(), self.run.optimizer.clip)
            self.optimizer.step()
        return Update(loss, len(batch.tokens))

    def _try(self, step: int, task: str, batch: Batch) -> torch.Tensor | None:
        """The gradients of a batch, and this process's part of its loss; None if it does not fit."""
        # Each step seeds its own dropout, so that a resumed run needs no random state from before.
        torch.manual_seed((self.run.seed * 1_000_003 + step) * 1_009 + self.process_group.rank)
        try:
            return self._gradients(task, batch)
        except torch.OutOfMemoryError:
            # Nothing more here: as long as an exception is handled, it holds on to all that the pass had made.
            return None

    def _gradients(self, task: str, batch: Batch) -> torch.Tensor:
        objective = objective_of(self.run.kinds[task])
        self.optimizer.zero_grad(set_to_none=True)
        count = objective.count(batch)
        total = torch.zeros((), dtype=torch.float64, device=self.process_group.device)
        passes = list(_passes(batch, objective, self.process_group, self.memory_budget))
        for number, (share, counts) in enumerate(passes):
            share = share.to(self.process_group.device)
            with no_sync(self.module, last=number == len(passes) - 1):
                with part("forward"), precision(self.process_group.device):
                    loss = objective.loss(self.module(task, share), share) * (counts / count)
                with part("backward"):
                    # Of a team, gradients are averaged, and the mean over the batch is a sum.
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
                f"{task}: the device has no memory for one item; take a larger one or --workers-per-trial"
            )
        self.on_out_of_memory(memory_budget)
        if self.process_group.size > 1:
            raise torch.OutOfMemoryError(
                f"{task}: out of memory; tried again with {memory_budget.tokens} tokens at a time"
            )
        self.memory_budget = memory_budget
        self._recompute()
        torch.cuda.empty_cache()

    def _recompute(self) -> None:
        if self.memory_budget.activation_checkpointing:
            activation_checkpointing(self.model)


def activation_checkpointing(model: Model) -> None:
    """Lets the layers of a model keep nothing but their input for the backward pass; random numbers are drawn again alike."""
    for layer in layers_of(model.encoder):
        if "forward" not in vars(layer):
            # Its check of what is computed again asks for shapes, which not all kinds of jagged tensors have.
            layer.forward = partial(checkpoint, layer.forward, use_reentrant=False, determinism_check="none")


def _passes(
    batch: Batch, objective: Objective, process_group: ProcessGroup, memory_budget: MemoryBudget
) -> Iterator[tuple[Batch, float]]:
    """The parts of a batch that a process computes one after the other, with 1 for those that count. All of a team make as
    many passes as the one that needs most; one without work takes part with a loss that does not count."""
    shares = [[batch]]
    if objective.separable:
        shares = [split(share, memory_budget.tokens) for share in shared(batch, process_group.size)]
    own = shares[process_group.rank] if process_group.rank < len(shares) else []
    for number in range(max(len(share) for share in shares)):
        yield (own[number], 1.0) if number < len(own) else (shares[0][0], 0.0)
