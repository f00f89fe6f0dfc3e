"""The training examples of a trial: those of its languages, or of these the ones in its difficulty quantiles."""

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
"""What a ranking leaves in the store: "rows", ascending indices of items, and their "losses"."""


@part("tokenise")
def training_examples(
    mixture: Mixture, recipes: Mapping[str, Recipe], folder: Path, ranking: RankingRef | None, context: WorkerContext
) -> dict[str, Encoded]:
    """The examples of each of `mixture.trained`, tokenized by the tokenizer in `folder`. ranking: what the difficulty
    quantiles refer to.

    Raises RequestError for quantiles without examples.
    """
    found = {name: all_examples(name, mixture, recipes[name], folder, context.data_source) for name in mixture.trained}
    if ranking is None:
        return found
    (task,) = mixture.tasks
    rows, losses = _ranked(context.store.fetch(ranking.path, LOSSES))
    classes = objective_of(tasks.get(task).kind).strata(found[task])[rows]
    items = rows[in_quantiles(mixture, losses, classes)]
    if not len(items):
        raise RequestError(f"intermediates: {'-'.join(mixture.parts)} has no examples; widen the difficulty quantiles")
    return found | {task: select(found[task], items)}


@part("tokenise")
def all_examples(name: str, mixture: Mixture, recipe: Recipe, folder: Path, data_source: DataSource) -> Encoded:
    """The examples of all languages of a mixture, one language after the other."""
    task = tasks.get(name)
    split = task.train or "train"
    languages = training_splits(task, mixture, data_source)[split]
    encoder = str(folder)
    parts = [encoded_split(data_source, task, split, code, encoder, tokenization(recipe)) for code in languages]
    return objective_of(task.kind).training_items(concatenate(parts))


def tokenization(recipe: Recipe) -> TokenizationConfig:
    """How a recipe tokenizes."""
    return TokenizationConfig(recipe.max_length, recipe.stride)


def in_quantiles(mixture: Mixture, losses: NDArray[Any], classes: NDArray[Any]) -> Items:
    """Ascending indices of the examples in the mixture's difficulty quantiles. losses, classes: [examples]. An example's
    quantile is the share of its own class with a lower loss; of equal losses the earlier example counts as the easier one.

    A model learns one class before another. Ranked over all classes, a quantile would mostly be one class: of mini's MNLI,
    learnt from 2,400 examples, nine in ten of the easiest third would be neutral.
    """
    places = np.empty(len(losses))
    for each in np.unique(classes):
        own = np.flatnonzero(classes == each)
        places[own[np.argsort(losses[own], kind="stable")]] = (np.arange(len(own)) + 0.5) / len(own)
    return np.sort(np.argsort(places, kind="stable")[mixture.quantile_slice(len(losses))])


def _ranked(path: Path) -> tuple[Items, NDArray[Any]]:
    try:
        arrays = load_file(path)
    except (OSError, SafetensorError) as error:
        raise RequestError(f"ranking {path} cannot be read: {error}; delete its folder to make it again") from None
    return arrays["rows"], arrays["losses"]
