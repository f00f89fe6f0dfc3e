"""Memory and checkpoint size with a pruned vocabulary, compared with the full one.

    python benchmarks/memory.py [--shape base|large] [--active 40000]

Makes an encoder of this shape with a classification head, takes one AdamW step, saves it, and counts bytes: weights, gradients,
moments, and the checkpoint file. Prints one JSON line with both sides and their ratios.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from training_step import ACTIVE, SHAPES, VOCABULARY

from stilts_ray import tasks
from stilts_ray.config import Optimizer, Shape
from stilts_ray.data.encoded import Encoded
from stilts_ray.kinds import model_for
from stilts_ray.models import model as models
from stilts_ray.models.model import Model
from stilts_ray.models.vocabulary import prune_embeddings
from stilts_ray.models.weights import save_weights
from stilts_ray.training.optimizer import make_optimizer


def sizes(model: Model) -> dict[str, int]:
    """Bytes after one update."""
    optimizer = make_optimizer(model, 1e-5, Optimizer())
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    states = [tensor for state in optimizer.state.values() for tensor in state.values()]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.safetensors"
        save_weights(model, path)
        return {
            "weights": sum(p.nbytes for p in model.parameters()),
            "gradients": sum(p.grad.nbytes for p in model.parameters() if p.grad is not None),
            "optimizer": sum(tensor.nbytes for tensor in states),
            "checkpoint": path.stat().st_size,
        }


def classifier(shape: Shape) -> Model:
    """A classifier of this shape."""
    return model_for(models.new_encoder(models.xlm_roberta(shape, VOCABULARY), 0), [tasks.get("mnli")], 0)


def main() -> None:
    """Measures both sides and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", choices=SHAPES, default="large")
    parser.add_argument("--active", type=int, default=ACTIVE)
    given = parser.parse_args()
    dense = sizes(classifier(SHAPES[given.shape]))
    model = classifier(SHAPES[given.shape])
    prune_embeddings(model, [Encoded(np.arange(given.active, dtype=np.int32), np.array([0, given.active]))])
    active = sizes(model)
    ratios = {name: round(active[name] / dense[name], 3) for name in dense}
    figures = {"shape": given.shape, "vocabulary": VOCABULARY, "active": given.active}
    print(json.dumps(figures | {"dense_bytes": dense, "active_bytes": active, "ratio": ratios}))


if __name__ == "__main__":
    main()
