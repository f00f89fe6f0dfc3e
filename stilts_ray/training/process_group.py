"""The processes that train one model together."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard, register_fsdp_forward_method
from torch.nn.parallel import DistributedDataParallel

from stilts_ray.config.runtime import DataParallel
from stilts_ray.models.families import layers_of
from stilts_ray.models.model import Model

CPU = torch.device("cpu")


@dataclass(frozen=True)
class ProcessGroup:
    """The processes that train one model together; torch.distributed is set up if there are several."""

    rank: int = 0
    size: int = 1
    device: torch.device = CPU
    data_parallel: DataParallel = "ddp"

    def all_reduce(self, values: list[float]) -> list[float]:
        """Sums over the team."""
        if self.size == 1:
            return values
        shared = torch.tensor(values, dtype=torch.float64, device=self.device)
        torch.distributed.all_reduce(shared)
        return list(shared.tolist())

    def broadcast(self, values: list[float]) -> list[float]:
        """What the first process says."""
        if self.size == 1:
            return values
        shared = torch.tensor(values, dtype=torch.float64, device=self.device)
        torch.distributed.broadcast(shared, src=0)
        return list(shared.tolist())


SINGLE_PROCESS = ProcessGroup()


def wrap(model: Model, process_group: ProcessGroup) -> nn.Module:
    """The model as a team trains it. One that is sharded is changed in place."""
    if process_group.size == 1:
        return model
    if process_group.data_parallel == "fsdp":
        return _sharded(model, process_group)
    # In a mixture each batch uses one head; the others have no gradient in that step.
    several = len(model.heads) > 1
    devices = [process_group.device] if process_group.device.type == "cuda" else None
    return DistributedDataParallel(model, device_ids=devices, find_unused_parameters=several, broadcast_buffers=False)


def _sharded(model: Model, process_group: ProcessGroup) -> nn.Module:
    mesh = init_device_mesh(process_group.device.type, (process_group.size,))
    for layer in layers_of(model.encoder):
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    for name in ("states", "vectors"):
        register_fsdp_forward_method(model, name)
    return model


@contextlib.contextmanager
def no_sync(module: nn.Module, last: bool) -> Iterator[None]:
    """Within it gradients stay with their process, unless it is the last part of a batch: then they are summed up."""
    if isinstance(module, FSDPModule):
        module.set_requires_gradient_sync(last)
    with module.no_sync() if isinstance(module, DistributedDataParallel) and not last else contextlib.nullcontext():
        yield
