"""Results as frames: every trial's value once, and the printed table's numbers."""

import pytest

from stilts_ray.report.frame import DTYPES, _traits, long_frame, wide_frame
from stilts_ray.report.table import results
from stilts_ray.store.state import state_of
from stilts_ray.store.store import Store
from tests.report import fakes


def test_the_long_frame_has_a_row_per_trial_language_and_metric(store: Store) -> None:
    plan = fakes.small()
    fakes.execute_job(plan, store, collapsing="mini.squad.udpos-lr0.001-s1", diverging="mini.xquad-lr0.001-s0")
    frame = long_frame(plan, state_of(store).steps)
    assert list(frame.columns) == list(DTYPES)
    keys = ["encoder", "intermediate", "target", "language", "seed", "metric"]
    assert not frame.duplicated(keys).any()
    assert set(frame["intermediate"]) == {"baseline", "squad", "hellaswag+squad"}
    traits = frame[["language", "family", "script", "morphology"]].drop_duplicates()
    assert sorted(traits.itertuples(index=False, name=None)) == [
        ("qab", "A", "Latin", "fusional"), ("qba", "B", "Latin", "isolating"),
    ]  # fmt: skip
    collapsed = frame[frame["collapsed"]]
    assert set(zip(collapsed["intermediate"], collapsed["target"], collapsed["seed"], strict=True)) == {
        ("squad", "udpos", 1)
    }
    untrained = frame["learning_rate"].isna()
    assert set(frame[untrained]["target"]) == {"tatoeba"}
    assert set(frame[untrained]["intermediate"]) == {"baseline"}


def test_means_of_the_long_frame_are_the_wide_one(store: Store) -> None:
    plan = fakes.small()
    fakes.execute_job(plan, store, collapsing="mini.squad.udpos-lr0.001-s1")
    records = state_of(store).steps
    document = results(plan, records)
    wide, long = wide_frame(document), long_frame(plan, records)
    assert list(wide.index) == [("mini", "baseline"), ("mini", "squad"), ("mini", "hellaswag+squad")]
    assert list(wide.columns) == ["udpos", "xquad", "tatoeba", "average"]
    sound = long[(long["metric"] == "score") & ~long["collapsed"]]
    means = sound.groupby(["encoder", "intermediate", "target"])["value"].mean()
    for row in document.rows:
        name = (row.encoder, "+".join(row.intermediate) or "baseline")
        assert wide.loc[name, "average"] == row.average
        for target in row.cells:
            assert wide.loc[name, target] == pytest.approx(means[(*name, target)])


def test_frames_of_a_sweep_that_has_not_begun_have_their_columns(store: Store) -> None:
    plan = fakes.small()
    frame = long_frame(plan, {})
    assert list(frame.columns) == list(DTYPES)
    assert frame.empty
    assert frame["value"].dtype == "float64"
    assert wide_frame(results(plan, {})).isna().to_numpy().all()


def test_traits_of_real_languages_are_those_of_the_table_of_languages() -> None:
    assert _traits("tr") == ("Turkic", "Latin", "agglutinative")
    assert _traits("sw") == ("Niger-Congo", "Latin", "unknown")
    assert _traits("xx") == ("unknown", "unknown", "unknown")
