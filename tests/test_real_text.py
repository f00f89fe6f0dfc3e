"""Real text, where STILTS_DATA_DIR names a folder of it: the sweep that ships for it, at a fraction of its size."""

import os
from collections import Counter
from pathlib import Path

import pyarrow.parquet as parquet
import pytest
from datasets import Dataset

from stilts_ray import tasks
from stilts_ray.config import Encoder, Pretraining, Recipe, Search, Shape, Sweep
from stilts_ray.config.sweep_file import load
from stilts_ray.data import cache, rows
from stilts_ray.data import row_check as check
from stilts_ray.data.repairs import Use
from stilts_ray.data.sources import FolderSource
from stilts_ray.data.tables import dataset_table
from stilts_ray.execution.context import WorkerContext
from stilts_ray.execution.execute import execute_job
from stilts_ray.execution.scheduler import Scheduler
from stilts_ray.plan.build import Plan, make_plan
from stilts_ray.plan.inputs import input_splits
from stilts_ray.store.store import Store
from stilts_ray.tasks.base import Repair, parse_split
from stilts_ray.tasks.lareqa import asked
from stilts_ray.tasks.sentences import sentence_breaks
from tests.execution.fakes import run

FOLDER = os.environ.get("STILTS_DATA_DIR", "")
pytestmark = [pytest.mark.real_text, pytest.mark.skipif(not FOLDER, reason="STILTS_DATA_DIR is not set")]

SWEEP = Path(__file__).resolve().parents[1] / "sweeps" / "real_small.py"
PRETRAINED_HERE = Pretraining(
    languages=("en", "de", "es"),
    tokenizer="unigram",
    vocabulary=3000,
    shape=Shape(layers=2, hidden=64, heads=2, feed_forward=128, positions=256, dropout=0.0),
    tokens=60_000,
    batch_tokens=2048,
    max_length=128,
)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(load(SWEEP), FolderSource(Path(FOLDER or "")))


def test_every_row_of_the_sweep_fits(plan: Plan) -> None:
    splits = [split for step in plan.steps for split in input_splits(step, plan.data_source)]
    assert len(splits) > 30
    assert not any(looked.counts.repairs for looked in check.check_rows(plan.data_source, splits)), (
        "the files are the publishers' own"
    )


def is_there(data_source: FolderSource, task: tasks.Task, split: str, language: str) -> bool:
    """Whether the folder has every file of a split."""
    files = (
        data_source.root / part.source.path(language) / f"{parse_split(name)[0]}.parquet"
        for part, name in task.parts(split)
    )
    return all(file.is_file() for file in files)


@pytest.mark.parametrize("name", tasks.TASKS)
def test_every_row_of_a_task_that_the_folder_has_fits(name: str) -> None:
    task, data_source = tasks.get(name), FolderSource(Path(FOLDER or ""))
    places = [
        (split, language)
        for language in task.languages or ("en",)
        for split in dict.fromkeys(split for split in (task.train, task.dev, task.test) if split)
        if is_there(data_source, task, split, language)
    ]
    if not places:
        pytest.skip(f"no rows of {name}")
    for split, language in places:
        assert rows.load(data_source, task, split, language)


@pytest.mark.parametrize("language", ["en", "ar", "de", "es", "hi", "zh"])
def test_every_row_of_mlqa_fits(language: str) -> None:
    """The folder has the dev files, which the task does not read."""
    assert len(rows.load(FolderSource(Path(FOLDER or "")), tasks.get("mlqa"), "validation", language)) == 500


def test_the_training_rows_of_several_data_sets_are_one_tasks() -> None:
    data_source = FolderSource(Path(FOLDER or ""))
    sizes = {name: data_source.train_size(tasks.get(name))[0] for name in ("anli", "mnli", "snli", "anli_plus")}
    assert sizes["anli_plus"] == sizes["anli"] + sizes["mnli"] + sizes["snli"] > 5000
    plus = tasks.get("anli_plus")
    assert len(rows.load(data_source, plus, plus.train or "", "en")) == sizes["anli_plus"], (
        "none is without a label here"
    )


def test_tags_transfer_to_languages_other_than_english(plan: Plan, tmp_path: Path) -> None:
    """From an encoder that is pretrained here."""
    languages = PRETRAINED_HERE.languages
    recipe = Recipe(epochs=2, batch_size=16, max_length=256, dev_examples=100, evaluations=1)
    sweep = Sweep(
        name="tags",
        encoders=(Encoder(name="small", weights=PRETRAINED_HERE),),
        targets=("udpos",),
        languages={"udpos": languages},
        recipe=recipe,
        search=Search(learning_rates=(1e-3,)),
    )
    scores = run_in_process(make_plan(sweep, plan.data_source), tmp_path)["udpos"]
    for language in languages:
        tags = Counter(
            tag for e in cache.examples(plan.data_source, tasks.get("udpos"), "test", language) for tag in e.tags
        )
        # In accuracy, where always giving the most frequent tag is worth something; in F1 over spans it is worth nothing.
        assert scores[language]["accuracy"] > 100 * max(tags.values()) / tags.total() + 5


