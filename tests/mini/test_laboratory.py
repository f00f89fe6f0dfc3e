"""A reduced laboratory: transfer on mini is real, and whatever breaks a step of it shows.

The breakages prove that the laboratory would notice.
"""

import dataclasses
import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stilts_ray import Sweep
from stilts_ray.execution import scoring, trial
from stilts_ray.execution.jobs import ParentCheckpoint
from stilts_ray.kinds import splits
from stilts_ray.kinds.spec import Scoring
from stilts_ray.models import families, weights
from stilts_ray.tasks import Task
from tests.mini import laboratory

pytestmark = [pytest.mark.laboratory, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[laboratory.Scores, Path]:
    """The laboratory's scores, and the store with its jobs."""
    store = tmp_path_factory.mktemp("laboratory")
    return laboratory.run(laboratory.TRANSFER, store) | laboratory.run(laboratory.AFTER_SQUAD, store), store


def test_transfer_works(finished: tuple[laboratory.Scores, Path]) -> None:
    scores, _ = finished
    assert {target for _, target, _ in scores} == {"mlm_text", *laboratory.TRANSFER.targets}
    assert laboratory.faults(scores) == []


def label_mapping(patch: pytest.MonkeyPatch) -> None:
    """The head's outputs are read in another order of labels than they were trained in."""

    original = scoring.scoring_of

    def shifted(task: Task) -> Scoring[Any, Any]:
        whole = original(task)

        def predict(model: Any, trained: Task, *rest: Any) -> Any:
            labels = (trained.labels or ())[1:] + (trained.labels or ())[:1]
            return whole.predict(model, dataclasses.replace(trained, labels=labels), *rest)

        return dataclasses.replace(whole, predict=predict)

    patch.setattr(scoring, "scoring_of", shifted)


def position_offsets(patch: pytest.MonkeyPatch) -> None:
    """Positions count from 0, as BERT's do, and not from 2."""
    patch.setattr(families, "first_position", lambda encoder: 0)


def fresh_heads(patch: pytest.MonkeyPatch) -> None:
    """A model that is scored has its encoder's weights, but a head made anew."""
    original = weights.load_weights

    def encoder_alone(model: Any, path: Path, prefix: str = "") -> None:
        if prefix:
            original(model, path, prefix)
        else:
            original(model.encoder, path, "encoder.")

    patch.setattr(weights, "load_weights", encoder_alone)


def intermediate_not_loaded(patch: pytest.MonkeyPatch) -> None:
    """Target training starts from the encoder as it was before the intermediate task."""
    original = trial.load_parent

    def without_parent(parent: ParentCheckpoint, context: Any) -> Any:
        return original(parent.model_copy(update={"trial": None}), context)

    patch.setattr(trial, "load_parent", without_parent)


def another_tokenizer(patch: pytest.MonkeyPatch) -> None:
    """The encoder is given the ids of a tokenizer that numbers its pieces otherwise."""
    original = splits.kind_of

    def renumbered(task: Task, examples: Any, tokenizer: Any, tokenization: Any) -> Any:
        encoded = original(task).encode(task, examples, tokenizer, tokenization)
        ordinary = encoded.tokens > 4
        shifted = 5 + (encoded.tokens - 5 + 100) % (len(tokenizer) - 5)
        return dataclasses.replace(encoded, tokens=shifted * ordinary + encoded.tokens * ~ordinary)

    patch.setattr(splits, "kind_of", lambda task: dataclasses.replace(original(task), encode=renumbered))


TAGS = laboratory.only(laboratory.TRANSFER, "udpos")
TRANSLATIONS = laboratory.only(laboratory.TRANSFER, "tatoeba")
"""Without training: an encoder's own sentence vectors."""


SCORING, AFTER = ("score/*",), ("score/*", "train/mini.squad.tydiqa-*")
"""Jobs that are executed again with a broken step, as patterns of their folders; the others are the finished store's."""


@pytest.mark.parametrize(
    ("breakage", "sweep", "again", "fault"),
    [
        (label_mapping, TAGS, SCORING, "the pivot's tags are learned"),
        (position_offsets, TRANSLATIONS, SCORING, "masked words are guessed as well as in pretraining"),
        (fresh_heads, TAGS, SCORING, "the pivot's tags are learned"),
        (another_tokenizer, TRANSLATIONS, SCORING, "translations are found in a related language"),
        (intermediate_not_loaded, laboratory.AFTER_SQUAD, AFTER, "much training on another QA task helps"),
    ],
)
def test_a_broken_step_shows(
    breakage: Callable[[pytest.MonkeyPatch], None],
    sweep: Sweep,
    again: tuple[str, ...],
    fault: str,
    finished: tuple[laboratory.Scores, Path],
    own_cache: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = Path(shutil.copytree(finished[1], tmp_path / "store"))
    for folder in itertools.chain.from_iterable(store.glob(pattern) for pattern in again):
        shutil.rmtree(folder)
    breakage(monkeypatch)
    assert fault in laboratory.faults(laboratory.run(sweep, store))
