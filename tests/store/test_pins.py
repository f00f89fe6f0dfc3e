"""Pins of a sweep's inputs, on every kind of data source; changed pins are named."""

import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from stilts_ray import Encoder, Pretrained, Sweep, Untrained
from stilts_ray.cli import main
from stilts_ray.data.repository import CONVERTED, Repository
from stilts_ray.data.sources import (
    UNRESOLVED,
    FolderSource,
    HubSource,
    MiniSource,
    SourceAddress,
    from_address,
    parse_repositories,
    replaced_folders,
)
from stilts_ray.errors import RequestError
from stilts_ray.execution.progress import Progress
from stilts_ray.execution.run import show_changes
from stilts_ray.identity import file_digest
from stilts_ray.plan.build import make_plan
from stilts_ray.store.pins import REPOSITORIES, LockFile, changed_pins, dataset_repository, lock, read_lock, resolved
from stilts_ray.store.store import Store
from stilts_ray.tasks import TASKS
from tests.standin import Commit, Fault, StandIn, hub_repositories, model_repository, online
from tests.standin import Repository as Content


def sweep(source: str, **changed: object) -> Sweep:
    encoder = Encoder(name="one", weights=Pretrained(source=source))
    return Sweep(
        **{"name": "locked", "encoders": [encoder], "targets": ["xnli"], "languages": {"xnli": ["en", "de"]}, **changed}
    )


