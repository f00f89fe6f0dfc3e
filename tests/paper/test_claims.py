"""Each claim on tables made so that it holds, does not hold, or cannot be measured."""

from pathlib import Path
from typing import Any

import pytest

from stilts_ray.config import MaskedShare, Mixture
from stilts_ray.config.sweep_file import load
from stilts_ray.data.sources import MiniSource
from stilts_ray.paper.claims import CLAIMS, Claim, Outcome, Verdict, judge
from stilts_ray.plan.build import make_plan
from stilts_ray.report.cells import Cell
from stilts_ray.report.table import ResultTable, results
from stilts_ray.store.state import state_of
from stilts_ray.store.store import Store
from tests.report import fakes
from tests.report.documents import Scores, cell, document

MULTI = ("multi-task", "multi-task best")
BY_NAME = {claim.name: claim for claim in CLAIMS}
HOLDS, FAILS, OPEN = Outcome.HOLDS, Outcome.FAILS, Outcome.OPEN


MIXTURES = {
    "hellaswag+mnli+squad": Mixture(tasks=("hellaswag", "mnli", "squad"), cap=1000, name="all-three"),
    "squad+mlm0.2@en_de": Mixture(tasks=("squad",), masked=MaskedShare(share=0.2, languages=("en", "de"))),
    "squad[0-50%]": Mixture(tasks=("squad",), difficulty_quantiles=(0, 0.5)),
    "squad[50-100%]": Mixture(tasks=("squad",), difficulty_quantiles=(0.5, 1)),
    "mnli_translated@de_fr": Mixture(tasks=("mnli_translated",), languages=("de", "fr")),
}


def verdict(name: str, rows: dict[str, dict[str, Scores]]) -> Verdict:
    (found,) = judge(document(rows, mixtures=MIXTURES), [BY_NAME[name]])
    return found


def near(score: float) -> list[float]:
    """Three seeds with this mean."""
    return [score - 0.2, score, score + 0.2]


def encoder(score: float) -> Cell:
    """The baseline of a target that is not trained."""
    return cell([score], rate=None)


# As the paper has it: rows gain on everything but XNLI, most on retrieval.
PAPER: dict[str, dict[str, Scores]] = {
    "": {"xnli": near(79), "tydiqa": near(55), "bucc2018": encoder(66), "tatoeba": encoder(31)},
    "squad": {"xnli": [78.9, 79.2, 78.9], "tydiqa": near(66), "bucc2018": near(80), "tatoeba": near(60)},
    "mnli": {"xnli": [79.2, 78.9, 78.9], "tydiqa": near(60), "bucc2018": near(82), "tatoeba": near(58)},
    "hellaswag": {"xnli": [78.9, 79.2, 78.8], "tydiqa": near(61), "bucc2018": near(81), "tatoeba": near(59)},
    "hellaswag+mnli+squad": {"xnli": near(79.5), "tydiqa": near(67), "bucc2018": near(83), "tatoeba": near(64)},
    "squad+mlm0.2@en_de": {"xnli": near(78), "tydiqa": near(64), "bucc2018": near(75), "tatoeba": near(55)},
    "mnli_translated": {"xnli": near(79), "tydiqa": near(66), "bucc2018": near(80), "tatoeba": near(60)},
    "mnli_translated@de_fr": {"xnli": near(78), "tydiqa": near(65), "bucc2018": near(79), "tatoeba": near(58)},
}

# The same names with what would speak against each.
CONTRARY: dict[str, dict[str, Scores]] = {
    "": PAPER[""],
    "squad": {"xnli": near(80), "tydiqa": near(54), "bucc2018": near(60), "tatoeba": near(30)},
    "mnli": {"xnli": near(81), "tydiqa": near(54), "bucc2018": near(61), "tatoeba": near(30)},
    "hellaswag": {"xnli": near(82), "tydiqa": near(56), "bucc2018": near(62), "tatoeba": near(24)},
    "hellaswag+mnli+squad": {"xnli": near(70), "tydiqa": near(50), "bucc2018": near(50), "tatoeba": near(20)},
    "squad+mlm0.2@en_de": {"xnli": near(84), "tydiqa": near(64), "bucc2018": near(75), "tatoeba": near(55)},
    "mnli_translated": {"xnli": near(79), "tydiqa": near(66), "bucc2018": near(80), "tatoeba": near(60)},
    "mnli_translated@de_fr": {"xnli": near(84), "tydiqa": near(65), "bucc2018": near(79), "tatoeba": near(58)},
}


