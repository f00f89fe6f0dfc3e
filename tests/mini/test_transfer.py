"""Transfer on mini is real: a broken step of phase 1 or 3 shows up here as a broken order of scores."""

from pathlib import Path
from statistics import mean

import pytest

from stilts_ray import mini
from stilts_ray.origin import Mini
from stilts_ray.plan import make_plan
from stilts_ray.store import Record, Store
from stilts_ray.sweep.frontier import Frontier
from stilts_ray.sweep.place import Place
from stilts_ray.sweep.work import carry_out
from stilts_ray.sweepfile import load

SWEEP = Path(__file__).resolve().parents[2] / "sweeps" / "mini_transfer.py"


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str, str], float]:
    """(encoder, target, group of languages) -> mean score, of one seed and one learning rate."""
    sweep = load(SWEEP)
    search = sweep.search.model_copy(update={"learning_rates": (1e-3,)})
    plan = make_plan(sweep.model_copy(update={"search": search, "seeds": (0,)}), Mini())
    frontier = Frontier(plan, {}, {})
    place = Place(Store(str(tmp_path_factory.mktemp("transfer"))), plan.origin, checkpoint_seconds=1e9)
    while job := frontier.next():
        frontier.finish(job, carry_out(job, place))
    rows = {row.encoder: row for row in plan.rows}
    return {
        (encoder, target, group): value
        for encoder, row in rows.items()
        for target, digest in row.cells.items()
        for group, value in by_group(frontier.records[digest]).items()
    }


def by_group(cell: Record) -> dict[str, float]:
    """Mean score of the pivot, of its family, of the other family in its script, and of other scripts."""
    groups: dict[str, list[float]] = {}
    for language in mini.LANGUAGES:
        if language.code in cell["languages"]:
            groups.setdefault(group_of(language), []).append(cell["languages"][language.code]["score"])
    return {group: mean(values) for group, values in groups.items()}


def group_of(language: mini.Language) -> str:
    """How a language stands to the pivot."""
    if language.code == mini.PIVOT:
        return "pivot"
    if language.family == "A":
        return "related"
    return "unrelated" if language.script == "Latin" else "other script"


@pytest.mark.parametrize("target", ["udpos", "tatoeba"])
def test_related_languages_are_clearly_above_unrelated_ones(
    scores: dict[tuple[str, str, str], float], target: str
) -> None:
    assert scores["mini", target, "related"] > scores["mini", target, "unrelated"] + 10
    assert scores["mini", target, "related"] > scores["mini", target, "other script"] + 10


@pytest.mark.parametrize("target", ["udpos", "tatoeba"])
@pytest.mark.parametrize("group", ["related", "unrelated", "other script"])
def test_pretraining_helps_every_group(scores: dict[tuple[str, str, str], float], target: str, group: str) -> None:
    assert scores["mini", target, group] > scores["random", target, group] + 5


def test_the_pivot_is_learned(scores: dict[tuple[str, str, str], float]) -> None:
    assert scores["mini", "udpos", "pivot"] > 95


def test_the_readme_gives_the_retrieval_scores(scores: dict[tuple[str, str, str], float]) -> None:
    """Nothing is trained for them, so they are the same everywhere to the digits shown."""
    text = (SWEEP.parents[1] / "README.md").read_text(encoding="utf-8")
    for encoder in ("mini", "random"):
        figures = [f"{scores[encoder, 'tatoeba', group]:.1f}" for group in ("related", "unrelated", "other script")]
        assert f"| {' | '.join(figures)} |" in text
