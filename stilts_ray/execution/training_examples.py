"""The training rows of a run: those of its languages, or of these the band that a ranking picks."""

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
from stilts_ray.timing import part

LOSSES = "losses.safetensors"
"""What a ranking leaves: "rows", indices of items in their order, and the "losses" of these."""


@part("tokenise")
def training_rows(
    mixture: Mixture,
    recipes: Mapping[str, Recipe],
    folder: Path,
    ranking: Mapping[str, str] | None,
    place: WorkerContext,
) -> dict[str, Encoded]:
    """The rows of each of `mixture.trained`, for the tokenizer in `folder`. ranking: where a band is picked from.

    Raises RequestError for a band without rows.
    """
    found = {name: all_rows(name, mixture, recipes[name], folder, place.data_source) for name in mixture.trained}
    if ranking is None:
        return found
    (task,) = mixture.tasks
    rows, losses = _ranked(place.store.fetch(ranking["path"], LOSSES))
    classes = objective_of(tasks.get(task).kind).strata(found[task])[rows]
    items = rows[in_quantiles(mixture, losses, classes)]
    if not len(items):
        raise RequestError(f"intermediates: {'-'.join(mixture.parts)} has no rows; widen the band")
    return found | {task: select(found[task], items)}


@part("tokenise")
def all_rows(name: str, mixture: Mixture, recipe: Recipe, folder: Path, data_source: DataSource) -> Encoded:
    """The rows of all languages of a mixture, one language after the other."""
    task = tasks.get(name)
    split = task.train or "train"
    languages = training_splits(task, mixture, data_source)[split]
    parts = [encoded_split(data_source, task, split, code, str(folder), reading(recipe)) for code in languages]
    return objective_of(task.kind).training_items(concatenate(parts))


def reading(recipe: Recipe) -> TokenizationConfig:
    """How a recipe reads text."""
    return TokenizationConfig(recipe.max_length, recipe.stride)


def in_quantiles(mixture: Mixture, losses: NDArray[Any], classes: NDArray[Any]) -> Items:
    """Indices, in their order, of the rows in the mixture's band: losses and classes are [rows]. A row's place is the share
    of its own class that is easier; of equal losses the earlier row is the easier one.

    A model learns one class before another, so that without regard to it a band is a class before it is anything else: of
    mini's MNLI, learnt from 2,400 rows, nine in ten of the easiest third would be neutral.
    """
    places = np.empty(len(losses))
    for each in np.unique(classes):
        own = np.flatnonzero(classes == each)
        places[own[np.argsort(losses[own], kind="stable")]] = (np.arange(len(own)) + 0.5) / len(own)
    return np.sort(np.argsort(places, kind="stable")[mixture.part(len(losses))])


def _ranked(path: Path) -> tuple[Items, NDArray[Any]]:
    try:
        arrays = load_file(path)
    except (OSError, SafetensorError) as error:
        raise RequestError(f"ranking {path} cannot be read: {error}; delete its folder to make it again") from None
    return arrays["rows"], arrays["losses"]
