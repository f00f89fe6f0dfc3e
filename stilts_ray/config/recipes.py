"""Published recipes of the target tasks, by training task (XNLI trains on mnli, XQuAD and MLQA on squad, XCOPA on social_i_qa
and then copa, LAReQA on squad_r, Mewsli-X on wikipedia_pairs).

[J] is nyu-mll/jiant at commit daa5a258, the code of arXiv 2005.13013. [X] is google-research/xtreme at commit 838c13b, the
baselines of arXiv 2003.11080 (XTREME) and 2104.07412 (XTREME-R), which share one set of scripts. A sweep lists only the
tasks that it uses:

    Sweep(..., recipes={name: JIANT[name] for name in ("mnli", "squad")}, search=search(JIANT_RATES, "mnli", "squad"))

Differences from these codebases that a `Recipe` cannot express:
- Checkpoint selection. [J]: the best English dev score, with early stopping after 30 evaluations without improvement (no
  target task has that many). [X], classification and tagging: the best English dev score, evaluated every 100 (XNLI), 200
  (PAWS-X), 500 (POS) or 1,000 (NER) steps; QA, XCOPA and Mewsli-X: the last checkpoint; LAReQA: checkpoints every 1,000 steps,
  one of them chosen by hand "based on validation performance" (run_eval_lareqa.sh). Here: the last weights; `evaluations` only
  sets when a trial may be pruned.
- [X]'s second training for XCOPA keeps the choice head of Social IQa (run_xcopa.py loads the whole model). Here every training
  starts with a new head, so copa's 400 examples also have to train a pooler and a classifier.
- [X]'s batches of LAReQA and Mewsli-X are several softmaxes, over 4 and 8 pairs, whose gradients are summed; here one softmax.
- [J] truncates sequences longer than `max_length` in tagging; here they are split, as in [X].
- [X] warms up over 500 steps in QA; `Optimizer.warmup` is a share of the steps (`_warmup_share`).
- Both truncate questions to 64 tokens in QA, here to half of a window. Both consider 20 spans per answer, and accept an answer
  only from the window that has most context around its start; here from any window.

Not found, hence not included: the paper's recipe of intermediate training, its seeds and restarts.
"""

from collections.abc import Mapping

from stilts_ray import tasks
from stilts_ray.config import Optimizer, Recipe, Search


