"""What a sweep reads is pinned once, in every way that it can be had, and a change is named."""

import io
import json
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from stilts_ray import Encoder, Pretrained, Sweep, Untrained
from stilts_ray.cli import main
from stilts_ray.data import hub
from stilts_ray.errors import RequestError, Unavailable
from stilts_ray.fingerprint import file_digest
from stilts_ray.lock import changes, lock, pins, resolved
from stilts_ray.origin import UNRESOLVED, Folder, Hub, Mini
from stilts_ray.plan import make_plan
from stilts_ray.store import Store
from stilts_ray.sweep.command import warn_of_changes

COMMIT = "c" * 40


def sweep(source: str, **changed: object) -> Sweep:
    start = Encoder(name="one", start=Pretrained(source=source))
    return Sweep(
        **{"name": "locked", "encoders": [start], "targets": ["xnli"], "languages": {"xnli": ["en", "de"]}, **changed}
    )


def test_on_the_hub_every_repository_is_at_a_commit(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def commits(repositories: list[str], encoders: set[str]) -> dict[str, str]:
        asked.extend(repositories)
        assert encoders == {"owner/xlmr"}
        return dict.fromkeys(repositories, COMMIT)

    monkeypatch.setattr(hub, "commits", commits)
    document = lock(make_plan(sweep("owner/xlmr"), Hub({})), store)
    assert document["encoders"] == {"one": {"hub": "owner/xlmr", "revision": COMMIT}}
    assert {pin["revision"] for pin in pins(document).values()} == {COMMIT}
    assert document["data"]["xnli"]["test"]["configs"] == ["de", "en"]
    assert store.read_json("locks", "locked.json") == document
    assert sorted(asked) == ["facebook/xnli", "nyu-mll/glue", "owner/xlmr"]

    # What is pinned once is not looked up again, and is what plans are made with from then on.
    asked.clear()
    plan = make_plan(sweep("owner/xlmr"), Hub(store.read_json("revisions.json") or {}))
    assert lock(plan, store) == document
    assert asked == []
    assert UNRESOLVED not in json.dumps([step.digest for step in resolved(plan, store).steps])


def test_a_hub_that_cannot_be_reached_leaves_no_lock(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def commits(*_: object) -> dict[str, str]:
        raise Unavailable("cannot look up the commit of owner/xlmr on the hub: offline")

    monkeypatch.setattr(hub, "commits", commits)
    with pytest.raises(Unavailable, match="offline"):
        lock(make_plan(sweep("owner/xlmr"), Hub({})), store)
    assert store.read_json("locks", "locked.json") is None


def test_a_folder_is_pinned_by_what_is_in_it(data_dir: Path, tiny_encoder: Path, store: Store, tmp_path: Path) -> None:
    data = Path(shutil.copytree(data_dir, tmp_path / "data"))
    before = lock(make_plan(sweep(str(tiny_encoder)), Folder(data)), store)
    test = data / "xnli" / "de" / "test.parquet"
    assert before["data"]["xnli"]["test"]["de"] == file_digest(test)
    assert lock(make_plan(sweep(str(tiny_encoder)), Folder(data_dir)), store) == before, "wherever it lies"

    shutil.copy(data / "xnli" / "en" / "test.parquet", test)
    after = lock(make_plan(sweep(str(tiny_encoder)), Folder(data)), store)
    assert changes(before, after) == ["xnli test"]
    assert changes(after, after) == []
    out = io.StringIO()
    warn_of_changes(before, after, Console(file=out, width=200))
    assert out.getvalue() == "changed since the last run, so that what depends on it is made anew: xnli test\n"
    warn_of_changes(None, after, Console(file=out))
    assert out.getvalue().count("\n") == 1


def test_mini_is_pinned_by_its_version(store: Store) -> None:
    document = lock(make_plan(sweep("mini", data="mini", languages={}), Mini()), store)
    assert document["data"]["mnli"]["train"] == {
        "mini": 2, "dataset": "glue/mnli", "split": "train", "languages": ["qaa"],
    }  # fmt: skip
    assert "files" in document["encoders"]["one"]


def test_encoders_of_one_source_are_pinned_apart(store: Store, tiny_encoder: Path) -> None:
    starts = {
        "one": Pretrained(source="owner/xlmr", revision=COMMIT),
        "two": Pretrained(source="owner/xlmr", revision="d" * 40),
        "random": Untrained(like=str(tiny_encoder)),
    }
    encoders = [Encoder(name=name, start=start) for name, start in starts.items()]
    found = lock(make_plan(sweep("", data="mini", languages={}, encoders=encoders), Mini()), store)["encoders"]
    assert [found[name].get("revision") for name in starts] == [COMMIT, "d" * 40, None]
    assert set(found["random"]) == {"files"}


def test_the_command_says_what_is_pinned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "sweep.py"
    file.write_text(
        "from stilts_ray import *\n"
        "def sweep(): return Sweep(name='s', data='mini', targets=['udpos'],"
        " encoders=[Encoder(name='e', start=Pretrained(source='mini'))])\n"
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


def test_a_run_needs_the_files_that_no_repository_has(
    data_dir: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "commits", lambda repositories, encoders: dict.fromkeys(repositories, COMMIT))
    request = sweep("owner/xlmr", intermediates=[("ccg", "mnli")], targets=[], languages={})
    assert make_plan(request, Hub({})).steps, "a plan can be looked at before"
    with pytest.raises(RequestError, match=r"^ccg: no public hub repository; give the files with --local-data DIR$"):
        lock(make_plan(request, Hub({})), store)
    document = lock(make_plan(request, Hub({}, local=data_dir)), store)
    assert document["data"]["ccg"]["train"] == {"en": file_digest(data_dir / "ccg" / "default" / "train.parquet")}
    assert document["data"]["mnli"]["train"]["revision"] == COMMIT
