"""A whole sweep in seconds: its own encoder, a row with an intermediate task, three targets, two languages."""

from stilts_ray import Encoder, Pretraining, Recipe, Search, Shape, Sweep


def sweep() -> Sweep:
    """Every kind of step and of job once."""
    encoder = Pretraining(
        languages=["qaa", "qab"],
        vocabulary=400,
        shape=Shape(layers=2, hidden=32, heads=2, feed_forward=64, positions=128, dropout=0.1),
        tokens=20_000,
        batch_tokens=1024,
    )
    languages = ["qaa", "qab"]
    return Sweep(
        name="tiny",
        data="mini",
        encoders=[Encoder(name="tiny", weights=encoder)],
        intermediates=[(), ("mnli",)],
        targets=["xnli", "udpos", "tatoeba"],
        languages={"xnli": languages, "udpos": languages, "tatoeba": ["qab"]},
        recipe=Recipe(epochs=1, batch_size=16, max_length=64, train_examples=300, dev_examples=40, evaluations=2),
        search=Search(learning_rates=[1e-3, 3e-4]),
        seeds=[0, 1],
    )
