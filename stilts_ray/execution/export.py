"""`stilts export`: a sweep's predictions and models in standard formats."""

import shutil
from pathlib import Path

from stilts_ray import tasks
from stilts_ray.data import cache
from stilts_ray.data.rows import with_labels
from stilts_ray.errors import RequestError, did_you_mean
from stilts_ray.evaluation.prediction_files import in_tree, keep_labels
from stilts_ray.execution.context import PREDICTIONS, WorkerContext, load_trained, quiet
from stilts_ray.execution.jobs import ParentCheckpoint
from stilts_ray.execution.run_index import RunIndex, UpstreamFailure
from stilts_ray.kinds import save_model
from stilts_ray.models.hf_folders import save_encoder
from stilts_ray.plan.build import Plan
from stilts_ray.plan.steps import Condition, Evaluation
from stilts_ray.store.records import EvaluationRecord
from stilts_ray.store.state import StoreState
from stilts_ray.store.store import Store


def export_predictions(plan: Plan, store: Store, state: StoreState, folder: Path) -> list[str]:
    """Writes the predictions of every finished cell and seed to `<folder>/<condition>/seed-<seed>`, and the gold labels to
    `<folder>/labels`, each in XTREME's submission tree. Returns the names of the conditions.

    Raises RequestError if no finished target is part of the tree, two targets have the same path in it, or the folder is not
    empty.
    """
    _check_empty(folder)
    _check_paths(plan)
    records, conditions, evaluations = state.steps, list[str](), dict[str, Evaluation]()
    for name, target, digest in [(each.name, *cell) for each in plan.conditions for cell in each.cells.items()]:
        step = plan.by_digest[digest]
        if digest not in records or not in_tree(tasks.get(target)) or not isinstance(step, Evaluation):
            continue
        record = records[digest]
        for trial in record.trials if isinstance(record, EvaluationRecord) else ():
            if trial.path is not None:
                predictions = store.fetch(trial.path, PREDICTIONS)
                shutil.copytree(predictions, folder / name / f"seed-{trial.seed}", dirs_exist_ok=True)
                conditions.append(name)
                evaluations[target] = step
    if not conditions:
        raise RequestError(f"store {store.url} has no finished predictions of {plan.sweep.name} to write")
    for target, step in evaluations.items():
        task = tasks.get(target)
        split = (plan.data_source, task, task.test or "test")
        keep_labels(folder / "labels", task, {code: cache.examples(*split, code) for code in step.languages})
    return list(dict.fromkeys(conditions))


def _check_empty(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise RequestError(f"{folder} is not empty; give a new or an empty folder")


def _check_paths(plan: Plan) -> None:
    """Raises RequestError for targets with the same path in the tree, such as a task and its larger variant."""
    targets: dict[str, str] = {}
    for target in filter(lambda name: in_tree(tasks.get(name)), plan.sweep.targets):
        other = targets.setdefault(tasks.get(target).form, target)
        if other != target:
            raise RequestError(f"{other} and {target} have the same path in the tree; export a sweep with one of them")


def export_model(plan: Plan, store: Store, state: StoreState, cell: str, seed: int | None, folder: Path) -> str:
    """Writes the model of a cell, 'CONDITION/TARGET', as a Hugging Face folder. Returns the name of the class that loads it.

    seed: None for the sweep's first. Raises RequestError if there is no such cell, it is not finished, transformers has no
    class for it, or the folder is not empty.
    """
    quiet()
    _check_empty(folder)
    checkpoint = _checkpoint(plan, state, cell, plan.sweep.seeds[0] if seed is None else seed)
    trained = tasks.get(cell.rpartition("/")[2]).trained
    task = with_labels(plan.data_source, tasks.get(trained)) if trained else None
    model, encoder = load_trained(checkpoint, task, WorkerContext(store, plan.data_source))
    loader = save_encoder(model.encoder, folder) if task is None else save_model(model, task, folder)
    cache.copy_tokenizer(str(encoder), folder)
    return loader


def _checkpoint(plan: Plan, state: StoreState, cell: str, seed: int) -> ParentCheckpoint:
    """The checkpoint that a cell evaluates: a finished trial, or an encoder. Raises RequestError if there is none."""
    condition, target = _cell(plan, cell)
    if seed not in plan.sweep.seeds:
        raise RequestError(f"no seed {seed} in {plan.sweep.name}; it has {', '.join(map(str, plan.sweep.seeds))}")
    evaluation = plan.by_digest[condition.cells[target]]
    assert isinstance(evaluation, Evaluation)
    index = RunIndex(plan, dict(state.jobs), dict(state.steps))
    match index.checkpoint(evaluation, evaluation.of, seed):
        case ParentCheckpoint() as checkpoint:
            return checkpoint
        case UpstreamFailure(reason):
            raise RequestError(f"{cell} has no model with seed {seed}: {reason}")
    raise RequestError(f"{cell} with seed {seed} has no finished trial; finish the sweep with stilts run")


def _cell(plan: Plan, cell: str) -> tuple[Condition, str]:
    known = {f"{each.name}/{target}": (each, target) for each in plan.conditions for target in each.cells}
    if cell not in known:
        raise RequestError(f"no cell '{cell}'; {did_you_mean(cell, list(known))}")
    return known[cell]
