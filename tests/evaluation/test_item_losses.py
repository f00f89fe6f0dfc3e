"""The loss of each item is that of transformers' own model on the item alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from stilts_ray.data.batches import collate
from stilts_ray.data.encoded import select
from stilts_ray.evaluation.item_losses import item_losses
from stilts_ray.kinds import KINDS, objective_of
from stilts_ray.models import inference
from stilts_ray.tasks import Kind
from tests import tiny
from tests.kinds.samples import SEPARABLE
from tests.kinds.test_heads import TASK, reference_logits, reference_model

ITEMS = 7


@pytest.mark.parametrize("budget", [30, 100_000])
@pytest.mark.parametrize("kind", SEPARABLE, ids=lambda kind: kind.name)
def test_an_items_loss_is_its_own_whatever_it_is_packed_with(
    kind: Kind, budget: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(inference.BUDGETS, "cpu", budget)
    task, made = TASK[kind], tiny.encoded(TASK[kind], ITEMS, seed=1)
    model = tiny.model(task, dropout=0.3)
    tiny.roughen(model, 1)
    found = item_losses(model.train(), task, made)
    reference = reference_model(kind, model)
    expected = []
    with torch.no_grad():
        for item in range(ITEMS):
            alone = select(made, np.array([item]))
            if "example" in alone.fields:
                alone = replace(alone, fields={**alone.fields, "example": np.zeros(1, dtype=np.int32)})
            expected.append(reference_logits(kind, reference, alone, collate(alone, np.arange(1)))[1].item())
    assert np.std(expected) > 0.05, "losses that differ, or the comparison says nothing"
    # A sequence without any tag to predict has no loss.
    np.testing.assert_allclose(found, np.nan_to_num(expected), rtol=1e-5, atol=1e-5)
    assert found.dtype == np.float32


@pytest.mark.parametrize("kind", SEPARABLE, ids=lambda kind: kind.name)
def test_weighted_by_what_they_predict_the_items_losses_are_the_training_loss(kind: Kind) -> None:
    task, made = TASK[kind], tiny.encoded(TASK[kind], ITEMS, seed=2)
    model = tiny.model(task)
    tiny.roughen(model, 2)
    batch = collate(made, np.arange(ITEMS))
    with torch.no_grad():
        objective = objective_of(kind)
        mean = objective.loss(model.eval()(task.name, batch), batch) / objective.count(batch)
    weights = np.ones(ITEMS)
    if kind is Kind.TAGGING:
        parts = np.split(made.fields["tags"], made.offsets[1:-1])
        weights = np.array([(part >= 0).sum() for part in parts])
    found = item_losses(model, task, made)
    assert (found * weights).sum() / weights.sum() == pytest.approx(mean.item(), abs=1e-5)


def test_an_inseparable_loss_is_of_no_item() -> None:
    assert {kind for kind, spec in KINDS.items() if spec.objective and not spec.objective.separable} == {Kind.DUAL}
    task = TASK[Kind.DUAL]
    with pytest.raises(TypeError, match="depends on the others of its batch"):
        item_losses(tiny.model(task), task, tiny.encoded(task, ITEMS, seed=1))
