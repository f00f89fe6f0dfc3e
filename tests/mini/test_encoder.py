"""The packaged encoder is what its recipe makes."""

import json
from pathlib import Path

from stilts_ray import mini
from stilts_ray.config.sweep_file import load
from stilts_ray.data.sources import MiniSource
from stilts_ray.identity import file_digest
from stilts_ray.plan.build import make_plan

ROOT = Path(__file__).resolve().parents[2]
RECORD = json.loads((mini.ENCODER / "record.json").read_text())


def test_its_record_is_of_the_recipe_that_the_sweep_holds() -> None:
    (step,) = make_plan(load(ROOT / "sweeps" / "mini_pretrain.py"), MiniSource()).steps
    assert RECORD["digest"] == step.digest


def test_its_files_are_those_of_its_record() -> None:
    files = {path.name for path in mini.ENCODER.iterdir()} - {"record.json"}
    assert {name: file_digest(mini.ENCODER / name) for name in files} == RECORD["files"]


def test_it_is_small() -> None:
    assert sum(path.stat().st_size for path in mini.ENCODER.iterdir()) < 8e6
