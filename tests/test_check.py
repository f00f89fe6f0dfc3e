"""What is checked before a sweep runs: encoders, splits, and one task in full."""

import json
import shutil
from pathlib import Path

import pytest

from stilts_ray.cli import main
from stilts_ray.data.sources import FolderSource, HubSource, MiniSource
from stilts_ray.errors import RequestError
from stilts_ray.mini import ENCODER
from stilts_ray.models.encoder_check import check_encoder, padding_note
from stilts_ray.report.sheet import sheet
from stilts_ray.report.survey import every_split, survey
from stilts_ray.tasks import TASKS
from stilts_ray.tasks.terms import LICENCES, OVERLAPS

SWEEP = """
from stilts_ray import Encoder, Pretrained, Sweep


def sweep() -> Sweep:
    return Sweep(name="s", encoders=[Encoder(name="e", weights=Pretrained(source={source!r}))], targets=["xnli"],
                 languages={{"xnli": ["en", "de"]}})
"""


def said(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """The exit status of a command."""
    monkeypatch.setattr("sys.argv", ["stilts", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


# Encoders


def test_mini_and_a_folder_are_encoders(tiny_encoder: Path) -> None:
    assert check_encoder(str(ENCODER), None, []) == "xlm-roberta"
    assert check_encoder(str(tiny_encoder), None, []) == "xlm-roberta"


def test_an_encoder_that_runs_padded_is_named(tiny_encoder: Path, tmp_path: Path) -> None:
    folder = changed(tiny_encoder, tmp_path / "other", model_type="deberta-v2")
    architecture = check_encoder(str(folder), None, [])
    assert padding_note(str(folder), architecture).endswith(
        "/other: a 'deberta-v2' runs padded, through its own attention: slower, with the same results"
    )
    assert padding_note(str(tiny_encoder), "xlm-roberta") == ""


def changed(folder: Path, to: Path, **config: object) -> Path:
    copy = Path(shutil.copytree(folder, to))
    known = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(known | config))
    return copy


def test_an_encoder_that_cannot_be_used_is_one_line(tiny_encoder: Path, tmp_path: Path) -> None:
    weightless = changed(tiny_encoder, tmp_path / "weightless")
    (weightless / "model.safetensors").rename(weightless / "pytorch_model.bin")
    wordless = changed(tiny_encoder, tmp_path / "wordless")
    for file in wordless.glob("tokenizer*"):
        file.unlink()
    nameless = changed(tiny_encoder, tmp_path / "nameless")
    (nameless / "config.json").write_text("{}")
    bare = changed(tiny_encoder, tmp_path / "bare")
    (bare / "config.json").unlink()
    cases = {
        weightless: "has no weights in safetensors",
        changed(tiny_encoder, tmp_path / "other", model_type="xlm-robert"): r"which transformers 5\.\S+ does not have$",
        changed(tiny_encoder, tmp_path / "vit", model_type="vit", vocab_size=None): "it is no encoder of texts",
        changed(tiny_encoder, tmp_path / "code", model_type="own", auto_map={}): "; code that comes with a model is not run",
        wordless: r"has no tokenizer; it is one of tokenizer\.json",
        nameless: "its config.json names no model_type",
        bare: "has no config.json; is it a model of transformers",
    }  # fmt: skip
    for folder, reason in cases.items():
        with pytest.raises(RequestError, match=reason) as caught:
            check_encoder(str(folder), None, [])
        assert "\n" not in str(caught.value)


# Surveys


def test_every_split_of_a_task_in_all_its_languages() -> None:
    assert every_split(HubSource(), [TASKS["tydiqa"]])[:2] == [("tydiqa", "train", "ar"), ("tydiqa", "train", "bn")]
    found = every_split(HubSource(), TASKS.values())
    assert {name for name, *_ in found} == set(TASKS)
    assert [split for name, split, _ in found if name == "candidate_entities"] == ["test"]
    assert ("xquad", "validation", "el") in found
    assert {code for name, _, code in every_split(MiniSource(), [TASKS["tatoeba"]])} == set(
        MiniSource().languages(TASKS["tatoeba"])
    )


def test_a_folder_is_surveyed_as_far_as_it_goes(data_dir: Path) -> None:
    splits = [("xnli", "test", "en"), ("xnli", "test", "sw"), ("xnli", "test", "de"), ("udpos", "train", "en")]
    found = list(survey(FolderSource(data_dir), splits))
    assert [(each.name, each.languages) for each in found] == [("xnli test", 2), ("udpos train", 1)]
    missing, size = found[0].problems
    assert missing.startswith("xnli: no file xnli/sw/test.parquet in ")
    assert size == "xnli test (en) has 8 rows, not the published 5,010; likewise in 1 more languages"


def test_the_command_says_what_is_amiss_by_its_status(
    data_dir: Path,
    tiny_encoder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "sweep.py"
    file.write_text(SWEEP.format(source=str(tiny_encoder)))
    words = ["check", str(file), "--data-dir", str(data_dir), "--store", str(tmp_path / "store")]
    assert said(monkeypatch, *words) == 1, "fixture rows are few"
    shown = capsys.readouterr().out
    assert f"encoder {tiny_encoder}" in shown
    assert "xnli test: xnli test (en) has 8 rows, not the published 5,010" in shown
    assert shown.splitlines()[-1] == "4 checked, 3 with problems"
    assert not (tmp_path / "store").exists(), "it only looks"
    said(monkeypatch, *words, "--json")
    document = json.loads(capsys.readouterr().out)
    assert [(each["name"], each["rows"]) for each in document[1:]] == [
        ("mnli train", 8), ("mnli validation_matched", 8), ("xnli test", 12),
    ]  # fmt: skip
    file.write_text(SWEEP.format(source=str(tmp_path / "nowhere")))
    assert said(monkeypatch, *words) == 2
    assert "no such folder" in capsys.readouterr().err
    assert said(monkeypatch, "check") == said(monkeypatch, "check", str(file), "--all") == 2
    assert "check takes a sweep file, or --all" in capsys.readouterr().err


def test_a_good_sweep_has_nothing_amiss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "sweep.py"
    file.write_text(
        SWEEP.format(source="mini").replace('"en", "de"', '"qab"').replace('name="s"', 'name="s", data="mini"')
    )
    assert said(monkeypatch, "check", str(file), "--store", str(tmp_path / "store")) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "4 checked, 0 with problems"


# One task


@pytest.mark.parametrize("name", TASKS)
def test_every_task_has_a_sheet(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stilts_ray.report.sheet.examples", lambda task: [task.name])
    found = sheet(TASKS[name])
    json.dumps(found)
    assert found["licence"]
    assert found["repairs"] == {str(rule): share for rule, share in TASKS[name].source.repairs.items()}
    assert set(found["splits"].values()) <= {TASKS[name].train, TASKS[name].dev, TASKS[name].test}
    assert found["examples"] == [name]
    # mini has no rows of STS-B.
    assert bool(found["columns"]) == (name != "stsb")


@pytest.mark.parametrize("name, kind", [("copa", "Choice"), ("udpos_xr", "Tagged"), ("bucc2018", "Comparable")])
def test_a_sheet_has_examples_of_minis(name: str, kind: str) -> None:
    """Of a larger variant they are those of the task that it extends."""
    found = sheet(TASKS[name])["examples"]
    assert {each["is"] for each in found} == {kind}
    assert len(found) == (1 if name == "bucc2018" else 3)


def test_what_is_said_of_sources_is_said_of_those_that_there_are() -> None:
    known = {f"{task.source.hub} {task.source.config}" for task in TASKS.values()}
    assert set(LICENCES) <= known
    assert set(OVERLAPS) <= set(TASKS)


def test_the_command_shows_one_task_whole(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(monkeypatch, "tasks", "tydiqa") == 0
    shown = capsys.readouterr().out
    for line in ("hub: google-research-datasets/tydiqa", "licence: Apache 2.0", "  train: en 3,696",
                 "  context: string", "  realign_answer: in at most 60% of a file's rows", "examples (made up):",
                 "  validation: realign_answer 1,283"):  # fmt: skip
        assert line in shown.splitlines(), line
    assert said(monkeypatch, "tasks", "xnli", "--json") == 0
    assert json.loads(capsys.readouterr().out)["published_rows"] == {"test": 5010}
    assert said(monkeypatch, "tasks", "xnlii") == 2
    assert "did you mean 'xnli'" in capsys.readouterr().err
