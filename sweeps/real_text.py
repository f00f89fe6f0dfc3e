"""The same three phases on real text, with an encoder pretrained on it.

    stilts run real_text --data-dir DIR

DIR holds parquet files in the hub's columns, `<task>/<config or language>/<split>.parquet`, among them raw sentences
(mlm_text/<language>/train.parquet). The encoder sees some hundred thousand tokens where XLM-R saw hundreds of billions:
its scores show that the machinery works on real text, and nothing about the tasks.
"""

from stilts_ray import Encoder, Pretraining, Recipe, Search, Shape, Sweep

LANGUAGES = ("en", "de", "es", "zh", "tr", "fi", "ar", "hi", "ja")


def sweep() -> Sweep:
    """A small XLM-R, two intermediate tasks, three targets."""
    encoder = Pretraining(
        languages=LANGUAGES,
        tokenizer="unigram",
        vocabulary=6000,
        shape=Shape(layers=3, hidden=128, heads=4, feed_forward=384, positions=256, dropout=0.0),
        tokens=2_000_000,
        batch_tokens=2048,
        max_length=128,
    )
    recipe = Recipe(
        epochs=1, batch_size=16, max_length=256, stride=144, train_examples=600, dev_examples=100, evaluations=2
    )
    return Sweep(
        name="real_text",
        encoders=[Encoder(name="small", weights=encoder)],
        intermediates=[(), ("squad",), ("hellaswag",)],
        targets=["udpos", "xquad", "tatoeba"],
        languages={
            "udpos": LANGUAGES,
            "xquad": ("en", "de", "es", "zh", "tr", "ar", "hi"),
            "tatoeba": ("de", "es", "zh", "tr", "fi", "ar", "hi", "ja"),
        },
        recipe=recipe,
        recipes={"udpos": recipe.model_copy(update={"epochs": 4, "train_examples": None})},
        search=Search(learning_rates=[5e-4, 1e-3]),
        seeds=[0, 1],
    )
