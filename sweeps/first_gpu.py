"""A first sweep on one GPU: MNLI, SQuAD and HellaSwag as intermediate tasks for XLM-R base, two seeds.

    stilts run first_gpu
    stilts run first_gpu:mini      the same on generated languages, in minutes on a laptop

About 4 hours on one GPU with 24 GB. This is an estimate from an assumption, not a measurement: `stilts plan first_gpu` counts
195 million training tokens (39 trials), which take 3.6 hours at an assumed 15,000 tokens per second; dev evaluations and
scoring, which are forward passes and which the plan does not count, are assumed to add a tenth. `benchmarks/calibrate.py`
measures the rate of your GPU, and `stilts plan first_gpu --calibration FILE` then estimates the hours from it.

Recipes are jiant's (`stilts_ray.config.recipes`) on at most 50,000 training examples and for at most 3 epochs, which is what
keeps it to hours: scores are below those of full training.
"""

from stilts_ray import Encoder, Pretrained, Recipe, Search, Sweep
from stilts_ray.config.mini_variant import mini_variant
from stilts_ray.config.recipes import JIANT


def _capped(recipe: Recipe, examples: int, epochs: int) -> Recipe:
    return recipe.model_copy(update={"train_examples": examples, "epochs": epochs, "evaluations": 2})


def sweep() -> Sweep:
    """Four conditions, four targets."""
    return Sweep(
        name="first_gpu",
        encoders=[Encoder(name="xlmr-base", weights=Pretrained(source="FacebookAI/xlm-roberta-base"))],
        intermediates=[(), ("mnli",), ("squad",), ("hellaswag",)],
        targets=["xnli", "udpos", "xquad", "tatoeba"],
        recipes={
            "mnli": _capped(JIANT["mnli"], 50_000, 2),
            "squad": _capped(JIANT["squad"], 20_000, 2),
            "hellaswag": _capped(JIANT["mnli"], 20_000, 2),
            "udpos": _capped(JIANT["udpos"], 20_000, 3),
        },
        search=Search(learning_rates=[1e-5, 3e-5]),
        seeds=[0, 1],
    )


def mini() -> Sweep:
    """The same conditions and targets on generated languages."""
    return mini_variant(sweep())
