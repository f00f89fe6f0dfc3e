"""Ranks the rows that a run was trained on by the loss that it has on them."""

import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from stilts_ray import tasks
from stilts_ray.config import Mixture, Recipe
from stilts_ray.data.batches import drawn, generator
from stilts_ray.data.encoded import select
from stilts_ray.data.rows import labelled
from stilts_ray.evaluation.item_losses import item_losses
from stilts_ray.execution.context import WorkerContext, restored
from stilts_ray.execution.jobs import Job, ParentCheckpoint
from stilts_ray.execution.training_examples import LOSSES, all_rows
from stilts_ray.identity import file_digest
from stilts_ray.store.store import Record
from stilts_ray.timing import part


def rank_rows(job: Job, place: WorkerContext) -> Record:
    """The loss of every row that a run drew, in the store beside the record."""
    details = job.details
    mixture, recipe = Mixture.model_validate_json(details["mixture"]), Recipe.model_validate_json(details["recipe"])
    (name,) = mixture.tasks
    task = labelled(place.data_source, tasks.get(name))
    model, folder = restored(ParentCheckpoint(**details["start"]), task, place)
    model.to(place.process_group.device)
    data = all_rows(name, mixture, recipe, folder, place.data_source)
    rows = drawn(data.items, recipe.train_examples, generator(details["seed"], name))
    with part("evaluate"):
        losses = item_losses(model, task, select(data, rows))
    with part("upload"), tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / LOSSES
        save_file({"rows": rows, "losses": losses}, path)
        place.store.upload(Path(scratch), job.path)
        files = {LOSSES: file_digest(path)}
    # How far apart easy and hard are: a run that knows its rows by heart has next to no loss on any.
    deciles = [float(loss) for loss in np.quantile(losses, np.linspace(0, 1, 11))]
    return {"rows": len(rows), "loss": float(np.mean(losses)), "deciles": deciles, "files": files}
