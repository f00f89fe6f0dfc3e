"""arXiv 2005.13013 (X-STILTs): does fine-tuning XLM-R on an English task before the English target task help in other
languages? Nine intermediate tasks and all nine together, before XTREME's nine targets.

    stilts run paper --local-data DIR    DIR/ccg/default holds your copy of CCGbank (README)
    stilts run paper:mini                the same on generated languages, in minutes on a laptop

Targets are trained by the recipes of the paper's own code. Not found, and therefore chosen here: how intermediate tasks
were trained, the cap of the mixture, learning rates other than 1e-5, and seeds.
"""

from stilts_ray import Encoder, Mixture, Pretrained, Search, Sweep
from stilts_ray.config.mini_variant import mini_variant
from stilts_ray.config.recipes import JIANT

INTERMEDIATES = (
    "anli_plus", "mnli", "qqp", "squad_v2", "squad", "hellaswag", "ccg", "cosmosqa", "commonsense_qa",
)  # fmt: skip
TARGETS = ("xnli", "pawsx", "udpos", "panx", "xquad", "mlqa", "tydiqa", "bucc2018", "tatoeba")
CAP = 100_000

RECIPES = {
    **JIANT,
    "anli_plus": JIANT["mnli"].model_copy(update={"dev_examples": None}),
    "squad_v2": JIANT["squad"],
    "ccg": JIANT["udpos"].model_copy(update={"epochs": 5}),
    "cosmosqa": JIANT["mnli"].model_copy(update={"epochs": 3}),
    "commonsense_qa": JIANT["mnli"].model_copy(update={"epochs": 5}),
}
"""MNLI and SQuAD are trained once, as intermediate tasks and for XNLI, XQuAD and MLQA."""


def sweep() -> Sweep:
    """Eleven conditions: the baseline, nine tasks, and their mixture."""
    return Sweep(
        name="paper",
        encoders=[Encoder(name="xlmr-large", weights=Pretrained(source="FacebookAI/xlm-roberta-large"))],
        intermediates=[
            (),
            *((name,) for name in INTERMEDIATES),
            Mixture(tasks=INTERMEDIATES, cap=CAP, name="all-nine"),
        ],
        targets=TARGETS,
        recipe=JIANT["mnli"],
        recipes=RECIPES,
        search=Search(learning_rates=[5e-6, 1e-5, 2e-5]),
        seeds=[0, 1, 2],
    )


def mini() -> Sweep:
    """The same conditions and targets for mini's encoder, one learning rate and one seed."""
    return mini_variant(
        sweep(), intermediates=((), *((name,) for name in INTERMEDIATES), Mixture(tasks=INTERMEDIATES, name="all-nine"))
    )
