"""The paper's three phases in small, on real text: a small pretrained encoder, four intermediate tasks, seven targets.

    STILTS_ENCODER=ENCODER stilts run real_small --data-dir DIR

DIR holds parquet files in the hub's columns, `<task>/<config or language>/<split>.parquet`; without it the data sets come
from the hub. ENCODER is a Hugging Face folder or a hub name; without it, `intfloat/multilingual-e5-small` is taken from the
hub. Some hundred examples a task and one seed: such scores say that the pipeline works on real text, and hardly anything
about which intermediate task helps.
"""

import os

from stilts_ray import Encoder, Pretrained, Recipe, Search, Sweep


def sweep() -> Sweep:
    """Five conditions, seven targets, a few languages each."""
    encoder = os.environ.get("STILTS_ENCODER") or "intfloat/multilingual-e5-small"
    pairs = Recipe(epochs=2, batch_size=16, max_length=128, train_examples=800, dev_examples=200, evaluations=1)
    windows = pairs.replace(train_examples=320, stride=64)
    return Sweep(
        name="real_small",
        encoders=[Encoder(name="small", weights=Pretrained(source=encoder))],
        intermediates=[(), ("mnli",), ("squad",), ("hellaswag",), ("qqp",)],
        targets=["xnli", "pawsx", "udpos", "panx", "xquad", "tydiqa", "tatoeba"],
        languages={
            "xnli": ("en", "de", "sw"),
            "pawsx": ("en", "de", "zh"),
            "udpos": ("en", "de", "hi"),
            "panx": ("en", "de", "hi"),
            "xquad": ("en", "hi"),
            "tydiqa": ("en", "sw"),
            "tatoeba": ("de", "hi", "sw", "tr"),
        },
        recipe=pairs,
        recipes={
            "squad": windows,
            "tydiqa": windows,
            "hellaswag": pairs.replace(epochs=1, train_examples=300),
            "udpos": pairs.replace(epochs=1, train_examples=1000),
        },
        search=Search(learning_rates=[2e-4]),
        seeds=[0],
    )
