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
from stilts_ray.data.encode import TokenizationConfig, encode_texts
from stilts_ray.data.encoders import encoder_folder
from stilts_ray.data.row_check import check_rows, rows_read
from stilts_ray.data.sources import UNRESOLVED
from stilts_ray.errors import RequestError
from stilts_ray.execution.context import WorkerContext
from stilts_ray.execution.jobs import Job
from stilts_ray.execution.trial import outcome_of
from stilts_ray.identity import file_digest
from stilts_ray.models import hf_folders as files
from stilts_ray.models import model as models
from stilts_ray.plan.inputs import location
from stilts_ray.store.store import Record
from stilts_ray.tasks import Kind
from stilts_ray.tasks.examples import Example, Text
from stilts_ray.timing import part
from stilts_ray.training import masked
from stilts_ray.training.checkpoint import Checkpoints
from stilts_ray.training.loop import train
from stilts_ray.training.training_run import TrainingRun


def make_encoder(job: Job, place: WorkerContext) -> Record:
    """An encoder folder in the store: pretrained, or with random weights."""
    make = {"Pretraining": _masked_training, "Untrained": _untrained}[job.details["is"]]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        record = make(job, folder, place)
        with part("upload"):
            if place.process_group.rank == 0:
                place.store.upload(folder, job.path, "model")
            return record | {"files": {file.name: file_digest(file) for file in sorted(folder.iterdir())}}


def _untrained(job: Job, folder: Path, place: WorkerContext) -> Record:
    spec = Untrained.model_validate_json(job.details["start"])
    revision = job.identity["like"].get("revision")
    commit = None if revision == UNRESOLVED else revision
    like = encoder_folder(location(spec.like), commit, place.data_source.repositories.values())
    config = files.load_encoder(str(like)).config
    files.save_encoder(models.new_encoder(config, spec.seed), folder)
    cache.copy_tokenizer(str(like), folder)
    return {"score": None, "steps": 0, "tokens": 0}


def _masked_training(job: Job, folder: Path, place: WorkerContext) -> Record:
    spec = Pretraining.model_validate_json(job.details["start"])
    texts = {
        (name, language): _texts(cache.examples(place.data_source, tasks.get(name), "train", language))
        for name in spec.texts
        for language in spec.languages
    }
    with part("tokenise"):
        tokenizer = _tokenizer(texts.values(), spec, job, place)
        seen, unseen = _split(texts, spec.seed)
        reading = TokenizationConfig(spec.max_length)
        train_data, test_data = (encode_texts([text for _, text in own], tokenizer, reading) for own in (seen, unseen))
    config = models.xlm_roberta(spec.shape.model_copy(update={"dropout": 0.0}), len(tokenizer))
    encoder = models.new_encoder(config, spec.seed)
    head = models.fresh_masked_head(encoder, spec.seed)
    model = models.Model(encoder, {masked.HEAD: head}).to(place.process_group.device)
    data_source = np.array([name for name, _ in seen])
    sources = [(np.flatnonzero(data_source == name), share) for name, share in spec.texts.items()]
    batches = masked.token_batches(train_data.lengths, sources, spec.batch_tokens, spec.tokens, spec.seed)
    masking = masked.Masking.of(tokenizer, spec.mask)
    run = TrainingRun(
        order=[(masked.HEAD, items) for items in batches],
        make_batch=lambda step, _, items: masked.masked_batch(train_data, items, masking, spec.seed * 1_000_003 + step),
        kinds={masked.HEAD: Kind.TEXT},
        evaluate=partial(masked.held_out, encoded=test_data, masking=masking, budget=spec.batch_tokens),
        evaluations=20,
        learning_rate=spec.learning_rate,
        optimizer=spec.optimizer,
        seed=spec.seed,
    )
    outcome = train(
        model, run, Checkpoints(place.store, job.path, place.checkpoint_seconds), place.report, place.process_group
    )
    if outcome.end == "diverged":
        raise RequestError(f"pretraining {job.name}: the loss is not finite after {outcome.progress.step} steps")
    encoder.config.hidden_dropout_prob = spec.shape.dropout
    encoder.config.attention_probs_dropout_prob = spec.shape.dropout
    files.save_model(model, tasks.get(masked.HEAD), folder if place.process_group.rank == 0 else None)
    tokenizer.save_pretrained(folder)
    looked = check_rows(
        place.data_source, [(name, tasks.get(name).train or "train", language) for name, language in texts]
    )
    kept = {f"{name}/{language}": len(own) for (name, language), own in texts.items()}
    return outcome_of(outcome) | {"texts": kept, "data": rows_read(looked)}


def _tokenizer(
    texts: Iterable[list[str]], spec: Pretraining, job: Job, place: WorkerContext
) -> PreTrainedTokenizerFast:
    """Made once for a job, by the first process of its team: ids of a unigram tokenizer's tokens differ from one making to
    the next."""
    kept = (job.path, "checkpoint", "tokenizer.json")
    if place.process_group.rank == 0 and place.store.read_json(*kept) is None:
        made = masked.make_tokenizer(chain.from_iterable(texts), spec.tokenizer, spec.vocabulary)
        place.store.write_json(made.backend_tokenizer.to_str(), *kept)
    # The others wait for it.
    place.process_group.broadcast([0.0])
    return masked.as_transformers(Tokenizer.from_str(place.store.read_json(*kept)))


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
