"""One training run and its score, for two processes that train together."""

from stilts_ray import Encoder, Pretrained, Recipe, Search, Sweep


def sweep() -> Sweep:
    """Part-of-speech tags on the encoder of the generated languages."""
    return Sweep(
        name="pair",
        data="mini",
        encoders=[Encoder(name="mini", weights=Pretrained(source="mini"))],
        targets=["udpos"],
        languages={"udpos": ["qaa"]},
        recipe=Recipe(epochs=2, batch_size=17, max_length=64, train_examples=60, dev_examples=40, evaluations=2),
        search=Search(learning_rates=[1e-3]),
    )
