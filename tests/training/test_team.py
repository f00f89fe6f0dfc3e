"""Several processes train what one trains: with the whole model each, or with a part of it each."""

import multiprocessing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from stilts_ray.models.vocabulary import narrow
from stilts_ray.models.weights import gathered, save_weights
from stilts_ray.spec import Optimizer
from stilts_ray.store import Store
from stilts_ray.training.checkpoint import Checkpoints
from stilts_ray.training.loop import Outcome, train
from stilts_ray.training.team import ALONE, Team
from tests import tiny
from tests.training.test_loop import Case, Killed

# A batch of the last cannot be shared.
NAMES = ("mnli", "squad", "udpos", "squad_r")
SIZE = 2


def went(case: Case, store: Store, team: Team, seconds: float = 1e9) -> tuple[Any, Outcome]:
    """Trains with an active vocabulary."""
    model = case.fresh()
    narrow(model, [tiny.encoded(task, 9, seed=number) for number, task in enumerate(case.tasks)])
    # A bias before a softmax has no gradient but rounding, which AdamW without an epsilon would make full steps of.
    spec = Optimizer(epsilon=1e-3)
    run = replace(case.run(), evaluations=2, order=case.run().order * 2, optimizer=spec)
    return model, train(model, run, Checkpoints(store, "trial/run", seconds), case.report, team)


def process(rank: int, folder: Path, parallel: Any, killed: bool) -> None:
    """One of a team; with `killed`, it breaks off after some steps and goes on from a checkpoint."""
    torch.set_num_threads(1)
    address = f"file://{folder}/rendezvous"
    torch.distributed.init_process_group("gloo", init_method=address, rank=rank, world_size=SIZE)
    store, team = Store(str(folder / "store")), Team(rank, SIZE, torch.device("cpu"), parallel)
    if killed:
        try:
            went(Case(NAMES, dropout=0.0, kill_in_batch=lambda step: step == 18), store, team, seconds=0.0)
        except Killed:
            assert store.read_json("trial/run", "checkpoint", "latest.json")["progress"]["step"] == 16
    model, outcome = went(Case(NAMES, dropout=0.0), store, team)
    save_weights(model, folder / f"{rank}.safetensors")
    found = {name: torch.tensor([entry[name] for entry in outcome.progress.curve]) for name in ("loss", "score")}
    save_file(found | {"tokens": torch.tensor(outcome.progress.tokens)}, folder / f"curve-{rank}.safetensors")
    torch.distributed.destroy_process_group()


def together(folder: Path, parallel: str, killed: bool = False) -> None:
    """Runs a team to its end."""
    context = multiprocessing.get_context("spawn")
    members = [context.Process(target=process, args=(rank, folder, parallel, killed)) for rank in range(SIZE)]
    for member in members:
        member.start()
    try:
        for member in members:
            member.join(timeout=300)
            assert member.exitcode == 0
    finally:
        # One that is left alone would wait for the other.
        for member in members:
            member.kill()


@pytest.mark.parametrize("parallel, killed", [("ddp", False), ("fsdp", False), ("fsdp", True)])
def test_a_team_ends_with_the_weights_of_one_process(parallel: str, killed: bool, tmp_path: Path, store: Store) -> None:
    model, outcome = went(Case(NAMES, dropout=0.0), store, ALONE)
    together(tmp_path, parallel, killed)
    for rank in range(SIZE):
        found = load_file(tmp_path / f"{rank}.safetensors")
        assert set(found) == set(model.state_dict())
        for name, tensor in model.state_dict().items():
            torch.testing.assert_close(found[name], gathered(tensor), rtol=0, atol=1e-5)
        curve = load_file(tmp_path / f"curve-{rank}.safetensors")
        assert curve["tokens"] == outcome.progress.tokens
        for name in ("loss", "score"):
            expected = torch.tensor([entry[name] for entry in outcome.progress.curve])
            torch.testing.assert_close(curve[name], expected, rtol=1e-4, atol=1e-4)
