"""What a whole plan trains on, beside what a loop over its pairs would.

Counted are the training tokens of all trials, none of them given up early. Not counted, on either side: dev evaluations and
scoring, as the sizes of most test splits are known only once they are read, and the pretraining of an encoder, which both
do once.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from typing import Any

from stilts_ray.config import Pretraining, Sweep
from stilts_ray.plan.build import Plan
from stilts_ray.plan.calibration import CPU, Calibration, calibrated_as
from stilts_ray.plan.steps import Pretrain, Step, Study

Counts = Counter[str]
"""Tokens by the encoder that is trained, under the name that calibrations know it by."""


@dataclass(frozen=True)
class Costs:
    """Training tokens of a plan, whatever of it is done.

    own: each study once, in packed batches. unshared: as a loop over the pairs of a row and a target trains them, for each
    pair its intermediate from the encoder on, with as many trials as here, and then its target (XQuAD and MLQA each train
    SQuAD). naive: this loop with every sequence padded to its recipe's `max_length`.
    """

    pairs: int
    own: Counts
    unshared: Counts
    naive: Counts


def costs(plan: Plan) -> Costs:
    """The costs of a plan, estimated before any row is read. A sweep without targets has no pairs."""
    pairs = [_trained(plan, cell) for row in plan.conditions for cell in row.cells.values()]
    repeated = [study for pair in pairs for study in pair.values()]
    return Costs(
        pairs=len(pairs),
        own=packed_tokens(plan.sweep, [step for step in plan.steps if isinstance(step, Study)]),
        unshared=packed_tokens(plan.sweep, repeated),
        naive=_counted(plan.sweep, ((study, study.padded_tokens) for study in repeated)),
    )


def packed_tokens(sweep: Sweep, studies: Iterable[Study]) -> Counts:
    """Training tokens of all trials of these studies, in packed batches."""
    return _counted(sweep, ((study, study.tokens) for study in studies))


def _counted(sweep: Sweep, trials: Iterable[tuple[Study, int]]) -> Counts:
    """Sums over (study, tokens of one trial)."""
    known = {encoder.name: calibrated_as(encoder) for encoder in sweep.encoders}
    found: Counts = Counter()
    for study, tokens in trials:
        found[known[study.encoder.name]] += study.trials * tokens
    return found


def _trained(plan: Plan, digest: str) -> dict[str, Study]:
    """The studies that a step needs, by digest, itself among them if it is one."""
    step = plan.by_digest[digest]
    found = {digest: step} if isinstance(step, Study) else {}
    for needed in step.depends_on:
        found |= _trained(plan, needed)
    return found


def longest_paths(plan: Plan) -> dict[str, int]:
    """For each step, by digest, the training tokens of the jobs on the longest way from its beginning to the end of the plan.

    A target's search follows that of its intermediate; a run of it at another seed follows its own search and the
    intermediate's run at that seed.
    """
    after, after_run = Counter[str](), Counter[str]()
    paths = {}
    for step in reversed(plan.steps):
        search, run = _tokens_in_line(step)
        run += after_run[step.digest]
        paths[step.digest] = search + max(after[step.digest], run if len(plan.sweep.seeds) > 1 else 0)
        for needed in step.depends_on:
            after[needed] = max(after[needed], paths[step.digest])
            after_run[needed] = max(after_run[needed], run)
    return paths


def _tokens_in_line(step: Step) -> tuple[int, int]:
    """Of a step's search, a trial for each of its rounds, and of its run at another seed."""
    match step:
        case Study(search=search, tokens=tokens):
            return ceil(search.trials / search.trials_per_round) * tokens, tokens
        case Pretrain(weights=Pretraining(tokens=tokens)):
            return tokens, 0
    return 0, 0


def compared(plan: Plan, calibration: Calibration | None) -> dict[str, Any] | None:
    """The costs of a plan as a document: tokens, and hours of the own and of the naive way on one device.

    ratio: own / naive tokens, which is sharing (own / unshared) x packing (unshared / naive). uncalibrated: the encoders for
    lack of which there are no hours. None for a sweep whose pairs train nothing.
    """
    found = costs(plan)
    own, unshared, naive = found.own.total(), found.unshared.total(), found.naive.total()
    if not naive:
        return None
    return {
        "pairs": found.pairs,
        "train_tokens": own,
        "unshared_train_tokens": unshared,
        "naive_train_tokens": naive,
        "ratio": round(own / naive, 4),
        "sharing": round(own / unshared, 4),
        "packing": round(unshared / naive, 4),
        "device": calibration.device if calibration else None,
        "hours": calibration.packed_hours(found.own) if calibration else None,
        "naive_hours": calibration.padded_hours(found.naive) if calibration else None,
        "uncalibrated": sorted(set(found.own) - set(calibration.encoders if calibration else ())),
    }


def in_words(comparison: dict[str, Any] | None) -> list[str]:
    """Three lines on `compared`'s document, none where there is none."""
    if comparison is None:
        return []
    return [
        f"whole plan: {comparison['train_tokens']:,} training tokens; naive, {comparison['pairs']} pairs each from the"
        f" encoder on and padded to the maximum length: {comparison['naive_train_tokens']:,}; ratio"
        f" {comparison['ratio']:.3f} (sharing {comparison['sharing']:.3f} x packing {comparison['packing']:.3f})",
        _hours_in_words(comparison),
        "not counted, either way: dev evaluations, scoring, pretraining",
    ]


def _hours_in_words(comparison: dict[str, Any]) -> str:
    if comparison["uncalibrated"]:
        encoders = ", ".join(comparison["uncalibrated"])
        return (
            f"GPU-hours: no calibration for {encoders}; run `python benchmarks/calibrate.py SWEEP --out FILE` on a GPU"
        )
    device = comparison["device"]
    unit = "hours on a CPU" if device == CPU else f"GPU-hours on {device}"
    return f"{unit}: {comparison['hours']:,}; naive: {comparison['naive_hours']:,}"
