"""The calibration of a tiny encoder on this machine, and a plan with it."""

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


def test_a_plan_reads_the_calibration(tiny_encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep, file = sweep_file(tmp_path, SWEEP.format(tiny_encoder)), tmp_path / "calibration.json"
    calibrate(sweep, "--out", str(file), "--steps", "2")
    calibration = read_calibration(file)
    (speed,) = calibration.encoders.values()
    assert (set(calibration.encoders), speed.padded_length, speed.batch_size) == ({str(tiny_encoder)}, 32, 4)
    assert speed.mean_length < 32
    assert calibration.versions["torch"] == torch.__version__
    if torch.cuda.is_available():
        assert calibration.device == torch.cuda.get_device_name()
    else:
        assert calibration.device == CPU

    capsys.readouterr()
    plan = document(capsys, "plan", sweep, "--store", str(tmp_path / "store"), "--calibration", str(file))
    comparison = plan["comparison"]
    assert comparison["device"] == calibration.device
    assert comparison["hours"] == pytest.approx(comparison["train_tokens"] / speed.packed / 3600, abs=0.006)
    assert comparison["naive_hours"] == pytest.approx(comparison["naive_train_tokens"] / speed.padded / 3600, abs=0.006)


def test_the_published_shapes_are_xlm_rs() -> None:
    """Word embeddings and layers; with the rest, 270, 550 and 3,500 million parameters (arXiv 1911.02116, 2105.00572)."""
    shapes = {name: make() for name, make in script("calibrate").PUBLISHED.items()}
    layers = {
        name: config.num_hidden_layers * (4 * config.hidden_size**2 + 2 * config.hidden_size * config.intermediate_size)
        for name, config in shapes.items()
    }
    sizes = {name: (layers[name] + config.vocab_size * config.hidden_size) / 1e6 for name, config in shapes.items()}
    assert [round(size, -1) for size in sizes.values()] == [280, 560, 3470]


def test_the_plan_names_the_path_of_the_benchmark() -> None:
    assert (FOLDER / "calibrate.py").is_file()
