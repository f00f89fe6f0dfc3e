"""Twins of sweeps: the same questions on generated languages, small enough for a laptop."""

from typing import Any

from stilts_ray.config import Encoder, Pretrained, Recipe, Search, Sweep, Untrained

MINI = Encoder(name="mini", weights=Pretrained(source="mini"))
RANDOM = Encoder(name="random", weights=Untrained(like="mini"))
"""Mini's encoder without what it learned: a second encoder, where a sweep compares some."""

SHORT = Recipe(epochs=2, batch_size=32, max_length=128, train_examples=800, dev_examples=200, evaluations=1)


def mini_variant(sweep: Sweep, **changes: Any) -> Sweep:
    """`sweep` on mini: the same rows and columns for mini's encoder, by one short recipe with one learning rate and one
    seed. `changes` are fields of the twin that are to be otherwise. Raises ValueError as Sweep does."""
    small = {
        "name": f"{sweep.name}-mini",
        "data": "mini",
        "encoders": (MINI,),
        "recipe": SHORT,
        "recipes": {},
        "search": Search(learning_rates=(1e-3,)),
        "seeds": (0,),
    }
    return Sweep(**(dict(sweep) | small | changes))
