"""The whole study in miniature, in minutes on a laptop: five conditions, four targets, twelve generated languages.

Run it with `stilts run quickstart`.
"""

from stilts_ray import Encoder, Pretrained, Recipe, Search, Sweep


def sweep() -> Sweep:
    """Baseline, three intermediate tasks and their mixture; one target of every kind."""
    short = Recipe(epochs=2, batch_size=32, max_length=128, train_examples=1500, dev_examples=300, evaluations=2)
    return Sweep(
        name="quickstart",
        data="mini",
        encoders=[Encoder(name="mini", weights=Pretrained(source="mini"))],
        intermediates=[(), ("mnli",), ("squad",), ("hellaswag",), ("mnli", "squad", "hellaswag")],
        targets=["xnli", "udpos", "xquad", "tatoeba"],
        recipe=short,
        recipes={
            "udpos": short.model_copy(update={"epochs": 3, "batch_size": 16}),
            "hellaswag": short.model_copy(update={"epochs": 1}),
        },
        search=Search(learning_rates=[5e-4, 1e-3]),
        seeds=[0, 1],
    )
