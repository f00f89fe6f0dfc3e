import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from stilts_ray import mini
from stilts_ray.data import rows
from stilts_ray.data.sources import (
    UNRESOLVED,
    DataSource,
    FolderSource,
    HubSource,
    MiniSource,
    SourceAddress,
    from_address,
)
from stilts_ray.errors import RequestError
from stilts_ray.identity import canonical, file_digest
from stilts_ray.mini import PIVOT
from stilts_ray.tasks import TASKS
from stilts_ray.tasks.base import Source, parse_split
from tests.pins import at_commits

COMMIT = "c" * 40


@pytest.mark.parametrize(
    "data_source",
    [HubSource(at_commits({"nyu-mll/glue": COMMIT})), FolderSource(Path("/some/folder")), MiniSource()],
    ids=repr,
)
def test_a_data_source_is_reconstructed_from_its_address(data_source: DataSource) -> None:
    address = data_source.address()
    assert SourceAddress.model_validate_json(address.model_dump_json()) == address, "plain data"
    assert from_address(address) == data_source


def test_an_address_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="not the address of a data source"):
        from_address(SourceAddress(kind="folder"))


def test_a_folders_identity_is_the_contents_not_the_place(data_dir: Path, tmp_path: Path) -> None:
    task = TASKS["xnli"]
    copy = Path(shutil.copytree(data_dir, tmp_path / "copy"))
    first = FolderSource(data_dir).identity(task, "test", ("en", "de"))
    assert first == FolderSource(copy).identity(task, "test", ("de", "en"))
    assert first == {"en": file_digest(data_dir / "xnli/en/test.parquet"), "de": first["de"]}
    (copy / "xnli/de/test.parquet").write_bytes(b"other")
    other = FolderSource(copy).identity(task, "test", ("en", "de"))
    assert other["en"] == first["en"]
    assert other["de"] != first["de"]


def test_a_folder_without_the_file_is_one_line(data_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"udpos: no file udpos/Yoruba/test\.parquet in .*; there: English, German$"):
        FolderSource(data_dir).identity(TASKS["udpos"], "test", ("en", "yo"))
    with pytest.raises(RequestError, match=r"no file xnli/en/test\.parquet in [^;]*$"):
        FolderSource(tmp_path).identity(TASKS["xnli"], "test", ("en",))


def test_sizes_of_training_data(data_dir: Path) -> None:
    assert FolderSource(data_dir).train_size(TASKS["mnli"]) == (8, TASKS["mnli"].tokens)
    assert HubSource({}).train_size(TASKS["mnli"]) == (392_702, TASKS["mnli"].tokens)


def test_the_parts_of_a_split_are_pinned_one_by_one(data_dir: Path, tmp_path: Path) -> None:
    task = TASKS["anli_plus"]
    commits = {"facebook/anli": "a" * 40, "nyu-mll/glue": "b" * 40, "stanfordnlp/snli": "d" * 40}
    pinned = HubSource(at_commits(commits)).identity(task, task.train or "", ("en",))
    assert [(part["hub"], part["split"], part["revision"][0]) for part in pinned] == [
        ("facebook/anli", "train_r1", "a"),
        ("facebook/anli", "train_r2", "a"),
        ("facebook/anli", "train_r3", "a"),
        ("nyu-mll/glue", "train", "b"),
        ("stanfordnlp/snli", "train", "d"),
    ]
    dev = HubSource(at_commits(commits)).identity(task, task.dev or "", ("en",))
    assert [part["split"] for part in dev] == ["dev_r1", "dev_r2", "dev_r3"], "its own alone"
    # A split of one part is pinned as it always was.
    assert HubSource(at_commits(commits)).identity(TASKS["anli_r2"], "train_r2", ("en",)) == pinned[1]
    folders = [part["dataset"] for part in MiniSource().identity(task, task.train or "", ("qaa",))]
    assert folders == ["anli/plain_text"] * 3 + ["glue/mnli", "snli/plain_text"]

    before = FolderSource(data_dir).identity(task, task.train or "", ("en",))
    for number, file in enumerate(("anli/plain_text/train_r1", "anli/plain_text/train_r3", "glue/mnli/train")):
        copy = Path(shutil.copytree(data_dir, tmp_path / str(number)))
        (copy / f"{file}.parquet").write_bytes(b"other")
        assert FolderSource(copy).identity(task, task.train or "", ("en",)) != before


