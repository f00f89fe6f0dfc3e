"""Training checkpoints, to resume a run.

    <step>/checkpoint/000120/weights.safetensors, optimizer.safetensors
    <step>/checkpoint/latest.json          written last: the folder, digests of its files, and the progress
    <step>/checkpoint/memory_budget.json   written after the first out-of-memory error

No random state is saved: every step seeds its own.
"""

import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from pydantic import TypeAdapter
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from stilts_ray.errors import RequestError, Unavailable
from stilts_ray.identity import file_digest
from stilts_ray.models.weights import load_weights, save_tensors, save_weights, shard_like
from stilts_ray.store.records import CurvePoint
from stilts_ray.store.store import Store
from stilts_ray.timing import part
from stilts_ray.training.process_group import SINGLE_PROCESS, ProcessGroup
from stilts_ray.training.step import MemoryBudget


@dataclass
class Progress:
    """The progress of a run. curve: one point for each dev evaluation."""

    step: int = 0
    tokens: int = 0
    loss_sum: float = 0.0
    """Sum of the losses of the steps since the last evaluation."""
    loss_steps: int = 0
    curve: list[CurvePoint] = field(default_factory=list)


_PROGRESS = TypeAdapter(Progress)


@dataclass
class Checkpoints:
    """Saves and loads the checkpoints of a run at `path` in `store`, one every `seconds` seconds. 0: one after every step;
    otherwise saving takes at most a twentieth of the time."""

    store: Store
    path: str
    seconds: float
    _saved_at: float = field(default_factory=time.monotonic)
    _save_seconds: float = 0.0

    def due(self) -> bool:
        """Whether the next checkpoint should be saved now."""
        interval = max(self.seconds, 19 * self._save_seconds) if self.seconds else 0.0
        return time.monotonic() - self._saved_at >= interval

    def memory_budget(self) -> MemoryBudget:
        """The last memory budget saved; the default one if the run has never been out of memory."""
        return MemoryBudget(**(self.store.read_json(self.path, "checkpoint", "memory_budget.json") or {}))

    def save_memory_budget(self, memory_budget: MemoryBudget) -> None:
        """Saves the memory budget for when the run is resumed."""
        self.store.write_json(asdict(memory_budget), self.path, "checkpoint", "memory_budget.json")

    @part("checkpoint")
    def save(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        progress: Progress,
        process_group: ProcessGroup = SINGLE_PROCESS,
    ) -> None:
        """Commits a checkpoint, then deletes the previous one. Collective: every process calls it, rank 0 writes."""
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as scratch:
            folder, is_writer = Path(scratch), process_group.rank == 0
            save_weights(model, folder / "weights.safetensors" if is_writer else None)
            save_tensors(_optimizer_tensors(optimizer), folder / "optimizer.safetensors" if is_writer else None)
            if is_writer:
                self._commit(folder, progress)
        self._saved_at = time.monotonic()
        self._save_seconds = self._saved_at - started

    def _commit(self, folder: Path, progress: Progress) -> None:
        name, previous = f"{progress.step:06d}", self.store.read_json(self.path, "checkpoint", "latest.json")
        digests = {file.name: file_digest(file) for file in folder.iterdir()}
        self.store.upload(folder, self.path, "checkpoint", name)
        self.store.write_json(
            {"folder": name, "digests": digests, "progress": _PROGRESS.dump_python(progress, mode="json")},
            self.path,
            "checkpoint",
            "latest.json",
        )
        if previous is not None and previous["folder"] != name:
            self.store.delete(self.path, "checkpoint", previous["folder"])

    @part("checkpoint")
    def load(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> Progress:
        """Restores model and optimizer from the last committed checkpoint and returns its progress. If there is none, or it
        is damaged, leaves both as they are and returns the progress of a new run.

        Raises RequestError if it is of another model."""
        latest = self.store.read_json(self.path, "checkpoint", "latest.json")
        if latest is None:
            return Progress()
        try:
            folder = self.store.fetch(self.path, "checkpoint", latest["folder"])
            if any(file_digest(folder / name) != expected for name, expected in latest["digests"].items()):
                return Progress()
            tensors = load_file(folder / "optimizer.safetensors")
        except Unavailable:
            raise
        except (OSError, SafetensorError, RequestError):
            return Progress()
        load_weights(model, folder / "weights.safetensors")
        _restore_optimizer(optimizer, tensors)
        return _PROGRESS.validate_python(latest["progress"])


def _parameters(optimizer: torch.optim.Optimizer) -> list[torch.Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    return {
        f"{number}.{name}": tensor
        for number, parameter in enumerate(_parameters(optimizer))
        for name, tensor in optimizer.state.get(parameter, {}).items()
    }


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    parameters = _parameters(optimizer)
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        number, name = key.split(".", 1)
        # AdamW's step count is a scalar and is not sharded.
        own = shard_like(tensor, parameters[int(number)]) if tensor.ndim else tensor
        state.setdefault(int(number), {})[name] = own
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
