"""Zero-shot evaluation of a trial."""

import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from stilts_ray import tasks
from stilts_ray.data import cache
from stilts_ray.data.encoded import Encoded, TokenizationConfig
from stilts_ray.data.row_check import Split, check_rows, rows_read
from stilts_ray.data.rows import sum_counts, with_labels
from stilts_ray.errors import RequestError
from stilts_ray.evaluation.prediction_files import keep_predictions
from stilts_ray.evaluation.signature import signature
from stilts_ray.execution.context import PREDICTIONS, WorkerContext, check_length, load_trained, record_fields
from stilts_ray.execution.jobs import ScoreJob
from stilts_ray.kinds import scoring_of
from stilts_ray.kinds.spec import ZeroShotTest
from stilts_ray.kinds.splits import encoded_split
from stilts_ray.models.inference import default_layer
from stilts_ray.store.records import ScoreRecord
from stilts_ray.tasks import Task
from stilts_ray.tasks.base import BY_VECTOR
from stilts_ray.timing import part


def score_trial(job: ScoreJob, context: WorkerContext) -> ScoreRecord:
    """Zero-shot scores of a trial on every language of a target. Its predictions are in the store beside the record."""
    inputs, source = job.input, context.data_source
    test = _test(job, context)
    languages, layers = {}, {}
    with part("evaluate"), tempfile.TemporaryDirectory() as scratch:
        scoring = scoring_of(test.target)
        for result in scoring.zero_shot(scoring, test):
            language = result.language
            languages[language] = result.scores[test.layer or 0]
            layers[language] = tuple(metrics["score"] for metrics in result.scores)
            with part("upload"):
                keep_predictions(Path(scratch), test.target, language, test.read(language)[0], result.predictions)
        with part("upload"):
            context.store.upload(Path(scratch), job.path, PREDICTIONS)
    checked = check_rows(source, _splits(test.target, inputs.languages, source.source_language))
    repairs = sum_counts([each.counts for each in checked]).repairs
    return ScoreRecord(
        **record_fields(job),
        # XTREME's rule: the plain mean over languages, the source language included.
        score=float(np.mean([metrics["score"] for metrics in languages.values()])),
        languages=languages,
        signature=signature(test.target, inputs.data, test.layer, inputs.languages, inputs.candidates, repairs),
        data=rows_read(checked),
        layer=test.layer,
        layers=None if test.layer is None else layers,
    )


def _splits(target: Task, languages: Sequence[str], source_language: str) -> Iterator[Split]:
    for language in languages:
        yield target.name, target.test or "test", language
    if target.candidates:
        yield target.candidates, tasks.get(target.candidates).test or "test", source_language


def _test(job: ScoreJob, context: WorkerContext) -> ZeroShotTest:
    """The trial's model with the target's test data."""
    target, inference, source = tasks.get(job.input.task), job.input.inference, context.data_source
    trained = with_labels(source, tasks.get(job.trained)) if job.trained else None
    model, folder = load_trained(job.parent, trained, context)
    check_length(model.encoder, target.name, inference.max_length)
    layer = _layer(model.encoder, target, job.input.retrieval.layer if job.input.retrieval else None)
    model.to(context.process_group.device).eval()

    def examples_of(task: Task, language: str) -> tuple[list[Any], Encoded]:
        split = (source, task, task.test or "test", language)
        tokenization = TokenizationConfig(inference.max_length, inference.stride)
        return cache.examples(*split), encoded_split(*split, str(folder), tokenization)

    pool = tasks.get(target.candidates) if target.candidates else None
    return ZeroShotTest(
        model=model,
        trained=trained or target,
        target=target,
        languages=job.input.languages,
        layer=layer,
        max_answer=inference.max_answer_length,
        read=partial(examples_of, target),
        candidates=partial(examples_of, pool, source.source_language) if pool else None,
    )


def _layer(encoder: Any, target: Task, requested: int | None) -> int | None:
    """The layer of the compared sentence vectors; None for a target with a head. Raises RequestError if the encoder has no such
    layer."""
    if target.kind not in BY_VECTOR:
        return None
    depth = int(encoder.config.num_hidden_layers)
    layer = requested if requested is not None else default_layer(depth)
    if layer > depth:
        raise RequestError(f"retrieval: layer {layer} of an encoder with {depth} layers")
    return layer
