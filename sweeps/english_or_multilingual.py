"""English or multilingual intermediate data of equal size, on XTREME-R: MNLI and PAWS-X in English and in their machine
translations.

    stilts run sweeps/english_or_multilingual.py
    stilts run sweeps/english_or_multilingual.py:mini

Social IQa, COPA, LAReQA and Mewsli-X are trained as XTREME-R's scripts do, as far as that is known (XCOPA: 5 epochs, length
128, batch 32; LAReQA: 3 epochs, candidates of 256 tokens, batch 16; Mewsli-X: 2 epochs, length 64, batch 32).
"""

from stilts_ray import Encoder, Mixture, Pretrained, Recipe, Search, Sweep, tasks
from stilts_ray.mini import LANGUAGES
from stilts_ray.recipes import JIANT, XTREME_SCRIPTS
from stilts_ray.tasks.nli import XNLI_LANGUAGES
from stilts_ray.tasks.paraphrase import PAWSX_LANGUAGES
from stilts_ray.twin import SHORT, twin

TARGETS = ("xnli", "xcopa", "udpos_xr", "panx_xr", "xquad_xr", "mlqa", "tydiqa", "tatoeba_xr", "mewslix", "lareqa")
ROWS = {"mnli_translated": 100_000, "pawsx": 49_000}
"""Examples of an intermediate task, in however many languages."""


def rows(mnli: tuple[str, ...], pawsx: tuple[str, ...]) -> list[tuple[str, ...] | Mixture]:
    """The baseline, and either task in the source language and in all of its languages."""
    return [
        (),
        ("mnli_translated",),
        Mixture(tasks=("mnli_translated",), languages=mnli),
        ("pawsx",),
        Mixture(tasks=("pawsx",), languages=pawsx),
    ]


def sweep() -> Sweep:
    """Five rows."""
    sized = {"mnli_translated": JIANT["mnli"], "pawsx": JIANT["pawsx"]}
    return Sweep(
        name="english-or-multilingual",
        encoders=[Encoder(name="xlmr-large", start=Pretrained(source="FacebookAI/xlm-roberta-large"))],
        intermediates=rows(XNLI_LANGUAGES, PAWSX_LANGUAGES),
        targets=TARGETS,
        recipe=JIANT["mnli"],
        recipes={
            **JIANT,
            **dict.fromkeys(("social_i_qa", "copa"), Recipe(epochs=5, batch_size=32, max_length=128, dev_rows=None)),
            "squad_r": Recipe(epochs=3, batch_size=16, max_length=256),
            "wikipedia_pairs": XTREME_SCRIPTS["wikipedia_pairs"],
            **{task: recipe.model_copy(update={"train_rows": ROWS[task]}) for task, recipe in sized.items()},
        },
        search=Search(learning_rates=[1e-5, 2e-5]),
        seeds=[0, 1, 2],
    )


def mini() -> Sweep:
    """The same rows on generated languages; XTREME-R's larger variants of a target are the target itself there."""
    codes = tuple(language.code for language in LANGUAGES)
    return twin(
        sweep(),
        intermediates=rows(codes, codes),
        targets=[tasks.get(target).form for target in TARGETS],
        recipe=SHORT.model_copy(update={"train_rows": 600}),
    )
