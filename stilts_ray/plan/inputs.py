"""Inputs of a sweep: tasks, their splits, pretrained encoders, and the pins of these. No data is read here."""

from pathlib import Path
from typing import Any

from stilts_ray import mini, tasks
from stilts_ray.config import Mixture, Pretrained, Pretraining, Sweep, Untrained
from stilts_ray.data.repository import is_commit
from stilts_ray.data.sources import UNRESOLVED, DataSource
from stilts_ray.errors import RequestError
from stilts_ray.identity import folder_digest
from stilts_ray.plan.steps import Evaluation, Pretrain, Ranking, Step, Study
from stilts_ray.tasks.base import Kind, Task


def used_tasks(sweep: Sweep) -> list[Task]:
    """Every task whose data the sweep reads. Raises RequestError for an unknown task, or one that cannot have its role."""
    mixtures = sweep.mixtures
    trained = [tasks.get(name) for mixture in mixtures for name in mixture.tasks]
    targets = [tasks.get(name) for name in sweep.targets]
    for task in trained:
        if task.train is None:
            raise RequestError(f"'{task.name}' has no training split and cannot be an intermediate task")
        if task.kind is Kind.TEXT:
            raise RequestError(
                f"'{task.name}' is raw text: train on it with Mixture(tasks=..., masked=MaskedShare(...))"
            )
    for task in targets:
        if not task.languages:
            targetable = [t.name for t in tasks.TASKS.values() if t.languages]
            raise RequestError(f"'{task.name}' has no test languages; targets are: {', '.join(targetable)}")
    sources = [tasks.get(name) for task in targets for name in task.train_on]
    sources += [tasks.get(task.candidates) for task in targets if task.candidates]
    text = [tasks.get(name) for e in sweep.encoders if isinstance(e.weights, Pretraining) for name in e.weights.texts]
    text += [tasks.get(mixture.masked.texts) for mixture in mixtures if mixture.masked]
    for task in text:
        if task.kind is not Kind.TEXT:
            raise RequestError(f"'{task.name}' is not raw text")
    return list({task.name: task for task in (*trained, *targets, *sources, *text)}.values())


def training_splits(task: Task, mixture: Mixture, data_source: DataSource) -> dict[str, tuple[str, ...]]:
    """Split -> languages, of a task in the training of a mixture. Dev data is always in the source language."""
    source = (data_source.source_language,)
    if task.kind is Kind.TEXT:
        return {task.train or "train": mixture.masked.languages if mixture.masked else source}
    if task.train is None:
        return {}
    available = data_source.training_languages(task)
    for code in mixture.languages:
        if code not in available:
            raise RequestError(
                f"intermediates: {task.name} has no training data in '{code}', only in {', '.join(available)}"
            )
    return {task.train: mixture.languages or source, **({task.dev: source} if task.dev else {})}


def all_training_splits(task: Task, data_source: DataSource) -> dict[str, tuple[str, ...]]:
    """Split -> languages, of all training data of a task. Dev data is always in the source language."""
    if task.train is None:
        return {}
    return {
        task.train: data_source.training_languages(task),
        **({task.dev: (data_source.source_language,)} if task.dev and task.dev != task.train else {}),
    }


def mixture_splits(mixture: Mixture, data_source: DataSource) -> list[tuple[str, str, str]]:
    """(task, split, language) of all data in the training of a mixture."""
    trained = [tasks.get(name) for name in mixture.trained]
    splits = [(task.name, *entry) for task in trained for entry in training_splits(task, mixture, data_source).items()]
    return [(name, split, code) for name, split, codes in splits for code in codes]


def input_splits(step: Step, data_source: DataSource) -> list[tuple[str, str, str]]:
    """(task, split, language) of all data that a step reads."""
    match step:
        case Pretrain(weights=Pretraining(texts=texts, languages=languages)):
            return [(name, tasks.get(name).train or "train", language) for name in texts for language in languages]
        case Study(mixture=mixture) | Ranking(mixture=mixture):
            return mixture_splits(mixture, data_source)
        case Evaluation(task=name, languages=languages):
            task = tasks.get(name)
            candidates = [(task.candidates, data_source.source_language)] if task.candidates else []
            target = [(name, language) for language in languages]
            return [(each, tasks.get(each).test or "test", language) for each, language in (*target, *candidates)]
    return []


def pretrained_encoders(sweep: Sweep) -> dict[str, Pretrained]:
    """Name of an encoder of the sweep -> its pretrained weights, or the pretrained encoder whose architecture it copies."""
    weights = {encoder.name: encoder.weights for encoder in sweep.encoders}
    like = {name: Pretrained(source=each.like) for name, each in weights.items() if isinstance(each, Untrained)}
    return {name: each for name, each in weights.items() if isinstance(each, Pretrained)} | like


def folder_or_hub_id(source: str) -> str:
    """Folder or hub id of an encoder's source."""
    if source == "mini":
        return str(mini.ENCODER)
    # Absolute, as workers have other working directories.
    return str(Path(source).resolve()) if Path(source).is_dir() else source


def encoder_pin(weights: Pretrained, data_source: DataSource) -> dict[str, Any]:
    """The pin of a pretrained encoder: digests of the files in its folder, or its repository and commit. Raises RequestError if
    there is no such folder or hub id."""
    folder = Path(folder_or_hub_id(weights.source))
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise RequestError(f"encoder folder {folder} has no config.json; it must be one that from_pretrained loads")
        return {"files": folder_digest(folder)}
    source = weights.source
    if source == "mini" or folder.is_absolute() or source.startswith(".") or source.count("/") != 1:
        raise RequestError(f"encoder '{source}': no such folder, and not a hub id of the form owner/name")
    known = data_source.repositories.get(repository_key(weights))
    commit = known.commit if known else weights.revision if is_commit(weights.revision) else UNRESOLVED
    return {"hub": source, "revision": commit}


def repository_key(weights: Pretrained) -> str:
    """The key of a hub encoder in `DataSource.repositories`: its id and the requested revision."""
    return "@".join(filter(None, (weights.source, weights.revision)))


def pretrained_on_hub(sweep: Sweep) -> dict[str, Pretrained]:
    """`repository_key` -> weights, of the pretrained encoders that the sweep loads from the hub."""
    encoders = pretrained_encoders(sweep).values()
    return {repository_key(each): each for each in encoders if not Path(folder_or_hub_id(each.source)).is_dir()}
