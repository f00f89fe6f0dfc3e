"""The number of training tokens of a trial, estimated without reading any data."""

import math
from dataclasses import dataclass

from stilts_ray import tasks
from stilts_ray.config import Mixture, Recipe
from stilts_ray.data.sources import DataSource


@dataclass(frozen=True)
class Tokens:
    """Training tokens of a trial: in packed batches, and with each sequence padded to its recipe's `max_length`."""

    packed: int
    padded: int


def trial_tokens(data_source: DataSource, mixture: Mixture, recipes: dict[str, Recipe]) -> Tokens:
    """Training tokens of one trial of a mixture. A long text counts as one window; sequences of raw text have full length.

    Local data that do not exist yet have an unknown size and count as zero.
    """
    trained = {name: tasks.get(name) for name in mixture.tasks}
    sizes = {name: data_source.train_size(task) for name, task in trained.items()}
    examples = {name: max(1, len(mixture.languages)) * count for name, (count, _) in sizes.items()}
    if mixture.difficulty_quantiles:
        capped = {name: min(count, recipes[name].train_examples or count) for name, count in examples.items()}
        examples = {name: len(range(count)[mixture.quantile_slice(count)]) for name, count in capped.items()}
    batches = mixture.batches(examples, recipes)
    packed = padded = 0
    for name, task in trained.items():
        recipe = recipes[name]
        used = min(examples[name], recipe.train_examples or examples[name])
        # The last batch of an epoch is smaller.
        drawn = round(batches[name] * used / max(1, math.ceil(used / recipe.batch_size)))
        longest = recipe.max_length * task.choices
        # Without a measured mean length, assume the maximum.
        packed += drawn * min(sizes[name][1] or longest, longest)
        padded += drawn * longest
    texts = [name for name in mixture.trained if name not in trained]
    raw = sum(batches[name] * recipes[name].batch_size * recipes[name].max_length for name in texts)
    return Tokens(packed + raw, padded + raw)
