"""Does the gain of a language family from intermediate training depend on the encoder's size? XLM-R base, large and XL.

    stilts run families_by_scale
    stilts run families_by_scale:mini      mini's encoder beside one of random weights

`stilts report` with `--out` writes the gain of each condition by family: a table per target and encoder in report.md, and the
family of every language in results.csv.
"""

from stilts_ray import Encoder, Pretrained, Search, Sweep
from stilts_ray.config.mini_variant import MINI, RANDOM, mini_variant
from stilts_ray.config.recipes import JIANT

SCALES = {
    "base": "FacebookAI/xlm-roberta-base",
    "large": "FacebookAI/xlm-roberta-large",
    "xl": "facebook/xlm-roberta-xl",
}


def sweep() -> Sweep:
    """Three encoders, four conditions each."""
    return Sweep(
        name="families-by-scale",
        encoders=[Encoder(name=f"xlmr-{size}", weights=Pretrained(source=source)) for size, source in SCALES.items()],
        intermediates=[(), ("mnli",), ("squad",), ("hellaswag",)],
        targets=["xnli", "udpos", "panx", "xquad", "tydiqa", "tatoeba"],
        recipe=JIANT["mnli"],
        recipes={name: recipe for name, recipe in JIANT.items() if name != "pawsx"},
        # Larger encoders need smaller rates.
        search=Search(learning_rates=[3e-6, 1e-5, 3e-5]),
        seeds=[0, 1, 2],
    )


def mini() -> Sweep:
    """The same conditions and targets on generated languages."""
    return mini_variant(sweep(), encoders=(MINI, RANDOM))
