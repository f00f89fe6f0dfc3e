"""Zero-shot scoring of a run."""

import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from stilts_ray import tasks
from stilts_ray.data import cache
from stilts_ray.data.encoded import Encoded, TokenizationConfig
from stilts_ray.data.row_check import Split, look, rows_read
from stilts_ray.data.rows import labelled, together
from stilts_ray.errors import RequestError
from stilts_ray.evaluation.prediction_files import keep_predictions
from stilts_ray.evaluation.signature import signature
from stilts_ray.execution.context import PREDICTIONS, WorkerContext, check_length, restored
from stilts_ray.execution.jobs import Job, ParentCheckpoint
from stilts_ray.kinds import scoring_of
from stilts_ray.kinds.spec import ZeroShotTest
from stilts_ray.kinds.splits import encoded_split
from stilts_ray.models.inference import default_layer
from stilts_ray.store.store import Record
from stilts_ray.tasks import Task
from stilts_ray.tasks.base import BY_VECTOR
from stilts_ray.timing import part


def score_run(job: Job, place: WorkerContext) -> Record:
    """Zero-shot scores of one run on every language of a target. Its predictions are in the store beside the record."""
    details = job.details
    codes = tuple(details["languages"])
    test = _test(details, place)
    languages, layers = {}, {}
    with part("evaluate"), tempfile.TemporaryDirectory() as scratch:
        scoring = scoring_of(test.target)
        for result in scoring.zero_shot(scoring, test):
            language = result.language
            languages[language] = result.scores[test.layer or 0]
            layers[language] = [metrics["score"] for metrics in result.scores]
            with part("upload"):
                keep_predictions(Path(scratch), test.target, language, test.read(language)[0], result.predictions)
        with part("upload"):
            place.store.upload(Path(scratch), job.path, PREDICTIONS)
    apart = job.identity.get("candidates", {}).get("data")
    looked = look(place.data_source, _splits(test.target, codes, place.data_source.source_language))
    repairs = together([each.counts for each in looked]).repairs
    record: Record = {
        # XTREME's rule: the plain mean over languages, the source language included.
        "score": float(np.mean([metrics["score"] for metrics in languages.values()])),
        "languages": languages,
        "signature": signature(test.target, job.identity["data"], test.layer, codes, apart, repairs),
        "data": rows_read(looked),
    }
    return record | ({} if test.layer is None else {"layer": test.layer, "layers": layers})


def _splits(target: Task, languages: Sequence[str], source_language: str) -> Iterator[Split]:
    for language in languages:
        yield target.name, target.test or "test", language
    if target.candidates:
        yield target.candidates, tasks.get(target.candidates).test or "test", source_language


def _test(details: dict[str, Any], place: WorkerContext) -> ZeroShotTest:
    """The run's model with the target's test data."""
    target, settings = tasks.get(details["task"]), details["read"]
    trained = labelled(place.data_source, tasks.get(details["trained"])) if details["trained"] else None
    model, folder = restored(ParentCheckpoint(**details["start"]), trained, place)
    check_length(model.encoder, target.name, settings["max_length"])
    layer = _layer(model.encoder, target, details["layer"])
    model.to(place.process_group.device).eval()

    def rows_of(task: Task, language: str) -> tuple[list[Any], Encoded]:
        where = (place.data_source, task, task.test or "test", language)
        reading = TokenizationConfig(settings["max_length"], settings["stride"])
        return cache.examples(*where), encoded_split(*where, str(folder), reading)

    apart = tasks.get(target.candidates) if target.candidates else None
    candidates = partial(rows_of, apart, place.data_source.source_language) if apart else None
    return ZeroShotTest(
        model=model,
        trained=trained or target,
        target=target,
        languages=tuple(details["languages"]),
        layer=layer,
        max_answer=settings["answer"],
        read=partial(rows_of, target),
        candidates=candidates,
    )


def _layer(encoder: Any, target: Task, asked: int | None) -> int | None:
    """The layer whose vectors are compared; None for a target with a head. Raises RequestError if the encoder has no such
    layer."""
    if target.kind not in BY_VECTOR:
        return None
    depth = int(encoder.config.num_hidden_layers)
    layer = asked if asked is not None else default_layer(depth)
    if layer > depth:
        raise RequestError(f"retrieval: layer {layer} of an encoder with {depth} layers")
    return layer
