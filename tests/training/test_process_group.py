"""Several processes train the same model as one process does, with DDP and with FSDP."""

import multiprocessing
import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from stilts_ray.config import Optimizer
from stilts_ray.kinds import save_model
from stilts_ray.models.vocabulary import prune_embeddings
from stilts_ray.models.weights import save_weights
from stilts_ray.store.store import Store
from stilts_ray.tasks import TASKS
from stilts_ray.training.checkpoint import Checkpoints
from stilts_ray.training.loop import Outcome, train
from stilts_ray.training.masked import held_out, masked_batch
from stilts_ray.training.process_group import SINGLE_PROCESS, ProcessGroup
from stilts_ray.training.step import MemoryBudget
from stilts_ray.training.training_run import TrainingRun
from tests import tiny
from tests.training.test_loop import Case, Killed

# The last one's batches cannot be shared between processes.
NAMES = ("mnli", "squad", "udpos", "hellaswag", "squad_r")
SIZE = 2


def run_case(case: Case, store: Store, process_group: ProcessGroup, seconds: float = 1e9) -> tuple[Any, Outcome]:
    """Trains with a pruned vocabulary."""
    model = case.fresh()
    prune_embeddings(model, [tiny.encoded(task, 9, seed=number) for number, task in enumerate(case.tasks)])
    # The gradient of a bias before a softmax is only rounding error; with a tiny epsilon AdamW makes full steps of it.
    spec = Optimizer(epsilon=1e-3)
    run = replace(case.run(), evaluations=2, order=case.run().order * 2, optimizer=spec)
    return model, train(model, run, Checkpoints(store, "trial/run", seconds), case.report, process_group)


def join(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    address = f"file://{folder}/rendezvous"
    torch.distributed.init_process_group("gloo", init_method=address, rank=rank, world_size=SIZE)


def leave() -> None:
    """Exits at once: an orderly exit of the interpreter crashes if gloo's threads still hold tensors (pytorch #179291)."""
    torch.distributed.destroy_process_group()
    os._exit(0)


WAYS: dict[str, tuple[Any, bool, MemoryBudget]] = {
    "ddp": ("ddp", False, MemoryBudget()),
    "fsdp, interrupted": ("fsdp", True, MemoryBudget()),
    "fsdp, small memory": ("fsdp", False, MemoryBudget(20, True)),
}
"""Name -> how processes share the work, whether they are interrupted and resume, and the budget of a step."""

PRETRAINED = "pretrained"


def process(rank: int, folder: Path) -> None:
    """One process, which trains in all ways one after the other, and pretrains a sharded model."""
    join(rank, folder)
    for name, (data_parallel, killed, _) in WAYS.items():
        trained(ProcessGroup(rank, SIZE, torch.device("cpu"), data_parallel), folder / name, killed)
    pretrained(folder / PRETRAINED, ProcessGroup(rank, SIZE, torch.device("cpu"), "fsdp"))
    leave()


def trained(process_group: ProcessGroup, folder: Path, killed: bool) -> None:
    """Trains in a folder and writes weights and curve; if `killed`, interrupted after some steps and resumed."""
    store, rank = Store(str(folder / "store")), process_group.rank
    if killed:
        try:
            run_case(Case(NAMES, dropout=0.0, kill_in_batch=lambda step: step == 18), store, process_group, seconds=0.0)
        except Killed:
            assert store.read_json("trial/run", "checkpoint", "latest.json")["progress"]["step"] == 16
    model, outcome = run_case(Case(NAMES, dropout=0.0), store, process_group)
    # Of a sharded model rank 0 saves the gathered weights; otherwise each process saves its own.
    is_writer = rank == 0 or process_group.data_parallel == "ddp"
    save_weights(model, folder / f"{rank}.safetensors" if is_writer else None)
    found = {
        name: torch.tensor([getattr(point, name) for point in outcome.progress.curve]) for name in ("loss", "score")
    }
    save_file(found | {"tokens": torch.tensor(outcome.progress.tokens)}, folder / f"curve-{rank}.safetensors")


def pretrained(folder: Path, process_group: ProcessGroup) -> None:
    """Pretrains an encoder and writes it into a folder."""
    task, model = TASKS["mlm_text"], tiny.model(TASKS["mlm_text"])
    encoded, masking = tiny.encoded(task, 9, seed=4), tiny.masking(0.3)
    run = TrainingRun(
        order=[(task.name, np.arange(9))] * 3,
        make_batch=lambda step, _, items: masked_batch(encoded, items, masking, step),
        kinds={task.name: task.kind},
        evaluate=partial(held_out, encoded=encoded, masking=masking, budget=100),
        evaluations=1,
        learning_rate=1e-2,
        optimizer=Optimizer(epsilon=1e-3),
        seed=0,
    )
    train(model, run, Checkpoints(Store(str(folder / "store")), "run", 1e9), process_group=process_group)
    save_model(model, task, folder / "encoder" if process_group.rank == 0 else None)


def run_processes(folder: Path) -> None:
    """Runs all processes to their end."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=process, args=(rank, folder)) for rank in range(SIZE)]
    for worker in processes:
        worker.start()
    try:
        for worker in processes:
            worker.join(timeout=300)
            assert worker.exitcode == 0
    finally:
        # A process whose peer has died waits for it.
        for worker in processes:
            worker.kill()


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes wrote, by way. They are started once: that takes longer than all that they train."""
    folder = tmp_path_factory.mktemp("several")
    for name, (_, _, budget) in WAYS.items():
        Checkpoints(Store(str(folder / name / "store")), "trial/run", 1e9).save_memory_budget(budget)
    run_processes(folder)
    return folder


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Outcome]:
    """The model and the outcome of one process."""
    return run_case(Case(NAMES, dropout=0.0), Store(str(tmp_path_factory.mktemp("single"))), SINGLE_PROCESS)


@pytest.mark.parametrize("name", WAYS)
def test_several_processes_end_with_the_weights_of_one(name: str, several: Path, single: tuple[Any, Outcome]) -> None:
    (model, outcome), folder = single, several / name
    writers = range(SIZE) if WAYS[name][0] == "ddp" else range(1)
    assert sorted(path.stem for path in folder.glob("?.safetensors")) == [str(rank) for rank in writers]
    for rank in writers:
        found = load_file(folder / f"{rank}.safetensors")
        assert set(found) == set(model.state_dict())
        for parameter, tensor in model.state_dict().items():
            torch.testing.assert_close(found[parameter], tensor, rtol=0, atol=1e-5)
    for rank in range(SIZE):
        curve = load_file(folder / f"curve-{rank}.safetensors")
        assert curve["tokens"] == outcome.progress.tokens
        for measure in ("loss", "score"):
            expected = torch.tensor([getattr(point, measure) for point in outcome.progress.curve])
            torch.testing.assert_close(curve[measure], expected, rtol=1e-4, atol=1e-4)


def test_a_sharded_encoder_is_written_completely(several: Path, tmp_path: Path) -> None:
    pretrained(tmp_path, SINGLE_PROCESS)
    single, sharded = tmp_path / "encoder", several / PRETRAINED / "encoder"
    assert (sharded / "config.json").read_bytes() == (single / "config.json").read_bytes()
    expected, found = (load_file(folder / "model.safetensors") for folder in (single, sharded))
    assert set(found) == set(expected)
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=0, atol=1e-5)
