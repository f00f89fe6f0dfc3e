"""Training of a trial, from its data to its weights in the store."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from stilts_ray import tasks
from stilts_ray.config import Mixture, Recipe
from stilts_ray.data import cache
from stilts_ray.data.batches import Batch, Items, Share, by_length, collate, order
from stilts_ray.data.encoded import Encoded, select
from stilts_ray.data.row_check import check_rows, rows_read
from stilts_ray.data.rows import with_labels
from stilts_ray.data.sources import DataSource
from stilts_ray.execution.context import WEIGHTS, WorkerContext, check_length, load_parent, record_fields
from stilts_ray.execution.jobs import TrainJob
from stilts_ray.execution.training_examples import tokenization, training_examples
from stilts_ray.identity import file_digest
from stilts_ray.kinds import masked_lm, model_for, scoring_of
from stilts_ray.kinds.splits import encoded_split
from stilts_ray.metrics.scores import Scores
from stilts_ray.models import vocabulary, weights
from stilts_ray.models.model import Model
from stilts_ray.plan.inputs import mixture_splits
from stilts_ray.store.records import TrainRecord
from stilts_ray.tasks import Task
from stilts_ray.timing import part
from stilts_ray.training.checkpoint import Checkpoints
from stilts_ray.training.loop import Outcome, train
from stilts_ray.training.masked import Masking, masked_batch
from stilts_ray.training.training_run import MakeBatch, TrainingRun


def train_trial(job: TrainJob, context: WorkerContext) -> TrainRecord:
    """Trains one trial of a study and uploads its weights. Returns its record with the dev curve."""
    encoder, folder = load_parent(job.parent, context)
    for name, recipe in job.recipes.items():
        check_length(encoder, name, recipe.max_length)
    trained = [with_labels(context.data_source, tasks.get(name)) for name in job.mixture.tasks]
    model = model_for(encoder, trained, job.seed)
    if job.mixture.masked:
        model.heads[job.mixture.masked.texts] = masked_lm.load_head(encoder, folder, job.seed)
    data = training_examples(job.mixture, job.recipes, folder, job.parent.ranking, context)
    dev = Dev(trained, job.recipes, folder, context.data_source)
    vocabulary.prune_embeddings(model, [*data.values(), *dev.encoded.values()])
    model.to(context.process_group.device)
    training_run = _training_run(job, data, dev, folder)
    checkpoints = Checkpoints(context.store, job.path, context.checkpoint_seconds)
    outcome = train(model, training_run, checkpoints, context.report, context.process_group)
    curve = outcome.progress.curve
    return TrainRecord(
        **record_fields(job),
        **outcome_fields(outcome),
        collapsed=outcome.end == "diverged" or curve[-1].score <= dev.majority(),
        learning_rate=job.learning_rate,
        seed=job.seed,
        data=rows_read(check_rows(context.data_source, mixture_splits(job.mixture, context.data_source))),
        **(_saved(model, job, context) if outcome.end == "finished" else {}),
    )


def _training_run(job: TrainJob, data: dict[str, Encoded], dev: "Dev", folder: Path) -> TrainingRun:
    sizes = {name: encoded.items for name, encoded in data.items()}
    batches = job.mixture.batches(sizes, job.recipes)
    shares = {name: Share(batches[name], r.batch_size, r.train_examples) for name, r in job.recipes.items()}
    # `make_plan` rejects tasks that are trained together with different optimizers.
    (optimizer,) = {recipe.optimizer for recipe in job.recipes.values()}
    return TrainingRun(
        order=order(sizes, shares, job.seed),
        make_batch=_batch_maker(job.mixture, data, folder, job.seed),
        kinds={name: tasks.get(name).kind for name in job.mixture.trained},
        evaluate=dev.evaluate,
        evaluations=max(recipe.evaluations for recipe in job.recipes.values()),
        learning_rate=job.learning_rate,
        optimizer=optimizer,
        seed=job.seed,
        pruning_thresholds=job.pruning_thresholds,
    )


def outcome_fields(outcome: Outcome) -> dict[str, Any]:
    """The fields of a record that the training loop determines."""
    curve = tuple(outcome.progress.curve)
    return {
        "end": outcome.end,
        "score": curve[-1].score if curve and outcome.end != "diverged" else None,
        "curve": curve,
        "steps": outcome.progress.step,
        "tokens": outcome.progress.tokens,
    }


@part("upload")
def _saved(model: Model, job: TrainJob, context: WorkerContext) -> dict[str, Any]:
    """Saves the weights to the store. Collective over the process group; rank 0 writes."""
    if context.process_group.rank > 0:
        weights.save_weights(model, None)
        return {}
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / WEIGHTS
        weights.save_weights(model, path, job.parent.trial)
        context.store.upload(Path(scratch), job.path)
        return {"files": {WEIGHTS: file_digest(path)}, "bytes": path.stat().st_size}


def _batch_maker(mixture: Mixture, data: dict[str, Encoded], folder: Path, seed: int) -> MakeBatch:
    def plain(step: int, name: str, items: Items) -> Batch:
        return collate(data[name], by_length(data[name], items))

    if mixture.masked is None:
        return plain
    masking, texts = Masking.of(cache.tokenizer_at(str(folder)), mixture.masked.mask), mixture.masked.texts

    def make(step: int, name: str, items: Items) -> Batch:
        if name == texts:
            return masked_batch(data[name], items, masking, seed * 1_000_003 + step)
        return plain(step, name, items)

    return make


class Dev:
    """Evaluation of a model on the dev splits of its tasks, in the source language only."""

    def __init__(self, trained: list[Task], recipes: dict[str, Recipe], folder: Path, data_source: DataSource) -> None:
        self.trained, self.recipes, self.language = trained, recipes, data_source.source_language
        self.examples, self.encoded = {}, {}
        for task in trained:
            split = (data_source, task, task.dev or "validation", data_source.source_language)
            recipe = recipes[task.name]
            self.examples[task.name] = cache.examples(*split)[: recipe.dev_examples]
            encoded = encoded_split(*split, str(folder), tokenization(recipe))
            self.encoded[task.name] = first_examples(encoded, task, len(self.examples[task.name]))

    def evaluate(self, model: Model) -> Scores:
        """Metrics as "<task>/<metric>"; "score" is the mean over the tasks."""
        metrics: Scores = {}
        for task in self.trained:
            examples, limit = self.examples[task.name], self.recipes[task.name].max_answer_length
            scoring = scoring_of(task)
            predictions = scoring.predict(model, task, examples, self.encoded[task.name], limit)
            scores = scoring.score(task, examples, predictions, self.language)
            metrics |= {f"{task.name}/{name}": value for name, value in scores.items()}
        metrics["score"] = float(np.mean([metrics[f"{task.name}/score"] for task in self.trained]))
        return metrics

    def majority(self) -> float:
        """The score of a constant prediction, averaged over the tasks."""
        return float(np.mean([scoring_of(task).majority(task, self.examples[task.name]) for task in self.trained]))


def first_examples(encoded: Encoded, task: Task, count: int) -> Encoded:
    """The sequences of the first `count` examples."""
    sequences = count * encoded.group
    if "example" in encoded.fields:
        sequences = int(np.searchsorted(encoded.fields["example"], count))
    return select(encoded, np.arange(sequences // encoded.group))
