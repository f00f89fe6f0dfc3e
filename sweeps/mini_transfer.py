"""What mini's pretraining brings: its encoder beside the same one with random weights, by language.

Run it with `stilts run sweeps/mini_transfer.py`; the per-language tables are in its report.
"""

from stilts_ray import Encoder, Pretrained, Recipe, Search, Sweep, Untrained


def sweep() -> Sweep:
    """The two tasks on which transfer shows most clearly: tags and retrieval, without intermediate training."""
    return Sweep(
        name="mini_transfer",
        data="mini",
        encoders=[
            Encoder(name="mini", start=Pretrained(source="mini")),
            Encoder(name="random", start=Untrained(like="mini")),
        ],
        targets=["udpos", "tatoeba"],
        recipe=Recipe(epochs=3, batch_size=16, max_length=128, dev_rows=200, evaluations=3),
        search=Search(learning_rates=[3e-4, 1e-3]),
        seeds=[0, 1, 2],
    )
