"""Splits of data sets on the hub: their files at a commit, and their rows as a table."""

import csv
from pathlib import Path
from typing import Any

import datasets

from stilts_ray.data.hub import fetch
from stilts_ray.data.repository import Repository
from stilts_ray.data.tables import Table, dataset_table, parquet_table
from stilts_ray.errors import RequestError, first_line


def files(repository: Repository, config: str, split: str) -> list[Path]:
    """Local paths of a split's files; only these are downloaded. Raises RequestError if one is unavailable."""
    return [fetch(repository, path) for path in repository.split(config, split)]


def table(repository: Repository, config: str, split: str) -> Table:
    """The rows of a split. Raises RequestError if its files are unavailable or unreadable."""
    paths = repository.split(config, split)
    here = [fetch(repository, path) for path in paths]
    names = [f"{repository.at}/{path}" for path in paths]
    class_names = repository.class_names.get(config, {})
    if paths[0].endswith(".parquet"):
        return parquet_table(here, names, class_names)
    return dataset_table(_converted(here, paths[0]), f"{repository.at}/{config}/{split}", class_names)


def _converted(here: list[Path], path: str) -> datasets.Dataset:
    """Rows of another format than parquet, as `datasets` loads them."""
    loader = "json" if ".json" in path else "csv"
    # Text is read literally: no word means a missing value, and TSV files have no quoting.
    options: dict[str, Any] = {"keep_default_na": False, "index_col": False} if loader == "csv" else {}
    options |= {"sep": "\t", "quoting": csv.QUOTE_NONE} if ".tsv" in path else {}
    datasets.disable_progress_bars()
    try:
        return datasets.load_dataset(loader, data_files=[str(file) for file in here], split="train", **options)
    except (OSError, ValueError, StopIteration, datasets.exceptions.DatasetGenerationError) as error:
        raise RequestError(f"cannot read rows of {path}: {first_line(error.__cause__ or error)}") from None
