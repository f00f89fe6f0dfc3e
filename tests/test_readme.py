"""The README says what is true: its commands exist, its tree is the package's, its sweep plans."""

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from stilts_ray import Encoder, Pretrained, Sweep, cli
from stilts_ray.config.sweep_file import load
from stilts_ray.data.sources import HubSource, MiniSource
from stilts_ray.plan.build import make_plan
from stilts_ray.plan.costs import compared
from stilts_ray.plan.steps import Evaluation, Study
from stilts_ray.tasks import TASKS
from stilts_ray.timing import PARTS

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Fenced blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", TEXT, flags=re.DOTALL)


def stilts_commands() -> list[list[str]]:
    """Every call of stilts in the README, as words."""
    lines = "\n".join(blocks("bash")).replace("\\\n", " ")
    found = re.findall(r"(?<![\w/.])stilts (?:plan|run|status|report|score|ui|tasks|mini)\b[^#'&\n]*", lines)
    return [shlex.split(line) for line in found]


def test_there_are_commands_to_check() -> None:
    assert len(stilts_commands()) >= 8


@pytest.mark.parametrize("words", stilts_commands(), ids=" ".join)
def test_every_command_and_option_exists(words: list[str]) -> None:
    command = get_command(cli.app).commands[words[1]]  # type: ignore[attr-defined]
    options = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options


@pytest.mark.parametrize("words", [w for w in stilts_commands() if len(w) > 2 and w[2].endswith(".py")], ids=" ".join)
def test_every_sweep_file_exists(words: list[str]) -> None:
    if words[2].startswith("sweeps/"):
        assert (ROOT / words[2]).is_file()


def test_the_tree_names_every_module_and_nothing_else() -> None:
    (tree,) = blocks("text")
    named = set(re.findall(r"^  (\w+(?:\.py|/))", tree, flags=re.MULTILINE))
    package = ROOT / "stilts_ray"
    folders = {f"{p.name}/" for p in package.iterdir() if p.is_dir() and p.name != "__pycache__"}
    # Files of a few lines explain themselves.
    small = {"__init__.py", "errors.py", "cachedir.py", "provenance.py", "sweepfile.py"}
    files = {p.name for p in package.glob("*.py")} - small
    assert named == folders | files


def test_the_sweep_of_the_papers_size_plans(tmp_path: Path) -> None:
    (code,) = [block for block in blocks("python") if "def sweep()" in block]
    file = tmp_path / "large.py"
    file.write_text(code)
    assert len(make_plan(load(file), HubSource({})).conditions) == 5


def test_the_costs_of_the_papers_grid_are_those_of_its_plan() -> None:
    found = compared(make_plan(load(ROOT / "sweeps" / "paper.py"), HubSource({})), None)
    assert found is not None
    shown = " ".join(TEXT.split())
    own, naive = found["train_tokens"] / 1e9, found["naive_train_tokens"] / 1e9
    assert f"its {found['pairs']} pairs" in shown
    assert f"{own:.1f} against {naive:.1f} billion" in shown
    assert f"a ratio of {found['ratio']:.3f}" in shown
    assert f"sharing makes {found['sharing']:.3f} and packing {found['packing']:.3f}" in shown


def test_the_task_entry_is_the_real_one() -> None:
    (entry,) = [block for block in blocks("python") if "= Task(" in block]
    source = (ROOT / "stilts_ray" / "tasks" / "nli.py").read_text(encoding="utf-8")
    for line in entry.splitlines():
        assert re.sub(r"\s*#.*", "", line).strip() in source


def test_the_published_recipes_are_there() -> None:
    (code,) = [block for block in blocks("python") if "stilts_ray.config.recipes" in block]
    found: dict[str, object] = {}
    exec(code, found)
    encoder = Encoder(name="large", weights=Pretrained(source="FacebookAI/xlm-roberta-large"))
    sweep = {"name": "s", "encoders": [encoder], "targets": ["xnli", "udpos", "xquad"]}
    asked = Sweep(**sweep, recipes=found["recipes"], search=found["rates"])  # type: ignore[arg-type]
    assert len(make_plan(asked, HubSource({})).conditions) == 1


def test_the_tasks_are_those_of_the_registry() -> None:
    lines = re.findall(r"^\| [^|]+ \| ([a-z0-9_, ]+) \|$", TEXT, flags=re.MULTILINE)
    named = [name for line in lines for name in line.split(", ")]
    assert sorted(named) == sorted(TASKS)


def test_the_converters_command_exists() -> None:
    (module,) = re.findall(r"`python -m ([\w.]+) SRC DIR`", TEXT)
    assert (ROOT / module.replace(".", "/")).with_suffix(".py").is_file()


def test_the_questions_are_those_in_the_folder() -> None:
    named = set(re.findall(r"^\| (\w+\.py) \| ", TEXT, flags=re.MULTILINE))
    apart = {"quickstart.py", "real_text.py", *(file.name for file in (ROOT / "sweeps").glob("mini_*.py"))}
    assert named == {file.name for file in (ROOT / "sweeps").glob("*.py")} - apart


def test_the_profile_is_of_the_whole_quickstart_and_adds_up() -> None:
    (printed,) = [block for block in blocks("console") if "seconds of" in block]
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
