"""Makes encoders: by masked-language-model training, or with random weights."""

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
from stilts_ray.execution.context import WorkerContext, described, local_folder
from stilts_ray.execution.jobs import PretrainJob
from stilts_ray.execution.trial import outcome_of
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
    """An encoder folder in the store: pretrained, or with random weights."""
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
    return PretrainRecord(**described(job))


def _masked_training(job: PretrainJob, spec: Pretraining, folder: Path, context: WorkerContext) -> PretrainRecord:
    source, group = context.data_source, context.process_group
    texts = {
        (name, language): _texts(cache.examples(source, tasks.get(name), "train", language))
        for name in spec.texts
        for language in spec.languages
    }
    with part("tokenise"):
        tokenizer = _tokenizer(texts.values(), spec, job, context)
        seen, unseen = _split(texts, spec.seed)
        config = TokenizationConfig(spec.max_length)
        train_data, test_data = (encode_texts([text for _, text in own], tokenizer, config) for own in (seen, unseen))
    model = _new_model(spec, len(tokenizer)).to(group.device)
    run = _training_run(spec, [name for name, _ in seen], train_data, test_data, tokenizer)
    checkpoints = Checkpoints(context.store, job.path, context.checkpoint_seconds)
    outcome = train(model, run, checkpoints, context.report, group)
    if outcome.end == "diverged":
        raise RequestError(f"pretraining {job.name}: the loss is not finite after {outcome.progress.step} steps")
    model.encoder.config.hidden_dropout_prob = spec.shape.dropout
    model.encoder.config.attention_probs_dropout_prob = spec.shape.dropout
    save_model(model, tasks.get(masked.HEAD), folder if group.rank == 0 else None)
    tokenizer.save_pretrained(folder)
    looked = check_rows(source, [(name, tasks.get(name).train or "train", language) for name, language in texts])
    kept = {f"{name}/{language}": len(own) for (name, language), own in texts.items()}
    return PretrainRecord(**described(job), **outcome_of(outcome), texts=kept, data=rows_read(looked))


def _new_model(spec: Pretraining, vocabulary: int) -> models.Model:
    """A new encoder with a masked-LM head. Pretraining itself runs without dropout."""
    config = models.xlm_roberta(spec.shape.model_copy(update={"dropout": 0.0}), vocabulary)
    encoder = models.new_encoder(config, spec.seed)
    return model_for(encoder, [tasks.get(masked.HEAD)], spec.seed)


def _training_run(
    spec: Pretraining, names: list[str], train_data: Encoded, test_data: Encoded, tokenizer: PreTrainedTokenizerFast
) -> TrainingRun:
    """names: of the source of each training text."""
    source = np.array(names)
    sources = [(np.flatnonzero(source == name), share) for name, share in spec.texts.items()]
    batches = masked.token_batches(train_data.lengths, sources, spec.batch_tokens, spec.tokens, spec.seed)
    masking = masked.Masking.of(tokenizer, spec.mask)
    return TrainingRun(
        order=[(masked.HEAD, items) for items in batches],
        make_batch=lambda step, _, items: masked.masked_batch(train_data, items, masking, spec.seed * 1_000_003 + step),
        kinds={masked.HEAD: Kind.TEXT},
        evaluate=partial(masked.held_out, encoded=test_data, masking=masking, budget=spec.batch_tokens),
        evaluations=20,
        learning_rate=spec.learning_rate,
        optimizer=spec.optimizer,
        seed=spec.seed,
    )


def _tokenizer(
    texts: Iterable[list[str]], spec: Pretraining, job: PretrainJob, context: WorkerContext
) -> PreTrainedTokenizerFast:
    """Trained once per job, by the first process of the group: a unigram tokenizer's token ids differ between trainings."""
    kept = (job.path, "checkpoint", "tokenizer.json")
    if context.process_group.rank == 0 and not context.store.exists(*kept):
        made = masked.make_tokenizer(chain.from_iterable(texts), spec.tokenizer, spec.vocabulary)
        context.store.write(made.backend_tokenizer.to_str().encode(), *kept)
    # The other processes wait for it.
    context.process_group.broadcast([0.0])
    return masked.as_transformers(Tokenizer.from_file(str(context.store.fetch(*kept))))


def _texts(examples: list[Example]) -> list[str]:
    return [example.text for example in examples if isinstance(example, Text)]


def _split(texts: dict[tuple[str, str], list[str]], seed: int) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Training texts with their source's name, and one in a hundred held out: of each source and language at least one, at
    most forty."""
    seen, unseen = [], []
    for (name, language), own in sorted(texts.items()):
        count = min(max(1, len(own) // 100), 40)
        out = set(generator(seed, "held out", name, language).permutation(len(own))[:count].tolist())
        unseen += [(name, text) for number, text in enumerate(own) if number in out]
        seen += [(name, text) for number, text in enumerate(own) if number not in out]
    return seen, unseen
