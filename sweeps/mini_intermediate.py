"""Which intermediate tasks help on mini: the paper's question in miniature. Intermediates have thousands of examples, targets
hundreds.

Run it with `stilts run mini_intermediate`; its baseline is that of `sweeps/mini_transfer.py`, trained once.
"""

from stilts_ray import Encoder, Pretrained, Recipe, Search, Sweep

MUCH = Recipe(epochs=3, batch_size=32, max_length=128, dev_examples=200, evaluations=1)
LITTLE = MUCH.model_copy(update={"epochs": 6, "batch_size": 16})
RECIPES = {
    **dict.fromkeys(("pawsx", "udpos", "panx", "tydiqa"), LITTLE),
    # Learned in fewer epochs; HellaSwag has four sequences per example.
    "hellaswag": MUCH.model_copy(update={"epochs": 1}),
    "qqp": MUCH.model_copy(update={"epochs": 2}),
}


def sweep() -> Sweep:
    """The baseline, six tasks alone, and five seeds of each."""
    return Sweep(
        name="mini_intermediate",
        data="mini",
        encoders=[Encoder(name="mini", weights=Pretrained(source="mini"))],
        intermediates=[(), ("mnli",), ("qqp",), ("squad",), ("squad_v2",), ("hellaswag",), ("ccg",)],
        targets=["xnli", "pawsx", "udpos", "panx", "tydiqa", "tatoeba", "bucc2018"],
        recipe=MUCH,
        recipes=RECIPES,
        search=Search(learning_rates=[1e-3]),
        seeds=[0, 1, 2, 3, 4],
    )
