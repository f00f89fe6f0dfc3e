"""The mini variant of a sweep: the same conditions and targets on generated languages, small enough for a laptop."""

from typing import Any

from stilts_ray.config import Encoder, Pretrained, Recipe, Search, Sweep, Untrained

MINI = Encoder(name="mini", weights=Pretrained(source="mini"))
RANDOM = Encoder(name="random", weights=Untrained(like="mini"))
"""Mini's encoder with random weights: the second encoder of mini variants of sweeps that compare encoders."""

SHORT = Recipe(epochs=2, batch_size=32, max_length=128, train_examples=800, dev_examples=200, evaluations=1)


def mini_variant(sweep: Sweep, **changes: Any) -> Sweep:
    """The mini variant of `sweep`: the same intermediates and targets with mini's encoder, one short recipe, one learning
    rate and one seed. `changes` overrides fields of the variant. Raises ValueError as `Sweep` does."""
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
