"""Weights files."""

from pathlib import Path

import pytest
import torch

from stilts_ray.errors import RequestError
from stilts_ray.models import model as models
from stilts_ray.models import weights
from stilts_ray.tasks import TASKS
from tests import tiny


def test_weights_are_loaded_bit_for_bit_completely_and_by_prefix(tmp_path: Path) -> None:
    task = TASKS["mnli"]
    model = tiny.model(task, seed=1)
    weights.save_weights(model, tmp_path / "w.safetensors")

    loaded = tiny.model(task, seed=2)
    weights.load_weights(loaded, tmp_path / "w.safetensors")
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[name])

    encoder = models.new_encoder(tiny.config(), seed=3)
    weights.load_weights(encoder, tmp_path / "w.safetensors", prefix="encoder.")
    for name, tensor in model.encoder.state_dict().items():
        assert torch.equal(tensor, encoder.state_dict()[name])


def test_weights_that_do_not_fit_or_cannot_be_read_are_one_line(tmp_path: Path) -> None:
    weights.save_weights(tiny.model(TASKS["mnli"]), tmp_path / "w.safetensors")
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "w.safetensors").read_bytes()[:100])
    model = tiny.model(TASKS["squad"])
    for name, reason in (("w", "of another model"), ("cut", "cannot be read"), ("absent", "cannot be read")):
        with pytest.raises(RequestError, match=reason) as caught:
            weights.load_weights(model, tmp_path / f"{name}.safetensors")
        assert "\n" not in str(caught.value)