def without(rows: dict[str, dict[str, Scores]], *names: str) -> dict[str, dict[str, Scores]]:
    return {name: cells for name, cells in rows.items() if name not in names}


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: str(claim.name))
def test_every_claim_holds_where_it_should(claim: Claim) -> None:
    found = verdict(claim.name, PAPER)
    assert found.outcome == HOLDS, found
    assert found.estimate is not None
    assert found.estimate.low is not None
    assert found.estimate.seeds == 3


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: str(claim.name))
def test_every_claim_can_fail(claim: Claim) -> None:
    # Where others lose, the best row of each target may still gain; where there is one row, it is the best.
    only = {name: CONTRARY[name] for name in ("", "hellaswag+mnli+squad")}
    rows = only if claim.name == "best per target" else CONTRARY
    found = verdict(claim.name, rows)
    assert found.outcome == FAILS, found
    assert found.estimate is not None


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: str(claim.name))
def test_a_baseline_alone_measures_nothing(claim: Claim) -> None:
    found = verdict(claim.name, {"": PAPER[""]})
    assert (found.outcome, found.estimate) == (OPEN, None)
    assert found.note.startswith("no row"), found.note


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: str(claim.name))
def test_one_seed_decides_without_an_interval_and_says_so(claim: Claim) -> None:
    def first(found: Any) -> Scores:
        return encoder(found.score) if isinstance(found, Cell) else [found[1]]

    rows = {name: {target: first(found) for target, found in cells.items()} for name, cells in PAPER.items()}
    if claim.name == "best per target":
        # With one seed there must be a dev score to choose by.
        rows = {name: {"xnli": cell([70.0 + len(name)], dev=80.0)} for name in PAPER}
    if claim.name == "xnli does not":
        rows = {name: {**cells, "xnli": [79.0 - bool(name)]} for name, cells in rows.items()}
    found = verdict(claim.name, rows)
    assert found.outcome == HOLDS, found
    assert found.estimate is not None
    assert (found.estimate.low, found.estimate.high, found.estimate.seeds) == (None, None, 1)
    assert "one seed: no interval" in found.note


def test_figures_and_texts_are_those_of_the_source() -> None:
    figures = {claim.name: claim.figure for claim in CLAIMS if claim.figure is not None}
    assert figures == {"squad": 8.2, "mnli": 7.5, "hellaswag": 7.0, "multi-task": 8.7, "best per target": 5.4}
    assert len(BY_NAME) == len(CLAIMS) == 12
    assert all("2005.13013" in claim.source for claim in CLAIMS)
    assert all("interval" in claim.rule for claim in CLAIMS), "every check says when it holds"


def test_the_difference_is_that_of_the_averages() -> None:
    found = verdict("squad", PAPER)
    assert found.estimate is not None
    assert found.estimate.value == pytest.approx((79 + 66 + 80 + 60) / 4 - (79 + 55 + 66 + 31) / 4)
    assert found.note == "over xnli, tydiqa, bucc2018, tatoeba"


def test_what_is_missing_is_named() -> None:
    assert verdict("squad", without(PAPER, "")).note == "no row baseline"
    assert verdict("squad", without(PAPER, "squad")).note == "no row squad"
    assert verdict("bucc2018 large", {"": {"xnli": [1.0]}, "squad": {"xnli": [2.0]}}).note == "no target bucc2018"
    assert verdict("squad", {**PAPER, "squad": {**PAPER["squad"], "xnli": None}}).note == "squad on xnli is not done"
    assert (
        verdict("multi-task", without(PAPER, "hellaswag+mnli+squad")).note == "no row with several intermediate tasks"
    )
    assert verdict("English, MLM", without(PAPER, "squad")).note == "no row squad"
    assert (
        verdict("English, translation", without(PAPER, "mnli_translated@de_fr")).note == "no row with translated data"
    )


def test_difficulty_quantiles_are_no_intermediate_task() -> None:
    quantiles = dict.fromkeys(("squad[0-50%]", "squad[50-100%]"), CONTRARY["squad"])
    # Any row may be the best of a target.
    for name in BY_NAME.keys() - {"best per target"}:
        assert verdict(name, PAPER | quantiles) == verdict(name, PAPER)


def test_collapsed_trials_are_left_out_with_their_partners() -> None:
    rows = {"": {"tydiqa": near(55)}, "squad": {"tydiqa": cell([65.0, 66.0, 0.0], collapsed=[2])}}
    found = verdict("squad", rows)
    assert found.outcome == HOLDS
    assert found.estimate is not None
    assert found.estimate.value == pytest.approx((65.0 - 54.8 + 66.0 - 55.0) / 2)
    assert found.note.startswith("1 of 3 seeds left out: collapsed; over tydiqa")


