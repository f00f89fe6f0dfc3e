"""Does intermediate training in morphologically rich languages beat training in English, on XTREME-R's structured tasks?

Tags and names of equal size, in English, in Finnish, Turkish, Hungarian and Estonian (agglutinative), and in all five.

    stilts run sweeps/morphology.py
    stilts run sweeps/morphology.py:mini      the pivot against the agglutinative languages of the generated ones

`stilts report` with `--out` writes the means by morphological type, as far as a source knows a language's, and names the rows
that were trained in some of the languages they are tested in: for those rows it is not zero-shot.
"""

from stilts_ray import Encoder, Mixture, Pretrained, Search, Sweep
from stilts_ray.config.mini_variant import SHORT, mini_variant
from stilts_ray.config.recipes import JIANT
from stilts_ray.mini import LANGUAGES, PIVOT

RICH = ("fi", "tr", "hu", "et")
ROWS = {"udpos": 3_000, "panx": 15_000}
"""Examples of an intermediate task: no more than one of the smaller languages has."""


def rows(source: str, rich: tuple[str, ...]) -> list[tuple[str, ...] | Mixture]:
    """The baseline; then each task in the source language, in rich ones, and in all."""
    mixtures = [(task, languages) for task in ROWS for languages in ((source,), rich, (source, *rich))]
    return [(), *(Mixture(tasks=(task,), languages=languages) for task, languages in mixtures)]


def sweep() -> Sweep:
    """Seven rows before the two structured tasks; what is trained before and for a target has equal size everywhere."""
    return Sweep(
        name="morphology",
        encoders=[Encoder(name="xlmr-large", weights=Pretrained(source="FacebookAI/xlm-roberta-large"))],
        intermediates=rows("en", RICH),
        targets=["udpos_xr", "panx_xr"],
        recipe=JIANT["udpos"],
        recipes={task: JIANT[task].model_copy(update={"train_examples": size}) for task, size in ROWS.items()},
        search=Search(learning_rates=[1e-5, 2e-5]),
        seeds=[0, 1, 2],
    )


def mini() -> Sweep:
    """The same rows on generated languages, and their two structured tasks."""
    rich = tuple(language.code for language in LANGUAGES if language.morphology == "agglutinative")
    return mini_variant(
        sweep(),
        intermediates=rows(PIVOT, rich),
        targets=["udpos", "panx"],
        recipe=SHORT.model_copy(update={"epochs": 4, "batch_size": 16, "train_examples": 200}),
    )
