"""Which learning rates a study tries, when a trial is given up, and which rate is chosen. Decisions as values.

All of it depends on results alone, never on which trial ended first: a sweep that was killed and resumed, or that ran on
other machines, decides the same.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stilts_ray.config import LogUniform, Search
from stilts_ray.store.store import Record

if TYPE_CHECKING:
    from optuna.distributions import FloatDistribution
    from optuna.trial import FrozenTrial


@dataclass(frozen=True)
class ObservedTrial:
    """A learning rate and the record of its trial (None if the trial failed)."""

    rate: float
    record: Record | None

    @property
    def score(self) -> float | None:
        """Dev score at the end; None if it failed, diverged or was stopped."""
        ended = self.record is not None and self.record["end"] == "finished"
        return float(self.record["score"]) if ended and self.record is not None else None


def propose(search: Search, history: Sequence[ObservedTrial], seed: int) -> list[float]:
    """The learning rates of the next round, given all trials of the rounds before; empty when the search is over."""
    count = min(search.trials_per_round, search.trials - len(history))
    if isinstance(search.learning_rates, LogUniform):
        return _sampled(search.learning_rates, history, count, seed) if count else []
    return list(search.learning_rates[len(history) : len(history) + count])


def _sampled(space: LogUniform, history: Sequence[ObservedTrial], count: int, seed: int) -> list[float]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    distribution = optuna.distributions.FloatDistribution(space.low, space.high, log=True)
    # Optuna 4 and 5 differ in their defaults, hence every setting. A fresh seed a round: a sampler made again with the
    # same one would repeat its first values.
    sampler = optuna.samplers.TPESampler(
        seed=(seed + len(history)) % 2**32, multivariate=True, group=False, constant_liar=True, n_startup_trials=5
    )
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for tried in history:
        study.add_trial(to_optuna_trial(tried, distribution))
    asked = [study.ask({"learning_rate": distribution}) for _ in range(count)]
    rounded = [float(f"{trial.params['learning_rate']:.6g}") for trial in asked]
    # Optuna takes back no value outside the bounds, and six digits may lie there.
    return [min(max(rate, space.low), space.high) for rate in rounded]


def to_optuna_trial(tried: ObservedTrial, distribution: "FloatDistribution") -> "FrozenTrial":
    import optuna

    states = optuna.trial.TrialState
    curve = tried.record["curve"] if tried.record else []
    pruned = tried.record is not None and tried.record["end"] == "pruned"
    state = states.COMPLETE if tried.score is not None else states.PRUNED if pruned else states.FAIL
    return optuna.trial.create_trial(
        state=state,
        value=tried.score,
        params={"learning_rate": tried.rate},
        distributions={"learning_rate": distribution},
        intermediate_values={number: entry["score"] for number, entry in enumerate(curve)},
    )


def pruning_thresholds(reduction_factor: float, history: Sequence[ObservedTrial]) -> tuple[float | None, ...]:
    """For each dev evaluation the score below which a trial of the next round is given up: that of the worst of the best
    share `keep` of the trials so far at the same evaluation (successive halving, with rounds in place of rungs filled as
    trials arrive, which would make decisions depend on timing). The last evaluation has none."""
    curves = [tried.record["curve"] for tried in history if tried.record is not None and tried.record["curve"]]
    if reduction_factor <= 1 or not curves:
        return ()
    pruned_below: list[float | None] = []
    for number in range(max(len(curve) for curve in curves) - 1):
        scores = sorted((curve[number]["score"] for curve in curves if len(curve) > number), reverse=True)
        pruned_below.append(scores[max(1, math.ceil(len(scores) / reduction_factor)) - 1])
    return tuple(pruned_below)


def best(history: Sequence[ObservedTrial]) -> ObservedTrial | None:
    """The trial with the best dev score, one that did not collapse if there is any; the first of equals."""
    ended = [tried for tried in history if tried.score is not None and tried.record is not None]
    sound = [tried for tried in ended if tried.record is not None and not tried.record["collapsed"]]
    return max(sound or ended, key=lambda tried: tried.score or 0.0, default=None)