def test_sizes_of_several_parts_are_sums(data_dir: Path) -> None:
    anli, plus, mnli, snli = (TASKS[name] for name in ("anli", "anli_plus", "mnli", "snli"))
    rows, tokens = HubSource({}).train_size(plus)
    assert rows == 1_105_719
    assert min(snli.tokens, mnli.tokens) < tokens < anli.tokens
    assert sum(TASKS[f"anli_r{n}"].train_size for n in (1, 2, 3)) == anli.train_size
    assert FolderSource(data_dir).train_size(plus)[0] == 3 * 6 + 8 + 5
    assert MiniSource().train_size(plus)[0] == sum(MiniSource().train_size(task)[0] for task in (anli, mnli, snli))


@pytest.mark.parametrize(
    "split, name, rows",
    [
        ("train", "train", slice(None)),
        ("train[:1000]", "train", slice(None, 1000)),
        ("dev_r1[1000:]", "dev_r1", slice(1000, None)),
        ("train[20:30]", "train", slice(20, 30)),
    ],
)
def test_a_split_is_a_file_or_a_slice_of_one(split: str, name: str, rows: slice) -> None:
    assert parse_split(split) == (name, rows)


@pytest.mark.parametrize("split", ["train[:10%]", "train[-10:]", "train[5]", "train[::2]", "train[", "[:5]", ""])
def test_other_slices_are_refused(split: str) -> None:
    with pytest.raises(ValueError, match="neither a name nor a slice of one"):
        parse_split(split)


def test_slices_of_a_file_are_found_told_apart_and_counted(data_dir: Path) -> None:
    folder, whole = FolderSource(data_dir), TASKS["mnli"]
    first, rest = replace(whole, train="train[:3]"), replace(whole, train="train[3:]")
    assert folder.file(whole, "train[3:]", "en") == folder.file(whole, "train", "en")
    pins = [folder.identity(task, task.train or "", ("en",))["en"] for task in (whole, first, rest)]
    assert pins == [pins[0], f"{pins[0]}[:3]", f"{pins[0]}[3:]"]
    assert [folder.train_size(task)[0] for task in (whole, first, rest)] == [8, 3, 5]
    assert folder.train_size(replace(whole, train="train[:3]+train[6:]"))[0] == 5
    assert folder.train_size(replace(whole, train="train[100:]"))[0] == 0
    assert MiniSource().train_size(rest)[0] == MiniSource().train_size(whole)[0] - 3
    with pytest.raises(RequestError, match=r"no file glue/mnli/other\.parquet"):
        folder.file(whole, "other[:3]", "en")
    for data_source, language in ((HubSource({}), "en"), (MiniSource(), PIVOT)):
        assert data_source.identity(first, "train[:3]", (language,))["split"] == "train[:3]"


def test_every_repository_that_is_read_is_looked_up() -> None:
    known = HubSource(at_commits({"nyu-mll/glue": COMMIT}))
    assert set(known.unresolved(TASKS["anli_plus"])) == {"facebook/anli", "stanfordnlp/snli"}
    assert known.unresolved(TASKS["mnli"]) == {}


