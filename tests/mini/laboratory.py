"""A laboratory small enough for a test: one encoder, three targets, four languages, one intermediate task, no Ray."""

from pathlib import Path
from typing import Any

import torch

from stilts_ray import Encoder, Pretrained, Recipe, Search, Sweep, mini
from stilts_ray.data import cache
from stilts_ray.data.encoded import TokenizationConfig, encode_texts
from stilts_ray.data.sources import MiniSource
from stilts_ray.execution.context import WorkerContext
from stilts_ray.execution.execute import execute_job
from stilts_ray.execution.scheduler import Scheduler
from stilts_ray.mini import text
from stilts_ray.models import hf_folders as files
from stilts_ray.models import weights
from stilts_ray.plan.build import make_plan
from stilts_ray.store.store import Store
from stilts_ray.training import masked
from tests import tiny

PIVOT, RELATED, UNRELATED, SCRIPT = "qaa", "qab", "qba", "qca"
_CODES = (PIVOT, RELATED, UNRELATED, SCRIPT)
_LITTLE = Recipe(epochs=6, batch_size=16, max_length=128, dev_examples=100, evaluations=1)

TRANSFER = Sweep(
    name="reduced",
    encoders=(Encoder(name="mini", weights=Pretrained(source="mini")),),
    data="mini",
    targets=("udpos", "tydiqa", "tatoeba"),
    languages={"udpos": _CODES, "tydiqa": _CODES, "tatoeba": _CODES[1:]},
    recipe=_LITTLE.replace(epochs=2, batch_size=32, train_examples=1500),
    recipes={"udpos": _LITTLE, "tydiqa": _LITTLE.replace(epochs=4)},
    search=Search(learning_rates=(1e-3,)),
    # Of another seed than a head that is made for scoring, which must get the trained one's weights.
    seeds=(1,),
)
"""Fine-tuning on the pivot's target data alone."""


def only(sweep: Sweep, *targets: str) -> Sweep:
    """A sweep with some of its targets; each is trained and scored as in the whole one."""
    of_targets = {
        field: {name: value for name, value in getattr(sweep, field).items() if name in targets}
        for field in ("languages", "recipes")
    }
    return sweep.replace(targets=targets, **of_targets)


AFTER_SQUAD = only(TRANSFER, "tydiqa").replace(intermediates=((), ("squad",)))
"""One of its targets, also after an intermediate task."""

Scores = dict[tuple[str, str, str], float]
"""(intermediate, target, language) -> score."""


def run(sweep: Sweep, folder: Path) -> Scores:
    """The scores of a sweep, made in this process; and, as ("", "mlm_text", pivot), how well masked words are guessed."""
    plan = make_plan(sweep, MiniSource())
    scheduler, place = (
        Scheduler(plan, {}, {}),
        WorkerContext(Store(str(folder)), plan.data_source, checkpoint_seconds=1e9),
    )
    while job := scheduler.next():
        scheduler.finish(job, execute_job(job, place))
    scores: Scores = {("", "mlm_text", PIVOT): masked_accuracy()}
    for row in plan.conditions:
        for target, digest in row.cells.items():
            cell: dict[str, Any] = scheduler.records[digest].languages
            scores |= {("+".join(row.intermediate), target, code): cell[code]["score"] for code in cell}
    return scores


def masked_accuracy() -> float:
    """How many masked tokens of new texts of the pivot the encoder's own head guesses, in percent."""
    model = tiny.with_masked_head(files.load_encoder(str(mini.ENCODER)), 0)
    weights.load_weights(model.heads["mlm_text"], mini.ENCODER / "model.safetensors", "lm_head.")
    tokenizer = cache.tokenizer_at(str(mini.ENCODER))
    texts = list(text.documents(PIVOT, 200, text.alone, seed="laboratory"))
    with torch.inference_mode():
        found = masked.held_out(
            model.eval(),
            encode_texts(texts, tokenizer, TokenizationConfig(96)),
            masked.Masking.of(tokenizer, 0.15),
            4096,
        )
    return found["accuracy"]


def faults(scores: Scores) -> list[str]:
    """What is not as it should be, in words; empty if transfer works, as far as it was measured."""
    tags, found, answers, helped = (
        {code: scores[row, target, code] for code in _CODES if (row, target, code) in scores}
        for row, target in (("", "udpos"), ("", "tatoeba"), ("", "tydiqa"), ("squad", "tydiqa"))
    )
    expectations = {
        "masked words are guessed as well as in pretraining": abs(scores["", "mlm_text", PIVOT] - MASKED) < 0.5,
    }
    if tags:
        expectations["the pivot's tags are learned"] = tags[PIVOT] > 95
        expectations["tags carry over to a related language"] = tags[RELATED] > 85
        expectations["and less to an unrelated one"] = tags[RELATED] > tags[UNRELATED] > 60
    if found:
        expectations["translations are found in a related language"] = found[RELATED] > 35
        expectations["and less often in an unrelated one"] = found[RELATED] - 15 > found[UNRELATED] > 10
    if answers:
        expectations["some questions are answered after little training"] = answers[PIVOT] > 40
        expectations["and some in other languages"] = answers[RELATED] > 30
    if helped:
        expectations["much training on another QA task helps"] = helped[PIVOT] > answers[PIVOT] + 5
    return [name for name, held in expectations.items() if not held]


MASKED = 84.1
"""What `masked_accuracy` is with the packaged encoder, to a decimal."""
