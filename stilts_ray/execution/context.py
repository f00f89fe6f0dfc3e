"""The context that a job is executed in, and loading of its parent checkpoint."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import transformers

from stilts_ray.data.encoders import encoder_folder
from stilts_ray.data.sources import DataSource
from stilts_ray.errors import RequestError
from stilts_ray.execution.jobs import ExistingEncoder, Job, ParentCheckpoint, StoredEncoder
from stilts_ray.kinds import model_for
from stilts_ray.models import hf_folders as files
from stilts_ray.models import weights
from stilts_ray.models.families import longest_input
from stilts_ray.models.model import Model
from stilts_ray.store.records import CurvePoint
from stilts_ray.store.store import Store
from stilts_ray.tasks import Task
from stilts_ray.timing import part
from stilts_ray.training.process_group import SINGLE_PROCESS, ProcessGroup

WEIGHTS = "weights.safetensors"
PREDICTIONS = "predictions"
Report = Callable[[CurvePoint], None]


def quiet() -> None:
    """Silences transformers' reports on loading: missing heads are expected."""
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()


@dataclass(frozen=True)
class WorkerContext:
    """The context of a job: store, data source, process group, and a callable that reports dev evaluations.

    checkpoint_seconds: minimum time between checkpoints. waited: idle seconds of the process before the job.
    """

    store: Store
    data_source: DataSource
    checkpoint_seconds: float = 60.0
    process_group: ProcessGroup = SINGLE_PROCESS
    report: Report = lambda point: None
    waited: float = 0.0


def record_fields(job: Job) -> dict[str, Any]:
    """The fields of a job's record that the job determines."""
    return {"name": job.name, "digest": job.digest, "step": job.step, "identity": job.identity}


def local_folder(encoder: ExistingEncoder | StoredEncoder, context: WorkerContext) -> Path:
    """The local folder of an encoder."""
    if isinstance(encoder, StoredEncoder):
        return context.store.fetch(encoder.path, "model")
    return encoder_folder(encoder.location, encoder.revision, context.data_source.repositories.values())


@part("load")
def load_parent(parent: ParentCheckpoint, context: WorkerContext) -> tuple[Any, Path]:
    """The encoder with the weights of a parent checkpoint, and the folder of the original encoder."""
    folder = local_folder(parent.encoder, context)
    encoder = files.load_encoder(str(folder))
    if parent.trial is not None:
        weights.load_weights(encoder, _fetch_weights(encoder, parent.trial, context.store), prefix="encoder.")
    return encoder, folder


@part("load")
def load_trained(parent: ParentCheckpoint, trained: Task | None, context: WorkerContext) -> tuple[Model, Path]:
    """The model of a trial with its head for `trained`, or a bare encoder, and the folder of the original encoder."""
    if trained is None or parent.trial is None:
        encoder, folder = load_parent(parent, context)
        return model_for(encoder, [], seed=0), folder
    folder = local_folder(parent.encoder, context)
    model = model_for(files.load_encoder(str(folder)), [trained], seed=0)
    weights.load_weights(model, _fetch_weights(model.encoder, parent.trial, context.store))
    return model, folder


def _fetch_weights(encoder: Any, trial: str, store: Store) -> Path:
    """The weights file of a trial. Loads the word embeddings of its ancestors into the encoder: each file has only the
    embedding rows of its own pruned vocabulary."""
    file = store.fetch(trial, WEIGHTS)
    ancestors, parent = [], weights.parent_trial(file)
    while parent is not None:
        ancestors.append(store.fetch(parent, WEIGHTS))
        parent = weights.parent_trial(ancestors[-1])
    for ancestor in reversed(ancestors):
        weights.load_embeddings(encoder, ancestor)
    return file


def check_length(encoder: Any, task: str, max_length: int) -> None:
    """Raises RequestError if `max_length` exceeds the encoder's number of positions."""
    longest = longest_input(encoder)
    if longest is not None and max_length > longest:
        raise RequestError(f"recipe of {task}: max_length {max_length} is more than the encoder's {longest} positions")
