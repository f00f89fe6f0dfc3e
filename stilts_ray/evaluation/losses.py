"""How difficult each training row is for a model."""

import numpy as np
import torch
from numpy.typing import NDArray

from stilts_ray.data.batches import Batch
from stilts_ray.data.encode import Encoded
from stilts_ray.evaluation.predict import computed
from stilts_ray.models import losses
from stilts_ray.models.model import Model
from stilts_ray.tasks.base import Task


def item_losses(model: Model, task: Task, encoded: Encoded) -> NDArray[np.float32]:
    """The training loss of each item under the head of `task`, in nats: [items], a mean over the item's tags or over the two
    ends of its span. In float32 on a GPU, too: bf16 would make equals of the many rows that are easy.

    For kinds whose items have losses of their own.
    """
    found = np.empty(encoded.items, dtype=np.float32)
    model.eval()
    with torch.inference_mode():
        for items, own in computed(model, encoded, lambda batch: _of_batch(model, task, batch)):
            found[items] = own.cpu().numpy()
    return found


def _of_batch(model: Model, task: Task, batch: Batch) -> torch.Tensor:
    return losses.item_losses(task.kind, model(task.name, batch), batch)
