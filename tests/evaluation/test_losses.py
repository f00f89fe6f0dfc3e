"""The loss of each item is that of transformers' own model on the item alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from stilts_ray.data.batches import collate
from stilts_ray.data.encoded import selected
from stilts_ray.evaluation import losses, predict
from stilts_ray.models.heads import HEADS
from stilts_ray.models.losses import COUNTS, INSEPARABLE, loss
from stilts_ray.tasks import Kind
from tests import tiny
from tests.models.test_heads import TASK, reference_logits, reference_model

ITEMS = 7
SEPARABLE = [kind for kind in HEADS if kind not in INSEPARABLE]


@pytest.mark.parametrize("budget", [30, 100_000])
@pytest.mark.parametrize("kind", SEPARABLE, ids=lambda kind: kind.name)
def test_an_items_loss_is_its_own_whatever_it_is_packed_with(
    kind: Kind, budget: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(predict.BUDGETS, "cpu", budget)
    task, made = TASK[kind], tiny.encoded(TASK[kind], ITEMS, seed=1)
    model = tiny.model(task, dropout=0.3)
    tiny.roughen(model, 1)
    found = losses.item_losses(model.train(), task, made)
    reference = reference_model(kind, model)
    expected = []
    with torch.no_grad():
        for item in range(ITEMS):
            alone = selected(made, np.array([item]))
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
        mean = loss(kind, model.eval()(task.name, batch), batch) / COUNTS[kind](batch)
    weights = np.ones(ITEMS)
    if kind is Kind.TAGGING:
        parts = np.split(made.fields["tags"], made.offsets[1:-1])
        weights = np.array([(part >= 0).sum() for part in parts])
    found = losses.item_losses(model, task, made)
    assert (found * weights).sum() / weights.sum() == pytest.approx(mean.item(), abs=1e-5)
