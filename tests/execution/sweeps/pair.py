"""One training run and its score, for two processes that train together."""

from stilts_ray import Encoder, Recipe, Search, Sweep, Untrained


def sweep() -> Sweep:
    """Part-of-speech tags on an encoder with random weights."""
    return Sweep(
        name="pair",
        data="mini",
        encoders=[Encoder(name="random", weights=Untrained(like="mini"))],
        targets=["udpos"],
        languages={"udpos": ["qaa"]},
        recipe=Recipe(epochs=2, batch_size=17, max_length=64, train_examples=60, dev_examples=40, evaluations=2),
        search=Search(learning_rates=[1e-3]),
    )
