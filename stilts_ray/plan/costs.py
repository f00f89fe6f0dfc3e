"""Training cost of a plan, compared with a loop over its (condition, target) pairs.

The cost is the number of training tokens of all trials, without pruning. Neither side includes dev evaluations and scoring,
as the sizes of most test splits are unknown until they are read, or the pretraining of an encoder, which both do once.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

from stilts_ray.config import Pretraining, Sweep
from stilts_ray.plan.build import Plan
from stilts_ray.plan.calibration import CPU, Calibration, calibration_key
from stilts_ray.plan.steps import Pretrain, Step, Study, Value

Counts = Counter[str]
"""`calibration_key` of an encoder -> training tokens."""


@dataclass(frozen=True)
class Costs:
    """Training tokens of a whole plan, finished steps included.

    own: each study once, in packed batches. unshared: a loop over the (condition, target) pairs, which trains for each pair
    the intermediate from the encoder, with as many trials as the plan, and then the target (XQuAD and MLQA each train SQuAD).
    naive: the same loop with every sequence padded to its recipe's `max_length`.
    """

    pairs: int
    own: Counts
    unshared: Counts
    naive: Counts


def costs(plan: Plan) -> Costs:
    """The costs of a plan, estimated without reading any data. A sweep without targets has no pairs."""
    pairs = [_upstream_studies(plan, cell) for condition in plan.conditions for cell in condition.cells.values()]
    repeated = [study for pair in pairs for study in pair.values()]
    return Costs(
        pairs=len(pairs),
        own=packed_tokens(plan.sweep, [step for step in plan.steps if isinstance(step, Study)]),
        unshared=packed_tokens(plan.sweep, repeated),
        naive=_summed(plan.sweep, ((study, study.padded_tokens) for study in repeated)),
    )


def packed_tokens(sweep: Sweep, studies: Iterable[Study]) -> Counts:
    """Training tokens of all trials of these studies, in packed batches."""
    return _summed(sweep, ((study, study.tokens) for study in studies))


def _summed(sweep: Sweep, trials: Iterable[tuple[Study, int]]) -> Counts:
    """Sums over (study, tokens per trial)."""
    keys = {encoder.name: calibration_key(encoder) for encoder in sweep.encoders}
    total: Counts = Counter()
    for study, tokens in trials:
        total[keys[study.encoder.name]] += study.trials * tokens
    return total


def _upstream_studies(plan: Plan, digest: str) -> dict[str, Study]:
    """Digest -> study, of all studies upstream of a step, and the step itself if it is a study."""
    step = plan.by_digest[digest]
    studies = {digest: step} if isinstance(step, Study) else {}
    for upstream in step.depends_on:
        studies |= _upstream_studies(plan, upstream)
    return studies


def critical_paths(plan: Plan) -> dict[str, int]:
    """Digest of a step -> length of the critical path from its start to the end of the plan, in training tokens.

    The search of a target follows that of its intermediate. A trial of the target at another seed follows the target's
    search and the intermediate's trial at that seed.
    """
    below, below_seed = Counter[str](), Counter[str]()
    paths = {}
    for step in reversed(plan.steps):
        search, seed_trial = _sequential_tokens(step)
        seed_trial += below_seed[step.digest]
        paths[step.digest] = search + max(below[step.digest], seed_trial if len(plan.sweep.seeds) > 1 else 0)
        for upstream in step.depends_on:
            below[upstream] = max(below[upstream], paths[step.digest])
            below_seed[upstream] = max(below_seed[upstream], seed_trial)
    return paths


def _sequential_tokens(step: Step) -> tuple[int, int]:
    """Training tokens of a step's search, at one trial per round, and of its trial at another seed."""
    match step:
        case Study(search=search, tokens=tokens):
            return ceil(search.trials / search.trials_per_round) * tokens, tokens
        case Pretrain(weights=Pretraining(tokens=tokens)):
            return tokens, 0
    return 0, 0


class CostComparison(Value):
    """The costs of a plan and of the naive loop: training tokens, and hours on one device.

    ratio: own / naive tokens, which is sharing (own / unshared) x packing (unshared / naive). uncalibrated: encoders without
    a measured speed; with any, hours are None.
    """

    pairs: int
    train_tokens: int
    unshared_train_tokens: int
    naive_train_tokens: int
    ratio: float
    sharing: float
    packing: float
    device: str | None
    hours: float | None
    naive_hours: float | None
    uncalibrated: tuple[str, ...]


def compare_costs(plan: Plan, calibration: Calibration | None) -> CostComparison | None:
    """The costs of a plan and of the naive loop; None for a sweep whose pairs train nothing."""
    total = costs(plan)
    own, unshared, naive = total.own.total(), total.unshared.total(), total.naive.total()
    if not naive:
        return None
    return CostComparison(
        pairs=total.pairs,
        train_tokens=own,
        unshared_train_tokens=unshared,
        naive_train_tokens=naive,
        ratio=round(own / naive, 4),
        sharing=round(own / unshared, 4),
        packing=round(unshared / naive, 4),
        device=calibration.device if calibration else None,
        hours=calibration.packed_hours(total.own) if calibration else None,
        naive_hours=calibration.padded_hours(total.naive) if calibration else None,
        uncalibrated=tuple(sorted(set(total.own) - set(calibration.encoders if calibration else ()))),
    )


def comparison_lines(comparison: CostComparison | None) -> list[str]:
    """A comparison as three lines of text; none for None."""
    if comparison is None:
        return []
    return [
        f"whole plan: {comparison.train_tokens:,} training tokens; naive, {comparison.pairs} pairs each trained from"
        f" the encoder and padded to the maximum length: {comparison.naive_train_tokens:,}; ratio"
        f" {comparison.ratio:.3f} (sharing {comparison.sharing:.3f} x packing {comparison.packing:.3f})",
        _hours_line(comparison),
        "not counted on either side: dev evaluations, scoring, pretraining",
    ]


def _hours_line(comparison: CostComparison) -> str:
    if comparison.uncalibrated:
        encoders = ", ".join(comparison.uncalibrated)
        return (
            f"GPU-hours: no calibration for {encoders}; run `python benchmarks/calibrate.py SWEEP --out FILE` on a GPU"
        )
    unit = "hours on a CPU" if comparison.device == CPU else f"GPU-hours on {comparison.device}"
    return f"{unit}: {comparison.hours:,}; naive: {comparison.naive_hours:,}"
