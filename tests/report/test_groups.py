"""Groups of languages: who is in which, their means, and differences paired by seed."""

from typing import Any

import pytest

from stilts_ray import mini
from stilts_ray.config import Mixture
from stilts_ray.evaluation.averages import over_seeds
from stilts_ray.languages import LANGUAGES
from stilts_ray.mini.languages import GRAMMARS
from stilts_ray.report.groups import SOURCE, UNKNOWN, GroupEntry, group_score, groups, ordered, trait
from stilts_ray.report.sections import by_group
from stilts_ray.report.table import ResultTable, results
from stilts_ray.store.records import EvaluationRecord, ScoredTrial
from stilts_ray.store.state import state_of
from stilts_ray.store.store import Store
from tests.execution.fakes import planned
from tests.report import fakes


def record(
    *scores: dict[str, float] | None, rate: float | None = 1e-5, collapsed: tuple[int, ...] = ()
) -> EvaluationRecord:
    """An evaluation with a trial per seed: scores by language, None: it diverged."""
    trials = [
        ScoredTrial(
            seed=seed,
            learning_rate=rate,
            score=sum(own.values()) / len(own) if own else None,
            collapsed=own is None or seed in collapsed,
            languages={code: {"score": value} for code, value in (own or {}).items()},
        )
        for seed, own in enumerate(scores)
    ]
    return EvaluationRecord(name="", digest="", **vars(over_seeds(trials)), trials=tuple(trials), signature="")


def test_every_language_has_its_group() -> None:
    assert {trait(code, "family") for code in ("de", "hi", "fi")} == {"Indo-European", "Uralic"}
    assert (trait("fi", "morphology"), trait("sw", "morphology")) == ("agglutinative", UNKNOWN)
    assert (trait("qbc", "family"), trait("qbc", "morphology")) == ("B", "agglutinative")
    assert all(trait(code, "morphology") == grammar.morphology for code, grammar in GRAMMARS.items())
    assert (trait("xx", "family"), trait("xx", "morphology")) == (UNKNOWN, UNKNOWN)
    assert not set(LANGUAGES) & {language.code for world in mini.WORLDS.values() for language in world}


def test_means_and_paired_differences() -> None:
    mine = record({"de": 60.0, "fr": 70.0, "fi": 10.0}, {"de": 64.0, "fr": 70.0, "fi": 10.0})
    base = record({"de": 58.0, "fr": 68.0, "fi": 90.0}, {"de": 60.0, "fr": 60.0, "fi": 90.0})
    found = group_score(mine, base, ["de", "fr"])
    assert found.score == pytest.approx((65 + 67) / 2)
    # By seed 65 - 63 = 2 and 67 - 60 = 7: mean 4.5, standard deviation 5 / sqrt 2, its error 5 / 2.
    assert (found.delta, found.standard_error, found.pairs) == (4.5, pytest.approx(2.5), 2)
    assert found.languages == ("de", "fr")


def test_one_seed_and_no_baseline() -> None:
    mine = record({"de": 60.0})
    one = group_score(mine, record({"de": 50.0}), ["de"])
    assert (one.delta, one.standard_error, one.pairs) == (10.0, None, 1)
    alone = group_score(mine, None, ["de"])
    assert (alone.score, alone.delta, alone.standard_error, alone.pairs) == (60.0, None, None, 0)


def test_the_encoder_itself_is_the_partner_of_every_seed() -> None:
    found = group_score(record({"de": 60.0}, {"de": 64.0}), record({"de": 50.0}, rate=None), ["de"])
    assert (found.delta, found.pairs) == (12.0, 2)
    assert found.standard_error == pytest.approx(2.0)


def test_collapsed_and_diverged_trials_have_no_difference() -> None:
    mine = record({"de": 60.0}, {"de": 1.0}, None, {"de": 62.0}, collapsed=(1,))
    base = record({"de": 50.0}, {"de": 50.0}, {"de": 50.0}, {"de": 50.0}, collapsed=(3,))
    found = group_score(mine, base, ["de"])
    assert (found.score, found.delta, found.pairs) == (61.0, 10.0, 1)


def test_only_languages_that_both_have_are_compared() -> None:
    mine, base = record({"de": 60.0, "fr": 80.0}), record({"de": 50.0})
    found = group_score(mine, base, ["de", "fr"])
    assert (found.score, found.delta) == (70.0, 10.0)
    assert group_score(mine, base, ["fr"]).delta is None


def one(document: ResultTable, **wanted: Any) -> GroupEntry:
    (found,) = [e for e in document.groups["family"] if all(getattr(e, name) == v for name, v in wanted.items())]
    return found


