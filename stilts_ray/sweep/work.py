"""What a job does, from its description to its record in the store. Runs with or without Ray."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from stilts_ray import tasks
from stilts_ray.data import cache
from stilts_ray.data.batches import Share, collate, generator, order
from stilts_ray.data.encode import Encoded, Reading, encode_texts
from stilts_ray.data.hub import encoder_folder
from stilts_ray.errors import RequestError
from stilts_ray.evaluation.metrics import Scores, majority, score
from stilts_ray.evaluation.predict import predict
from stilts_ray.evaluation.retrieval import default_layer, translations
from stilts_ray.fingerprint import file_digest
from stilts_ray.models import model as models
from stilts_ray.models.model import Model
from stilts_ray.origin import Origin
from stilts_ray.plan import location
from stilts_ray.provenance import provenance
from stilts_ray.spec import Pretraining, Recipe, Untrained
from stilts_ray.store import Record, Store, now
from stilts_ray.sweep.jobs import Job
from stilts_ray.tasks import Kind, Task
from stilts_ray.tasks.base import Example, Text
from stilts_ray.training import masked
from stilts_ray.training.checkpoint import Checkpoints
from stilts_ray.training.loop import ALONE, Outcome, Run, Team, train

WEIGHTS = "weights.safetensors"
Report = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Place:
    """Where a job works: the store, the rows, the team of processes, and who hears of its progress."""

    store: Store
    origin: Origin
    checkpoint_seconds: float = 60.0
    team: Team = ALONE
    report: Report = lambda entry: None


def carry_out(job: Job, place: Place) -> Record:
    """Does a job and returns its record, which is in the store by then. A job that is done already is not done again.

    Raises RequestError for what cannot be carried out.
    """
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    done = place.store.read_json(job.path, "record.json")
    if done is not None and done.get("digest") == job.digest:
        return dict(done)
    started = time.monotonic()
    result = _WORK[job.kind](job, place)
    record = {
        "kind": job.kind,
        "name": job.name,
        "digest": job.digest,
        "step": job.step,
        "identity": job.identity,
        **result,
        "seconds": round(time.monotonic() - started, 3),
        "device": torch.cuda.get_device_name() if place.team.device.type == "cuda" else "cpu",
        "finished_at": now(),
        **provenance(),
    }
    if place.team.rank == 0:
        place.store.write_json(record, job.path, "record.json")
        place.store.delete(job.path, "checkpoint")
        place.store.delete(job.path, "failure.json")
    return record


def located(encoder: dict[str, Any], store: Store) -> Path:
    """The folder of an encoder on this machine."""
    if "path" in encoder:
        return store.fetch(encoder["path"], "model")
    return encoder_folder(encoder["location"], encoder["revision"])


def started(details: dict[str, Any], place: Place) -> tuple[Any, Path]:
    """The encoder that a job starts from, with the weights of the run it continues, and the encoder's folder."""
    start = details["start"]
    folder = located(start["encoder"], place.store)
    encoder = models.load_encoder(str(folder))
    if start["run"] is not None:
        models.load_weights(encoder, place.store.fetch(start["run"], WEIGHTS), prefix="encoder.")
    return encoder, folder


# Training


