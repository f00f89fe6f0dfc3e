"""`stilts export`: what a sweep made, for use without it."""

import shutil
from pathlib import Path

from stilts_ray import tasks
from stilts_ray.data import cache
from stilts_ray.data.rows import labelled
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
    """Writes the predictions of every finished cell and seed to `<folder>/<row>/seed-<seed>`, and the right answers to
    `<folder>/labels`, each in XTREME's submission tree. Returns the names of the rows.

    Raises RequestError if nothing is finished that the tree has a place for, two targets have one place, or the folder holds
    something.
    """
    _check_empty(folder)
    _check_places(plan)
    records, rows, evaluations = state.steps, list[str](), dict[str, Evaluation]()
    for name, target, digest in [(row.name, *cell) for row in plan.conditions for cell in row.cells.items()]:
        step = plan.by_digest[digest]
        if digest not in records or not in_tree(tasks.get(target)) or not isinstance(step, Evaluation):
            continue
        record = records[digest]
        for trial in record.trials if isinstance(record, EvaluationRecord) else ():
            if trial.path is not None:
                made = store.fetch(trial.path, PREDICTIONS)
                shutil.copytree(made, folder / name / f"seed-{trial.seed}", dirs_exist_ok=True)
                rows.append(name)
                evaluations[target] = step
    if not rows:
        raise RequestError(f"store {store.url} has no finished predictions of {plan.sweep.name} to write")
    for target, step in evaluations.items():
        task = tasks.get(target)
        where = (plan.data_source, task, task.test or "test")
        keep_labels(folder / "labels", task, {code: cache.examples(*where, code) for code in step.languages})
    return list(dict.fromkeys(rows))


def _check_empty(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise RequestError(f"{folder} holds something already; give a new or an empty folder")


def _check_places(plan: Plan) -> None:
    """Raises RequestError for targets whose files would be the same, as those of a task and its larger variant."""
    places: dict[str, str] = {}
    for target in filter(lambda name: in_tree(tasks.get(name)), plan.sweep.targets):
        other = places.setdefault(tasks.get(target).form, target)
        if other != target:
            raise RequestError(f"{other} and {target} have one place in the tree; export a sweep with one of them")


def export_model(plan: Plan, store: Store, state: StoreState, cell: str, seed: int | None, folder: Path) -> str:
    """Writes the model of a cell, 'ROW/TARGET', as a Hugging Face folder. Returns the class that loads it.

    seed: None for the sweep's first. Raises RequestError if there is no such cell, it is not finished, transformers has no
    class for it, or the folder holds something.
    """
    quiet()
    _check_empty(folder)
    parent = _checkpoint(plan, state, cell, plan.sweep.seeds[0] if seed is None else seed)
    trained = tasks.get(cell.rpartition("/")[2]).trained
    task = labelled(plan.data_source, tasks.get(trained)) if trained else None
    model, source = load_trained(parent, task, WorkerContext(store, plan.data_source))
    loader = save_encoder(model.encoder, folder) if task is None else save_model(model, task, folder)
    cache.copy_tokenizer(str(source), folder)
    return loader


def _checkpoint(plan: Plan, state: StoreState, cell: str, seed: int) -> ParentCheckpoint:
    """What is scored in a cell: a finished run, or an encoder. Raises RequestError if there is none."""
    row, target = _cell(plan, cell)
    if seed not in plan.sweep.seeds:
        raise RequestError(f"no seed {seed} in {plan.sweep.name}; it has {', '.join(map(str, plan.sweep.seeds))}")
    evaluation = plan.by_digest[row.cells[target]]
    assert isinstance(evaluation, Evaluation)
    index = RunIndex(plan, dict(state.jobs), dict(state.steps))
    match index.checkpoint(evaluation, evaluation.of, seed):
        case ParentCheckpoint() as checkpoint:
            return checkpoint
        case UpstreamFailure(reason):
            raise RequestError(f"{cell} has no model with seed {seed}: {reason}")
    raise RequestError(f"{cell} with seed {seed} has no finished run; stilts run does what is left")


def _cell(plan: Plan, cell: str) -> tuple[Condition, str]:
    known = {f"{row.name}/{target}": (row, target) for row in plan.conditions for target in row.cells}
    if cell not in known:
        raise RequestError(f"no cell '{cell}'; {did_you_mean(cell, list(known))}")
    return known[cell]
