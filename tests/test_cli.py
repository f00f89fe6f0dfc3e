"""The command line: its documents, and one line with exit status 2 for every wrong request."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stilts_ray import mini
from stilts_ray.cli import main
from stilts_ray.config.sweep_file import load
from stilts_ray.data.sources import MiniSource
from stilts_ray.mini import build
from stilts_ray.mini.describe import everything
from stilts_ray.plan.build import make_plan
from stilts_ray.store.store import Store
from stilts_ray.tasks.benchmarks import BENCHMARKS
from tests.evaluation.trees import averages, overall, rounded, write_trees
from tests.report import fakes

ROOT = Path(__file__).resolve().parent.parent
QUICKSTART = str(ROOT / "sweeps" / "quickstart.py")

HEAD = "from stilts_ray import Encoder, Pretrained, Recipe, Search, Sweep\n"
GOOD = (
    "Sweep(name='s', data='mini', encoders=[Encoder(name='e', weights=Pretrained(source='mini'))], targets=['udpos'])"
)


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit status and output of a command."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["stilts", *words])
        with pytest.raises(SystemExit) as end:
            main()
    printed = capsys.readouterr()
    return int(end.value.code or 0), printed.out, printed.err


def sweep_file(folder: Path, made: str) -> str:
    """A sweep file that returns an expression."""
    path = folder / "sweep.py"
    path.write_text(f"{HEAD}\n\ndef sweep() -> Sweep:\n    return {made}\n")
    return str(path)


def document(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    status, out, err = call(capsys, *words, "--json")
    assert (status, err) == (0, "")
    return json.loads(out)


def test_plan_document(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    plan = document(capsys, "plan", QUICKSTART, "--store", str(tmp_path))
    assert set(plan) == {"sweep", "store", "steps", "totals", "comparison"}
    fields = {"kind", "name", "digest", "depends_on", "status", "trials", "train_tokens", "changed"}
    assert all(set(step) == fields for step in plan["steps"])
    assert set(plan["totals"]) == {"steps", "new", "trials", "train_tokens", "gpu_hours", "disk_bytes"}
    assert plan["comparison"]["train_tokens"] == plan["totals"]["train_tokens"], "nothing is done yet"
    seen: set[str] = set()
    for step in plan["steps"]:
        assert set(step["depends_on"]) <= seen
        seen.add(step["digest"])
    assert sum(step["kind"] == "condition" for step in plan["steps"]) == 5


def test_report_document_of_an_empty_store(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    report = document(capsys, "report", QUICKSTART, "--store", str(tmp_path))
    assert [row["intermediate"] for row in report["rows"]][:2] == [[], ["mnli"]]
    assert all(cell is None for row in report["rows"] for cell in row["cells"].values())


def test_status_document(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status = document(capsys, "status", QUICKSTART, "--store", str(tmp_path))
    assert {step["status"] for step in status["steps"]} == {"new"}


def test_tasks_document(capsys: pytest.CaptureFixture[str]) -> None:
    entries = {entry["name"]: entry for entry in document(capsys, "tasks")}
    assert entries["xquad"]["trained_on"] == "squad"
    assert entries["tatoeba"]["trained_on"] is None


def test_text_output_of_plan_status_report_and_tasks(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for words in (["plan", QUICKSTART], ["status", QUICKSTART], ["report", QUICKSTART]):
        status, out, err = call(capsys, *words, "--store", str(tmp_path))
        assert (status, err) == (0, "")
        assert out.strip()
    assert "hellaswag" in call(capsys, "tasks")[1]


def test_report_writes_its_files(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    status, _, _ = call(capsys, "report", QUICKSTART, "--store", str(tmp_path / "store"), "--out", str(out))
    assert status == 0
    assert {path.name for path in out.iterdir()} >= {"report.md", "results.csv"}


def test_report_says_where_the_time_went_if_it_is_asked(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    store, folder = tmp_path / "store", tmp_path / "out"
    fakes.execute_job(make_plan(load(Path(QUICKSTART)), MiniSource()), Store(str(store)), jobs=6)
    words = ("report", QUICKSTART, "--store", str(store), "--out", str(folder))
    assert "profile" not in document(capsys, *words)
    assert "Where the time went" not in (folder / "report.md").read_text()
    assert "longest steps" not in call(capsys, *words)[1]
    profile = document(capsys, *words, "--profile")["profile"]
    assert (profile["total"]["jobs"], profile["total"]["total"]) == (6, 48.0)
    assert sum(step["jobs"] for step in profile["steps"]) == 6
    assert "## Where the time went" in (folder / "report.md").read_text()
    assert "longest steps" in call(capsys, *words, "--profile")[1]


WRONG = {
    "unknown task": ("Sweep(name='s', data='mini', encoders=[Encoder(name='e', weights=Pretrained(source='mini'))],"
                     " intermediates=[('mnlli',)], targets=['udpos'])", "did you mean 'mnli'?"),
    "target without languages": (GOOD.replace("'udpos'", "'squad'"), "has no test languages"),
    "intermediate without training data": (GOOD[:-1] + ", intermediates=[('tatoeba',)])", "no training split"),
    "unknown field": (GOOD[:-1] + ", seed=[1])", "Sweep has no such field"),
    "wrong type": (GOOD[:-1] + ", seeds=['a'])", "seeds.0"),
    "learning rate out of range": (GOOD[:-1] + ", search=Search(learning_rates=[2.0]))", "less than 1"),
    "unknown language": (GOOD[:-1] + ", languages={'udpos': ['qaz']})", "udpos has no 'qaz'"),
    "recipe of an unused task": (GOOD[:-1] + ", recipes={'squad': Recipe()})", "does not use 'squad'"),
    "no such encoder": (GOOD.replace("source='mini'", "source='./nowhere'"), "no such folder"),
    "an exception": ("1 / 0", "ZeroDivisionError"),
    "no sweep": ("None", "has no function sweep()"),
    "something else": ("'text'", "returns str"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_wrong_sweep_is_one_line(command: str, name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    made, said = WRONG[name]
    store = tmp_path / "store"
    status, out, err = call(capsys, command, sweep_file(tmp_path, made), "--store", str(store))
    assert status == 2
    assert out == ""
    assert said in err
    assert err.count("\n") == 1
    assert not store.exists()


def test_wrong_places_are_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    real = str(ROOT / "sweeps" / "real_small.py")
    file = tmp_path / "file"
    file.touch()
    wrong = [
        (["plan", str(tmp_path / "no.py")], "no sweep file"),
        (["plan", real, "--data-dir", str(tmp_path / "no")], "is not a folder"),
        (["plan", real, "--data-dir", str(tmp_path)], "no file glue/mnli/train.parquet"),
        (["plan", QUICKSTART, "--data-dir", str(tmp_path)], "--data-dir does not apply to it"),
        (["plan", QUICKSTART, "--store", "nothing://bucket"], "store nothing://bucket"),
        (["plan", QUICKSTART, "--calibration", str(file)], "is not what benchmarks/calibrate.py writes"),
        (["run", QUICKSTART, "--store", str(file / "store")], "cannot be read"),
        (["run", QUICKSTART, "--store", str(tmp_path / "s"), "--workers-per-trial", "0"], "workers_per_trial"),
        (["run", QUICKSTART, "--store", str(tmp_path / "s"), "--mlflow", "gopher://x"], "not an address of MLflow"),
        (["ui", "--store", str(tmp_path / "empty")], "holds no finished step"),
    ]
    for words, said in wrong:
        status, _, err = call(capsys, *words)
        assert (status, err.count("\n")) == (2, 1), err
        assert said in err


@pytest.fixture
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rows a split: what is written where does not depend on how many there are."""
    sizes = {name: dict.fromkeys(splits, 2) for name, splits in mini.SIZES.items()}
    monkeypatch.setattr(build, "SIZES", sizes)


