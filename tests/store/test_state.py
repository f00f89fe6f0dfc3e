"""The state of a store is read once per command, and later only what is new."""

import sys
from collections import Counter
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem

from stilts_ray.cli import main
from stilts_ray.errors import Unavailable
from stilts_ray.plan.build import Plan
from stilts_ray.store.state import state_of
from stilts_ray.store.store import Store
from tests.report import fakes


@pytest.fixture
def plan() -> Plan:
    return fakes.small()


def finished(plan: Plan, store: Store) -> Store:
    fakes.execute_job(plan, store)
    return store


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Record -> number of reads."""
    counted: Counter[str] = Counter()
    real = LocalFileSystem.cat_file

    def cat_file(self: LocalFileSystem, path: str, *args: object, **options: object) -> bytes:
        text: bytes = real(self, path, *args, **options)
        if path.endswith("record.json"):
            counted[path] += 1
        return text

    monkeypatch.setattr(LocalFileSystem, "cat_file", cat_file)
    return counted


def test_a_state_has_steps_jobs_and_failures(plan: Plan, store: Store) -> None:
    fakes.execute_job(plan, store, failing="hellaswag")
    state = state_of(store)
    assert {record.kind for record in state.steps.values()} == {"pretrain", "study", "evaluation", "condition"}
    assert {record.kind for record in state.jobs.values()} == {"pretrain", "train", "score"}
    assert state.steps.keys() | state.failed.keys() == plan.by_digest.keys()
    assert not state.steps.keys() & state.failed.keys()


def test_known_records_are_not_read_again(plan: Plan, store: Store, reads: Counter[str]) -> None:
    fakes.execute_job(plan, store, jobs=10)
    known = state_of(store)
    fakes.execute_job(plan, store)
    reads.clear()
    state = state_of(store, known)
    assert len(reads) == len({**state.jobs, **state.steps}) - len({**known.jobs, **known.steps}) > 0
    assert state == state_of(store)


def test_deleted_records_are_no_longer_in_the_state(plan: Plan, store: Store) -> None:
    known = state_of(finished(plan, store))
    deleted = next(record for record in known.jobs.values() if record.kind == "train")
    store.delete(deleted.path)
    assert known.jobs.keys() - state_of(store, known).jobs.keys() == {deleted.digest}


@pytest.mark.parametrize(
    "words", [["plan"], ["status"], ["report"], ["report", "--out", "report"], ["run"]], ids=" ".join
)
def test_a_command_reads_each_record_once(
    words: list[str], plan: Plan, store: Store, reads: Counter[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    finished(plan, store)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["stilts", words[0], sweep_file(plan, tmp_path), "--store", store.url, *words[1:]])
    reads.clear()
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    assert set(reads.values()) == {1}
    assert set(reads) == {str(path) for path in Path(store.url).rglob("record.json")}


def sweep_file(plan: Plan, folder: Path) -> str:
    """A file of the plan's sweep."""
    (folder / "sweep.json").write_text(plan.sweep.model_dump_json())
    file = folder / "sweep.py"
    file.write_text(
        "from pathlib import Path\nfrom stilts_ray import Sweep\n\n\ndef sweep() -> Sweep:\n"
        '    return Sweep.model_validate_json(Path(__file__).with_suffix(".json").read_text())\n'
    )
    return str(file)


def test_an_unreadable_record_is_an_error_and_not_a_missing_record(
    plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(plan, store)

    def refused(*_: object) -> bytes:
        raise PermissionError("no access")

    monkeypatch.setattr(LocalFileSystem, "cat_file", refused)
    with pytest.raises(Unavailable, match="cannot be read: no access"):
        state_of(store)


def test_files_beside_the_folders_do_no_harm(plan: Plan, store: Store) -> None:
    before = state_of(finished(plan, store))
    store.write(b"", "train", ".DS_Store")
    assert state_of(store) == before


def test_any_folder_may_hold_a_store(plan: Plan, tmp_path: Path) -> None:
    store = finished(plan, Store(str(tmp_path / "runs [1]*")))
    assert set(state_of(store).steps) == set(plan.by_digest)
