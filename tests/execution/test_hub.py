"""Every shipped sweep on a hub whose rows have the flaws of the published ones: cut to a tiny encoder and few rows, but the
sweep itself, with the repositories, encoders and languages that it names, from nothing to its table."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stilts_ray import Recipe, Search, Sweep
from stilts_ray.cli import check
from stilts_ray.config import LogUniform, Mixture
from stilts_ray.config.sweep_file import load
from stilts_ray.data.sources import HubSource
from stilts_ray.execution.context import WorkerContext
from stilts_ray.execution.execute import execute_job
from stilts_ray.execution.progress import Progress
from stilts_ray.execution.run import check_encoders, check_rows
from stilts_ray.execution.scheduler import Scheduler
from stilts_ray.plan.build import Plan, make_plan
from stilts_ray.report.repaired_rows import repaired, rows_read
from stilts_ray.report.survey import survey
from stilts_ray.report.table import average_of
from stilts_ray.store.pins import REPOSITORIES, lock
from stilts_ray.store.pins import resolved as resolve
from stilts_ray.store.records import RowCounts
from stilts_ray.store.state import state_of
from stilts_ray.store.store import Store
from stilts_ray.tasks import TASKS
from tests.execution.fakes import run
from tests.execution.test_sweeps import ALL_ROWS, QUESTIONS, check_table, file_of, part_of
from tests.standin import Fault, Repository, StandIn, environment, flawed, hub_repositories, model_repository, online
from tests.tasks.rows import write_split

ROWS = 20
LARGE, MT5 = "FacebookAI/xlm-roberta-large", "google/mt5-large"
ENCODERS = ("FacebookAI/xlm-roberta-base", LARGE, "facebook/xlm-roberta-xl", MT5)
RECIPE = Recipe(epochs=1, batch_size=8, max_length=64, stride=32, train_examples=8, dev_examples=8, evaluations=1)
SOME = {"en", "de", "zh", "fi", "et"}
"""Languages of the sweeps but the paper's; rows of some of them are flawed."""


def encoder(folder: Path, name: str) -> Repository:
    """A published encoder's repository, with the tiny encoder in its place. mT5's weights are on a pull request."""
    if name != MT5:
        return model_repository(folder, name)
    old = model_repository(folder, name, binary_only=True)
    return old.with_commit(old.commit("refs/pr/1"), "refs/pr/2")


@pytest.fixture(scope="module")
def standin(tiny_encoder: Path) -> Iterator[StandIn]:
    models = [encoder(tiny_encoder, name) for name in ENCODERS]
    with StandIn((*flawed(hub_repositories(ROWS)), *models)) as hub:
        yield hub


