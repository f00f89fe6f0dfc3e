"""Intermediate-task training (STILTs) for zero-shot cross-lingual transfer, as one Ray-distributed sweep.

A sweep file, a script or a notebook imports what it needs from here. The import loads nothing heavier than pydantic.
"""

from stilts_ray.api import Results, load_results, plan, run
from stilts_ray.config import (
    Encoder,
    LogUniform,
    MaskedShare,
    Mixture,
    Pretrained,
    Pretraining,
    Recipe,
    Retrieval,
    Search,
    Shape,
    Sweep,
    Untrained,
)
from stilts_ray.errors import RequestError

__version__ = "0.1.0"

__all__ = [
    "Encoder",
    "LogUniform",
    "MaskedShare",
    "Mixture",
    "Pretrained",
    "Pretraining",
    "Recipe",
    "RequestError",
    "Results",
    "Retrieval",
    "Search",
    "Shape",
    "Sweep",
    "Untrained",
    "load_results",
    "plan",
    "run",
]
