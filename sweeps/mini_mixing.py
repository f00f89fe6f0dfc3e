"""What bilingual text contributes: encoders of one token budget, with a growing share of it in their raw text.

Run it with `stilts run mini_mixing`; part of `benchmarks/laboratory.py`.
"""

from stilts_ray import Encoder, Pretraining, Recipe, Search, Shape, Sweep
from stilts_ray.mini import LANGUAGES

SHARES = (0.0, 0.10, 0.35)


def pretraining(share: float, seed: int) -> Pretraining:
    """`share` of the tokens in two languages: half of them translations, half code-switched."""
    return Pretraining(
        languages=[language.code for language in LANGUAGES],
        texts={"mlm_text": 1 - share, "mlm_parallel": share / 2, "mlm_switched": share / 2},
        vocabulary=3000,
        shape=Shape(layers=2, hidden=128, heads=4, feed_forward=256, positions=256, dropout=0.0),
        tokens=2_500_000,
        batch_tokens=1024,
        max_length=96,
        mask=0.35,
        seed=seed,
    )


def sweep() -> Sweep:
    """Three shares, three seeds each; tagging and retrieval show alignment most directly."""
    starts = {f"mixed{100 * share:02.0f}-{seed}": pretraining(share, seed) for share in SHARES for seed in range(3)}
    return Sweep(
        name="mini_mixing",
        data="mini",
        encoders=[Encoder(name=name, weights=start) for name, start in starts.items()],
        targets=["udpos", "tatoeba"],
        recipe=Recipe(epochs=6, batch_size=16, max_length=128, dev_examples=200, evaluations=1),
        search=Search(learning_rates=[1e-3]),
    )
