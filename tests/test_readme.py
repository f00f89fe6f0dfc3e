"""The README is short, and what it shows is true: its tree is the package's, its table is the quickstart's."""

import re
from itertools import zip_longest

import pytest

from stilts_ray import Sweep
from stilts_ray.config.sweep_file import load
from stilts_ray.data.sources import MiniSource
from stilts_ray.plan.build import Plan, make_plan
from stilts_ray.plan.steps import Evaluation, Study
from tests.pages import README, ROOT, blocks

TEXT = README.read_text(encoding="utf-8")
LONGEST = 180


@pytest.fixture(scope="module")
def sweep() -> Sweep:
    return load(ROOT / "sweeps" / "quickstart.py")


@pytest.fixture(scope="module")
def plan(sweep: Sweep) -> Plan:
    return make_plan(sweep, MiniSource())


def printed() -> tuple[list[str], dict[str, list[str]]]:
    """The table that the quickstart printed: its columns, and its cells by the label of their row."""
    (text,) = blocks(TEXT, "console")
    head, _, *lines = text.splitlines()[2:]
    labels: list[str] = []
    cells: list[list[str]] = []
    for line in lines[: lines.index("")]:
        label, scores = line[1:14].strip(), line[14:].strip()
        if scores and not scores.startswith("("):
            labels.append(label)
            cells.append(re.split(r"\s{2,}", scores))
        else:
            # The lines below a row's first hold the rest of its label, and the differences of all cells but the average's.
            labels[-1] += label if label.startswith("+") else f" {label}".rstrip()
            cells[-1] = [" ".join(pair).strip() for pair in zip_longest(cells[-1], scores.split(), fillvalue="")]
    assert len(set(labels)) == len(labels)
    return head.split(), dict(zip(labels, cells, strict=True))


def test_it_is_short() -> None:
    assert len(TEXT.splitlines()) <= LONGEST


def test_two_commands_come_first() -> None:
    install, test = blocks(TEXT, "bash")[:2]
    assert install.strip() == "pip install -e . && stilts run sweeps/quickstart.py"
    assert test.strip() == "pip install -e '.[test]' && pytest"


def test_the_tree_names_every_module_and_nothing_else() -> None:
    (tree,) = blocks(TEXT, "text")
    named = re.findall(r"^  (\w+(?:\.py|/))", tree, flags=re.MULTILINE)
    package = ROOT / "stilts_ray"
    folders = {f"{path.name}/" for path in package.iterdir() if (path / "__init__.py").is_file()}
    files = {path.name for path in package.glob("*.py")} - {"__init__.py"}
    assert len(named) == len(set(named))
    assert set(named) == folders | files


def test_the_tree_names_what_stands_beside_the_package() -> None:
    (tree,) = blocks(TEXT, "text")
    named = re.findall(r"^([\w.]+/?)", tree, flags=re.MULTILINE)
    assert named[0] == "stilts_ray/"
    assert all((ROOT / name).exists() for name in named)


def test_the_table_is_of_the_quickstart(sweep: Sweep, plan: Plan) -> None:
    columns, rows = printed()
    assert blocks(TEXT, "console")[0].splitlines()[0] == f"{sweep.name}: {sweep.encoders[0].name}"
    assert columns == ["intermediate", *sweep.targets, "average"]
    conditions = ["+".join(condition.intermediate) or "baseline" for condition in plan.conditions]
    assert list(rows) == [*conditions, "best per target"]
    assert all(len(cells) == len(columns) - 1 for cells in rows.values())


def test_the_table_adds_up() -> None:
    _, rows = printed()
    scores = {label: [float(cell.split()[0]) for cell in cells] for label, cells in rows.items()}
    for label, cells in rows.items():
        *targets, average = scores[label]
        assert sum(targets) / len(targets) == pytest.approx(average, abs=0.11)
        for cell, score, baseline in zip(cells, scores[label], scores["baseline"], strict=True):
            shown = re.search(r"\(([+-][\d.]+)\)", cell)
            assert (shown is None) == (label == "baseline")
            if shown:
                assert float(shown[1]) == pytest.approx(score - baseline, abs=0.11)


def test_the_counts_are_those_of_the_quickstart(plan: Plan) -> None:
    trials = sum(step.trials for step in plan.steps if isinstance(step, Study))
    evaluations = sum(len(step.seeds) for step in plan.steps if isinstance(step, Evaluation))
    assert f"runs {trials} trials and {evaluations} zero-shot evaluations" in " ".join(TEXT.split())
