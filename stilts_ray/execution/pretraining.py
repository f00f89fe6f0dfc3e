"""Pretraining of encoders with masked language modelling, and encoders with random weights."""

import tempfile
from collections.abc import Iterable
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from stilts_ray import tasks
from stilts_ray.config import Pretraining, Untrained
from stilts_ray.data import cache
from stilts_ray.data.batches import generator
from stilts_ray.data.encoded import Encoded, TokenizationConfig, encode_texts
from stilts_ray.data.row_check import check_rows, rows_read
from stilts_ray.errors import RequestError
from stilts_ray.execution.context import WorkerContext, local_folder, record_fields
from stilts_ray.execution.jobs import PretrainJob
from stilts_ray.execution.trial import outcome_fields
from stilts_ray.identity import file_digest
from stilts_ray.kinds import model_for, save_model
from stilts_ray.models import hf_folders as files
from stilts_ray.models import model as models
from stilts_ray.store.records import PretrainRecord
from stilts_ray.tasks import Kind
from stilts_ray.tasks.examples import Example, Text
from stilts_ray.timing import part
from stilts_ray.training import masked
from stilts_ray.training.checkpoint import Checkpoints
from stilts_ray.training.loop import train
from stilts_ray.training.training_run import TrainingRun


def make_encoder(job: PretrainJob, context: WorkerContext) -> PretrainRecord:
    """Writes an encoder folder to the store: pretrained, or with random weights."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if isinstance(job.weights, Pretraining):
            record = _masked_training(job, job.weights, folder, context)
        else:
            record = _untrained(job, job.weights, folder, context)
        with part("upload"):
            if context.process_group.rank == 0:
                context.store.upload(folder, job.path, "model")
            return record.model_copy(
                update={"files": {file.name: file_digest(file) for file in sorted(folder.iterdir())}}
            )


def _untrained(job: PretrainJob, weights: Untrained, folder: Path, context: WorkerContext) -> PretrainRecord:
    assert job.like is not None
    like = local_folder(job.like, context)
    config = files.load_encoder(str(like)).config
    files.save_encoder(models.new_encoder(config, weights.seed), folder)
    cache.copy_tokenizer(str(like), folder)
    return PretrainRecord(**record_fields(job))


def _masked_training(job: PretrainJob, spec: Pretraining, folder: Path, context: WorkerContext) -> PretrainRecord:
    source, group = context.data_source, context.process_group
    texts = {
        (name, language): _texts(cache.examples(source, tasks.get(name), "train", language))
        for name in spec.texts
        for language in spec.languages
    }
    with part("tokenise"):
        tokenizer = _tokenizer(texts.values(), spec, job, context)
        train_texts, held_out = _split(texts, spec.seed)
        config = TokenizationConfig(spec.max_length)
        train_data, held_out_data = (
            encode_texts([text for _, text in part_texts], tokenizer, config) for part_texts in (train_texts, held_out)
        )
    model = _new_model(spec, len(tokenizer)).to(group.device)
    training_run = _training_run(spec, [name for name, _ in train_texts], train_data, held_out_data, tokenizer)
    checkpoints = Checkpoints(context.store, job.path, context.checkpoint_seconds)
    outcome = train(model, training_run, checkpoints, context.report, group)
    if outcome.end == "diverged":
        raise RequestError(f"pretraining {job.name}: the loss is not finite after {outcome.progress.step} steps")
    model.encoder.config.hidden_dropout_prob = spec.shape.dropout
    model.encoder.config.attention_probs_dropout_prob = spec.shape.dropout
    save_model(model, tasks.get(masked.HEAD), folder if group.rank == 0 else None)
    tokenizer.save_pretrained(folder)
    checked = check_rows(source, [(name, tasks.get(name).train or "train", language) for name, language in texts])
    counts = {f"{name}/{language}": len(own) for (name, language), own in texts.items()}
    return PretrainRecord(**record_fields(job), **outcome_fields(outcome), texts=counts, data=rows_read(checked))


def _new_model(spec: Pretraining, vocabulary: int) -> models.Model:
    """A new encoder with a masked-LM head, without dropout during pretraining."""
    config = models.xlm_roberta(spec.shape.model_copy(update={"dropout": 0.0}), vocabulary)
    encoder = models.new_encoder(config, spec.seed)
    return model_for(encoder, [tasks.get(masked.HEAD)], spec.seed)


def _training_run(
    spec: Pretraining, names: list[str], train_data: Encoded, held_out_data: Encoded, tokenizer: PreTrainedTokenizerFast
) -> TrainingRun:
    """names: task of each training text."""
    task = np.array(names)
    sources = [(np.flatnonzero(task == name), share) for name, share in spec.texts.items()]
    batches = masked.token_batches(train_data.lengths, sources, spec.batch_tokens, spec.tokens, spec.seed)
    masking = masked.Masking.of(tokenizer, spec.mask)
    return TrainingRun(
        order=[(masked.HEAD, items) for items in batches],
        make_batch=lambda step, _, items: masked.masked_batch(train_data, items, masking, spec.seed * 1_000_003 + step),
        kinds={masked.HEAD: Kind.TEXT},
        evaluate=partial(masked.held_out, encoded=held_out_data, masking=masking, budget=spec.batch_tokens),
        evaluations=20,
        learning_rate=spec.learning_rate,
        optimizer=spec.optimizer,
        seed=spec.seed,
    )


def _tokenizer(
    texts: Iterable[list[str]], spec: Pretraining, job: PretrainJob, context: WorkerContext
) -> PreTrainedTokenizerFast:
    """The tokenizer of the job. Rank 0 trains it once and stores it: training a unigram tokenizer again gives other ids."""
    path = (job.path, "checkpoint", "tokenizer.json")
    if context.process_group.rank == 0 and not context.store.exists(*path):
        tokenizer = masked.make_tokenizer(chain.from_iterable(texts), spec.tokenizer, spec.vocabulary)
        context.store.write(tokenizer.backend_tokenizer.to_str().encode(), *path)
    # A barrier: the other ranks wait for the tokenizer.
    context.process_group.broadcast([0.0])
    return masked.as_transformers(Tokenizer.from_file(str(context.store.fetch(*path))))


def _texts(examples: list[Example]) -> list[str]:
    return [example.text for example in examples if isinstance(example, Text)]


def _split(texts: dict[tuple[str, str], list[str]], seed: int) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """(task, text) of training and held-out texts. One text in a hundred is held out: of each task and language at least one
    and at most forty."""
    train, held_out = [], []
    for (name, language), own in sorted(texts.items()):
        count = min(max(1, len(own) // 100), 40)
        drawn = set(generator(seed, "held out", name, language).permutation(len(own))[:count].tolist())
        held_out += [(name, text) for number, text in enumerate(own) if number in drawn]
        train += [(name, text) for number, text in enumerate(own) if number not in drawn]
    return train, held_out
