"""What a user asks for: a `Sweep` and its parts.

Everything here is a frozen value, checked when it is made; an unknown field is an error. What can change a number belongs
here and is part of a step's identity. What cannot (machines, storage, concurrency) is a `Runtime` and is not.
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