def run_in_process(plan: Plan, folder: Path) -> dict[str, dict[str, dict[str, float]]]:
    """Runs a sweep of one condition without Ray. Returns target -> language -> metrics."""
    scheduler = Scheduler(plan, {}, {})
    context = WorkerContext(Store(str(folder)), plan.data_source, checkpoint_seconds=1e9)
    run(scheduler, lambda job: execute_job(job, context))
    (condition,) = plan.conditions
    return {target: scheduler.records[digest].languages for target, digest in condition.cells.items()}


@pytest.mark.laboratory
@pytest.mark.timeout(3600)
@pytest.mark.skipif(not os.environ.get("STILTS_ENCODER"), reason="STILTS_ENCODER is not set")
def test_a_pretrained_encoder_transfers_on_real_text(plan: Plan, tmp_path: Path) -> None:
    """A cut of the sweep that ships for it. The bounds lie well below what multilingual-e5-small scores."""
    sweep = plan.sweep.replace(
        intermediates=((),),
        targets=("udpos", "tatoeba"),
        languages={"udpos": ("en", "hi"), "tatoeba": ("de", "hi")},
        recipes={"udpos": plan.sweep.recipe_of("udpos")},
    )
    scores = run_in_process(make_plan(sweep, plan.data_source), tmp_path)
    found = {(target, code): metrics["score"] for target, of in scores.items() for code, metrics in of.items()}
    assert found["udpos", "en"] > 80
    assert found["udpos", "hi"] > 40
    assert min(found["tatoeba", code] for code in ("de", "hi")) > 40, found


# F1 of whole sentences by the published breaks, less a point.
AGREEMENT = {"en": 97.9, "ar": 97.9, "de": 96.4, "es": 96.1, "hi": 96.1, "tr": 89.8, "zh": 95.4}


@pytest.mark.parametrize("language", AGREEMENT)
def test_sentences_are_nearly_those_that_xquad_r_was_published_with(language: str) -> None:
    file = Path(FOLDER or "") / "lareqa_sentences" / language / "validation.parquet"
    published = {row["context"]: row["sentence_breaks"] for row in parquet.read_table(file).to_pylist()}
    both = ours = theirs = 0
    for text, breaks in published.items():
        made = {text[start:stop] for start, stop in sentence_breaks(text)}
        given = {text[start:stop].strip() for start, stop in breaks}
        both, ours, theirs = both + len(made & given), ours + len(made), theirs + len(given)
    assert 200 * both / (ours + theirs) > AGREEMENT[language]


def test_published_breaks_are_used_where_they_are() -> None:
    """Of all 500 questions the answer is in the sentence that the files say."""
    for language in ("en", "zh"):
        file = Path(FOLDER or "") / "lareqa_sentences" / language / "validation.parquet"
        rows_ = parquet.read_table(file).to_pylist()
        assert [asked(row).answer for row in rows_] == [row["answer_sentence"] for row in rows_]


# What the hub's scripts did to contexts: rows whose answers had to be moved, of so many, in the files of this folder.
MOVED = {
    "xquad": {"ar": 14, "de": 0, "en": 5, "es": 5, "hi": 8, "tr": 0, "zh": 54},
    "tydiqa": {"arabic": 213, "bengali": 11, "finnish": 181, "indonesian": 87, "korean": 84, "russian": 140, "swahili": 104,
               "telugu": 18, "english": 6},
}  # fmt: skip


@pytest.mark.parametrize("name, language", [(name, language) for name, found in MOVED.items() for language in found])
def test_answers_of_contexts_that_were_stripped_are_found_where_they_are(name: str, language: str) -> None:
    """Stripped as by the hub's scripts, their offsets left as they were: each answer is found where it really stands."""
    published = parquet.read_table(Path(FOLDER or "") / name / language / "validation.parquet").to_pylist()
    stripped = [
        {
            **row,
            "context": row["context"].strip(),
            "answers": {**row["answers"], "text": [text.strip() for text in row["answers"]["text"]]},
        }
        for row in published
    ]
    made = rows.examples(tasks.get(name), dataset_table(Dataset.from_list(stripped), language), Use(training=False))
    assert made.counts.repairs.get(Repair.REALIGN_ANSWER, 0) == MOVED[name][language]
    for example, row in zip(made.examples, published, strict=True):
        lead = len(row["context"]) - len(row["context"].lstrip())
        found = [start for _, start in example.answers]
        texts = zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True)
        assert found == [start - lead + len(text) - len(text.lstrip()) for text, start in texts]