def test_a_branch_has_a_commit_of_its_own() -> None:
    task, branch = TASKS["cosmosqa"], "allenai/cosmos_qa@refs/convert/parquet"
    assert HubSource(at_commits({"allenai/cosmos_qa": COMMIT})).unresolved(task) == {branch: task}
    assert HubSource(at_commits({branch: COMMIT})).unresolved(task) == {}
    pinned = HubSource(at_commits({branch: COMMIT})).identity(task, "train", ("en",))
    assert (pinned["hub"], pinned["revision"]) == ("allenai/cosmos_qa", COMMIT)


def test_a_hub_repository_is_identified_by_its_commit() -> None:
    task = TASKS["xnli"]
    assert HubSource({}).identity(task, "test", ("de", "en")) == {
        "hub": "facebook/xnli",
        "revision": UNRESOLVED,
        "configs": ["de", "en"],
        "split": "test",
    }
    assert HubSource(at_commits({"facebook/xnli": COMMIT})).identity(task, "test", ("en",))["revision"] == COMMIT
    assert HubSource({}).identity(TASKS["tatoeba"], "validation", ("de", "zh"))["configs"] == [
        "tatoeba.cmn",
        "tatoeba.deu",
    ]


def test_minis_languages_are_those_generated_and_no_sentence_is_its_own_translation() -> None:
    codes = {language.code for language in mini.LANGUAGES}
    assert set(MiniSource().languages(TASKS["xnli"])) == codes
    assert set(MiniSource().languages(TASKS["tatoeba"])) == codes - {mini.PIVOT}
    assert set(MiniSource().languages(TASKS["bucc2018"])) == codes - {mini.PIVOT}
    assert MiniSource().languages(TASKS["mnli"]) == ()
    assert MiniSource().source_language == mini.PIVOT


def test_a_task_that_mini_does_not_have_is_one_line() -> None:
    other = replace(TASKS["mnli"], name="other", source=Source(folder="other/{}"))
    with pytest.raises(RequestError, match=r"^other is not among mini's generated data$"):
        MiniSource().identity(other, "train", ("qaa",))


def test_minis_identity_names_version_data_split_and_languages() -> None:
    task = TASKS["xnli"]
    identities = [
        MiniSource().identity(task, "test", ("qab", "qaa")),
        MiniSource().identity(task, "test", ("qaa",)),
        MiniSource().identity(task, "validation", ("qab", "qaa")),
        MiniSource().identity(TASKS["udpos"], "test", ("qab", "qaa")),
    ]
    assert len({str(canonical(identity)) for identity in identities}) == 4
    assert identities[0] == MiniSource().identity(task, "test", ("qaa", "qab"))
    assert identities[0]["mini"] == mini.VERSION


# What no repository has


def test_the_hub_takes_from_a_folder_what_it_does_not_have(data_dir: Path, tmp_path: Path) -> None:
    ccg, mnli = TASKS["ccg"], TASKS["mnli"]
    bare, whole = (
        HubSource(at_commits({"nyu-mll/glue": COMMIT})),
        HubSource(at_commits({"nyu-mll/glue": COMMIT}), local=data_dir),
    )
    assert (bare.missing(ccg), whole.missing(ccg), bare.missing(mnli)) == (["ccg"], [], [])
    assert bare.identity(ccg, "train", ("en",)) == {"local": UNRESOLVED, "split": "train"}
    assert whole.identity(ccg, "train", ("en",)) == FolderSource(data_dir).identity(ccg, "train", ("en",))
    assert whole.identity(mnli, "train", ("en",)) == bare.identity(mnli, "train", ("en",)), (
        "the hub's own comes from there"
    )
    assert whole.train_size(ccg) == FolderSource(data_dir).train_size(ccg)
    assert (bare.unresolved(ccg), whole.unresolved(ccg)) == ({}, {})
    assert rows.load(whole, ccg, "train", "en") == rows.load(FolderSource(data_dir), ccg, "train", "en")
    with pytest.raises(RequestError, match=r"ccg: no file ccg/default/train\.parquet"):
        HubSource({}, local=tmp_path).identity(ccg, "train", ("en",))
    again = from_address(whole.address())
    assert again == whole
