"""The calibration of a tiny encoder on this machine, and the plan that reads it."""

import sys
from pathlib import Path

import pytest
import torch

from stilts_ray.plan.calibration import CPU, read_calibration
from tests.benchmarks.script import FOLDER, script
from tests.test_cli import document, sweep_file

SWEEP = (
    "Sweep(name='s', data='mini', encoders=[Encoder(name='tiny', weights=Pretrained(source='{}'))], targets=['udpos'],"
    " recipe=Recipe(batch_size=4, max_length=32))"
)


def calibrate(*words: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["calibrate.py", *words])
        script("calibrate").main()


def test_a_plan_reads_what_was_measured(tiny_encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep, file = sweep_file(tmp_path, SWEEP.format(tiny_encoder)), tmp_path / "calibration.json"
    calibrate(sweep, "--out", str(file), "--steps", "2")
    made = read_calibration(file)
    (speed,) = made.encoders.values()
    assert (set(made.encoders), speed.padded_length, speed.batch_size) == ({str(tiny_encoder)}, 32, 4)
    assert speed.mean_length < 32
    assert made.versions["torch"] == torch.__version__
    if torch.cuda.is_available():
        assert made.device == torch.cuda.get_device_name()
    else:
        assert made.device == CPU

    capsys.readouterr()
    plan = document(capsys, "plan", sweep, "--store", str(tmp_path / "store"), "--calibration", str(file))
    compared = plan["comparison"]
    assert compared["device"] == made.device
    assert compared["hours"] == pytest.approx(compared["train_tokens"] / speed.packed / 3600, abs=0.006)
    assert compared["naive_hours"] == pytest.approx(compared["naive_train_tokens"] / speed.padded / 3600, abs=0.006)


def test_the_published_shapes_are_xlm_rs() -> None:
    """Of the word embeddings and the layers: 270, 550 and 3,500 million parameters in all (arXiv 1911.02116, 2105.00572)."""
    shapes = {name: make() for name, make in script("calibrate").PUBLISHED.items()}
    layers = {
        name: config.num_hidden_layers * (4 * config.hidden_size**2 + 2 * config.hidden_size * config.intermediate_size)
        for name, config in shapes.items()
    }
    sizes = {name: (layers[name] + config.vocab_size * config.hidden_size) / 1e6 for name, config in shapes.items()}
    assert [round(size, -1) for size in sizes.values()] == [280, 560, 3470]


def test_the_benchmark_is_where_the_plan_says_it_is() -> None:
    assert (FOLDER / "calibrate.py").is_file()