def _trial(job: Job, place: Place) -> Record:
    details = job.details
    recipes = {name: Recipe.model_validate_json(recipe) for name, recipe in details["recipes"].items()}
    encoder, folder = started(details, place)
    mixture = [tasks.get(name) for name in details["tasks"]]
    data = {task.name: _training_data(task, recipes[task.name], folder, place.origin) for task in mixture}
    for name, recipe in recipes.items():
        _fits(encoder, name, recipe.max_length)
    model = models.with_heads(encoder, mixture, details["seed"]).to(place.team.device)
    shares = {name: Share(r.epochs, r.batch_size, r.train_rows) for name, r in recipes.items()}
    dev = Dev(mixture, recipes, folder, place.origin)
    first = recipes[mixture[0].name]
    run = Run(
        order=order({name: encoded.items for name, encoded in data.items()}, shares, details["seed"]),
        make_batch=lambda step, name, items: collate(data[name], items),
        kinds={task.name: task.kind for task in mixture},
        evaluate=dev.evaluate,
        evaluations=first.evaluations,
        learning_rate=details["learning_rate"],
        optimizer=first.optimizer,
        seed=details["seed"],
        stop_below=tuple(details["stop_below"]),
    )
    checkpoints = Checkpoints(place.store, job.path, place.checkpoint_seconds)
    outcome = train(model, run, checkpoints, place.report, place.team)
    return {
        **_outcome(outcome),
        "collapsed": outcome.end == "diverged" or outcome.progress.curve[-1]["score"] <= dev.majority(),
        "learning_rate": details["learning_rate"],
        "seed": details["seed"],
        **(_saved(model, job, place) if outcome.end == "finished" else {"files": {}, "bytes": 0}),
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    curve = outcome.progress.curve
    return {
        "end": outcome.end,
        "score": curve[-1]["score"] if curve and outcome.end != "diverged" else None,
        "curve": curve,
        "steps": outcome.progress.step,
        "tokens": outcome.progress.tokens,
    }


def _saved(model: Model, job: Job, place: Place) -> dict[str, Any]:
    if place.team.rank > 0:
        return {}
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / WEIGHTS
        models.save_weights(model, path)
        place.store.upload(Path(scratch), job.path)
        return {"files": {WEIGHTS: file_digest(path)}, "bytes": path.stat().st_size}


def _training_data(task: Task, recipe: Recipe, folder: Path, origin: Origin) -> Encoded:
    return cache.encoded(origin, task, task.train or "train", origin.source_language, str(folder), _reading(recipe))


def _reading(recipe: Recipe) -> Reading:
    return Reading(recipe.max_length, recipe.stride)


def _fits(encoder: Any, task: str, max_length: int) -> None:
    longest = models.longest_input(encoder)
    if max_length > longest:
        raise RequestError(f"recipe of {task}: max_length {max_length} is more than the encoder's {longest} positions")


class Dev:
    """Scores a model on the dev splits of its tasks, in the source language alone."""

    def __init__(self, mixture: list[Task], recipes: dict[str, Recipe], folder: Path, origin: Origin) -> None:
        self.mixture, self.recipes = mixture, recipes
        self.examples, self.encoded = {}, {}
        for task in mixture:
            place = (origin, task, task.dev or "validation", origin.source_language)
            recipe = recipes[task.name]
            self.examples[task.name] = cache.examples(*place)[: recipe.dev_rows]
            whole = cache.encoded(*place, str(folder), _reading(recipe))
            self.encoded[task.name] = first_examples(whole, task, len(self.examples[task.name]))

    def evaluate(self, model: Model) -> Scores:
        """Metrics as "<task>/<metric>"; "score" is the mean over the tasks."""
        metrics: Scores = {}
        for task in self.mixture:
            examples, limit = self.examples[task.name], self.recipes[task.name].max_answer_length
            predictions = predict(model, task, examples, self.encoded[task.name], limit)
            metrics |= {f"{task.name}/{name}": v for name, v in score(task.kind, examples, predictions).items()}
        metrics["score"] = float(np.mean([metrics[f"{task.name}/score"] for task in self.mixture]))
        return metrics

    def majority(self) -> float:
        """The score of a model that always predicts the same."""
        return float(np.mean([majority(task.kind, self.examples[task.name]) for task in self.mixture]))


def first_examples(encoded: Encoded, task: Task, count: int) -> Encoded:
    """The sequences of the first `count` examples."""
    sequences = count * encoded.group
    if "example" in encoded.fields:
        sequences = int(np.searchsorted(encoded.fields["example"], count))
    sizes = {
        encoded.items: sequences // encoded.group,
        len(encoded.offsets) - 1: sequences,
        len(encoded.tokens): int(encoded.offsets[sequences]),
    }
    fields = {name: values[: sizes[len(values)]] for name, values in encoded.fields.items()}
    return Encoded(
        encoded.tokens[: sizes[len(encoded.tokens)]], encoded.offsets[: sequences + 1], encoded.group, fields
    )


# Zero-shot scoring


def _score(job: Job, place: Place) -> Record:
    details = job.details
    target, read = tasks.get(details["task"]), details["read"]
    encoder, folder = started(details, place)
    _fits(encoder, target.name, read["max_length"])
    trained = tasks.get(details["trained"]) if details["trained"] else None
    model = models.with_heads(encoder, [trained] if trained else [], seed=0)
    if trained is not None:
        models.load_weights(model, place.store.fetch(details["start"]["run"], WEIGHTS))
    model.to(place.team.device).eval()
    reading, languages = Reading(read["max_length"], read["stride"]), {}
    layer = details["layer"] if details["layer"] is not None else default_layer(encoder.config.num_hidden_layers)
    layers: dict[str, list[float]] = {}
    for language in details["languages"]:
        where = (place.origin, target, target.test or "test", language)
        examples, encoded = cache.examples(*where), cache.encoded(*where, str(folder), reading)
        with torch.inference_mode():
            if target.kind is Kind.RETRIEVAL:
                per_layer = [score(target.kind, examples, found) for found in translations(model, encoded)]
                layers[language] = [metrics["score"] for metrics in per_layer]
                languages[language] = per_layer[layer]
            elif trained is not None:
                predictions = predict(model, trained, examples, encoded, read["answer"])
                languages[language] = score(target.kind, examples, predictions)
    record: Record = {
        # XTREME's rule: the plain mean over languages, the source language included.
        "score": float(np.mean([metrics["score"] for metrics in languages.values()])),
        "languages": languages,
    }
    return record | ({"layer": layer, "layers": layers} if layers else {})


# Making encoders


def _pretrain(job: Job, place: Place) -> Record:
    make = {"Pretraining": _masked_training, "Untrained": _untrained}[job.details["is"]]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        record = make(job, folder, place)
        place.store.upload(folder, job.path, "model")
        return record | {"files": {file.name: file_digest(file) for file in sorted(folder.iterdir())}}


def _untrained(job: Job, folder: Path, place: Place) -> Record:
    spec = Untrained.model_validate_json(job.details["start"])
    like = encoder_folder(location(spec.like), job.identity["like"].get("revision"))
    config = models.load_encoder(str(like)).config
    model = models.with_masked_head(models.new_encoder(config, spec.seed), spec.seed)
    models.save_masked_lm(model, folder)
    cache.tokenizer_at(str(like)).save_pretrained(folder)
    return {"score": None, "steps": 0, "tokens": 0}


def _masked_training(job: Job, folder: Path, place: Place) -> Record:
    spec = Pretraining.model_validate_json(job.details["start"])
    texts = {
        language: _texts(cache.examples(place.origin, tasks.get("mlm_text"), "train", language))
        for language in spec.languages
    }
    tokenizer = masked.make_tokenizer((t for ts in texts.values() for t in ts), spec.tokenizer, spec.vocabulary)
    seen, unseen = _split(texts, spec.seed)
    reading = Reading(spec.max_length)
    train_data, test_data = (encode_texts(part, tokenizer, reading) for part in (seen, unseen))
    config = models.xlm_roberta(spec.shape.model_copy(update={"dropout": 0.0}), len(tokenizer))
    model = models.with_masked_head(models.new_encoder(config, spec.seed), spec.seed).to(place.team.device)
    batches = masked.token_batches(train_data.lengths, spec.batch_tokens, spec.tokens, spec.seed)
    mask = tokenizer.mask_token_id
    run = Run(
        order=[("mlm_text", items) for items in batches],
        make_batch=lambda step, _, items: masked.masked_batch(
            train_data, items, spec.mask, mask, len(tokenizer), spec.seed * 1_000_003 + step
        ),
        kinds={"mlm_text": Kind.TEXT},
        evaluate=partial(masked.held_out, encoded=test_data, share=spec.mask, mask=mask, budget=spec.batch_tokens),
        evaluations=20,
        learning_rate=spec.learning_rate,
        optimizer=spec.optimizer,
        seed=spec.seed,
    )
    outcome = train(model, run, Checkpoints(place.store, job.path, place.checkpoint_seconds), place.report, place.team)
    if outcome.end == "diverged":
        raise RequestError(f"pretraining {job.name}: the loss is not finite after {outcome.progress.step} steps")
    model.encoder.config.hidden_dropout_prob = spec.shape.dropout
    model.encoder.config.attention_probs_dropout_prob = spec.shape.dropout
    models.save_masked_lm(model, folder)
    tokenizer.save_pretrained(folder)
    return _outcome(outcome) | {"texts": {language: len(part) for language, part in texts.items()}}


def _texts(examples: list[Example]) -> list[str]:
    return [example.text for example in examples if isinstance(example, Text)]


def _split(texts: dict[str, list[str]], seed: int) -> tuple[list[str], list[str]]:
    """Training texts, and one in a hundred held out: of each language at least one, at most forty."""
    seen, unseen = [], []
    for language, part in sorted(texts.items()):
        count = min(max(1, len(part) // 100), 40)
        out = set(generator(seed, "held out", language).permutation(len(part))[:count].tolist())
        unseen += [text for number, text in enumerate(part) if number in out]
        seen += [text for number, text in enumerate(part) if number not in out]
    return seen, unseen


_WORK: dict[str, Callable[[Job, Place], Record]] = {"pretrain": _pretrain, "trial": _trial, "score": _score}
