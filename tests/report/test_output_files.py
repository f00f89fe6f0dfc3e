"""report.md describes the sweep and its results; results.csv has every trial's values once."""

import csv
import io
from pathlib import Path
from statistics import mean

import pytest

from stilts_ray.config import Mixture
from stilts_ray.errors import RequestError
from stilts_ray.plan.build import Plan
from stilts_ray.report import output_files as files
from stilts_ray.report.best import RULE
from stilts_ray.report.markdown import report, table
from stilts_ray.report.runs import tracked_runs
from stilts_ray.report.table import results
from stilts_ray.store.records import EvaluationRecord
from stilts_ray.store.state import state_of
from stilts_ray.store.store import Store
from tests.report import fakes


def told(plan: Plan, store: Store) -> str:
    state = state_of(store)
    return report(plan, state, results(plan, state.steps))


def written(plan: Plan, store: Store, folder: Path, appendix: str = "") -> Path:
    state = state_of(store)
    return files.write(plan, state, results(plan, state.steps), folder, appendix)


def test_both_files_are_written(store: Store, tmp_path: Path) -> None:
    fakes.execute_job(fakes.small(), store)
    assert written(fakes.small(), store, tmp_path / "a" / "b") == tmp_path / "a" / "b" / "report.md"
    assert sorted(file.name for file in (tmp_path / "a" / "b").iterdir()) == ["report.md", "results.csv"]
    assert written(fakes.small(), store, tmp_path, "\n## More\n").read_text().endswith("\n## More\n")
    (tmp_path / "taken").write_text("")
    with pytest.raises(RequestError, match="cannot write the report to"):
        written(fakes.small(), store, tmp_path / "taken")


def test_results_have_a_line_per_trial_language_and_metric(store: Store) -> None:
    plan = fakes.small()
    fakes.execute_job(plan, store, collapsing="mini.squad.udpos-lr0.001-s1")
    records = state_of(store).steps
    lines = list(csv.DictReader(io.StringIO(files.results_csv(plan, records, results(plan, records)))))
    # Trials: 2 x (udpos, xquad, tatoeba), of the baseline's tatoeba 1; metrics 3, 3, 2; languages 2.
    assert len(lines) == 3 * (2 * 2 * 3) + 3 * (2 * 2 * 3) + 5 * 2 * 2
    keys = [tuple(line.values())[:7] for line in lines]
    assert len(set(keys)) == len(keys)
    wanted = {"encoder": "mini", "intermediate": "hellaswag+squad", "target": "udpos", "language": "qba"}
    found = [line for line in lines if wanted.items() <= line.items() and line["metric"] == "f1"]
    row = next(row for row in plan.conditions if row.intermediate == ("hellaswag", "squad"))
    record = records[row.cells["udpos"]]
    assert isinstance(record, EvaluationRecord)
    assert [(int(f["seed"]), float(f["learning_rate"]), float(f["value"])) for f in found] == [
        (trial.seed, trial.learning_rate, trial.languages["qba"]["f1"]) for trial in record.trials
    ]
    assert {line["seed"] for line in lines if line["collapsed"] == "true"} == {"1"}
    untrained = {"intermediate": "baseline", "target": "tatoeba"}
    assert {line["learning_rate"] for line in lines if untrained.items() <= line.items()} == {""}


def test_results_say_which_trials_are_the_best_per_target_and_of_which_groups_languages_are(store: Store) -> None:
    plan = fakes.small()
    fakes.execute_job(plan, store)
    records = state_of(store).steps
    lines = list(csv.DictReader(io.StringIO(files.results_csv(plan, records, results(plan, records)))))
    assert {(line["language"], line["family"], line["morphology"]) for line in lines} == {
        ("qab", "A", "fusional"),
        ("qba", "B", "isolating"),
    }
    (best,) = results(plan, records).best_per_target
    for target, cell in best.cells.items():
        own = [line for line in lines if line["target"] == target and line["metric"] == "score"]
        chosen = [line for line in own if line["best_per_target"] == "true"]
        assert {(line["intermediate"], int(line["seed"])) for line in chosen} == {
            ("+".join(trial.intermediate), trial.seed) for trial in cell.trials
        }
        assert mean(float(line["value"]) for line in chosen) == pytest.approx(cell.score)


def test_a_mixture_with_options_is_reported(store: Store) -> None:
    plan = fakes.small(intermediates=[(), Mixture(tasks=("hellaswag", "squad"), cap=100, temperature=2.0)])
    fakes.execute_job(plan, store)
    text = told(plan, store)
    assert "| mini | hellaswag+squad+cap100+T2 |" in text
    assert "data: hellaswag (mini" in text


