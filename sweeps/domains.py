"""Do intermediate tasks of a domain, law (CaseHOLD) and medicine (PubMedQA), help as much as general ones? For XLM-R Large and
the encoder of mT5 Large.

    stilts run domains
    stilts run domains:mini      two domains of the generated world; mini's encoder beside one of random weights

Every intermediate task is trained on as many examples as HellaSwag, the smallest, has; the two domains together on as many of
each. XNLI's own training on MNLI has that size in every condition.
"""

from stilts_ray import Encoder, Pretrained, Search, Sweep
from stilts_ray.config.mini_variant import MINI, RANDOM, mini_variant
from stilts_ray.config.recipes import JIANT

EXAMPLES = 39_905
GENERAL, DOMAINS = ("mnli", "hellaswag"), ("case_hold", "pubmedqa")


def sweep() -> Sweep:
    """Two encoders, six conditions each."""
    sized = {task: JIANT["mnli"].model_copy(update={"train_examples": EXAMPLES}) for task in (*GENERAL, *DOMAINS)}
    # Abstracts are long, and few answers are "no", whose F1 is part of the dev score.
    sized["pubmedqa"] = sized["pubmedqa"].model_copy(update={"max_length": 512, "dev_examples": None})
    return Sweep(
        name="domains",
        encoders=[
            Encoder(name="xlmr-large", weights=Pretrained(source="FacebookAI/xlm-roberta-large")),
            # Its weights in safetensors are a pull request (seen in 2026; `stilts check` says if that has changed).
            Encoder(name="mt5-large", weights=Pretrained(source="google/mt5-large", revision="refs/pr/2")),
        ],
        intermediates=[(), *((task,) for task in (*GENERAL, *DOMAINS)), DOMAINS],
        targets=["xnli", "xquad", "tydiqa", "udpos", "panx"],
        recipe=JIANT["mnli"],
        recipes={**{task: recipe for task, recipe in JIANT.items() if task != "pawsx"}, **sized},
        # Two kinds of encoders may need different rates.
        search=Search(learning_rates=[1e-5, 3e-5, 1e-4]),
        seeds=[0, 1, 2],
    )


def mini() -> Sweep:
    """The same conditions and targets on generated languages."""
    return mini_variant(sweep(), encoders=(MINI, RANDOM))