@pytest.fixture
def hub(tmp_path: Path, tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """A hub with all data sets and an encoder; clients have empty caches."""
    monkeypatch.setenv("STILTS_CACHE", str(tmp_path / "cache"))
    standin = StandIn((*hub_repositories(), model_repository(tiny_encoder, "owner/xlmr")))
    with standin, online(standin, tmp_path / "home", patient=False):
        yield standin


def repositories(store: Store) -> dict[str, Repository]:
    return parse_repositories(store.read_json(REPOSITORIES) or {})


def pin_of(file: LockFile, name: str) -> Any:
    return file.pins[name]


def test_on_the_hub_every_repository_is_at_a_commit(store: Store, hub: StandIn) -> None:
    document = lock(make_plan(sweep("owner/xlmr"), HubSource()), store)
    assert document.encoders == {"one": {"hub": "owner/xlmr", "revision": hub["owner/xlmr"].main.id}}
    assert pin_of(document, "xnli test") == {
        "hub": "facebook/xnli", "revision": hub["facebook/xnli"].main.id, "configs": ["de", "en"], "split": "test",
    }  # fmt: skip
    assert read_lock(store, "locked") == document
    # One request for each repository, and none for a file.
    assert sorted(request.path for request in hub.requests) == [
        "/api/datasets/facebook/xnli", "/api/datasets/nyu-mll/glue", "/api/models/owner/xlmr",
    ]  # fmt: skip

    # Pinned repositories are not looked up again, and later plans use the pins.
    hub.requests.clear()
    hub.publish(hub["nyu-mll/glue"].with_commit(Commit({"README.md": b"changed"}, "Other rows")))
    plan = make_plan(sweep("owner/xlmr"), HubSource(repositories(store)))
    assert lock(plan, store) == document
    assert hub.requests.count() == 0
    assert UNRESOLVED not in json.dumps([step.digest for step in resolved(plan, store).steps])


def test_resolved_repositories_are_saved_if_a_later_one_fails(store: Store, hub: StandIn) -> None:
    plan = make_plan(sweep("owner/xlmr"), HubSource())
    fault = Fault(match="nyu-mll", status=403, times=None)
    hub.faults.add(fault)
    with pytest.raises(RequestError, match="data set nyu-mll/glue: the hub refuses this login"):
        lock(plan, store)
    assert read_lock(store, "locked") is None
    assert "owner/xlmr" in repositories(store), "encoders come first"
    assert "nyu-mll/glue" not in repositories(store)
    hub.faults.remove(fault)
    hub.requests.clear()
    lock(make_plan(sweep("owner/xlmr"), HubSource(repositories(store))), store)
    assert not hub.requests.count("owner/xlmr")


def test_an_encoders_branch_is_pinned_at_its_commit(store: Store, hub: StandIn, tiny_encoder: Path) -> None:
    hub.publish(model_repository(tiny_encoder, "owner/old", binary_only=True))
    weights = Pretrained(source="owner/old", revision="refs/pr/1")
    request = sweep("", encoders=[Encoder(name="one", weights=weights)], targets=["udpos"], languages={"udpos": ["en"]})
    plan = make_plan(request, HubSource())
    assert plan.unresolved == ["google/xtreme", "owner/old@refs/pr/1"]
    commit = hub["owner/old"].branches["refs/pr/1"]
    assert lock(plan, store).encoders == {"one": {"hub": "owner/old", "revision": commit}}
    assert commit != hub["owner/old"].main.id


def test_rows_are_read_from_the_other_branch_if_only_that_has_them(hub: StandIn) -> None:
    task, splits = TASKS["cosmosqa"], {("default", "train"), ("default", "validation")}
    converted = dataset_repository(task, splits)
    assert converted.branch == CONVERTED
    # As if the task said main, whose rows are a script's.
    plain = replace(task, source=replace(task.source, branch=None))
    assert dataset_repository(plain, splits) == converted
    # Conversely: the branch no longer exists, and main has the rows.
    rows = Commit({f"data/{split}-00000-of-00001.parquet": b"" for _, split in splits}, "Rows")
    hub.publish(Content("allenai/cosmos_qa", "datasets", ()).with_commit(rows))
    assert dataset_repository(task, splits).commit == rows.id
    with pytest.raises(RequestError, match="has no file of rows for configuration 'default', split 'test'"):
        dataset_repository(plain, {("default", "test")})


def test_a_local_folder_replaces_single_tasks(store: Store, hub: StandIn, data_dir: Path, tmp_path: Path) -> None:
    local = tmp_path / "local"
    shutil.copytree(data_dir / "xnli", local / "xnli")
    replaced = replaced_folders(local, TASKS.values())
    assert replaced == {"xnli/{}"}
    data_source = HubSource(local=local, replaced=replaced)
    document = lock(make_plan(sweep("owner/xlmr"), data_source), store)
    assert pin_of(document, "xnli test") == FolderSource(data_dir).identity(TASKS["xnli"], "test", ("de", "en"))
    assert pin_of(document, "mnli train")["hub"] == "nyu-mll/glue"
    assert not hub.requests.count("xnli")
    again = from_address(SourceAddress.model_validate_json(data_source.address().model_dump_json()))
    assert again == data_source
    assert again.place == data_source.place != HubSource().place


def test_a_folder_is_pinned_by_its_content(data_dir: Path, tiny_encoder: Path, store: Store, tmp_path: Path) -> None:
    data = Path(shutil.copytree(data_dir, tmp_path / "data"))
    before = lock(make_plan(sweep(str(tiny_encoder)), FolderSource(data)), store)
    test = data / "xnli" / "de" / "test.parquet"
    assert pin_of(before, "xnli test")["de"] == file_digest(test)
    assert lock(make_plan(sweep(str(tiny_encoder)), FolderSource(data_dir)), store) == before, "whatever its path"

    shutil.copy(data / "xnli" / "en" / "test.parquet", test)
    after = lock(make_plan(sweep(str(tiny_encoder)), FolderSource(data)), store)
    assert changed_pins(before, after) == ["xnli test"]
    assert changed_pins(after, after) == []
    out = io.StringIO()
    show_changes(before, after, Progress(Console(file=out, width=200)))
    assert out.getvalue() == "changed since the last invocation, steps that read them run again: xnli test\n"
    show_changes(None, after, Progress(Console(file=out)))
    assert out.getvalue().count("\n") == 1


@pytest.mark.parametrize("document", [{"sweep": 3}, [], {"sweep": "s", "encoders": {}, "data": {"mnli": 1}}])
def test_a_damaged_lock_file_is_a_one_line_error_with_its_remedy(document: Any, store: Store) -> None:
    store.write_json(document, "locks", "s.json")
    with pytest.raises(RequestError, match=r"locks/s\.json is damaged; delete it to make it again$"):
        read_lock(store, "s")


def test_mini_is_pinned_by_its_version(store: Store) -> None:
    document = lock(make_plan(sweep("mini", data="mini", languages={}), MiniSource()), store)
    assert pin_of(document, "mnli train") == {
        "mini": 2, "dataset": "glue/mnli", "split": "train", "languages": ["qaa"],
    }  # fmt: skip
    assert "files" in document.encoders["one"]


def test_encoders_of_one_source_have_separate_pins(store: Store, hub: StandIn, tiny_encoder: Path) -> None:
    first = hub["owner/xlmr"].main
    hub.publish(hub["owner/xlmr"].with_commit(Commit({**first.files, "more.json": b"{}"}, "More")))
    second = hub["owner/xlmr"].main
    weights = {
        "one": Pretrained(source="owner/xlmr", revision=first.id),
        "two": Pretrained(source="owner/xlmr"),
        "random": Untrained(like=str(tiny_encoder)),
    }
    encoders = [Encoder(name=name, weights=each) for name, each in weights.items()]
    pinned = lock(make_plan(sweep("", data="mini", languages={}, encoders=encoders), MiniSource()), store)
    assert [pin_of(pinned, f"encoder {name}").get("revision") for name in weights] == [first.id, second.id, None]
    assert set(pin_of(pinned, "encoder random")) == {"files"}


def test_the_command_prints_the_pins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "sweep.py"
    file.write_text(
        "from stilts_ray import *\n"
        "def sweep(): return Sweep(name='s', data='mini', targets=['udpos'],"
        " encoders=[Encoder(name='e', weights=Pretrained(source='mini'))])\n"
    )
    monkeypatch.setattr("sys.argv", ["stilts", "lock", str(file), "--store", str(tmp_path / "store")])
    main_exits_cleanly()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[:-1]] == [
        "encoder e", "udpos test", "udpos train", "udpos validation",
    ]  # fmt: skip
    assert lines[-1] == f"written to {tmp_path}/store/locks/s.json"


def main_exits_cleanly() -> None:
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code


def test_tasks_without_a_public_repository_need_local_data(data_dir: Path, store: Store, hub: StandIn) -> None:
    request = sweep("owner/xlmr", intermediates=[("ccg", "mnli")], targets=[], languages={})
    assert make_plan(request, HubSource({})).steps, "planning needs no local data"
    with pytest.raises(RequestError, match=r"^ccg: no public hub repository; give the files with --local-data DIR$"):
        lock(make_plan(request, HubSource({})), store)
    document = lock(make_plan(request, HubSource(local=data_dir)), store)
    assert pin_of(document, "ccg train") == {"en": file_digest(data_dir / "ccg" / "default" / "train.parquet")}
    assert pin_of(document, "mnli train")["revision"] == hub["nyu-mll/glue"].main.id