def test_report_describes_the_sweep(store: Store) -> None:
    plan = fakes.small()
    fakes.execute_job(plan, store)
    text = told(plan, store)
    for wanted in (
        "# small\n",
        "encoder **mini**: pretrained by masked LM on 2 languages, 1,000 tokens; 2 layers of width 64",
        "target **xquad**: fine-tuned on squad, tested in 2 languages (qab, qba)",
        "learning rates: 0.001, 0.0003, selected on the dev data of the source language alone, with seed 0",
        "epochs/squad 2",
        "git commit: 0123456789abcdef",
        "## Signatures\n\n- `tatoeba|rule:made-up`\n- `udpos|rule:made-up`\n- `xquad|rule:made-up`\n",
        "versions: python 3.11.0, torch 2.13.0\n",
        "| mini.hellaswag-squad.udpos | 0.001:",
        "| mini | best per target | ",
        f"The row *best per target* has {RULE}\n\n- mini, by dev score in the source language: ",
        "## Language families\n\nA cell is the plain mean over the languages of a group",
        "- A: qab\n- B: qba\n\n### family, udpos: mini\n\n| family | baseline | squad | hellaswag+squad |\n",
        "- fusional: qab\n- isolating: qba\n\n### morphology, udpos: mini\n",
        "### tatoeba: mini\n\n| language | baseline | squad | hellaswag+squad |\n",
        "`partial/avg_of_3`, which is no benchmark's average",
        "done: 20 of 20 steps; 21 trials, 1,050,000 training tokens, 0.08 hours of work",
    ):
        assert wanted in text, wanted
    assert "Not done" not in text
    assert "## Collapsed" not in text
    assert "\n\n\n" not in text


def test_report_names_what_collapsed_failed_and_was_skipped(store: Store) -> None:
    plan = fakes.small()
    fakes.execute_job(plan, store, failing="hellaswag", diverging="mini.udpos-lr0.001-s1")
    text = told(plan, store)
    assert "[1 of 2 collapsed]" in text
    assert "## Collapsed trials\n\n- mini.udpos, seed 1, learning rate 0.001: diverged\n" in text
    assert "| failed | study | mini.hellaswag-squad | seed 0: mini.hellaswag-squad-lr0.001-s0: out of memory |" in text
    assert "| skipped | study | mini.hellaswag-squad.udpos | upstream failed: mini.hellaswag-squad |" in text
    assert (
        "| skipped | condition | mini.hellaswag-squad | upstream failed: mini.hellaswag-squad.udpos.udpos-test |"
        in text
    )
    assert "| mini | hellaswag+squad | – | – | – | – |" in text


def test_report_of_a_sweep_that_has_not_started(store: Store) -> None:
    text = told(fakes.small(), store)
    assert "| to do | condition | mini.baseline |  |" in text
    assert "Provenance" not in text


def test_secrets_of_a_store_stay_out(store: Store) -> None:
    plan = fakes.small()
    fakes.execute_job(plan, store)
    assert state_of(store).store == store.url
    secret = Store("memory://user:secret@bucket/runs")
    assert "secret" not in state_of(secret).store


def test_cells_of_markdown_tables_are_escaped() -> None:
    assert table(["a"], [["x|y"]]) == "| a |\n| --- |\n| x\\|y |\n"


def test_difficulty_quantiles_read_as_percent_in_tables_and_have_no_sign_in_paths(store: Store, tmp_path: Path) -> None:
    plan = fakes.small(
        intermediates=[
            (),
            *(
                Mixture(tasks=("squad",), difficulty_quantiles=difficulty_quantiles)
                for difficulty_quantiles in ((0, 1 / 3), (2 / 3, 1))
            ),
        ]
    )
    fakes.execute_job(plan, store)
    text = written(plan, store, tmp_path).read_text()
    assert "| mini | squad[0-33%] | " in text
    assert "intermediates: baseline, squad[0-33%], squad[67-100%]\n" in text
    assert "| mini.squad_67-100.udpos | " in text
    lines = csv.DictReader(io.StringIO((tmp_path / "results.csv").read_text()))
    assert {line["intermediate"] for line in lines} == {"baseline", "squad[0-33%]", "squad[67-100%]"}
    # An MLflow run for each study and trial, and none for a ranking; the report counts its time.
    assert {run.kind for run in tracked_runs(plan, state_of(store))} == {"condition", "study", "trial", "pretrain"}
    assert any(job.kind == "rank" for job in state_of(store).jobs_of(plan))
