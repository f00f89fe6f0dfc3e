"""What a sweep reads: tasks, splits of their rows, existing encoders, and what pins these. Nothing is read here."""

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
    """Every task whose rows the sweep reads. Raises RequestError for an unknown one or one without its role."""
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
            can = [t.name for t in tasks.TASKS.values() if t.languages]
            raise RequestError(f"'{task.name}' has no test languages; targets are: {', '.join(can)}")
    sources = [tasks.get(name) for task in targets for name in task.train_on]
    sources += [tasks.get(task.candidates) for task in targets if task.candidates]
    text = [tasks.get(name) for e in sweep.encoders if isinstance(e.weights, Pretraining) for name in e.weights.texts]
    text += [tasks.get(mixture.masked.texts) for mixture in mixtures if mixture.masked]
    for task in text:
        if task.kind is not Kind.TEXT:
            raise RequestError(f"'{task.name}' is not raw text")
    return list({task.name: task for task in (*trained, *targets, *sources, *text)}.values())


def training_splits(task: Task, mixture: Mixture, data_source: DataSource) -> dict[str, tuple[str, ...]]:
    """The splits of a task that the training of a mixture reads, with the languages: dev is always the source's."""
    source = (data_source.source_language,)
    if task.kind is Kind.TEXT:
        return {task.train or "train": mixture.masked.languages if mixture.masked else source}
    if task.train is None:
        return {}
    there = data_source.training_languages(task)
    for code in mixture.languages:
        if code not in there:
            raise RequestError(
                f"intermediates: {task.name} has no training data in '{code}', only in {', '.join(there)}"
            )
    return {task.train: mixture.languages or source, **({task.dev: source} if task.dev else {})}


def training_languages_read(task: Task, data_source: DataSource) -> dict[str, tuple[str, ...]]:
    """The splits that any training of a task may read, with the languages that there are: dev is always the source's."""
    if task.train is None:
        return {}
    there = data_source.training_languages(task)
    return {
        task.train: there,
        **({task.dev: (data_source.source_language,)} if task.dev and task.dev != task.train else {}),
    }


def mixture_reads(mixture: Mixture, data_source: DataSource) -> list[tuple[str, str, str]]:
    """The splits whose rows the training of a mixture reads, as (task, split, language)."""
    trained = [tasks.get(name) for name in mixture.trained]
    splits = [(task.name, *entry) for task in trained for entry in training_splits(task, mixture, data_source).items()]
    return [(name, split, code) for name, split, codes in splits for code in codes]


def reads(step: Step, data_source: DataSource) -> list[tuple[str, str, str]]:
    """The splits whose rows a step reads, as (task, split, language)."""
    match step:
        case Pretrain(weights=Pretraining(texts=texts, languages=languages)):
            return [(name, tasks.get(name).train or "train", language) for name in texts for language in languages]
        case Study(mixture=mixture) | Ranking(mixture=mixture):
            return mixture_reads(mixture, data_source)
        case Evaluation(task=name, languages=languages):
            task = tasks.get(name)
            apart = [(task.candidates, data_source.source_language)] if task.candidates else []
            asked = [(name, language) for language in languages]
            return [(each, tasks.get(each).test or "test", language) for each, language in (*asked, *apart)]
    return []


def encoders_read(sweep: Sweep) -> dict[str, Pretrained]:
    """The existing encoders that the sweep starts from or takes the form of, by the names that its own have."""
    starts = {encoder.name: encoder.weights for encoder in sweep.encoders}
    like = {name: Pretrained(source=start.like) for name, start in starts.items() if isinstance(start, Untrained)}
    return {name: start for name, start in starts.items() if isinstance(start, Pretrained)} | like


def location(source: str) -> str:
    """Folder or hub id of an encoder's source."""
    if source == "mini":
        return str(mini.ENCODER)
    # Workers have other working folders.
    return str(Path(source).resolve()) if Path(source).is_dir() else source


def encoder_pin(start: Pretrained, data_source: DataSource) -> dict[str, Any]:
    """What pins an existing encoder: the contents of its folder, or its repository and commit."""
    folder = Path(location(start.source))
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise RequestError(f"encoder folder {folder} has no config.json; it must be one that from_pretrained loads")
        return {"files": folder_digest(folder)}
    if start.source == "mini" or folder.is_absolute() or start.source.startswith(".") or start.source.count("/") != 1:
        raise RequestError(f"encoder '{start.source}': no such folder, and not a hub id of the form owner/name")
    known = data_source.repositories.get(encoder_key(start))
    commit = known.commit if known else start.revision if is_commit(start.revision) else UNRESOLVED
    return {"hub": start.source, "revision": commit}


def encoder_key(start: Pretrained) -> str:
    """What an encoder of the hub is called in `Origin.repositories`: its id, and the revision asked for."""
    return "@".join(filter(None, (start.source, start.revision)))


def hub_encoders(sweep: Sweep) -> dict[str, Pretrained]:
    """The existing encoders that the sweep reads from the hub, by their keys."""
    starts = encoders_read(sweep).values()
    return {encoder_key(start): start for start in starts if not Path(location(start.source)).is_dir()}