def _steps(task: str, epochs: int, batch_size: int) -> int:
    """Optimizer steps over the published training rows. Span QA has slightly more: it trains on windows of long contexts."""
    return epochs * -(-tasks.get(task).train_size // batch_size)


# jiant

JIANT_EVERY = 1_000
"""Steps between two dev evaluations [J e_run_models.sh]."""


def _jiant(task: str, epochs: int, batch_size: int, max_length: int) -> Recipe:
    """Epochs and batch size (4 x accumulation of 8 or 4): [J d_write_configs.sh]; lengths: [J c_tokenize_and_cache.sh].

    Common to all tasks: 500 dev examples [J e_run_models.sh]; AdamW with epsilon 1e-8, weight decay 0.01 except for biases and
    layer norms, gradient clipping at 1, linear decay [J shared/model_setup.py, runscript.py]; warm-up over a tenth of the
    steps [J xtreme_runconfig_writer.py].
    """
    return Recipe(
        epochs=epochs,
        batch_size=batch_size,
        max_length=max_length,
        stride=128,  # between window starts [J squad_style/core.py]
        max_answer_length=30,  # [J mlqa.py, xquad.py, tydiqa.py]
        dev_examples=500,
        evaluations=max(1, _steps(task, epochs, batch_size) // JIANT_EVERY),
        optimizer=Optimizer(weight_decay=0.01, warmup=0.1, clip=1.0, epsilon=1e-8),
    )


JIANT: dict[str, Recipe] = {
    "mnli": _jiant("mnli", 2, 32, 256),
    "pawsx": _jiant("pawsx", 5, 32, 256),
    "udpos": _jiant("udpos", 10, 32, 256),
    "panx": _jiant("panx", 10, 32, 256),
    "squad": _jiant("squad", 2, 16, 384),
    "tydiqa": _jiant("tydiqa", 2, 16, 384),
}

JIANT_RATES = dict.fromkeys(JIANT, 1e-5)
"""[J e_run_models.sh]"""

JIANT_GUIDE = Recipe(epochs=3, batch_size=4, max_length=256)
"""Intermediate training in jiant's guide, at 1e-5 [J guides/projects/xstilts.md, simple/runscript.py]. It is an example there;
whether the paper used it was not found."""

# XTREME's and XTREME-R's scripts, for XLM-R Large

_PLAIN = Optimizer(weight_decay=0.0, warmup=0.0, clip=1.0, epsilon=1e-8)
"""Linear decay without warm-up: the default of [X]'s programs (third_party/run_classify.py, run_tag.py), and what its scripts
set for retrieval. run_xcopa.py relies on transformers' Trainer, which has the same defaults (src/transformers/training_args.py
at commit 00349ae; release 4.9.2, which the script names, was not checked)."""

XTREME_WARMUP = 500
"""Warm-up steps in QA [X scripts/train_qa.sh]."""


def _warmup_share(task: str, epochs: int, batch_size: int) -> float:
    """`XTREME_WARMUP` as a share of the steps over the published rows.

    A training with fewer steps, such as TyDiQA's 348, warms up until its end. There the script reaches 0.70 of the peak rate,
    this recipe all of it.
    """
    return min(1.0, XTREME_WARMUP / _steps(task, epochs, batch_size))


def _sentences(epochs: int) -> Recipe:
    """Classification, tagging and XCOPA's two stages [X scripts/train_*.sh]: batches of 2 x gradient accumulation of 16."""
    return Recipe(epochs=epochs, batch_size=32, max_length=128, dev_examples=None, optimizer=_PLAIN)


def _questions(task: str) -> Recipe:
    """QA [X scripts/train_qa.sh]: batches of 4 x gradient accumulation of 8."""
    return Recipe(
        epochs=3,
        batch_size=32,
        max_length=384,
        stride=128,  # between window starts [X third_party/processors/squad.py]
        max_answer_length=30,
        dev_examples=None,
        optimizer=Optimizer(weight_decay=1e-4, warmup=_warmup_share(task, 3, 32), clip=1.0, epsilon=1e-8),
    )


XTREME_SCRIPTS: dict[str, Recipe] = {
    "mnli": _sentences(5),
    "pawsx": _sentences(5),
    "udpos": _sentences(10),
    "panx": _sentences(10),
    "squad": _questions("squad"),
    "tydiqa": _questions("tydiqa"),
    "social_i_qa": _sentences(5),
    "copa": _sentences(5),
    # LAReQA, train_lareqa.sh at commit e23cf42: 4 x accumulation of 4; 256 tokens per candidate, see `encode.QUESTION`.
    "squad_r": Recipe(epochs=3, batch_size=16, max_length=256, dev_examples=None, optimizer=_PLAIN),
    # Mewsli-X, train_mewslix.sh: 8 x accumulation of 4.
    "wikipedia_pairs": Recipe(epochs=2, batch_size=32, max_length=64, dev_examples=None, optimizer=_PLAIN),
}

XTREME_RATES = {
    "mnli": 3e-5, "pawsx": 2e-5, "udpos": 2e-5, "panx": 2e-5, "squad": 3e-5, "tydiqa": 3e-5, "social_i_qa": 3e-5,
    "copa": 3e-5, "squad_r": 2e-5, "wikipedia_pairs": 1e-5,
}  # fmt: skip
"""From the same scripts."""


def search(rates: Mapping[str, float], *tasks: str) -> Search:
    """A grid over the learning rates published for `tasks`. A sweep has one search for all its studies; each study selects
    its rate on its English dev data."""
    return Search(learning_rates=tuple(sorted({rates[task] for task in tasks})))
