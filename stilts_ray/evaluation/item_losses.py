"""The difficulty of training examples for a model."""

import numpy as np
import torch
from numpy.typing import NDArray

from stilts_ray.data.encoded import Encoded
from stilts_ray.kinds import objective_of
from stilts_ray.models.inference import computed
from stilts_ray.models.model import Model
from stilts_ray.tasks.base import Task


def item_losses(model: Model, task: Task, encoded: Encoded) -> NDArray[np.float32]:
    """The training loss of each item under the head of `task`, in nats (squared units for a regression): [items], a mean over
    the item's tags or over the two ends of its span. In float32 also on a GPU: bf16 would make ties of the many easy items.

    Raises TypeError for a kind whose items have no losses of their own.
    """
    objective = objective_of(task.kind)
    if objective.item_losses is None:
        raise TypeError(f"{task.name}: the loss of an item depends on the others of its batch")
    of_items = objective.item_losses
    found = np.empty(encoded.items, dtype=np.float32)
    model.eval()
    with torch.inference_mode():
        for items, own in computed(
            model, encoded, lambda batch: of_items(objective.loss_terms(model(task.name, batch), batch), batch)
        ):
            found[items] = own.cpu().numpy()
    return found
