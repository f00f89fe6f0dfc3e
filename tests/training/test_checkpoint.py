import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from stilts_ray.config import Optimizer
from stilts_ray.errors import RequestError
from stilts_ray.store.records import CurvePoint
from stilts_ray.store.store import Store
from stilts_ray.tasks import TASKS
from stilts_ray.training import checkpoint
from stilts_ray.training.checkpoint import Checkpoints, Progress
from stilts_ray.training.optimizer import make_optimizer
from tests import tiny


def trained_a_little(seed: int) -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    """A model and its optimizer after one update."""
    model = tiny.model(TASKS["mnli"], seed=seed)
    optimizer = make_optimizer(model, 1e-3, Optimizer())
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, 0.1 * (seed + 1))
    optimizer.step()
    return model, optimizer


@pytest.mark.parametrize("url", ["{tmp}", "memory://checkpoints"])
def test_model_optimizer_and_progress_are_restored(url: str, store: Store) -> None:
    checkpoint_store = Store(url.format(tmp=store.url))
    model, optimizer = trained_a_little(0)
    curve = [CurvePoint(step=2, score=0.1 + 0.2, loss=1.5, metrics={"mnli/accuracy": 1 / 3})]
    Checkpoints(checkpoint_store, "trial/x", 0).save(model, optimizer, Progress(4, 99, 0.1 + 0.7, 2, curve))

    other, fresh = trained_a_little(1)
    progress = Checkpoints(checkpoint_store, "trial/x", 0).load(other, fresh)
    assert progress == Progress(4, 99, 0.1 + 0.7, 2, curve)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name])
    states = [optimizer.state_dict()["state"], fresh.state_dict()["state"]]
    assert states[0].keys() == states[1].keys()
    for number, state in states[0].items():
        assert state.keys() == {"step", "exp_avg", "exp_avg_sq"}
        assert all(torch.equal(tensor, states[1][number][name]) for name, tensor in state.items())
    checkpoint_store.delete("trial")


def test_without_a_checkpoint_the_progress_is_that_of_a_new_run(store: Store) -> None:
    assert Checkpoints(store, "trial/x", 0).load(*trained_a_little(0)) == Progress()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The clock of checkpoints; `now` is its time in seconds."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(checkpoint, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def test_a_checkpoint_is_due_when_its_seconds_have_passed(store: Store, clock: SimpleNamespace) -> None:
    checkpoints = Checkpoints(store, "trial/x", seconds=60, _saved_at=clock.now)
    clock.now += 59
    assert not checkpoints.due()
    clock.now += 1
    assert checkpoints.due()
    checkpoints.save(*trained_a_little(0), Progress(1))
    assert not checkpoints.due()


def test_checkpoints_that_take_long_are_made_less_often(
    store: Store, clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = Store.upload

    def slowly(*place: Any) -> None:
        clock.now += 20
        upload(*place)

    monkeypatch.setattr(Store, "upload", slowly)
    often, seldom = Checkpoints(store, "trial/x", seconds=0), Checkpoints(store, "trial/y", seconds=10)
    for checkpoints in (often, seldom):
        checkpoints.save(*trained_a_little(0), Progress(1))
        saved = clock.now
        assert checkpoints.due() is (checkpoints is often)
        clock.now = saved + 19 * 20 - 1
        assert checkpoints.due() is (checkpoints is often)
        clock.now = saved + 19 * 20
        assert checkpoints.due()


def test_a_checkpoint_of_another_model_is_refused_in_one_line(store: Store) -> None:
    checkpoints = Checkpoints(store, "trial/x", 0)
    checkpoints.save(*trained_a_little(0), Progress(1))
    model = tiny.model(TASKS["udpos"])
    with pytest.raises(RequestError, match="of another model") as caught:
        checkpoints.load(model, make_optimizer(model, 1e-3, Optimizer()))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["{tmp}", "memory://{unique}"])
def test_a_checkpoint_whose_folder_is_missing_is_ignored(url: str, tmp_path: Path) -> None:
    checkpoint_store = Store(url.format(tmp=tmp_path, unique=uuid.uuid4().hex))
    checkpoints = Checkpoints(checkpoint_store, "trial/x", 0)
    checkpoints.save(*trained_a_little(0), Progress(7))
    checkpoint_store.delete("trial/x", "checkpoint", "000007")
    assert checkpoints.load(*trained_a_little(0)) == Progress()
