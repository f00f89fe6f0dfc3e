"""Token sequences of the splits of tasks. Apart from the other modules of this folder, since only it reads data sets."""

from stilts_ray.data import cache
from stilts_ray.data.encoded import Encoded, TokenizationConfig
from stilts_ray.data.sources import DataSource
from stilts_ray.kinds import kind_of
from stilts_ray.tasks.base import Task


def encoded_split(
    data_source: DataSource, task: Task, split: str, language: str, tokenizer: str, tokenization: TokenizationConfig
) -> Encoded:
    """Token sequences of a split for the tokenizer in the folder `tokenizer`, cached in memory and on disk."""
    spec = kind_of(task)
    encoding = cache.Encoding(spec.encode, spec.version)
    return cache.encoded(data_source, task, split, language, tokenizer, tokenization, encoding)
