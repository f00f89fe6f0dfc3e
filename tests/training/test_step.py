"""Gradients do not depend on micro-batches, and a device that is too small uses smaller ones."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from stilts_ray.config import Optimizer
from stilts_ray.data.batches import Batch, collate
from stilts_ray.data.encoded import Encoded
from stilts_ray.errors import RequestError
from stilts_ray.models import attention
from stilts_ray.models.families import layers_of
from stilts_ray.models.model import Model
from stilts_ray.store.store import Store
from stilts_ray.tasks import TASKS, Kind, Task
from stilts_ray.training.checkpoint import Checkpoints
from stilts_ray.training.loop import train
from stilts_ray.training.masked import masked_batch
from stilts_ray.training.optimizer import make_optimizer
from stilts_ray.training.process_group import SINGLE_PROCESS
from stilts_ray.training.step import MemoryBudget, Stepper
from stilts_ray.training.training_run import TrainingRun
from tests import tiny
from tests.kinds.samples import SEPARABLE
from tests.kinds.test_heads import TASK

ITEMS = 9


def with_activation_checkpointing(model: Model) -> bool:
    return all("forward" in vars(layer) for layer in layers_of(model.encoder))


class SmallDevice:
    """A device with memory for `tokens` tokens at a time, or for `checkpointed` with activation checkpointing."""

    def __init__(self, model: Model, tokens: int, checkpointed: int = 0) -> None:
        self.sizes: list[int] = []
        original = type(model).forward

        def forward(task: str, batch: Batch) -> torch.Tensor:
            self.sizes.append(len(batch.tokens))
            if len(batch.tokens) > (checkpointed if with_activation_checkpointing(model) else tokens):
                raise torch.OutOfMemoryError("CUDA out of memory")
            return original(model, task, batch)

        model.forward = forward  # type: ignore[method-assign]


def batches(task: Task, encoded: Encoded) -> Callable[..., Batch]:
    if task.kind is Kind.TEXT:
        return lambda step, name, items: masked_batch(encoded, items, tiny.masking(0.3), step)
    return lambda step, name, items: collate(encoded, items)


def run_of(task: Task, encoded: Encoded) -> TrainingRun:
    return TrainingRun(
        order=[(task.name, np.arange(ITEMS))] * 6,
        make_batch=batches(task, encoded),
        kinds={task.name: task.kind},
        evaluate=lambda model: {"score": 1.0},
        evaluations=2,
        learning_rate=1e-3,
        optimizer=Optimizer(),
        seed=0,
    )


def stepper(
    model: Model,
    task: Task,
    memory_budget: MemoryBudget,
    on_out_of_memory: Callable[[MemoryBudget], None] = lambda memory_budget: None,
) -> Stepper:
    run = replace(run_of(task, tiny.encoded(task, ITEMS, seed=4)), optimizer=Optimizer(clip=1e9))
    return Stepper(
        run, model, model, make_optimizer(model, 0.0, run.optimizer), SINGLE_PROCESS, memory_budget, on_out_of_memory
    )


def gradients(kind: Kind, memory_budget: MemoryBudget) -> tuple[dict[str, torch.Tensor], float]:
    model = tiny.model(TASK[kind])
    tiny.roughen(model, 1)
    update = stepper(model, TASK[kind], memory_budget).update(0)
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}, update.loss.item()


@pytest.mark.parametrize(
    "memory_budget",
    [MemoryBudget(60), MemoryBudget(20), MemoryBudget(1), MemoryBudget(None, True), MemoryBudget(20, True)],
    ids=str,
)
@pytest.mark.parametrize("kind", TASK, ids=lambda kind: kind.name)
def test_gradients_and_loss_do_not_depend_on_the_memory_budget(kind: Kind, memory_budget: MemoryBudget) -> None:
    expected, loss = gradients(kind, MemoryBudget())
    found, found_loss = gradients(kind, memory_budget)
    assert found_loss == pytest.approx(loss, rel=1e-5)
    assert set(found) == set(expected)
    for name, gradient in found.items():
        torch.testing.assert_close(
            gradient, expected[name], rtol=1e-4, atol=1e-5, msg=lambda text, name=name: f"{name}: {text}"
        )


@pytest.mark.parametrize("kind", SEPARABLE, ids=lambda kind: kind.name)
def test_a_device_that_is_too_small_gets_micro_batches(kind: Kind) -> None:
    task = TASK[kind]
    expected, _ = gradients(kind, MemoryBudget())
    model, budgets = tiny.model(task), list[MemoryBudget]()
    tiny.roughen(model, 1)
    encoded = tiny.encoded(task, ITEMS, seed=4)
    limit = max(int(encoded.item_lengths.max()), int(encoded.item_lengths.sum()) // 4)
    small = SmallDevice(model, limit)
    step = stepper(model, task, MemoryBudget(), budgets.append)
    step.update(0)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, expected[name], rtol=1e-4, atol=1e-5)
    assert budgets[-1] == step.memory_budget
    assert [budget.micro_batch_tokens for budget in budgets] == sorted(
        (budget.micro_batch_tokens for budget in budgets), key=lambda n: -(n or 0)
    )
    assert not step.memory_budget.activation_checkpointing, "smaller micro-batches are tried first: they cost nothing"
    before = len(small.sizes)
    step.update(0)
    assert all(size <= limit for size in small.sizes[before:]), "the budget is kept"


def test_if_one_item_does_not_fit_activation_checkpointing_is_used() -> None:
    model, budgets = tiny.model(TASKS["mnli"]), list[MemoryBudget]()
    SmallDevice(model, tokens=3, checkpointed=1000)
    step = stepper(model, TASKS["mnli"], MemoryBudget(), budgets.append)
    step.update(0)
    assert step.memory_budget.activation_checkpointing
    assert with_activation_checkpointing(model)


def test_a_batch_that_cannot_be_split_uses_activation_checkpointing_at_once() -> None:
    model = tiny.model(TASK[Kind.DUAL])
    SmallDevice(model, tokens=30, checkpointed=1000)
    step = stepper(model, TASK[Kind.DUAL], MemoryBudget())
    step.update(0)
    assert step.memory_budget == MemoryBudget(None, True)


def test_an_item_that_never_fits_is_one_clear_line() -> None:
    model = tiny.model(TASKS["mnli"])
    SmallDevice(model, tokens=3, checkpointed=3)
    with pytest.raises(RequestError, match="mnli: one item does not fit in device memory") as caught:
        stepper(model, TASKS["mnli"], MemoryBudget()).update(0)
    assert "\n" not in str(caught.value)


def test_a_run_on_a_small_device_ends_as_on_a_large_one_and_keeps_its_budget(store: Store) -> None:
    task = TASKS["mnli"]
    encoded = tiny.encoded(task, ITEMS, seed=4)

    def ended(path: str, tokens: int, **change: Any) -> tuple[Model, list[int]]:
        model = tiny.model(task)
        small = SmallDevice(model, tokens)
        train(model, replace(run_of(task, encoded), **change), Checkpoints(store, path, 0.0))
        return model, small.sizes

    large, _ = ended("trial/large", 10_000)
    total = len(encoded.tokens)
    model, sizes = ended("trial/small", total // 2)
    for name, tensor in large.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], tensor, rtol=0, atol=1e-6)
    assert sizes[0] == total
    assert max(sizes[1:]) <= total // 2
    assert Checkpoints(store, "trial/small", 0.0).memory_budget().micro_batch_tokens == total // 2
    assert Checkpoints(store, "trial/large", 0.0).memory_budget() == MemoryBudget()
    # A run that starts over uses the saved budget.
    store.delete("trial/small", "checkpoint", "latest.json")
    assert max(ended("trial/small", total // 2)[1]) <= total // 2


@pytest.mark.parametrize("memory_budget", [MemoryBudget(), MemoryBudget(20), MemoryBudget(None, True)], ids=str)
def test_the_jagged_layout_gives_the_same_gradients(
    memory_budget: MemoryBudget, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The layout used on a GPU, here on the CPU."""
    padded, loss = gradients(Kind.SEQUENCE_CLASSIFICATION, MemoryBudget())
    monkeypatch.setattr(attention, "layout_of", lambda batch, biased: attention.Jagged.of(batch))
    jagged, same = gradients(Kind.SEQUENCE_CLASSIFICATION, memory_budget)
    assert same == pytest.approx(loss, rel=1e-5)
    for name, gradient in jagged.items():
        torch.testing.assert_close(gradient, padded[name], rtol=1e-4, atol=1e-5)
