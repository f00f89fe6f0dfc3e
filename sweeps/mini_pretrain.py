"""Makes mini's encoder again: phase 1 of the generated languages.

stilts run sweeps/mini_pretrain.py --store runs-mini
cp runs-mini/pretrain/mini-*/model/* runs-mini/pretrain/mini-*/record.json stilts_ray/mini/encoder/
"""

from stilts_ray import Encoder, Pretraining, Shape, Sweep
from stilts_ray.mini import LANGUAGES


def sweep() -> Sweep:
    """One encoder, made from nothing."""
    start = Pretraining(
        languages=[language.code for language in LANGUAGES],
        tokenizer="bpe",
        vocabulary=2600,
        # Without dropout: a model this small underfits, and drawing the masks costs a third of a step on a CPU.
        shape=Shape(layers=3, hidden=128, heads=4, feed_forward=384, positions=256, dropout=0.0),
        tokens=20_000_000,
        batch_tokens=2048,
        max_length=96,
        mask=0.2,
    )
    return Sweep(name="mini_pretrain", encoders=[Encoder(name="mini", start=start)], data="mini")
