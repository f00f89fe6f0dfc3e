"""What the README and the pages under `docs/` say is true: commands parse, code runs, figures are those that code gives."""

import ast
import importlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

import stilts_ray
from stilts_ray import Encoder, Pretrained, Sweep, cli
from stilts_ray.config.sweep_file import load, named
from stilts_ray.data.sources import HubSource, MiniSource
from stilts_ray.models.families import FAMILIES
from stilts_ray.models.inference import default_layer
from stilts_ray.plan.build import make_plan
from stilts_ray.plan.costs import compare_costs
from stilts_ray.plan.steps import Evaluation, Study
from stilts_ray.timing import PARTS
from tests.architectures import PACKED, PADDED
from tests.pages import DOCUMENTS, PAGES, README, ROOT, blocks, commands, inline, read

COMMANDS: dict[str, Any] = get_command(cli.app).commands  # type: ignore[attr-defined]
CALLS = [
    pytest.param(words, id=f"{path.stem}-{' '.join(words)}")
    for path in DOCUMENTS
    for words in commands(path.read_text(encoding="utf-8"))
]
CODE = [
    pytest.param(code, id=f"{path.stem}-{number}")
    for path in DOCUMENTS
    for number, code in enumerate(blocks(path.read_text(encoding="utf-8"), "python"))
]
ALONE = {"quickstart.py", "real_small.py"}
"""Sweeps without a question of their own."""


