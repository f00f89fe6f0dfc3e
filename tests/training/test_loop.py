"""The training loop: a resumed run is bit-identical to an uninterrupted one."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch

from stilts_ray.config import Optimizer
from stilts_ray.data.batches import Batch, Items, Share, collate, order
from stilts_ray.models.model import Model
from stilts_ray.models.weights import save_weights
from stilts_ray.store.records import CurvePoint
from stilts_ray.store.store import Store
from stilts_ray.tasks import TASKS, Task
from stilts_ray.training.checkpoint import Checkpoints
from stilts_ray.training.loop import Outcome, evaluation_steps, train
from stilts_ray.training.training_run import TrainingRun
from tests import tiny

PATH = "trial/some-run"
ONE_TASK = ("mnli",)
MIXTURE = ("mnli", "squad", "udpos", "hellaswag")


class Killed(Exception):
    """Simulates the death of a process."""


@dataclass
class Case:
    """A run on random data. fresh: makes its initial model. seen: the reported entries of the curve."""

    names: tuple[str, ...]
    dropout: float = 0.1
    learning_rate: float = 1e-2
    pruning_thresholds: tuple[float | None, ...] = ()
    kill_in_batch: Callable[[int], bool] = lambda step: False
    kill_in_report: Callable[[int], bool] = lambda step: False
    seen: list[CurvePoint] = field(default_factory=list)

    @property
    def tasks(self) -> list[Task]:
        return [TASKS[name] for name in self.names]

    def fresh(self) -> Model:
        return tiny.model(*self.tasks, seed=7, dropout=self.dropout)

    def run(self) -> TrainingRun:
        data = {task.name: tiny.encoded(task, 9, seed=number) for number, task in enumerate(self.tasks)}
        shares = {name: Share(4, 4, 8) if name == "mnli" else Share(6, 4) for name in data}

        def make_batch(step: int, name: str, items: Items) -> Batch:
            if self.kill_in_batch(step):
                raise Killed
            return collate(data[name], items)

        def evaluate(model: Model) -> dict[str, float]:
            logits = [model(name, collate(encoded, np.arange(3))) for name, encoded in data.items()]
            return {"score": float(sum(part.abs().sum() for part in logits)), "other": float(logits[0][0, 0])}

        return TrainingRun(
            order=order({name: encoded.items for name, encoded in data.items()}, shares, seed=3),
            make_batch=make_batch,
            kinds={task.name: task.kind for task in self.tasks},
            evaluate=evaluate,
            evaluations=3,
            learning_rate=self.learning_rate,
            optimizer=Optimizer(),
            seed=3,
            pruning_thresholds=self.pruning_thresholds,
        )

    def report(self, point: CurvePoint) -> None:
        if self.kill_in_report(point.step):
            raise Killed
        self.seen.append(point)

    def go(self, store: Store, seconds: float = 0.0) -> tuple[Model, Outcome]:
        """Trains from the store's checkpoint, if there is one."""
        model = self.fresh()
        return model, train(model, self.run(), Checkpoints(store, PATH, seconds), self.report)


def same(one: tuple[Model, Outcome], other: tuple[Model, Outcome]) -> bool:
    """Whether weights, curve and counts are bit-identical."""
    weights, others = one[0].state_dict(), other[0].state_dict()
    return all(torch.equal(weights[name], others[name]) for name in weights) and one[1] == other[1]


