"""A training run: from rows to weights in the store."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from stilts_ray import tasks
from stilts_ray.config import Mixture, Recipe
from stilts_ray.data import cache
from stilts_ray.data.batches import Batch, Items, Share, by_length, collate, order
from stilts_ray.data.encoded import Encoded, select
from stilts_ray.data.row_check import look, rows_read
from stilts_ray.data.rows import labelled
from stilts_ray.data.sources import DataSource
from stilts_ray.execution.context import WEIGHTS, WorkerContext, check_length, started
from stilts_ray.execution.jobs import Job, ParentCheckpoint
from stilts_ray.execution.training_examples import reading, training_rows
from stilts_ray.identity import file_digest
from stilts_ray.kinds import masked_lm, model_for, scoring_of
from stilts_ray.kinds.splits import encoded_split
from stilts_ray.metrics.scores import Scores
from stilts_ray.models import vocabulary, weights
from stilts_ray.models.model import Model
from stilts_ray.plan.inputs import mixture_reads
from stilts_ray.store.store import Record
from stilts_ray.tasks import Task
from stilts_ray.timing import part
from stilts_ray.training.checkpoint import Checkpoints
from stilts_ray.training.loop import Outcome, train
from stilts_ray.training.masked import Masking, masked_batch
from stilts_ray.training.training_run import MakeBatch, TrainingRun


def train_trial(job: Job, place: WorkerContext) -> Record:
    """One training run of a study: its dev curve, and its weights in the store."""
    details = job.details
    recipes = {name: Recipe.model_validate_json(recipe) for name, recipe in details["recipes"].items()}
    start = ParentCheckpoint(**details["start"])
    encoder, folder = started(start, place)
    mixture = Mixture.model_validate_json(details["mixture"])
    for name, recipe in recipes.items():
        check_length(encoder, name, recipe.max_length)
    trained = [labelled(place.data_source, tasks.get(name)) for name in mixture.tasks]
    model = model_for(encoder, trained, details["seed"])
    if mixture.masked:
        model.heads[mixture.masked.texts] = masked_lm.load_head(encoder, folder, details["seed"])
    data = training_rows(mixture, recipes, folder, start.ranking, place)
    dev = Dev(trained, recipes, folder, place.data_source)
    vocabulary.prune_embeddings(model, [*data.values(), *dev.encoded.values()])
    model.to(place.process_group.device)
    sizes = {name: encoded.items for name, encoded in data.items()}
    batches = mixture.batches(sizes, recipes)
    shares = {name: Share(batches[name], r.batch_size, r.train_examples) for name, r in recipes.items()}
    # A plan has but one for tasks that are trained together.
    (optimizer,) = {recipe.optimizer for recipe in recipes.values()}
    run = TrainingRun(
        order=order(sizes, shares, details["seed"]),
        make_batch=_batch_maker(mixture, data, folder, details["seed"]),
        kinds={name: tasks.get(name).kind for name in mixture.trained},
        evaluate=dev.evaluate,
        evaluations=max(recipe.evaluations for recipe in recipes.values()),
        learning_rate=details["learning_rate"],
        optimizer=optimizer,
        seed=details["seed"],
        pruning_thresholds=tuple(details["stop_below"]),
    )
    checkpoints = Checkpoints(place.store, job.path, place.checkpoint_seconds)
    outcome = train(model, run, checkpoints, place.report, place.process_group)
    return {
        **outcome_of(outcome),
        "collapsed": outcome.end == "diverged" or outcome.progress.curve[-1]["score"] <= dev.majority(),
        "learning_rate": details["learning_rate"],
        "seed": details["seed"],
        "data": rows_read(look(place.data_source, mixture_reads(mixture, place.data_source))),
        **(_saved(model, start.run, job, place) if outcome.end == "finished" else {"files": {}, "bytes": 0}),
    }


def outcome_of(outcome: Outcome) -> dict[str, Any]:
    """A training run's part of a record."""
    curve = outcome.progress.curve
    return {
        "end": outcome.end,
        "score": curve[-1]["score"] if curve and outcome.end != "diverged" else None,
        "curve": curve,
        "steps": outcome.progress.step,
        "tokens": outcome.progress.tokens,
    }


@part("upload")
def _saved(model: Model, base: str | None, job: Job, place: WorkerContext) -> dict[str, Any]:
    """Leaves the weights in the store. All of a team take part; the first process writes them and the record."""
    if place.process_group.rank > 0:
        weights.save_weights(model, None)
        return {}
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / WEIGHTS
        weights.save_weights(model, path, base)
        place.store.upload(Path(scratch), job.path)
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
    """Scores a model on the dev splits of its tasks, in the source language alone."""

    def __init__(self, trained: list[Task], recipes: dict[str, Recipe], folder: Path, data_source: DataSource) -> None:
        self.trained, self.recipes, self.language = trained, recipes, data_source.source_language
        self.examples, self.encoded = {}, {}
        for task in trained:
            place = (data_source, task, task.dev or "validation", data_source.source_language)
            recipe = recipes[task.name]
            self.examples[task.name] = cache.examples(*place)[: recipe.dev_examples]
            whole = encoded_split(*place, str(folder), reading(recipe))
            self.encoded[task.name] = first_examples(whole, task, len(self.examples[task.name]))

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
        """The score of a model that always predicts the same."""
        return float(np.mean([scoring_of(task).majority(task, self.examples[task.name]) for task in self.trained]))


def first_examples(encoded: Encoded, task: Task, count: int) -> Encoded:
    """The sequences of the first `count` examples."""
    sequences = count * encoded.group
    if "example" in encoded.fields:
        sequences = int(np.searchsorted(encoded.fields["example"], count))
    return select(encoded, np.arange(sequences // encoded.group))
