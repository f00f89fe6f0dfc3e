"""What mini's pretraining contributes: its encoder beside the same one with random weights, by language.

Run it with `stilts run mini_transfer`; the per-language tables are in its report.
"""

from stilts_ray import Encoder, Pretrained, Recipe, Search, Sweep, Untrained

TARGETS = ("xnli", "pawsx", "udpos", "panx", "tydiqa", "tatoeba", "bucc2018")
MUCH = Recipe(epochs=3, batch_size=32, max_length=128, dev_examples=200, evaluations=1)
LITTLE = MUCH.model_copy(update={"epochs": 6, "batch_size": 16})
RECIPES = dict.fromkeys(("pawsx", "udpos", "panx", "tydiqa"), LITTLE)


def sweep() -> Sweep:
    """No intermediate training."""
    return Sweep(
        name="mini_transfer",
        data="mini",
        encoders=[
            Encoder(name="mini", weights=Pretrained(source="mini")),
            Encoder(name="random", weights=Untrained(like="mini")),
        ],
        targets=TARGETS,
        recipe=MUCH,
        recipes=RECIPES,
        search=Search(learning_rates=[1e-3]),
        seeds=[0, 1, 2, 3, 4],
    )
