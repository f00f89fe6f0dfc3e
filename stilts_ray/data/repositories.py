"""Rows of data sets of the hub: the files of a split at a commit, and the table of them."""

from pathlib import Path

import datasets

from stilts_ray.data.hub import fetch
from stilts_ray.data.tables import Table, dataset_table, parquet_table
from stilts_ray.errors import RequestError, first_line
from stilts_ray.repository import Repository


def files(repository: Repository, config: str, split: str) -> list[Path]:
    """The files of a split on this machine; no others are downloaded. Raises RequestError if they cannot be had."""
    return [fetch(repository, path) for path in repository.split(config, split)]


def table(repository: Repository, config: str, split: str) -> Table:
    """The rows of a split. Raises RequestError if they cannot be had."""
    paths = repository.split(config, split)
    here = files(repository, config, split)
    names = [f"{repository.at}/{path}" for path in paths]
    if paths[0].endswith(".parquet"):
        return parquet_table(here, names, repository.class_names.get(config, {}))
    return dataset_table(_converted(here, paths[0]), f"{repository.at}/{config}/{split}")


def _converted(here: list[Path], path: str) -> datasets.Dataset:
    """Rows in another form than parquet, as the hub's library reads it."""
    loader = "json" if ".json" in path else "csv"
    options = {"sep": "\t"} if ".tsv" in path else {}
    datasets.disable_progress_bars()
    try:
        return datasets.load_dataset(loader, data_files=[str(file) for file in here], split="train", **options)
    except (OSError, ValueError, datasets.exceptions.DatasetGenerationError) as error:
        raise RequestError(f"cannot read {here[0]}: {first_line(error.__cause__ or error)}") from None
