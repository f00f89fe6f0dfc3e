"""Checkpoints of a run that is under way.

    <step>/checkpoint/000120/weights.safetensors, optimizer.safetensors
    <step>/checkpoint/latest.json       written last: names the folder, its digests and the progress made
    <step>/checkpoint/room.json         how much of a batch the device has room for, once that is less than all

There is no random state to keep: every step seeds its own.
"""

import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from stilts_ray.errors import RequestError, Unavailable
from stilts_ray.identity import file_digest
from stilts_ray.models.weights import distributed, load_weights, save_tensors, save_weights
from stilts_ray.store.store import Store
from stilts_ray.timing import part
from stilts_ray.training.process_group import SINGLE_PROCESS, ProcessGroup
from stilts_ray.training.step import MemoryBudget


@dataclass
class Progress:
    """How far a run is. curve: one entry a dev evaluation."""

    step: int = 0
    tokens: int = 0
    loss_sum: float = 0.0
    """Sum of the losses of the steps since the last evaluation."""
    loss_steps: int = 0
    curve: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Checkpoints:
    """Saves a run every `seconds` to `path` in `store`, and finds it there again. With 0 seconds that is after every step;
    else no more than a twentieth of the time is spent on it."""

    store: Store
    path: str
    seconds: float
    _last: float = field(default_factory=time.monotonic)
    _took: float = 0.0

    def due(self) -> bool:
        """Whether it is time to save."""
        pause = max(self.seconds, 19 * self._took) if self.seconds else 0.0
        return time.monotonic() - self._last >= pause

    def memory_budget(self) -> MemoryBudget:
        """How much of a batch the device was found to have room for."""
        return MemoryBudget(**(self.store.read_json(self.path, "checkpoint", "room.json") or {}))

    def save_memory_budget(self, memory_budget: MemoryBudget) -> None:
        """Keeps it for when the run is gone on with."""
        self.store.write_json(asdict(memory_budget), self.path, "checkpoint", "room.json")

    @part("checkpoint")
    def save(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        progress: Progress,
        process_group: ProcessGroup = SINGLE_PROCESS,
    ) -> None:
        """Commits a checkpoint, then removes the one before it. All of a team take part."""
        begun = time.monotonic()
        with tempfile.TemporaryDirectory() as scratch:
            folder, writes = Path(scratch), process_group.rank == 0
            save_weights(model, folder / "weights.safetensors" if writes else None)
            save_tensors(_optimizer_tensors(optimizer), folder / "optimizer.safetensors" if writes else None)
            if writes:
                self._commit(folder, progress)
        self._last = time.monotonic()
        self._took = self._last - begun

    def _commit(self, folder: Path, progress: Progress) -> None:
        name, before = f"{progress.step:06d}", self.store.read_json(self.path, "checkpoint", "latest.json")
        digests = {file.name: file_digest(file) for file in folder.iterdir()}
        self.store.upload(folder, self.path, "checkpoint", name)
        self.store.write_json(
            {"folder": name, "digests": digests, "progress": asdict(progress)}, self.path, "checkpoint", "latest.json"
        )
        if before is not None and before["folder"] != name:
            self.store.delete(self.path, "checkpoint", before["folder"])

    @part("checkpoint")
    def load(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> Progress:
        """Brings model and optimizer to the last committed checkpoint; to the beginning if there is none, or if it is
        damaged, in which case the run is only longer."""
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
        return Progress(**latest["progress"])


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
        # Steps are counted in a single number.
        shared = distributed(tensor, parameters[int(number)]) if tensor.ndim else tensor
        state.setdefault(int(number), {})[name] = shared
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
