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
    """This process's place among those that train one model together. With size > 1, torch.distributed is initialised."""

    rank: int = 0
    size: int = 1
    device: torch.device = CPU
    data_parallel: DataParallel = "ddp"

    def all_reduce(self, values: list[float]) -> list[float]:
        """Elementwise sums over all processes."""
        if self.size == 1:
            return values
        tensor = torch.tensor(values, dtype=torch.float64, device=self.device)
        torch.distributed.all_reduce(tensor)
        return list(tensor.tolist())

    def broadcast(self, values: list[float]) -> list[float]:
        """The values of rank 0."""
        if self.size == 1:
            return values
        tensor = torch.tensor(values, dtype=torch.float64, device=self.device)
        torch.distributed.broadcast(tensor, src=0)
        return list(tensor.tolist())


SINGLE_PROCESS = ProcessGroup()


def wrap(model: Model, process_group: ProcessGroup) -> nn.Module:
    """The model wrapped for data-parallel training (DDP or FSDP2). FSDP2 shards it in place."""
    if process_group.size == 1:
        return model
    if process_group.data_parallel == "fsdp":
        return _shard(model, process_group)
    # In a mixture each batch uses one head; the other heads have no gradient in that step.
    several = len(model.heads) > 1
    devices = [process_group.device] if process_group.device.type == "cuda" else None
    return DistributedDataParallel(model, device_ids=devices, find_unused_parameters=several, broadcast_buffers=False)


def _shard(model: Model, process_group: ProcessGroup) -> nn.Module:
    mesh = init_device_mesh(process_group.device.type, (process_group.size,))
    for layer in layers_of(model.encoder):
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    for name in ("states", "vectors"):
        register_fsdp_forward_method(model, name)
    return model


@contextlib.contextmanager
def no_sync(module: nn.Module, last: bool) -> Iterator[None]:
    """Accumulates gradients locally; those of the `last` micro-batch of a batch are reduced over the processes."""
    if isinstance(module, FSDPModule):
        module.set_requires_gradient_sync(last)
    with module.no_sync() if isinstance(module, DistributedDataParallel) and not last else contextlib.nullcontext():
        yield
