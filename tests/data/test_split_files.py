"""Rows of data sets of the hub in forms that are not parquet, and what tells apart what was read."""

import gzip
import io
from collections.abc import Iterator
from pathlib import Path

import pyarrow
import pyarrow.parquet as parquet
import pytest
from huggingface_hub import constants

from stilts_ray.config import Encoder, Pretrained, Sweep
from stilts_ray.data import rows
from stilts_ray.data import split_files as repositories
from stilts_ray.data.encoded import TokenizationConfig
from stilts_ray.data.hub import look_up
from stilts_ray.data.sources import HubSource, parse_repositories
from stilts_ray.errors import RequestError, RowError
from stilts_ray.kinds.splits import encoded_split
from stilts_ray.plan.build import make_plan
from stilts_ray.store.pins import REPOSITORIES, resolved
from stilts_ray.store.store import Store
from stilts_ray.tasks import TASKS
from tests.standin import Commit, Repository, StandIn, hub_repositories, model_repository, online, repository

CARD = "---\nconfigs:\n- config_name: x\n  data_files:\n  - split: train\n    path: {path}\n---\n"


@pytest.fixture
def hub(tmp_path: Path, own_cache: Path) -> Iterator[StandIn]:
    with StandIn() as standin, online(standin, tmp_path / "home", patient=False):
        yield standin


def read(hub: StandIn, path: str, content: bytes) -> list[dict[str, object]]:
    """The rows of a repository with one file."""
    hub.publish(repository("owner/data", {"README.md": CARD.format(path=path).encode(), path: content}))
    return [dict(row) for row in repositories.table(look_up("owner/data", "dataset"), "x", "train")]


def test_lines_of_json_and_tables_of_text(hub: StandIn) -> None:
    lines = b'{"a": "NA", "n": 1}\n{"a": "x\\"y", "n": 2}\n'
    expected = [{"a": "NA", "n": 1}, {"a": 'x"y', "n": 2}]
    assert read(hub, "train.jsonl", lines) == expected
    assert read(hub, "train.jsonl.gz", gzip.compress(lines)) == expected
    assert read(hub, "train.csv", b'a,n\nNA,1\n"x""y",2\n') == expected
    # A quotation mark in a TSV file is one, and no word is a missing value.
    assert read(hub, "train.tsv", b'a\tn\n"open\t1\nnull\t2\nclose"\t3\n') == [
        {"a": '"open', "n": 1}, {"a": "null", "n": 2}, {"a": 'close"', "n": 3},
    ]  # fmt: skip


def test_a_file_without_rows_or_of_another_form_is_one_line(hub: StandIn) -> None:
    for path, content in (("train.jsonl", b""), ("train.jsonl", b"{"), ("train.parquet", b"PAR1"), ("train.csv", b"")):
        with pytest.raises(RequestError, match="cannot read") as caught:
            read(hub, path, content)
        assert "\n" not in str(caught.value)


def labelled(names: list[str]) -> dict[str, bytes]:
    """A file whose integers the card alone names."""
    buffer = io.BytesIO()
    parquet.write_table(pyarrow.table({"premise": ["a"], "hypothesis": ["b"], "label": [0]}), buffer)
    listed = "\n".join(f"          '{number}': {name}" for number, name in enumerate(names))
    card = (
        "---\nconfigs:\n- config_name: mnli\n  data_files:\n  - split: train\n    path: train.parquet\n"
        "dataset_info:\n- config_name: mnli\n  features:\n  - name: label\n    dtype:\n      class_label:\n"
        f"        names:\n{listed}\n---\n"
    )
    return {"README.md": card.encode(), "train.parquet": buffer.getvalue()}


def test_sequences_are_kept_by_what_the_card_calls_the_classes(hub: StandIn, tiny_encoder: Path) -> None:
    """The same file at two commits, whose cards name its integers otherwise."""
    first, second = ["entailment", "neutral", "contradiction"], ["contradiction", "neutral", "entailment"]
    found = []
    for names in (first, second):
        old = hub["nyu-mll/glue"] if found else Repository("nyu-mll/glue", "datasets", ())
        hub.publish(old.with_commit(Commit(labelled(names), "Rows")))
        data_source = HubSource({"nyu-mll/glue": look_up("nyu-mll/glue", "dataset")})
        assert [example.label for example in rows.load(data_source, TASKS["mnli"], "train", "en")] == [names[0]]
        made = encoded_split(data_source, TASKS["mnli"], "train", "en", str(tiny_encoder), TokenizationConfig(32))
        found.append(made.fields["label"].tolist())
    assert found == [[0], [2]]


def test_a_row_of_no_known_language_is_refused_whatever_language_is_read(hub: StandIn) -> None:
    answers = {"text": ["a"], "answer_start": [0]}
    listed = [
        {"id": name, "context": "a b", "question": "?", "answers": answers} for name in ("english-1", None, "finish-2")
    ]
    buffer = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(listed), buffer)
    card = CARD.replace("config_name: x", "config_name: secondary_task").format(path="train.parquet").encode()
    hub.publish(repository("google-research-datasets/tydiqa", {"README.md": card, "train.parquet": buffer.getvalue()}))
    data_source = HubSource({"google-research-datasets/tydiqa": look_up("google-research-datasets/tydiqa", "dataset")})
    with pytest.raises(
        RowError, match=r"train\.parquet: row 1: its id starts with none of arabic-, .*; and 1 more row$"
    ):
        rows.load(data_source, TASKS["tydiqa"], "train", "en")


def test_what_a_cache_had_of_a_repository_is_completed_online(hub: StandIn, store: Store, tiny_encoder: Path) -> None:
    """A store that was begun without a network keeps its commit, and gets the other files of it."""
    from huggingface_hub import snapshot_download

    hub.publish(*hub_repositories(), model_repository(tiny_encoder, "owner/xlmr"))
    for name in ("nyu-mll/glue", "facebook/xnli"):
        snapshot_download(name, repo_type="dataset", allow_patterns=["README.md", "mnli/*", "de/test*"])
    snapshot_download("owner/xlmr")
    request = Sweep(name="s", encoders=[Encoder(name="e", weights=Pretrained(source="owner/xlmr"))], targets=["xnli"],
                    languages={"xnli": ["de"]})  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "HF_HUB_OFFLINE", True)
        begun = resolved(make_plan(request, HubSource()), store)
    assert not any(known.whole for known in begun.data_source.repositories.values())
    hub.publish(hub["nyu-mll/glue"].with_commit(Commit({"README.md": b"changed"}, "Other rows")))
    gone_on = resolved(make_plan(request, HubSource(parse_repositories(store.read_json(REPOSITORIES)))), store)
    assert [step.digest for step in gone_on.steps] == [step.digest for step in begun.steps]
    assert all(known.whole for known in gone_on.data_source.repositories.values())
    assert gone_on.data_source.repositories["facebook/xnli"].split("fr", "test")
    assert parse_repositories(store.read_json(REPOSITORIES)) == gone_on.data_source.repositories