@pytest.fixture(scope="module", params=[ONE_TASK, MIXTURE], ids=["one task", "mixture"])
def names(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Tasks of a run."""
    return tuple(request.param)


@pytest.fixture(scope="module")
def uninterrupted(names: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Outcome]:
    """The uninterrupted run, without a checkpoint."""
    result = Case(names).go(Store(str(tmp_path_factory.mktemp("uninterrupted"))), seconds=1e9)
    assert result[1].end == "finished"
    return result


def test_the_run_itself_is_deterministic_and_depends_on_dropout(
    names: tuple[str, ...], uninterrupted: tuple[Model, Outcome], store: Store
) -> None:
    torch.rand(5)
    assert same(uninterrupted, Case(names).go(store, seconds=1e9))
    assert not same(uninterrupted, Case(names, dropout=0.0).go(store, seconds=1e9))
    assert not store.fs.exists(store.path(PATH)), "no checkpoint is due"


@pytest.mark.parametrize("point", [1, 2, 3])
def test_killed_while_a_batch_is_made(
    names: tuple[str, ...], point: int, uninterrupted: tuple[Model, Outcome], store: Store
) -> None:
    with pytest.raises(Killed):
        Case(names, kill_in_batch=lambda step: step == point).go(store)
    latest = store.read_json(PATH, "checkpoint", "latest.json")
    assert latest["progress"]["step"] == point
    again = Case(names)
    assert same(uninterrupted, again.go(store))
    assert again.seen == [entry for entry in uninterrupted[1].progress.curve if entry.step > point]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_killed_while_an_evaluation_is_reported(
    names: tuple[str, ...], number: int, uninterrupted: tuple[Model, Outcome], store: Store
) -> None:
    fatal = uninterrupted[1].progress.curve[number].step
    with pytest.raises(Killed):
        Case(names, kill_in_report=lambda step: step == fatal).go(store)
    again = Case(names)
    assert same(uninterrupted, again.go(store))
    assert again.seen[0].step == fatal, "an entry that was not reported is reported again"


def test_killed_at_every_step(names: tuple[str, ...], uninterrupted: tuple[Model, Outcome], store: Store) -> None:
    steps = len(Case(names).run().order)
    for number in range(1, steps):
        with pytest.raises(Killed):
            Case(names, kill_in_batch=lambda step, number=number: step == number).go(store)
    assert same(uninterrupted, Case(names).go(store))


def test_killed_between_two_checkpoints(
    names: tuple[str, ...], uninterrupted: tuple[Model, Outcome], store: Store
) -> None:
    """The steps since the last checkpoint are repeated."""
    checkpoints = Checkpoints(store, PATH, seconds=0)

    def rarely_from_the_second_step(step: int) -> bool:
        checkpoints.seconds = 0 if step < 2 else 1e9
        return step == 3

    case = Case(names, kill_in_batch=rarely_from_the_second_step)
    with pytest.raises(Killed):
        train(case.fresh(), case.run(), checkpoints)
    assert store.read_json(PATH, "checkpoint", "latest.json")["progress"]["step"] == 2
    assert same(uninterrupted, Case(names).go(store))


def damage_checkpoint(store: Store, name: str) -> None:
    """Damages one file of the latest checkpoint."""
    assert store.local is not None
    folder = store.local / PATH / "checkpoint"
    latest = folder / store.read_json(PATH, "checkpoint", "latest.json")["folder"]
    match name:
        case "latest.json missing":
            (folder / "latest.json").unlink()
        case "folder missing":
            store.delete(PATH, "checkpoint", latest.name)
        case "file missing":
            (latest / "optimizer.safetensors").unlink()
        case "cut":
            file = latest / "weights.safetensors"
            file.write_bytes(file.read_bytes()[:-1])
        case "flipped bit":
            file = latest / "optimizer.safetensors"
            data = bytearray(file.read_bytes())
            data[-1] ^= 1
            file.write_bytes(data)
        case "another step's weights":
            save_weights(Case(ONE_TASK).fresh(), latest / "weights.safetensors")


@pytest.mark.parametrize(
    "damage",
    ["latest.json missing", "folder missing", "file missing", "cut", "flipped bit", "another step's weights"],
)
def test_a_damaged_checkpoint_only_makes_the_run_longer(
    names: tuple[str, ...], damage: str, uninterrupted: tuple[Model, Outcome], store: Store
) -> None:
    with pytest.raises(Killed):
        Case(names, kill_in_batch=lambda step: step == 3).go(store)
    damage_checkpoint(store, damage)
    again = Case(names)
    assert same(uninterrupted, again.go(store))
    assert again.seen == uninterrupted[1].progress.curve, "it started over"


def test_one_checkpoint_is_kept(store: Store) -> None:
    with pytest.raises(Killed):
        Case(MIXTURE, kill_in_batch=lambda step: step == 5).go(store)
    assert store.local is not None
    names = sorted(path.name for path in (store.local / PATH / "checkpoint").iterdir())
    assert names == ["000005", "latest.json"]


def test_a_run_below_a_threshold_is_pruned_there_and_again_when_resumed(store: Store) -> None:
    curve = Case(ONE_TASK).go(store, seconds=1e9)[1].progress.curve
    thresholds = (None, curve[1].score + 1e-3, None)
    pruned = Case(ONE_TASK, pruning_thresholds=thresholds).go(store, seconds=1e9)
    assert pruned[1].end == "pruned"
    assert pruned[1].progress.curve == curve[:2]
    with pytest.raises(Killed):
        Case(ONE_TASK, pruning_thresholds=thresholds, kill_in_batch=lambda step: step == 1).go(store)
    assert same(pruned, Case(ONE_TASK, pruning_thresholds=thresholds).go(store))


def test_a_run_at_its_thresholds_is_not_pruned(store: Store) -> None:
    curve = Case(ONE_TASK).go(store, seconds=1e9)[1].progress.curve
    thresholds = tuple(entry.score for entry in curve[:2])
    assert Case(ONE_TASK, pruning_thresholds=thresholds).go(store, seconds=1e9)[1].end == "finished"


def test_a_loss_that_is_not_finite_ends_the_run_as_diverged(store: Store) -> None:
    case = Case(ONE_TASK, learning_rate=1e30)
    run = replace(case.run(), evaluate=lambda model: {"score": 1.0}, evaluations=4)
    outcome = train(case.fresh(), run, Checkpoints(store, PATH, 0.0))
    assert outcome.end == "diverged"
    assert 0 < outcome.progress.step < len(run.order)
    assert len(outcome.progress.curve) == outcome.progress.step - 1, (
        "the step with the non-finite loss is not evaluated"
    )


def test_a_metric_that_is_not_finite_ends_the_run_as_diverged(store: Store) -> None:
    """No later loss shows it if the last update breaks the weights, and NaN is not JSON."""
    case = Case(ONE_TASK)
    values = iter([1.0, float("nan")])
    run = replace(case.run(), evaluate=lambda model: {"score": 1.0, "held_out_loss": next(values)})
    outcome = train(case.fresh(), run, Checkpoints(store, PATH, 0.0), case.report)
    assert outcome.end == "diverged"
    assert outcome.progress.curve == case.seen
    assert [point.metrics["held_out_loss"] for point in case.seen] == [1.0]


def test_the_curve_has_mean_losses_and_all_tokens_are_counted(store: Store) -> None:
    case = Case(ONE_TASK)
    run = case.run()
    _, outcome = case.go(store, seconds=1e9)
    batches = [run.make_batch(step, name, items) for step, (name, items) in enumerate(run.order)]
    assert outcome.progress.tokens == sum(len(batch.tokens) for batch in batches)
    assert outcome.progress.step == len(run.order) == 4
    assert [entry.step for entry in outcome.progress.curve] == evaluation_steps(4, 3) == [1, 2, 4]
    assert [set(entry.metrics) for entry in outcome.progress.curve] == [{"other"}] * 3
    # Three classes and a new head: the first loss is that of a uniform guess.
    assert outcome.progress.curve[0].loss == pytest.approx(np.log(3), abs=0.1)


def test_the_loss_of_an_entry_is_the_mean_since_the_last_one(store: Store) -> None:
    case = Case(ONE_TASK)

    def losses(evaluations: int) -> list[float]:
        run = replace(case.run(), evaluations=evaluations)
        curve = train(case.fresh(), run, Checkpoints(store, PATH, 1e9)).progress.curve
        return [entry.loss for entry in curve]

    each = losses(4)
    assert losses(2) == [pytest.approx(np.mean(each[:2])), pytest.approx(np.mean(each[2:]))]
    assert losses(1) == [pytest.approx(np.mean(each))]


def test_training_learns_what_can_be_learnt(store: Store) -> None:
    case = Case(ONE_TASK, dropout=0.0)
    run = case.run()
    long = replace(run, order=run.order * 15, learning_rate=5e-3)
    losses: list[float] = []
    train(case.fresh(), long, Checkpoints(store, PATH, 1e9), lambda entry: losses.append(entry.loss))
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize(
    "steps, evaluations, expected",
    [(100, 4, [25, 50, 75, 100]), (10, 3, [3, 6, 10]), (2, 4, [1, 2]), (1, 1, [1]), (7, 1, [7]), (3, 3, [1, 2, 3])],
)
def test_evaluations_are_evenly_spaced_and_the_last_is_the_end(
    steps: int, evaluations: int, expected: list[int]
) -> None:
    assert evaluation_steps(steps, evaluations) == expected
