"""How does the difficulty of the English intermediate task change zero-shot F1 on XTREME-R? Two scales of it: ANLI's three
rounds, each written to fool a stronger model than the last, and the easiest, middle and hardest third of MNLI by the loss
that the baseline's own trial on MNLI has on each example (as in dataset cartography, but by the last epoch's loss alone).

    stilts run difficulty
    stilts run difficulty:mini      premises of two, three and four people for the rounds

Every intermediate task is trained on as many examples as ANLI's first round has, MNLI's thirds being those of three times as
many. `mnli_translated` in English is a random sample of MNLI, to compare the thirds with. ANLI's premises are longer than
MNLI's, and those of the third round are from more kinds of text: between rounds and thirds more than difficulty differs.

F1 of each language is in the report's results.csv; XTREME's own score of QA is the mean of F1 and exact match. XNLI, which
is no F1, is there for reference.
"""

from stilts_ray import Encoder, Mixture, Pretrained, Search, Sweep, tasks
from stilts_ray.config.mini_variant import SHORT, mini_variant
from stilts_ray.config.recipes import JIANT

EXAMPLES = 16_946
ROUNDS = ("anli_r1", "anli_r2", "anli_r3")
THIRDS = [Mixture(tasks=("mnli",), difficulty_quantiles=(part / 3, (part + 1) / 3)) for part in range(3)]
TARGETS = ("xnli", "udpos_xr", "panx_xr", "xquad_xr", "mlqa", "tydiqa")


def sweep() -> Sweep:
    """Eight conditions."""
    sized = JIANT["mnli"].model_copy(update={"train_examples": EXAMPLES, "evaluations": 4})
    return Sweep(
        name="difficulty",
        encoders=[Encoder(name="xlmr-large", weights=Pretrained(source="FacebookAI/xlm-roberta-large"))],
        intermediates=[(), *((task,) for task in ROUNDS), ("mnli_translated",), *THIRDS],
        targets=TARGETS,
        recipe=sized,
        recipes={
            **{task: recipe for task, recipe in JIANT.items() if task != "pawsx"},
            "mnli": sized.model_copy(update={"train_examples": 3 * EXAMPLES}),
        },
        search=Search(learning_rates=[1e-5, 2e-5]),
        seeds=[0, 1, 2],
    )


def mini() -> Sweep:
    """The same conditions on generated languages; XTREME-R's larger variants of a target are the target itself there."""
    return mini_variant(
        sweep(),
        targets=[tasks.get(target).form for target in TARGETS],
        recipes={"mnli": SHORT.model_copy(update={"train_examples": 3 * 800})},
    )