def test_the_generated_languages_are_described(capsys: pytest.CaptureFixture[str]) -> None:
    assert document(capsys, "mini") == document(capsys, "mini", "--describe") == json.loads(json.dumps(everything()))
    status, told, _ = call(capsys, "mini")
    assert status == 0
    assert told == call(capsys, "mini", "--describe")[1]
    for languages in mini.WORLDS.values():
        for language in languages:
            (line,) = {tuple(line.split()) for line in told.splitlines() if line.split()[:1] == [language.code]}
            assert {language.name, language.script, language.word_order, language.morphology} < set(line)
    assert "…" not in told, "nothing is cut off in a terminal of 80 columns"


@pytest.mark.usefixtures("few_rows")
@pytest.mark.parametrize("name", mini.WORLDS)
def test_all_data_sets_of_the_generated_languages_are_written(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = tmp_path / "new" / "data"
    status, told, err = call(capsys, "mini", "--write", str(folder), "--languages", name)
    assert (status, err, told.count("\n")) == (0, "", 1)
    described = json.loads((folder / "languages.json").read_text())
    assert (described["name"], described["pivot"]) == (name, mini.PIVOT)
    assert described["languages"] == json.loads(json.dumps(everything()[name]))
    files = {str(path.relative_to(folder)) for path in folder.rglob("*.parquet")}
    codes = {language.code for language in mini.WORLDS[name]}
    for kind, splits in mini.SIZES.items():
        searched = kind.startswith(("tatoeba", "bucc2018"))
        there = {file for file in files if file.rpartition("/")[0] in {kind.format(code) for code in codes}}
        assert {Path(file).stem for file in there} == set(splits)
        assert {Path(file).parent.name for file in there} == (
            codes - ({mini.PIVOT} if searched else set()) if "{}" in kind else {kind.rpartition("/")[2]}
        )
        files -= there
    assert files == set()


@pytest.mark.usefixtures("few_rows")
def test_a_written_folder_is_what_data_dir_reads(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = tmp_path / "data"
    assert call(capsys, "mini", "--write", str(folder))[0] == 0
    made = "Sweep(name='s', encoders=[Encoder(name='e', weights=Pretrained(source='mini'))], intermediates=[('mnli', 'ccg')])"
    words = ("plan", sweep_file(tmp_path, made), "--store", str(tmp_path / "store"), "--data-dir")
    (step,) = document(capsys, *words, str(folder))["steps"]
    assert (step["name"], step["status"]) == ("e.ccg-mnli", "new")
    (folder / "ccg" / "default" / "train.parquet").unlink()
    assert "no file ccg/default/train.parquet" in call(capsys, *words, str(folder))[2]


@pytest.mark.usefixtures("few_rows")
def test_writing_goes_on_with_its_own_folder_and_touches_no_other(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    own, other, file = tmp_path / "own", tmp_path / "other", tmp_path / "file"
    file.touch()
    other.mkdir()
    (other / "notes.txt").write_text("mine")
    gradient = ("--languages", "mini-gradient")
    assert call(capsys, "mini", "--write", str(own), *gradient)[0] == 0
    (own / "xnli" / "qra" / "test.parquet").unlink()
    assert call(capsys, "mini", "--write", str(own), *gradient)[0] == 0
    assert (own / "xnli" / "qra" / "test.parquet").is_file()
    wrong = [
        ([str(other)], "holds something else already"),
        ([str(own)], "holds something else already"),
        ([str(file)], "cannot write"),
        ([str(file / "below")], "cannot write"),
        ([str(tmp_path / "new"), "--languages", "mini-gradeint"], "did you mean 'mini-gradient'?"),
    ]
    for words, said in wrong:
        status, told, err = call(capsys, "mini", "--write", *words)
        assert (status, told, err.count("\n")) == (2, "", 1), err
        assert said in err
    assert [path.name for path in other.iterdir()] == ["notes.txt"]
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_score_document(benchmark: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    predictions, labels = write_trees(tmp_path, BENCHMARKS[benchmark])
    scores = document(capsys, "score", str(predictions), str(labels), "--benchmark", benchmark)
    assert list(scores) == ["benchmark", "tasks", "overall"]
    assert scores["benchmark"] == benchmark
    found = {task: result["average"] for task, result in scores["tasks"].items()}
    assert rounded(found) == rounded(averages(benchmark))
    assert rounded(scores["overall"]) == rounded(overall(benchmark))


def test_scores_on_the_terminal(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    predictions, labels = write_trees(tmp_path, BENCHMARKS["xtreme-r"])
    status, told, err = call(capsys, "score", str(predictions), str(labels), "--benchmark", "xtreme-r")
    assert (status, err) == (0, "")
    values = averages("xtreme-r")
    for task, codes in BENCHMARKS["xtreme-r"].items():
        assert f" {task} " in told
        assert f" {float(values[task]):.1f} " in told
        assert all(f" {code}:" in told for code in codes)
    assert "em 16.7" not in told, "the mean, not what a poor language scores"
    assert "ar:100.0/100.0" in told
    assert "de:0.0/33.3" in told
    classes = (values["xnli"] + values["xcopa"]) / 2
    assert f"classification: {float(classes):.1f}" in told.splitlines()
    assert told.splitlines()[-1] == f"overall: {float(overall('xtreme-r')):.1f}"


def test_scores_of_some_tasks_on_the_terminal(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    tasks = {task: codes for task, codes in BENCHMARKS["xtreme"].items() if task not in ("xnli", "mlqa")}
    predictions, labels = write_trees(tmp_path, tasks)
    status, told, _ = call(capsys, "score", str(predictions), str(labels))
    assert status == 0
    assert told.splitlines()[-1] == "overall: none: no predictions of xnli, mlqa"
    assert [line.split(":")[0] for line in told.splitlines()[-3:-1]] == ["tagging", "retrieval"], "whole groups alone"


def test_a_wrong_call_of_score_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    predictions, labels = write_trees(tmp_path, {"pawsx": BENCHMARKS["xtreme"]["pawsx"]})
    bad = write_trees(tmp_path / "bad", {"pawsx": BENCHMARKS["xtreme"]["pawsx"]})[0]
    (bad / "pawsx" / "test-ko.tsv").write_text("0\nperhaps\n")
    wrong = [
        ([str(predictions), str(labels), "--benchmark", "xtrem"], "did you mean 'xtreme'?"),
        ([str(predictions), str(labels), "--benchmark", "xtreme-r"], "has no task of xtreme-r"),
        ([str(predictions), str(tmp_path)], "no labels"),
        ([str(tmp_path / "nowhere"), str(labels)], "is not a folder"),
        ([str(bad), str(labels)], "test-ko.tsv: line 2: 'perhaps' is no label; known: 0, 1"),
    ]
    for words, said in wrong:
        for form in ([], ["--json"]):
            status, told, err = call(capsys, "score", *words, *form)
            assert (status, told, err.count("\n")) == (2, "", 1), err
            assert said in err


def test_score_needs_neither_ray_nor_mlflow(tmp_path: Path) -> None:
    """It loads torch: a kind's submission format stands with its head."""
    predictions, labels = write_trees(tmp_path, {"pawsx": BENCHMARKS["xtreme"]["pawsx"]})
    assert heavy_after("score", str(predictions), str(labels)) == "['torch', 'transformers']"


def test_a_damaged_record_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    record = tmp_path / "train" / "a-12345678" / "record.json"
    record.parent.mkdir(parents=True)
    record.write_text("{")
    status, _, err = call(capsys, "plan", QUICKSTART, "--store", str(tmp_path))
    assert status == 2
    assert "is damaged" in err


def test_plan_loads_nothing_heavy(tmp_path: Path) -> None:
    assert heavy_after("plan", QUICKSTART, "--store", str(tmp_path)) == "[]"


def heavy_after(*words: str) -> str:
    """What of the heavy packages a fresh process has loaded after a command."""
    program = (
        "import sys\nfrom stilts_ray.cli import main\n"
        f"sys.argv = ['stilts', *{words!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({'torch', 'ray', 'mlflow', 'transformers', 'datasets', 'optuna'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]


def test_a_new_sweep_file_plans(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(capsys, "new", "first") == (0, "first.py written; run it with: stilts run first.py\n", "")
    plan = document(capsys, "plan", "first.py", "--store", "store")
    assert plan["sweep"] == "first"
    assert sum(step["kind"] == "condition" for step in plan["steps"]) == 3
    text = (tmp_path / "first.py").read_text()
    assert "NAME" not in text
    for name, said in (("first", "exists already"), ("a/b", "is no sweep name"), ("", "is no sweep name")):
        status, told, err = call(capsys, "new", name)
        assert (status, told, err.count("\n")) == (2, "", 1), err
        assert said in err
    assert (tmp_path / "first.py").read_text() == text
    assert call(capsys, "new", "other.py")[0] == 0
    assert {path.name for path in tmp_path.iterdir()} == {"first.py", "other.py"}


def test_shipped_sweeps_are_found_by_name(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert document(capsys, "plan", "quickstart")["sweep"] == "quickstart"
    assert document(capsys, "plan", "paper:mini")["sweep"] == "paper-mini"
    status, _, err = call(capsys, "plan", "quickstrat")
    assert (status, err.count("\n")) == (2, 1)
    assert "did you mean 'quickstart'?" in err
