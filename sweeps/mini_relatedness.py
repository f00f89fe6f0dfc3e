"""What relatedness contributes with everything else fixed: languages with the pivot language's sounds, script and grammar that
share fewer and fewer of its words (90 to 10%).

Run it with `stilts run mini_relatedness`; part of `benchmarks/laboratory.py`.
"""

from stilts_ray import Encoder, Pretraining, Recipe, Search, Shape, Sweep
from stilts_ray.mini import WORLDS


def pretraining(seed: int) -> Pretraining:
    """Text in one language at a time: only shared words can align the languages."""
    return Pretraining(
        languages=[language.code for language in WORLDS["mini-gradient"]],
        vocabulary=2000,
        shape=Shape(layers=2, hidden=128, heads=4, feed_forward=256, positions=256, dropout=0.0),
        tokens=3_000_000,
        batch_tokens=1024,
        max_length=96,
        mask=0.35,
        seed=seed,
    )


def sweep() -> Sweep:
    """Three encoders that differ in their seed alone."""
    return Sweep(
        name="mini_relatedness",
        data="mini-gradient",
        encoders=[Encoder(name=f"gradient-{seed}", weights=pretraining(seed)) for seed in range(3)],
        targets=["udpos", "tatoeba"],
        recipe=Recipe(epochs=6, batch_size=16, max_length=128, dev_examples=200, evaluations=1),
        search=Search(learning_rates=[1e-3]),
    )
