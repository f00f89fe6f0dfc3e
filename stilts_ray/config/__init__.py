"""The configuration of a sweep: `Sweep` and its parts, as frozen pydantic models that reject unknown fields.

Whatever can change a number is configured here and is part of a step's identity. Machines, storage and concurrency cannot
change a number; they are configured by `Runtime`, which is part of no identity.
"""

from stilts_ray.config.encoder import Encoder, Pretrained, Pretraining, Shape, Untrained
from stilts_ray.config.mixture import MaskedShare, Mixture
from stilts_ray.config.runtime import Runtime
from stilts_ray.config.sweep import Retrieval, Sweep
from stilts_ray.config.training import LogUniform, Optimizer, Recipe, Search
from stilts_ray.config.values import Spec, explain

__all__ = [
    "Encoder",
    "LogUniform",
    "MaskedShare",
    "Mixture",
    "Optimizer",
    "Pretrained",
    "Pretraining",
    "Recipe",
    "Retrieval",
    "Runtime",
    "Search",
    "Shape",
    "Spec",
    "Sweep",
    "Untrained",
    "explain",
]
