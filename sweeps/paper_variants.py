"""arXiv 2005.13013's two alternatives to plain English intermediate training: continuing masked-language-model training
beside it, and machine-translated intermediate data.

    stilts run paper_variants --local-data DIR     DIR/mlm_text/LANGUAGE/train.parquet holds raw text
    stilts run paper_variants:mini

Not found, and therefore chosen here: share, languages and corpus of the masked text; which tasks were translated, and into
what. MNLI is the only intermediate task whose public translations are known here (facebook/xnli).
"""

from stilts_ray import Encoder, MaskedShare, Mixture, Pretrained, Search, Sweep
from stilts_ray.config.mini_variant import SHORT, mini_variant
from stilts_ray.config.recipes import JIANT
from stilts_ray.mini import LANGUAGES
from stilts_ray.tasks.nli import XNLI_LANGUAGES

TARGETS = ("xnli", "pawsx", "udpos", "panx", "xquad", "mlqa", "tydiqa", "bucc2018", "tatoeba")
EXAMPLES = 100_000


def conditions(languages: tuple[str, ...], share: float) -> list[tuple[str, ...] | Mixture]:
    """The baseline; MNLI and SQuAD alone and with masked text; MNLI translated into one language and into all, each with as
    many examples as in the source language."""
    masked = MaskedShare(share=share, languages=languages)
    return [
        (),
        ("mnli_translated",),
        ("squad",),
        Mixture(tasks=("mnli_translated",), masked=masked),
        Mixture(tasks=("squad",), masked=masked),
        Mixture(tasks=("mnli_translated",), languages=languages[1:2]),
        Mixture(tasks=("mnli_translated",), languages=languages),
    ]


def sweep() -> Sweep:
    """Seven conditions."""
    return Sweep(
        name="paper-variants",
        encoders=[Encoder(name="xlmr-large", weights=Pretrained(source="FacebookAI/xlm-roberta-large"))],
        intermediates=conditions(("en", *(code for code in XNLI_LANGUAGES if code != "en")), share=0.2),
        targets=TARGETS,
        recipe=JIANT["mnli"],
        recipes={**JIANT, "mnli_translated": JIANT["mnli"].model_copy(update={"train_examples": EXAMPLES})},
        search=Search(learning_rates=[1e-5]),
        seeds=[0, 1, 2],
    )


def mini() -> Sweep:
    """The same conditions and targets on generated languages."""
    return mini_variant(
        sweep(),
        intermediates=conditions(tuple(language.code for language in LANGUAGES), share=0.5),
        recipes={"mnli_translated": SHORT.model_copy(update={"train_examples": 1600})},
    )
