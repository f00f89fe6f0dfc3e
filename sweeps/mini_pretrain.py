"""Makes mini's encoder again: phase 1 of the generated languages.

stilts run mini_pretrain --store runs-mini
cp runs-mini/pretrain/mini-*/model/* runs-mini/pretrain/mini-*/record.json stilts_ray/mini/encoder/
"""

from stilts_ray import Encoder, Pretraining, Shape, Sweep
from stilts_ray.mini import LANGUAGES


def sweep() -> Sweep:
    """One encoder, pretrained from scratch."""
    start = Pretraining(
        languages=[language.code for language in LANGUAGES],
        # Real corpora hold far less text in two languages; here it makes up for the size of the corpus.
        texts={"mlm_text": 0.45, "mlm_parallel": 0.20, "mlm_switched": 0.35},
        tokenizer="bpe",
        vocabulary=3000,
        # Without dropout: a model this small underfits, and drawing the masks costs a third of a step on a CPU.
        shape=Shape(layers=3, hidden=128, heads=4, feed_forward=384, positions=256, dropout=0.0),
        tokens=40_000_000,
        batch_tokens=1024,
        max_length=96,
        mask=0.35,
    )
    return Sweep(name="mini_pretrain", encoders=[Encoder(name="mini", weights=start)], data="mini")
