"""A plan compared with its store: status, and what a new step differs in."""

import pytest

from stilts_ray.config import Recipe, Search
from stilts_ray.plan.build import Plan
from stilts_ray.report.overview import PlannedStep, overview
from stilts_ray.store.state import state_of
from stilts_ray.store.store import Store
from tests.report import fakes


def steps_of(plan: Plan, store: Store) -> dict[tuple[str, str], PlannedStep]:
    return {(step.kind, step.name): step for step in overview(plan, state_of(store)).steps}


def test_status_of_steps(store: Store) -> None:
    plan = fakes.small()
    assert {step.status for step in steps_of(plan, store).values()} == {"new"}
    fakes.execute_job(plan, store, failing="hellaswag")
    found = steps_of(plan, store)
    assert found["study", "mini.squad"].status == "done"
    assert found["study", "mini.hellaswag-squad"].status == "failed"
    assert found["condition", "mini.hellaswag-squad"].status == "failed"
    assert {step.status for step in found.values()} == {"done", "failed"}


def test_a_new_step_names_what_differs_from_the_one_in_the_store(store: Store) -> None:
    assert not any(step.changed for step in steps_of(fakes.small(), store).values()), "there is nothing to compare with"
    fakes.execute_job(fakes.small(), store)
    found = steps_of(fakes.small(recipes={"squad": Recipe(epochs=2, batch_size=16)}), store)
    assert found["study", "mini.squad"].changed == ("recipe.batch_size 32 -> 16",)
    assert found["study", "mini.squad.udpos"].changed == ("parent mini.squad",)
    assert found["evaluation", "mini.squad.tatoeba-test"].changed == ("parent mini.squad",)
    assert found["study", "mini.hellaswag-squad"].changed == ("squad.recipe.batch_size 32 -> 16",)
    assert (found["study", "mini.udpos"].status, found["study", "mini.udpos"].changed) == ("done", ())


def test_what_depends_on_another_encoder_names_it(store: Store) -> None:
    fakes.execute_job(fakes.small(), store)
    found = steps_of(fakes.small(encoders=[fakes.encoder("mini", 128)]), store)
    assert found["pretrain", "mini"].changed == ("weights.shape.hidden 64 -> 128",)
    assert found["study", "mini.squad"].changed == ("parent mini",)
    assert found["evaluation", "mini.tatoeba-test"].changed == ("parent mini",)


def test_of_several_earlier_steps_the_latest_is_compared(store: Store) -> None:
    for seeds in ((0,), (0, 1)):
        fakes.execute_job(fakes.small(seeds=seeds), store)
    found = steps_of(fakes.small(seeds=(0, 1, 2)), store)
    assert found["study", "mini.squad"].changed == ("seeds [0, 1] -> [0, 1, 2]",)


def test_totals_are_of_what_is_left(store: Store) -> None:
    plan = fakes.small()
    before = overview(plan, state_of(store)).totals
    assert (before.steps, before.new, before.trials, before.gpu_hours, before.disk_bytes) == (20, 20, 21, None, None)
    fakes.execute_job(plan, store)
    after = overview(plan, state_of(store)).totals
    assert (after.new, after.trials, after.train_tokens, after.gpu_hours, after.disk_bytes) == (0, 0, 0, 0.0, 0)
    more = overview(fakes.small(search=Search(learning_rates=(1e-3, 3e-4, 1e-4))), state_of(store)).totals
    assert more.trials == 28
    assert more.disk_bytes == pytest.approx(28 * 1_000_000)
    assert more.gpu_hours is None, "the store has no trial on a GPU"