@pytest.fixture
def hub(standin: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """The hub; clients have empty caches."""
    monkeypatch.setenv("STILTS_CACHE", str(tmp_path / "cache"))
    standin.requests.clear()
    with online(standin, tmp_path / "home", patient=False):
        yield standin
    standin.faults.clear()


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the tasks without a public repository."""
    root = tmp_path_factory.mktemp("local")
    for split in ("train", "validation"):
        write_split(TASKS["ccg"], split, "en", root)
    for language in TASKS["xnli"].languages:
        write_split(TASKS["mlm_text"], "train", "en", root)
        if language != "en":
            (root / "mlm_text" / language).symlink_to(root / "mlm_text" / "en")
    return root


def languages(target: str) -> tuple[str, ...]:
    return tuple(code for code in TASKS[target].languages if code in SOME)


def cut(sweep: Sweep, **changes: Any) -> Sweep:
    """The sweep at the smallest size that runs on the hub."""
    small = [m.model_copy(update={"masked": m.masked.model_copy(update={"share": 0.5})}) if m.masked else m
             for m in sweep.mixtures]  # fmt: skip
    some = {target: codes for target in sweep.targets if (codes := languages(target))}
    cuts = {
        "recipe": RECIPE, "recipes": {}, "search": Search(learning_rates=(1e-3,)), "seeds": (0,),
        "languages": some, "intermediates": tuple(small),
    }  # fmt: skip
    return sweep.model_copy(update=cuts | changes)


def plan_of(question: str, local: Path, **changes: Any) -> Plan:
    return make_plan(cut(load(file_of(question)), **changes), HubSource(local=local))


def do(plan: Plan, store: Store) -> Scheduler:
    """Runs the unfinished jobs of a plan."""
    scheduler = Scheduler(plan, dict(state_of(store).jobs), {})
    run(scheduler, lambda job: execute_job(job, WorkerContext(store, plan.data_source)))
    return scheduler


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_shipped_sweep_runs_to_its_table(question: str, hub: StandIn, store: Store, local: Path) -> None:
    """All rows of the last column: the others are trained and scored in the paper's two rows and in XTREME-R's below."""
    columns = part_of(load(file_of(question)), ALL_ROWS)["targets"]
    some = {target: codes for target in columns if (codes := languages(target))}
    plan = resolve(plan_of(question, local, targets=columns, languages=some), store)
    assert not plan.unresolved
    check_table(plan, do(plan, store))
    # Every file was requested at a commit, and once.
    files = [request.path for request in hub.requests.matching("HEAD .*/resolve/")]
    assert len(files) == len(set(files))
    assert not hub.requests.count("resolve/main/")


@pytest.mark.ray
@pytest.mark.timeout(3600)
def test_the_paper_runs_from_nothing_to_its_table_with_xtremes_average(
    standin: StandIn, store: Store, local: Path, tmp_path: Path
) -> None:
    """As a user runs it, in every language of all nine targets: the baseline, and the mixture of all nine tasks."""
    file = tmp_path / "cut.py"
    file.write_text(
        f"from pathlib import Path\nfrom stilts_ray import *\nfrom stilts_ray.config.sweep_file import load\n"
        f"def sweep():\n    whole = load(Path({str(file_of('paper'))!r}))\n"
        f"    recipe = Recipe.model_validate_json({RECIPE.model_dump_json()!r})\n"
        "    return whole.model_copy(update={'recipe': recipe, 'recipes': {}, 'seeds': (0,),"
        " 'search': Search(learning_rates=(1e-3,)), 'intermediates': (whole.mixtures[0], whole.mixtures[-1])})\n"
    )
    home = tmp_path / "home"
    variables = {**os.environ, **environment(standin, home), "STILTS_CACHE": str(tmp_path / "cache"), "COLUMNS": "200"}
    variables.pop("STILTS_DATA_DIR", None)
    command = [sys.executable, "-c", "from stilts_ray.cli import main; main()", "run", str(file),
               "--local-data", str(local), "--store", store.url]  # fmt: skip
    standin.requests.clear()
    first = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=1800)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "Traceback" not in first.stdout + first.stderr
    report = (Path(store.root) / "reports" / "paper" / "report.md").read_text()
    assert "`xtreme/avg`, the benchmark's overall average" in report
    assert "## Repaired rows" in report
    assert "| qqp train (en) | 20 | 18 | drop_blank 2 |" in report
    assert "|repaired:distinct_ids-1+realign_answer-2|" in report, "in XQuAD's signature"
    rows = json.loads(subprocess.run(
        [*command[:3], "report", str(file), "--local-data", str(local), "--store", store.url, "--json"],
        env=variables, capture_output=True, text=True, check=True,
    ).stdout)  # fmt: skip
    assert len(rows["rows"]) == 2
    assert all(row["cells"].keys() == rows["rows"][0]["cells"].keys() for row in rows["rows"])
    assert all(row["average"] is not None for row in rows["rows"])
    assert rows["data"]["tydiqa train (en)"]["repairs"] == {"realign_answer": 3}
    # Nothing is requested from the hub any more.
    standin.stop()
    try:
        again = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=1200)
    finally:
        standin.start()
    assert again.returncode == 0, again.stdout + again.stderr
    assert "ran 0 jobs" in again.stdout


def test_a_pinned_store_reads_the_pinned_rows_and_no_others(hub: StandIn, store: Store, local: Path) -> None:
    """The rows of two commits are in the caches; training reads those of the pinned one."""
    request = cut(load(file_of("paper")), intermediates=[("mnli",)], targets=(), languages={})
    pinned = resolve(make_plan(request, HubSource()), store)
    newest = pinned.data_source.repositories["nyu-mll/glue"]
    fewer = newest.model_copy(update={"commit": hub["nyu-mll/glue"].commits[0].id})
    older = HubSource({**pinned.data_source.repositories, "nyu-mll/glue": fewer})
    other = Store(f"{store.url}-older")
    sizes = {}
    for plan, each in ((pinned, store), (make_plan(request, older), other), (pinned, Store(f"{store.url}-again"))):
        do(plan, each)
        sizes[each.url] = rows_read(plan, state_of(each))["mnli train (en)"].rows
    assert list(sizes.values()) == [ROWS, ROWS // 2, ROWS]
    hub.stop()
    try:
        gone = Store(f"{store.url}-gone")
        do(make_plan(request, older), gone)
        assert rows_read(make_plan(request, older), state_of(gone))["mnli train (en)"].rows == ROWS // 2
    finally:
        hub.start()


def test_few_requests_and_only_what_is_read(hub: StandIn, store: Store, local: Path) -> None:
    """All columns of XTREME-R, before them the baseline and MNLI in every language."""
    rows = load(file_of("english_or_multilingual")).mixtures[:3:2]
    plan = resolve(plan_of("english_or_multilingual", local, intermediates=rows), store)
    repositories = {plan.data_source.key(TASKS[name]) for name in plan.sweep.targets} | {"nyu-mll/glue", LARGE}
    assert hub.requests.count() == hub.requests.count("GET /api/") <= len(plan.data_source.repositories)
    assert repositories <= set(plan.data_source.repositories)
    check_encoders(plan, _display())
    check_rows(plan, set(), _runtime(), _display())
    asked = [request.path for request in hub.requests]
    assert not any("PAN-X.fr" in path or "MLQA.en.de" in path for path in asked), "languages that are not tested"
    assert any("facebook/xnli" in path and "/ar/train" in path for path in asked)
    assert not any("facebook/xnli" in path and ("/ar/validation" in path or "/ar/test" in path) for path in asked)
    hub.requests.clear()
    check_table(plan, do(plan, store))
    # Only the weights of the encoder are still fetched.
    assert all(request.path.endswith("/model.safetensors") for request in hub.requests.matching("HEAD"))
    # A second store requests no known commit and no file.
    hub.requests.clear()
    other = Store(f"{store.url}-other")
    again = resolve(plan_of("english_or_multilingual", local, intermediates=rows), other)
    check_encoders(again, _display())
    check_rows(again, set(), _runtime(), _display())
    assert hub.requests.count("resolve") == hub.requests.count("blobs") == 0
    assert hub.requests.count() <= len(plan.data_source.repositories)


def _runtime() -> Any:
    from stilts_ray.config import Runtime

    return Runtime()


def _display() -> Any:
    import io

    from rich.console import Console

    return Progress(Console(file=io.StringIO()))


def test_an_unusable_encoder_ends_the_invocation_before_any_row_is_fetched(
    hub: StandIn, store: Store, local: Path, tiny_encoder: Path
) -> None:
    before = hub[LARGE]
    hub.publish(model_repository(tiny_encoder, LARGE, gated=True))
    try:
        plan = resolve(plan_of("paper", local), store)
        with pytest.raises(check.RequestError, match="is gated: ask for access"):
            check_encoders(plan, _display())
        assert not hub.requests.count("datasets/.*resolve")
    finally:
        hub.publish(before)


def test_a_survey_names_every_problem(hub: StandIn, store: Store, local: Path) -> None:
    hub.faults.add(Fault(match="facebook/xnli", status=403, times=None))
    splits = [("mnli", "train", "en"), ("xnli", "test", "de"), ("xquad", "validation", "de"), ("xquad", "validation", "en"),
              ("cosmosqa", "train", "en"), ("pawsx", "train", "de")]  # fmt: skip
    found = {finding.name: finding for finding in survey(HubSource(local=local), splits)}
    assert list(found) == ["mnli train", "xnli test", "xquad validation", "cosmosqa train", "pawsx train"]
    assert found["xnli test"].problems == (
        "data set facebook/xnli: the hub refuses this login (403): `hf auth login`; or give its files with --data-dir",
    )
    assert found["mnli train"].problems == ("mnli train (en) has 20 rows, not the published 392,702",)
    assert found["xquad validation"].repairs == {"distinct_ids": 1, "realign_answer": 1}
    xquad = found["xquad validation"]
    assert (xquad.languages, xquad.rows, xquad.published) == (2, 2 * ROWS, 2 * 1190)
    assert found["pawsx train"].repairs == {"drop_blank": 2}
    assert found["cosmosqa train"].where.startswith("allenai/cosmos_qa@")


def test_records_count_repaired_rows(hub: StandIn, store: Store, local: Path) -> None:
    mixture = Mixture(tasks=("pawsx",), languages=("de", "fr", "es"))
    plan = resolve(make_plan(cut(load(file_of("paper")), intermediates=[mixture], targets=("tydiqa",),
                                 languages={"tydiqa": ("en", "fi")}), HubSource()), store)  # fmt: skip
    do(plan, store)
    state = state_of(store)
    assert "| pawsx train (de) | 20 | 18 | drop_blank 2 |" in repaired(plan, state)
    assert rows_read(plan, state)["tydiqa validation (fi)"] == RowCounts(
        rows=ROWS, examples=ROWS, repairs={"realign_answer": 2}
    )
    assert store.read_json(REPOSITORIES).keys() == plan.data_source.repositories.keys()
    pin: Any = lock(plan, store).pins["tydiqa validation"]
    assert pin["revision"] == hub["google-research-datasets/tydiqa"].main.id


def test_learning_rates_of_a_cut_sweep_are_lists() -> None:
    """`cut` does not depend on the kind of search of the sweep."""
    assert not isinstance(cut(load(file_of("paper"))).search.learning_rates, LogUniform)
    assert average_of(make_plan(load(file_of("paper")), HubSource())) == "xtreme/avg"