def test_groups_of_a_sweep_add_up_to_its_table(store: Store) -> None:
    codes = ("qaa", "qab", "qac", "qba")
    plan = fakes.small(languages={"udpos": codes})
    fakes.execute_job(plan, store)
    document = results(plan, state_of(store).steps)
    assert set(document.groups) == {"family", "morphology"}
    place: dict[str, Any] = {"encoder": "mini", "intermediate": ("squad",), "target": "udpos"}
    a, b, source = (one(document, **place, group=group) for group in ("A", "B", SOURCE))
    assert (a.languages, b.languages, source.languages) == (("qab", "qac"), ("qba",), ("qaa",))
    made = document.rows[1].cells["udpos"]
    assert made is not None
    assert (2 * a.score + b.score + source.score) / 4 == pytest.approx(made.score)
    deltas = [entry.delta for entry in (a, a, b, source) if entry.delta is not None]
    assert len(deltas) == 4
    assert sum(deltas) / 4 == pytest.approx(made.delta)
    assert a.pairs == 2
    assert a.trained_in == ()
    baseline = one(document, **place | {"intermediate": ()}, group="A")
    assert (baseline.delta, baseline.pairs) == (None, 0)


def test_what_is_not_done_has_no_entry(store: Store) -> None:
    plan = fakes.small()
    fakes.execute_job(plan, store, failing="mini.udpos")
    document = results(plan, state_of(store).steps)
    assert not [e for e in document.groups["family"] if e.target == "udpos" and not e.intermediate]
    assert one(document, target="udpos", intermediate=("squad",), group="A").delta is None
    assert groups(plan, {}) == {"family": (), "morphology": ()}
    assert by_group(results(plan, {}), "family") == ""


def test_groups_as_markdown(store: Store) -> None:
    codes = ("qaa", "qab", "qac", "qba")
    plan = fakes.small(
        languages={"udpos": codes},
        targets=["udpos"],
        intermediates=[(), ("squad",), Mixture(tasks=("udpos",), languages=("qaa", "qba"))],
        recipes={},
    )
    fakes.execute_job(plan, store, failing="mini.squad.udpos")
    text = by_group(results(plan, state_of(store).steps), "family")
    assert "- source language: qaa\n- A: qab, qac\n- B: qba\n" in text
    assert "Groups are those with which the languages were made" in text
    assert "Not zero-shot, as the intermediate is trained in them: udpos@qaa_qba (qba)." in text
    (table,) = text.split("### family, udpos: mini\n\n")[1:]
    lines = [[part.strip() for part in line.split("|")[1:-1]] for line in table.splitlines()]
    assert lines[0] == ["family", "baseline", "udpos@qaa_qba"], "a row that is not done has no column"
    assert [line[0] for line in lines[2:]] == ["source language (1)", "A (2)", "B (1)"]
    assert all("±" in line[2] and "(" in line[2] and "(" not in line[1] for line in lines[2:])


def test_a_diverged_row_has_a_dash_where_others_have_scores(store: Store) -> None:
    plan = fakes.small(targets=["udpos"], languages={"udpos": ("qab",)}, intermediates=[(), ("squad",)], recipes={})
    fakes.execute_job(plan, store)
    document = results(plan, state_of(store).steps)
    entries = document.groups["family"]
    other = entries[0].model_copy(update={"group": "B", "languages": ("qba",)})
    text = by_group(document.model_copy(update={"groups": {"family": (*entries, other)}}), "family")
    assert "| B (1) | " in text
    assert text.rstrip().endswith("| – |")


def test_real_languages_name_their_sources_and_the_unknown() -> None:
    plan = planned(targets=["udpos"], languages={"udpos": ("en", "de", "fi", "nl")})
    (digest,) = {d for row in plan.conditions for d in row.cells.values()}
    records = {digest: record({"en": 90.0, "de": 80.0, "fi": 70.0, "nl": 20.0})}
    text = by_group(results(plan, records), "morphology")
    assert "Groups are those of `stilts_ray.languages`: Martínez-García" in text
    assert "Languages that these do not cover are *unknown*." in text
    assert "- source language: en\n- agglutinative: fi\n- fusional: de\n- unknown: nl\n" in text
    assert "| fusional (1) | 80.0 |" in text
    assert "Martínez" not in by_group(results(plan, records), "family")


def test_the_source_language_is_first_and_the_unknown_last() -> None:
    assert ordered([UNKNOWN, "Uralic", SOURCE, "Basque"]) == [SOURCE, "Basque", "Uralic", UNKNOWN]
