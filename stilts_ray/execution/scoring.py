"""Zero-shot scoring of a run."""

import contextlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from stilts_ray import tasks
from stilts_ray.data import cache
from stilts_ray.data.encode import Encoded, TokenizationConfig
from stilts_ray.data.row_check import Split, check_rows, rows_read
from stilts_ray.data.rows import labelled, together
from stilts_ray.errors import RequestError
from stilts_ray.evaluation.metrics import Scores, map_at_20, score
from stilts_ray.evaluation.mining import mined
from stilts_ray.evaluation.pool import Pool
from stilts_ray.evaluation.predict import dual_vectors, head_vectors, predict, rankings
from stilts_ray.evaluation.prediction_files import keep_predictions
from stilts_ray.evaluation.retrieval import default_layer, translations
from stilts_ray.evaluation.signature import signature
from stilts_ray.execution.context import PREDICTIONS, WorkerContext, check_length, restored
from stilts_ray.execution.jobs import Job, ParentCheckpoint
from stilts_ray.models.model import Model
from stilts_ray.store.store import Record
from stilts_ray.tasks import Kind, Task
from stilts_ray.timing import part
from stilts_ray.training.step import precision

_SEARCHES: dict[Kind, Callable[..., Iterable[Sequence[object]]]] = {
    Kind.RETRIEVAL: translations,
    Kind.MINING: mined,
}
"""Predictions by the sentence vectors of each layer."""

Result = tuple[str, Sequence[Any], list[Scores]]
"""A language, the predictions that count, in the order of its examples, and scores: one, or that of every layer."""


@dataclass(frozen=True)
class _Work:
    """What there is to score. trained: the task whose head predicts. layer: whose vectors count, if vectors are compared.
    limit: tokens of the longest answer. read: language -> its examples and their sequences. candidates: likewise of a set
    that is apart from the examples, None if there is none."""

    model: Model
    trained: Task
    target: Task
    layer: int | None
    limit: int
    read: Callable[[str], tuple[list[Any], Encoded]]
    candidates: Callable[[], tuple[list[Any], Encoded]] | None


def score_run(job: Job, place: WorkerContext) -> Record:
    """Zero-shot scores of one run on every language of a target. Its predictions are in the store beside the record."""
    details = job.details
    codes = tuple(details["languages"])
    work = _work(details, place)
    languages, layers = {}, {}
    with part("evaluate"), tempfile.TemporaryDirectory() as scratch:
        for language, found, scores in _SCORERS.get(work.target.kind, _by_head)(work, codes):
            languages[language] = scores[work.layer or 0]
            layers[language] = [metrics["score"] for metrics in scores]
            with part("upload"):
                keep_predictions(Path(scratch), work.target, language, work.read(language)[0], found)
        with part("upload"):
            place.store.upload(Path(scratch), job.path, PREDICTIONS)
    apart = job.identity.get("candidates", {}).get("data")
    looked = check_rows(place.data_source, _splits(work.target, codes, place.data_source.source_language))
    repairs = together([each.counts for each in looked]).repairs
    record: Record = {
        # XTREME's rule: the plain mean over languages, the source language included.
        "score": float(np.mean([metrics["score"] for metrics in languages.values()])),
        "languages": languages,
        "signature": signature(work.target, job.identity["data"], work.layer, codes, apart, repairs),
        "data": rows_read(looked),
    }
    return record | ({} if work.layer is None else {"layer": work.layer, "layers": layers})


def _splits(target: Task, languages: Sequence[str], source_language: str) -> Iterator[Split]:
    for language in languages:
        yield target.name, target.test or "test", language
    if target.candidates:
        yield target.candidates, tasks.get(target.candidates).test or "test", source_language


def _work(details: dict[str, Any], place: WorkerContext) -> _Work:
    """The run's model, and how the target's rows are read."""
    target, settings = tasks.get(details["task"]), details["read"]
    trained = labelled(place.data_source, tasks.get(details["trained"])) if details["trained"] else None
    model, folder = restored(ParentCheckpoint(**details["start"]), trained, place)
    check_length(model.encoder, target.name, settings["max_length"])
    layer = _layer(model.encoder, target, details["layer"])
    model.to(place.process_group.device).eval()

    def rows_of(task: Task, language: str) -> tuple[list[Any], Encoded]:
        where = (place.data_source, task, task.test or "test", language)
        reading = TokenizationConfig(settings["max_length"], settings["stride"])
        return cache.examples(*where), cache.encoded(*where, str(folder), reading)

    apart = tasks.get(target.candidates) if target.candidates else None
    candidates = partial(rows_of, apart, place.data_source.source_language) if apart else None
    return _Work(model, trained or target, target, layer, settings["answer"], partial(rows_of, target), candidates)


@contextlib.contextmanager
def _inferring(model: Model) -> Iterator[None]:
    with torch.inference_mode(), precision(model.device):
        yield


def _by_head(work: _Work, languages: Sequence[str]) -> Iterator[Result]:
    for language in languages:
        examples, encoded = work.read(language)
        with _inferring(work.model):
            found = predict(work.model, work.trained, examples, encoded, work.limit)
        yield language, found, [score(work.target, examples, found, language)]


def _by_layer(work: _Work, languages: Sequence[str]) -> Iterator[Result]:
    for language in languages:
        examples, encoded = work.read(language)
        with _inferring(work.model):
            found = list(_SEARCHES[work.target.kind](work.model, examples, encoded))
        yield language, found[work.layer or 0], [score(work.target, examples, each, language) for each in found]


def _in_one_pool(work: _Work, languages: Sequence[str]) -> Iterator[Result]:
    """Each language's questions are asked of the candidates of all of them, or of those that are apart."""
    data = {language: work.read(language) for language in languages}
    pool = Pool.of({language: examples for language, (examples, _) in data.items()})
    with _inferring(work.model):
        vectors = {code: dual_vectors(work.model, work.trained, encoded) for code, (_, encoded) in data.items()}
        if work.candidates:
            entities, apart = work.candidates()
            pool, candidates = pool.among(entities), head_vectors(work.model, work.trained, apart)
        else:
            candidates = torch.cat([own for _, own in vectors.values()])
        found = {code: rankings(questions, candidates) for code, (questions, _) in vectors.items()}
    for language, (examples, _) in data.items():
        named = pool.named(examples, found[language])
        yield language, [named[e.id] for e in examples], [map_at_20(pool.answers(examples), named)]


_SCORERS: dict[Kind, Callable[[_Work, Sequence[str]], Iterator[Result]]] = {
    **dict.fromkeys(_SEARCHES, _by_layer),
    Kind.DUAL: _in_one_pool,
}
"""Kinds that are not scored by a head, language by language."""


def _layer(encoder: Any, target: Task, asked: int | None) -> int | None:
    """The layer whose vectors are compared; None for a target that has a head. Raises RequestError if there is no such."""
    if target.kind not in _SEARCHES:
        return None
    depth = int(encoder.config.num_hidden_layers)
    layer = asked if asked is not None else default_layer(depth)
    if layer > depth:
        raise RequestError(f"retrieval: layer {layer} of an encoder with {depth} layers")
    return layer
