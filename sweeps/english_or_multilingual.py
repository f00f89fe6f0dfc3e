"""English or multilingual intermediate data of equal size, on XTREME-R: MNLI and PAWS-X in English and in their machine
translations.

    stilts run english_or_multilingual
    stilts run english_or_multilingual:mini

Both intermediate tasks, and what XTREME has too, are trained by jiant's recipes; the four that only XTREME-R has by that
benchmark's scripts. Each study tries the learning rates of both, 1e-5, 2e-5 and 3e-5. `stilts_ray.config.recipes` says
where the scripts differ.
"""

from stilts_ray import Encoder, Mixture, Pretrained, Sweep, tasks
from stilts_ray.config.mini_variant import SHORT, mini_variant
from stilts_ray.config.recipes import JIANT, JIANT_RATES, XTREME_RATES, XTREME_SCRIPTS, search
from stilts_ray.mini import LANGUAGES
from stilts_ray.tasks.nli import XNLI_LANGUAGES
from stilts_ray.tasks.paraphrase import PAWSX_LANGUAGES

TARGETS = ("xnli", "xcopa", "udpos_xr", "panx_xr", "xquad_xr", "mlqa", "tydiqa", "tatoeba_xr", "mewslix", "lareqa")
ONLY_THERE = ("social_i_qa", "copa", "squad_r", "wikipedia_pairs")
"""What the targets are trained on that XTREME does not have."""
RATES = JIANT_RATES | {task: XTREME_RATES[task] for task in ONLY_THERE}
EXAMPLES = {"mnli_translated": 100_000, "pawsx": 49_000}
"""Training examples of an intermediate task, whatever the number of languages."""


def conditions(mnli: tuple[str, ...], pawsx: tuple[str, ...]) -> list[tuple[str, ...] | Mixture]:
    """The baseline, and either task in the source language and in all of its languages."""
    return [
        (),
        ("mnli_translated",),
        Mixture(tasks=("mnli_translated",), languages=mnli),
        ("pawsx",),
        Mixture(tasks=("pawsx",), languages=pawsx),
    ]


def sweep() -> Sweep:
    """Five conditions."""
    sized = {"mnli_translated": JIANT["mnli"], "pawsx": JIANT["pawsx"]}
    return Sweep(
        name="english-or-multilingual",
        encoders=[Encoder(name="xlmr-large", weights=Pretrained(source="FacebookAI/xlm-roberta-large"))],
        intermediates=conditions(XNLI_LANGUAGES, PAWSX_LANGUAGES),
        targets=TARGETS,
        recipe=JIANT["mnli"],
        recipes={
            **JIANT,
            **{task: XTREME_SCRIPTS[task] for task in ONLY_THERE},
            **{task: recipe.model_copy(update={"train_examples": EXAMPLES[task]}) for task, recipe in sized.items()},
        },
        search=search(RATES, *RATES),
        seeds=[0, 1, 2],
    )


def mini() -> Sweep:
    """The same conditions on generated languages; XTREME-R's larger variants of a target are the target itself there."""
    codes = tuple(language.code for language in LANGUAGES)
    return mini_variant(
        sweep(),
        intermediates=conditions(codes, codes),
        targets=[tasks.get(target).form for target in TARGETS],
        recipe=SHORT.model_copy(update={"train_examples": 600}),
    )
