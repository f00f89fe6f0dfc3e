"""The hub's repositories as the tasks know them, filled with the tests' fixture rows and laid out as on the hub."""

import gzip
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as arrow
import pyarrow.parquet as parquet
import yaml
from datasets import ClassLabel, List

from tests.standin.content import Commit, Files, Repository, repository
from tests.standin.rows import Table, tables

SHARDS = {"stanfordnlp/snli": 2}
"""Files of a split, where there are several."""

DESCRIBED = 8
"""A card describes the columns of a data set with no more configurations than this: cards with hundreds are slow to read."""

CHANGED = "nyu-mll/glue"
"""The repository with an older commit, which has half of the rows."""

CONVERTED = "allenai/cosmos_qa"
"""The repository that is a script; its rows are on the branch `PARQUET_BRANCH`."""

JSON_LINES = "mteb/tatoeba-bitext-mining"
"""The repository with a compressed JSON file for each configuration."""

PARQUET_BRANCH = "refs/convert/parquet"

ATTRIBUTES = {".gitattributes": b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"}


@dataclass(frozen=True)
class Laid:
    """A table as files. pattern: what stands for them in a card."""

    table: Table
    pattern: str
    files: Files


@lru_cache
def hub_repositories(rows: int | None = None) -> tuple[Repository, ...]:
    """A repository for every one that a task names, with all configurations, splits and languages that it lists.

    rows: of each split, in each language; None: as many as the fixtures have. Where a task means the rows from the thousandth
    on, a thousand more stand before them. Built once a session.
    """
    by_repository: dict[str, list[Table]] = {}
    for table in tables(rows):
        by_repository.setdefault(table.repository, []).append(table)
    return tuple(_built(name, own) for name, own in by_repository.items())


def _built(name: str, own: Sequence[Table]) -> Repository:
    if name == CONVERTED:
        return _converted(name, own)
    layout = json_lines if name == JSON_LINES else shards
    whole = Commit(with_card(name, [layout(table) for table in own]), f"Upload {name}")
    if name != CHANGED:
        return Repository(name, "datasets", ()).with_commit(whole)
    fewer = [Table(name, table.config, table.split, table.features, half(table.rows)) for table in own]
    older = Commit(with_card(name, [layout(table) for table in fewer]), "First rows", "2023-01-01T12:00:00.000Z")
    return Repository(name, "datasets", ()).with_commit(older).with_commit(whole)


def half(rows: Sequence[Any]) -> Sequence[Any]:
    """The first half of the rows, of one row that."""
    return rows[: (len(rows) + 1) // 2]


def shards(table: Table) -> Laid:
    """A table as parquet files, in the folder of its configuration; that of the only one is called `data`."""
    count = SHARDS.get(table.repository, 1)
    stem = f"{'data' if table.config == 'default' else table.config}/{table.split}-"
    size = -(-len(table.rows) // count)
    parts = [table.rows[size * place : size * (place + 1)] for place in range(count)]
    named = {f"{stem}{place:05}-of-{count:05}.parquet": part for place, part in enumerate(parts)}
    return Laid(table, f"{stem}*", {path: parquet_bytes(table, part) for path, part in named.items()})


def json_lines(table: Table) -> Laid:
    """A table as one compressed file of JSON lines, in the folder of its split."""
    lines = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in table.rows)
    path = f"{table.split}/{table.config}.jsonl.gz"
    # Without the time of day, for bytes that are the same in every session.
    return Laid(table, path, {path: gzip.compress(lines.encode(), mtime=0)})


def _converted(name: str, own: Sequence[Table]) -> Repository:
    """A script, and the hub's own conversion of what it would make."""
    script = f"{name.rpartition('/')[2]}.py"
    main = {"README.md": b"---\nlicense: cc-by-4.0\n---\n", script: b'raise RuntimeError("nobody runs this")\n'}
    exported = {f"{table.config}/{table.split}/0000.parquet": parquet_bytes(table, table.rows) for table in own}
    converted = Commit({**ATTRIBUTES, **exported}, "Update parquet files")
    return repository(name, {**ATTRIBUTES, **main}).with_commit(converted, PARQUET_BRANCH)


def parquet_bytes(table: Table, rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Rows as a parquet file with the table's feature types in its metadata, as `Dataset.to_parquet` writes it."""
    encoded = [{name: _encoded(value, table.features[name]) for name, value in row.items()} for row in rows]
    return written(arrow.Table.from_pylist(encoded, schema=table.features.arrow_schema))


def _encoded(value: Any, feature: Any) -> Any:
    """Class labels as integers. `Features.encode_example` does that too, and looks at every word of every row besides."""
    match feature:
        case ClassLabel():
            return feature.str2int(value)
        case List(feature=ClassLabel() as label):
            return label.str2int(value)
    return value


def written(table: arrow.Table) -> bytes:
    """A parquet file."""
    buffer = io.BytesIO()
    parquet.write_table(table, buffer)
    return buffer.getvalue()


def with_card(name: str, laid: Sequence[Laid]) -> Files:
    """The files of a data set with a card that says which of them are which split of which configuration."""
    configs: dict[str, list[Laid]] = {}
    for one in laid:
        configs.setdefault(one.table.config, []).append(one)
    about: dict[str, Any] = {
        "language": ["en"],
        "license": "cc-by-4.0",
        "configs": [
            {
                "config_name": config,
                "data_files": [{"split": one.table.split, "path": one.pattern} for one in own],
            }
            for config, own in configs.items()
        ],
    }
    if len(configs) <= DESCRIBED and name != JSON_LINES:
        about["dataset_info"] = [_described(config, own) for config, own in configs.items()]
    head = yaml.safe_dump(about, sort_keys=False, allow_unicode=True)
    files = {path: content for one in laid for path, content in one.files.items()}
    return {**ATTRIBUTES, "README.md": f"---\n{head}---\n\n# {name}\n".encode(), **files}


def _described(config: str, own: Sequence[Laid]) -> dict[str, Any]:
    """What a card says of a configuration's columns and sizes; the clients check the numbers of rows."""
    sizes = [sum(len(content) for content in one.files.values()) for one in own]
    return {
        "config_name": config,
        "features": own[0].table.features._to_yaml_list(),
        "splits": [
            {"name": one.table.split, "num_bytes": size, "num_examples": len(one.table.rows)}
            for one, size in zip(own, sizes, strict=True)
        ],
        "download_size": sum(sizes),
        "dataset_size": sum(sizes),
    }


def model_repository(
    folder: Path, name: str = "stilts/tiny-encoder", *, gated: bool = False, binary_only: bool = False
) -> Repository:
    """The files of a local encoder (configuration, safetensors, tokenizer) as a repository of the hub.

    gated: for those only who were given access. binary_only: the main branch has `pytorch_model.bin` and no safetensors;
    these are proposed on `refs/pr/1`, as by the hub's converting robot. Raises FileNotFoundError if there are none.
    """
    card = {"README.md": b"---\nlicense: mit\nlibrary_name: transformers\ntags:\n- xlm-roberta\n---\n"}
    files = card | {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
    if not binary_only:
        return repository(name, files, "models", gated=gated)
    both = files | {"pytorch_model.bin": _binary(folder / "model.safetensors")}
    main = {path: content for path, content in both.items() if path != "model.safetensors"}
    proposed = Commit(both, "Adding `safetensors` variant of this model")
    return repository(name, main, "models", gated=gated).with_commit(proposed, "refs/pr/1")


def _binary(weights: Path) -> bytes:
    """The weights of a safetensors file as PyTorch pickles them."""
    import torch
    from safetensors.torch import load_file

    buffer = io.BytesIO()
    torch.save(load_file(weights), buffer)
    return buffer.getvalue()