def slug(heading: str) -> str:
    """The anchor of a heading, on GitHub and in MkDocs."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


# Pages


def pages_of(entry: Any) -> list[str]:
    """The pages of a part of the navigation."""
    if isinstance(entry, str):
        return [entry]
    parts = entry.values() if isinstance(entry, dict) else entry
    return [page for part in parts for page in pages_of(part)]


def test_every_page_is_in_the_navigation_once() -> None:
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert site["strict"] is True
    assert sorted(pages_of(site["nav"])) == [page.name for page in PAGES]


def test_the_readme_and_the_start_page_ask_the_same_questions() -> None:
    asked = re.compile(r"^\| (.+\?) \| \[(.+)\]\((?:docs/)?(\w+\.md)\) \|$", flags=re.MULTILINE)
    questions = asked.findall(README.read_text(encoding="utf-8"))
    assert questions == asked.findall(read("index.md"))
    assert {page for *_, page in questions} == {page.name for page in PAGES} - {"index.md"}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_every_link_leads_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        if link.startswith("http"):
            continue
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        assert target.is_file(), link
        if anchor:
            headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert anchor in map(slug, headings), link


def test_the_glossary_has_each_term_once_in_order() -> None:
    glossary = read("concepts.md").partition("## Glossary")[2]
    terms = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", glossary, flags=re.MULTILINE)[1:]
    terms = [term for term in terms if not term.startswith("-")]
    assert len(terms) > 30
    assert terms == sorted(set(terms), key=str.lower)


def test_ci_runs_one_script_that_builds_the_pages() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    (job,) = workflow["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert "mkdocs build --quiet --strict" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == stilts_ray.__version__
    assert citation["license"] == "Apache-2.0"


# Commands


def test_there_are_commands_to_check() -> None:
    assert len(CALLS) >= 30


@pytest.mark.parametrize("words", CALLS)
def test_every_command_parses(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    _, name, *arguments = words
    context = COMMANDS[name].make_context(name, list(arguments))
    asked = context.params.get("sweep")
    if asked is not None and asked != "SWEEP":
        monkeypatch.chdir(ROOT)
        assert isinstance(load(*named(asked.removeprefix("~/stilts/"))), Sweep)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_every_command_and_option_in_a_sentence_exists(path: Path) -> None:
    options = {name for command in COMMANDS.values() for parameter in command.params for name in parameter.opts}
    for code in inline(path.read_text(encoding="utf-8")):
        if code.startswith("stilts "):
            assert code.split()[1] in COMMANDS, code
        if code.startswith("--") and code != "--help":
            assert {word for word in code.split() if word.startswith("--")} <= options, code


def test_the_tree_lists_the_commands() -> None:
    (line,) = re.findall(r"^  cli/ +(.+)$", README.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert sorted(line.split(" | ")) == sorted(COMMANDS)


# Code


@pytest.mark.parametrize("code", CODE)
def test_code_compiles_and_its_names_exist(code: str) -> None:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module or "")
            assert all(hasattr(module, alias.name) for alias in node.names)


def test_the_sweep_of_the_papers_size_plans(tmp_path: Path) -> None:
    (code,) = [block for block in blocks(read("sweeps.md"), "python") if "def sweep()" in block]
    file = tmp_path / "large.py"
    file.write_text(code)
    assert len(make_plan(load(file), HubSource({})).conditions) == 5


def test_its_mini_variant_plans(tmp_path: Path) -> None:
    file = tmp_path / "large.py"
    file.write_text("\n".join(blocks(read("sweeps.md"), "python")))
    variant = load(file, "mini")
    assert variant.data == "mini"
    assert len(make_plan(variant, MiniSource()).conditions) == 5


def test_the_mixtures_plan() -> None:
    (code,) = [block for block in blocks(read("recipes.md"), "python") if "intermediates = [" in block]
    found: dict[str, Any] = {}
    exec(code, found)
    encoder = Encoder(name="large", weights=Pretrained(source="FacebookAI/xlm-roberta-large"))
    asked = Sweep(name="s", encoders=[encoder], intermediates=found["intermediates"], targets=["xnli"])
    rows = [condition.intermediate for condition in make_plan(asked, HubSource({})).conditions]
    assert len(rows) == 5
    assert ("mnli[67-100%]",) in rows
    assert "`mnli[67-100%]`" in read("recipes.md")


def test_the_published_recipes_are_there() -> None:
    (code,) = [block for block in blocks(read("recipes.md"), "python") if "stilts_ray.config.recipes" in block]
    found: dict[str, Any] = {}
    exec(code, found)
    encoder = Encoder(name="large", weights=Pretrained(source="FacebookAI/xlm-roberta-large"))
    sweep: dict[str, Any] = {"name": "s", "encoders": [encoder], "targets": ["xnli", "udpos", "xquad"]}
    asked = Sweep(**sweep, recipes=found["recipes"], search=found["rates"])
    assert len(make_plan(asked, HubSource({})).conditions) == 1


@pytest.mark.parametrize("begin, file", [("MNLI = Task(", "tasks/nli.py"), ("REGRESSION: ", "kinds/regression.py")])
def test_an_entry_to_copy_is_the_real_one(begin: str, file: str) -> None:
    (entry,) = [block for block in blocks(read("extending.md"), "python") if block.startswith(begin)]
    source = (ROOT / "stilts_ray" / file).read_text(encoding="utf-8")
    assert re.sub(r"\s+# .*", "", entry).strip() in re.sub(r"\s+# .*", "", source)


# Sweeps and figures


def test_the_questions_are_those_in_the_folder() -> None:
    listed = re.findall(r"^\| (\w+\.py) \| ", read("sweeps.md"), flags=re.MULTILINE)
    files = {file.name for file in (ROOT / "sweeps").glob("*.py") if not file.name.startswith("mini_")}
    assert sorted(listed) == sorted(files - ALONE)


def test_the_costs_of_the_papers_grid_are_those_of_its_plan() -> None:
    found = compare_costs(make_plan(load(ROOT / "sweeps" / "paper.py"), HubSource({})), None)
    assert found is not None
    shown = " ".join(read("performance.md").split())
    own, naive = found.train_tokens / 1e9, found.naive_train_tokens / 1e9
    assert f"its {found.pairs} pairs" in shown
    assert f"{own:.1f} against {naive:.1f} billion" in shown
    assert f"a ratio of {found.ratio:.3f}" in shown
    assert f"| a loop over its pairs, padded | {found.ratio:.3f} |" in shown
    assert f"sharing makes {found.sharing:.3f} and packing {found.packing:.3f}" in shown


def test_the_profile_is_of_the_whole_quickstart_and_adds_up() -> None:
    (printed,) = [block for block in blocks(read("performance.md"), "console") if "seconds of" in block]
    lines = {words[0]: words[1:] for words in map(str.split, printed.replace(",", "").splitlines()) if words}
    plan = make_plan(load(ROOT / "sweeps" / "quickstart.py"), MiniSource())
    trials = sum(step.trials for step in plan.steps if isinstance(step, Study))
    scores = sum(len(step.seeds) for step in plan.steps if isinstance(step, Evaluation))
    assert lines["seconds"] == ["of", "study", "evaluation", "total", "share"]
    assert lines["jobs"] == [str(trials), str(scores), str(trials + scores)]
    assert [name for name in lines if name in PARTS] == list(PARTS)
    for column, whole in enumerate(map(float, lines["total"])):
        assert sum(float(lines[part][column]) for part in PARTS) == pytest.approx(whole, abs=0.06 * len(PARTS))
    for part in PARTS:
        study, evaluation, both = map(float, lines[part][:3])
        assert study + evaluation == pytest.approx(both, abs=0.11)
        assert float(lines[part][3].removesuffix("%")) == pytest.approx(100 * both / float(lines["total"][2]), abs=0.6)


def test_every_part_of_the_profile_is_explained() -> None:
    table = read("performance.md").partition("| Part | Seconds spent on |")[2]
    named = re.findall(r"^\| ([a-z, ]+) \| ", table, flags=re.MULTILINE)
    assert [part for line in named for part in line.split(", ")] == list(PARTS)


def test_benchmarks_that_are_named_exist() -> None:
    for name in re.findall(r"`(?:benchmarks/)?(\w+\.py)`", read("performance.md")):
        assert (ROOT / "benchmarks" / name).is_file(), name


def test_the_table_of_encoders_says_who_runs_how() -> None:
    """Those called packed are the package's, and all that are named are tested."""
    lines = [line.split("|") for line in read("encoders.md").splitlines() if line.startswith("| `")][1:]
    named = {how: set[str]() for how in ("packed", "padded")}
    for _, architectures, _, how, _, _ in lines:
        named[how.split(",")[0].strip()] |= set(re.findall(r"`([\w-]+)`", architectures))
    assert named["packed"] == set(FAMILIES) == set(PACKED)
    assert named["padded"] == set(PADDED)


def test_layers_of_other_depths_are_those_that_are_said() -> None:
    said = re.findall(r"(\d+) of (\d+)", read("encoders.md"))
    assert len(said) == 6
    for layer, depth in said:
        assert default_layer(int(depth)) == int(layer)
