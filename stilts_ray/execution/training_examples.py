"""The training examples of a trial: those of its languages, restricted to its difficulty quantiles if it has any."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from stilts_ray import tasks
from stilts_ray.config import Mixture, Recipe
from stilts_ray.data.batches import Items
from stilts_ray.data.encoded import Encoded, TokenizationConfig, concatenate, select
from stilts_ray.data.sources import DataSource
from stilts_ray.errors import RequestError
from stilts_ray.execution.context import WorkerContext
from stilts_ray.kinds import objective_of
from stilts_ray.kinds.splits import encoded_split
from stilts_ray.plan.inputs import training_splits
from stilts_ray.store.records import RankingRef
from stilts_ray.timing import part

LOSSES = "losses.safetensors"
"""The file of a rank job in the store: "rows", ascending indices of items, and their "losses"."""


@part("tokenise")
def training_examples(
    mixture: Mixture, recipes: Mapping[str, Recipe], folder: Path, ranking: RankingRef | None, context: WorkerContext
) -> dict[str, Encoded]:
    """The examples of each of `mixture.trained`, tokenized by the tokenizer in `folder`. ranking: the rank job whose losses
    define the difficulty quantiles.

    Raises RequestError for quantiles without examples.
    """
    data = {name: all_examples(name, mixture, recipes[name], folder, context.data_source) for name in mixture.trained}
    if ranking is None:
        return data
    (task,) = mixture.tasks
    ranked, losses = _read_losses(context.store.fetch(ranking.path, LOSSES))
    classes = objective_of(tasks.get(task).kind).strata(data[task])[ranked]
    items = ranked[in_quantiles(mixture, losses, classes)]
    if not len(items):
        raise RequestError(f"intermediates: {'-'.join(mixture.parts)} has no examples; widen the difficulty quantiles")
    return data | {task: select(data[task], items)}


@part("tokenise")
def all_examples(name: str, mixture: Mixture, recipe: Recipe, folder: Path, data_source: DataSource) -> Encoded:
    """The examples of a task in all languages of a mixture, concatenated."""
    task = tasks.get(name)
    split = task.train or "train"
    languages = training_splits(task, mixture, data_source)[split]
    encoder = str(folder)
    parts = [encoded_split(data_source, task, split, code, encoder, tokenization(recipe)) for code in languages]
    return objective_of(task.kind).training_items(concatenate(parts))


def tokenization(recipe: Recipe) -> TokenizationConfig:
    """The tokenization of a recipe."""
    return TokenizationConfig(recipe.max_length, recipe.stride)


def in_quantiles(mixture: Mixture, losses: NDArray[Any], classes: NDArray[Any]) -> Items:
    """Ascending indices of the examples in the mixture's difficulty quantiles. losses, classes: [examples]. An example's
    quantile is the share of its own class with a lower loss; of examples with equal losses the earlier one ranks as easier.

    Quantiles are per class because a model learns one class before another. Over all classes, most of a quantile would be one
    class: with mini's MNLI, after training on 2,400 examples, nine in ten of the easiest third would be neutral.
    """
    quantiles = np.empty(len(losses))
    for each in np.unique(classes):
        members = np.flatnonzero(classes == each)
        quantiles[members[np.argsort(losses[members], kind="stable")]] = (np.arange(len(members)) + 0.5) / len(members)
    return np.sort(np.argsort(quantiles, kind="stable")[mixture.quantile_slice(len(losses))])


def _read_losses(path: Path) -> tuple[Items, NDArray[Any]]:
    try:
        arrays = load_file(path)
    except (OSError, SafetensorError) as error:
        raise RequestError(f"ranking {path} cannot be read: {error}; delete its folder to make it again") from None
    return arrays["rows"], arrays["losses"]
