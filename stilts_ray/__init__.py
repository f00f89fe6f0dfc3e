"""Intermediate-task training (STILTs) for zero-shot cross-lingual transfer, as one Ray-distributed sweep.

A sweep file imports what it needs from here; nothing heavier than pydantic is loaded.
"""

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

__version__ = "0.1.0"

__all__ = [
    "Encoder",
    "LogUniform",
    "MaskedShare",
    "Mixture",
    "Pretrained",
    "Pretraining",
    "Recipe",
    "Retrieval",
    "Search",
    "Shape",
    "Sweep",
    "Untrained",
]
