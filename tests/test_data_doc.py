"""What docs/data.md says of rules, bounds and known flaws is what the package does."""

import re
from pathlib import Path

from stilts_ray import tasks
from stilts_ray.data.hub import RETRY_SECONDS
from stilts_ray.data.repairs import FEW
from stilts_ray.data.repository import CONVERTED
from stilts_ray.store.pins import REPOSITORIES
from stilts_ray.tasks.base import COPIED, Repair
from stilts_ray.tasks.terms import REPAIRED

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
FLAT = " ".join(TEXT.split())


def test_the_tasks_are_those_of_the_registry() -> None:
    lines = re.findall(r"^\| [^|]+ \| ([a-z0-9_, ]+) \|$", TEXT, flags=re.MULTILINE)
    named = [name for line in lines for name in line.split(", ")]
    assert sorted(named) == sorted(tasks.TASKS)


def test_the_converters_command_exists() -> None:
    (module,) = re.findall(r"`python -m ([\w.]+) SRC DIR`", FLAT)
    assert (ROOT / module.replace(".", "/")).with_suffix(".py").is_file()


def test_every_rule_has_its_line() -> None:
    assert re.findall(r"^\| `(\w+)` \| ", TEXT, flags=re.MULTILINE) == [
        str(rule) for rule in sorted(Repair, key=lambda rule: TEXT.index(f"| `{rule}` |"))
    ]
    assert all(f"`{rule}`" in TEXT for rule in Repair)


def test_shares_are_those_of_the_sources() -> None:
    answers = {name: task.source.repairs.get(Repair.REALIGN_ANSWER) for name, task in tasks.TASKS.items()}
    assert set(COPIED.values()) == {0.01}
    assert {answers["xquad"], answers["xquad_xr"], answers["lareqa"]} == {0.2}
    assert answers["tydiqa"] == 0.6
    assert tasks.get("hellaswag").source.repairs[Repair.BLANK_FOR_NULL] == 1.0
    others = {share for task in tasks.TASKS.values() for share in task.source.repairs.values()}
    assert others == {0.01, 0.2, 0.6, 1.0}
    assert "1%, but 20% for the answers of XQuAD and XQuAD-R, 60% for TyDiQA's, and any number of HellaSwag's" in FLAT
    assert FEW == 5
    assert "Five rows of a file, and never more than half of them" in FLAT


def test_known_flaws_are_those_of_the_table() -> None:
    numbers = {count for splits in REPAIRED.values() for rules in splits.values() for count in rules.values()}
    for number in numbers:
        assert re.search(rf"\b{number:,}\b", TEXT), number


def test_bounds_and_names() -> None:
    assert RETRY_SECONDS == 120
    assert "for at most two minutes in all" in FLAT
    assert f"`{REPOSITORIES}`" in TEXT
    assert f"`{CONVERTED}`" in TEXT
    for repository in ("allenai/cosmos_qa", "mteb/tatoeba-bitext-mining", "izhx/mewsli-x", "aps/super_glue"):
        assert any(task.source.hub == repository for task in tasks.TASKS.values())
        assert f"`{repository}`" in TEXT