def test_where_all_trials_collapsed_nothing_is_measured() -> None:
    rows = {"": {"tydiqa": near(55)}, "squad": {"tydiqa": cell([None, 1.0, 2.0], collapsed=[1, 2])}}
    found = verdict("squad", rows)
    assert (found.outcome, found.note) == (OPEN, "no seed without collapsed trials")
    one = verdict("squad", {**rows, "squad": {"tydiqa": cell([66.0, 1.0, None], collapsed=[1])}})
    assert (one.outcome, one.note) == (HOLDS, "2 of 3 seeds left out: collapsed; one seed: no interval; over tydiqa")


def test_the_best_row_is_chosen_by_the_other_seeds() -> None:
    """Two rows of pure noise: the best of each seed would be above the baseline in every seed; chosen honestly it is not."""
    rows: dict[str, dict[str, Scores]] = {
        "": {"xnli": [50.0, 50.0, 50.0]},
        "squad": {"xnli": [52.0, 48.0, 49.0]},
        "mnli": {"xnli": [48.0, 52.0, 49.5]},
    }
    found = verdict("best per target", rows)
    assert found.outcome == FAILS
    assert found.estimate is not None
    assert found.estimate.value < 0
    assert found.note == "xnli: mnli or squad"


def test_the_best_row_is_chosen_by_dev_scores_where_there_are_any() -> None:
    rows: dict[str, dict[str, Scores]] = {
        "": {"xnli": cell([50.0, 50.0], dev=80.0), "tatoeba": encoder(30)},
        "squad": {"xnli": cell([52.0, 54.0], dev=[81.0, 85.0]), "tatoeba": [31.0, 32.0]},
        "mnli": {"xnli": cell([60.0, 60.0], dev=[82.0, 83.0]), "tatoeba": [20.0, 20.0]},
    }
    found = verdict("best per target", rows)
    assert found.note == "xnli: squad; tatoeba: squad"
    assert found.estimate is not None
    assert found.estimate.value == pytest.approx(((2 + 4) / 2 + (1 + 2) / 2) / 2)


def test_without_a_choice_the_best_row_is_not_measured() -> None:
    one: dict[str, dict[str, Scores]] = {"": {"tatoeba": encoder(30)}, "squad": {"tatoeba": [40.0]}}
    assert verdict("best per target", one).note == "no choice on tatoeba: no dev score, one seed"
    undone: dict[str, dict[str, Scores]] = {**one, "mnli": {"tatoeba": None}}
    assert verdict("best per target", undone).note == "no choice on tatoeba: mnli is not done"


def test_encoders_are_judged_apart() -> None:
    one = document({"": {"xnli": near(50)}, "squad": {"xnli": near(60)}}, "one")
    other = document({"": {"xnli": near(50)}, "squad": {"xnli": near(40)}}, "two")
    two = one.model_copy(update={"rows": one.rows + other.rows})
    found = {v.encoder: v.outcome for v in judge(two, [BY_NAME["squad"]])}
    assert found == {"one": HOLDS, "two": FAILS}
    assert judge(ResultTable(sweep="s", average_name="")) == []


def test_a_sweep_on_generated_languages_is_judged_as_far_as_it_goes(store: Store) -> None:
    plan = fakes.small()
    fakes.execute_job(plan, store)
    outcomes = {v.claim.name: v.outcome for v in judge(results(plan, state_of(store).steps))}
    measured = {name for name, outcome in outcomes.items() if outcome != OPEN}
    assert measured == {"squad", "multi-task", "multi-task best", "best per target", "tatoeba large"}


@pytest.mark.parametrize(
    ("question", "open_claims"),
    [("paper", {"English, MLM", "English, translation"}), ("paper_variants", {"mnli", "hellaswag", *MULTI})],
)
def test_the_papers_own_sweeps_measure_the_claims(question: str, open_claims: set[str], store: Store) -> None:
    mini_variant = load(Path("sweeps", f"{question}.py"), "mini")
    plan = make_plan(mini_variant.model_copy(update={"seeds": (0, 1)}), MiniSource())
    fakes.execute_job(plan, store)
    verdicts = judge(results(plan, state_of(store).steps))
    assert {v.claim.name for v in verdicts if v.outcome == OPEN} == open_claims
    notes = {v.claim.name: v.note for v in verdicts}
    if question == "paper":
        assert notes["multi-task"].startswith("all-nine; over xnli, ")
        assert notes["xnli does not"].endswith("of 9 intermediate tasks gain")
    else:
        assert "mnli_translated against mnli_translated@12languages" in notes["English, translation"]


def test_as_json() -> None:
    found = verdict("squad", PAPER).as_dict()
    assert (found["claim"], found["published"], found["outcome"], found["seeds"]) == ("squad", 8.2, "holds", 3)
    assert found["interval"][0] < found["ours"] < found["interval"][1]
    assert verdict("squad", {"": PAPER[""]}).as_dict()["interval"] is None
