"""Does intermediate training in morphologically rich languages beat training in English, on XTREME-R's structured tasks?

Tags and names of equal size, in English, in Finnish, Turkish, Hungarian and Estonian (agglutinative), and in all five.

    stilts run morphology
    stilts run morphology:mini      the pivot language against the agglutinative generated languages

`stilts report` with `--out` writes the means by morphological type, where a source gives a language's type, and names the
conditions that were trained in some of their test languages: there it is not zero-shot.
"""

from stilts_ray import Encoder, Mixture, Pretrained, Search, Sweep
from stilts_ray.config.mini_variant import SHORT, mini_variant
from stilts_ray.config.recipes import JIANT
from stilts_ray.mini import LANGUAGES, PIVOT

RICH = ("fi", "tr", "hu", "et")
EXAMPLES = {"udpos": 3_000, "panx": 15_000}
"""Training examples of an intermediate task: no more than one of the smaller languages has."""


def conditions(source: str, rich: tuple[str, ...]) -> list[tuple[str, ...] | Mixture]:
    """The baseline; then each task in the source language, in the rich ones, and in all."""
    mixtures = [(task, languages) for task in EXAMPLES for languages in ((source,), rich, (source, *rich))]
    return [(), *(Mixture(tasks=(task,), languages=languages) for task, languages in mixtures)]


def sweep() -> Sweep:
    """Seven conditions, two structured targets; intermediate and target training have equal size in every condition."""
    return Sweep(
        name="morphology",
        encoders=[Encoder(name="xlmr-large", weights=Pretrained(source="FacebookAI/xlm-roberta-large"))],
        intermediates=conditions("en", RICH),
        targets=["udpos_xr", "panx_xr"],
        recipe=JIANT["udpos"],
        recipes={task: JIANT[task].model_copy(update={"train_examples": size}) for task, size in EXAMPLES.items()},
        search=Search(learning_rates=[1e-5, 2e-5]),
        seeds=[0, 1, 2],
    )


def mini() -> Sweep:
    """The same conditions on generated languages, and their two structured tasks."""
    rich = tuple(language.code for language in LANGUAGES if language.morphology == "agglutinative")
    return mini_variant(
        sweep(),
        intermediates=conditions(PIVOT, rich),
        targets=["udpos", "panx"],
        recipe=SHORT.model_copy(update={"epochs": 4, "batch_size": 16, "train_examples": 200}),
    )
