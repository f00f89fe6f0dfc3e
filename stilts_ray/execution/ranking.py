"""Ranking of a trial's training examples by loss."""

import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from stilts_ray import tasks
from stilts_ray.data.batches import drawn, generator
from stilts_ray.data.encoded import select
from stilts_ray.data.rows import with_labels
from stilts_ray.evaluation.item_losses import item_losses
from stilts_ray.execution.context import WorkerContext, load_trained, record_fields
from stilts_ray.execution.jobs import RankJob
from stilts_ray.execution.training_examples import LOSSES, all_examples
from stilts_ray.identity import file_digest
from stilts_ray.store.records import RankRecord
from stilts_ray.timing import part


def rank_examples(job: RankJob, context: WorkerContext) -> RankRecord:
    """The loss of every example that a trial trained on. The losses are in the store beside the record."""
    (name,) = job.mixture.tasks
    task = with_labels(context.data_source, tasks.get(name))
    model, folder = load_trained(job.parent, task, context)
    model.to(context.process_group.device)
    data = all_examples(name, job.mixture, job.recipe, folder, context.data_source)
    items = drawn(data.items, job.recipe.train_examples, generator(job.seed, name))
    with part("evaluate"):
        losses = item_losses(model, task, select(data, items))
    with part("upload"), tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / LOSSES
        save_file({"rows": items, "losses": losses}, path)
        context.store.upload(Path(scratch), job.path)
        files = {LOSSES: file_digest(path)}
    # They show how well the losses separate easy and hard: a model that memorised its data has almost none on any example.
    deciles = tuple(float(loss) for loss in np.quantile(losses, np.linspace(0, 1, 11)))
    return RankRecord(**record_fields(job), rows=len(items), loss=float(np.mean(losses)), deciles=deciles, files=files)
