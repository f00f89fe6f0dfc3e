"""Where a job works, and what it starts from."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import transformers

from stilts_ray.data.encoders import encoder_folder
from stilts_ray.data.sources import DataSource
from stilts_ray.errors import RequestError
from stilts_ray.execution.jobs import ParentCheckpoint
from stilts_ray.kinds import model_for
from stilts_ray.models import hf_folders as files
from stilts_ray.models import weights
from stilts_ray.models.families import longest_input
from stilts_ray.models.model import Model
from stilts_ray.store.store import Store
from stilts_ray.tasks import Task
from stilts_ray.timing import part
from stilts_ray.training.process_group import SINGLE_PROCESS, ProcessGroup

WEIGHTS = "weights.safetensors"
PREDICTIONS = "predictions"
Report = Callable[[dict[str, Any]], None]


def quiet() -> None:
    """Keeps transformers from reporting on what it loads: heads that are not there are what is wanted."""
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()


@dataclass(frozen=True)
class WorkerContext:
    """Where a job works: the store, the rows, the team of processes, and who hears of its progress.

    waited: seconds for which the process had nothing to do before the job.
    """

    store: Store
    data_source: DataSource
    checkpoint_seconds: float = 60.0
    process_group: ProcessGroup = SINGLE_PROCESS
    report: Report = lambda entry: None
    waited: float = 0.0


def located(encoder: dict[str, Any], place: WorkerContext) -> Path:
    """The folder of an encoder on this machine."""
    if "path" in encoder:
        return place.store.fetch(encoder["path"], "model")
    return encoder_folder(encoder["location"], encoder["revision"], place.data_source.repositories.values())


@part("load")
def started(start: ParentCheckpoint, place: WorkerContext) -> tuple[Any, Path]:
    """The encoder that a job starts from, with the weights of the run it continues, and the encoder's folder."""
    folder = located(start.encoder, place)
    encoder = files.load_encoder(str(folder))
    if start.run is not None:
        weights.load_weights(encoder, _own_weights(encoder, start.run, place.store), prefix="encoder.")
    return encoder, folder


@part("load")
def restored(start: ParentCheckpoint, trained: Task | None, place: WorkerContext) -> tuple[Model, Path]:
    """The model of a run on `trained`, with its head, or of an encoder without one; and the encoder's folder."""
    if trained is None or start.run is None:
        encoder, folder = started(start, place)
        return model_for(encoder, [], seed=0), folder
    folder = located(start.encoder, place)
    model = model_for(files.load_encoder(str(folder)), [trained], seed=0)
    weights.load_weights(model, _own_weights(model.encoder, start.run, place.store))
    return model, folder


def _own_weights(encoder: Any, run: str, store: Store) -> Path:
    """The file of a run's weights, for which the encoder is given the word embeddings that the run began from."""
    own = store.fetch(run, WEIGHTS)
    chain, base = [], weights.base_of(own)
    while base is not None:
        chain.append(store.fetch(base, WEIGHTS))
        base = weights.base_of(chain[-1])
    for file in reversed(chain):
        weights.load_embeddings(encoder, file)
    return own


def check_length(encoder: Any, task: str, max_length: int) -> None:
    """Raises RequestError if the encoder has no positions for so long a sequence."""
    longest = longest_input(encoder)
    if longest is not None and max_length > longest:
        raise RequestError(f"recipe of {task}: max_length {max_length} is more than the encoder's {longest} positions")
