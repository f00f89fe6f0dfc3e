"""Learning-rate search of a study: proposals, pruning thresholds and selection. Decisions are values.

They depend only on results, never on which trial ended first: a sweep that was killed and resumed, or ran on other machines,
makes the same decisions.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stilts_ray.config import LogUniform, Search
from stilts_ray.store.records import CurvePoint, TrainRecord

if TYPE_CHECKING:
    from optuna.distributions import FloatDistribution
    from optuna.trial import FrozenTrial


@dataclass(frozen=True)
class ObservedTrial:
    """A learning rate and the record of its trial (None if the trial failed)."""

    learning_rate: float
    record: TrainRecord | None

    @property
    def score(self) -> float | None:
        """Final dev score; None if the trial failed, diverged or was pruned."""
        return self.record.score if self.record is not None and self.record.end == "finished" else None

    @property
    def curve(self) -> tuple[CurvePoint, ...]:
        """Its dev evaluations; empty if the trial failed."""
        return self.record.curve if self.record is not None else ()


def propose(search: Search, history: Sequence[ObservedTrial], seed: int) -> list[float]:
    """The learning rates of the next round, given all trials of earlier rounds; empty once the search has ended."""
    count = min(search.trials_per_round, search.trials - len(history))
    if isinstance(search.learning_rates, LogUniform):
        return _sampled(search.learning_rates, history, count, seed) if count else []
    return list(search.learning_rates[len(history) : len(history) + count])


def _sampled(space: LogUniform, history: Sequence[ObservedTrial], count: int, seed: int) -> list[float]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    distribution = optuna.distributions.FloatDistribution(space.low, space.high, log=True)
    # Optuna 4 and 5 have different defaults, so every setting is explicit. Each round has its own seed: a new sampler with
    # the same seed would repeat its first values.
    sampler = optuna.samplers.TPESampler(
        seed=(seed + len(history)) % 2**32, multivariate=True, group=False, constant_liar=True, n_startup_trials=5
    )
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for trial in history:
        study.add_trial(to_optuna_trial(trial, distribution))
    proposals = [study.ask({"learning_rate": distribution}) for _ in range(count)]
    rounded = [float(f"{proposal.params['learning_rate']:.6g}") for proposal in proposals]
    # Rounding to six digits may leave the bounds, and Optuna rejects trials with values outside them.
    return [min(max(rate, space.low), space.high) for rate in rounded]


def to_optuna_trial(trial: ObservedTrial, distribution: "FloatDistribution") -> "FrozenTrial":
    """An observed trial as Optuna's, with its dev scores as intermediate values."""
    import optuna

    states = optuna.trial.TrialState
    pruned = trial.record is not None and trial.record.end == "pruned"
    state = states.COMPLETE if trial.score is not None else states.PRUNED if pruned else states.FAIL
    return optuna.trial.create_trial(
        state=state,
        value=trial.score,
        params={"learning_rate": trial.learning_rate},
        distributions={"learning_rate": distribution},
        intermediate_values={number: point.score for number, point in enumerate(trial.curve)},
    )


def pruning_thresholds(reduction_factor: float, history: Sequence[ObservedTrial]) -> tuple[float | None, ...]:
    """For each dev evaluation but the last, the score below which a trial of the next round is pruned: the lowest among the
    best 1 / `reduction_factor` of the trials so far at that evaluation. This is successive halving with rounds in place of
    asynchronous rungs, which would make decisions depend on timing."""
    curves = [trial.curve for trial in history if trial.curve]
    if reduction_factor <= 1 or not curves:
        return ()
    thresholds: list[float | None] = []
    for number in range(max(len(curve) for curve in curves) - 1):
        scores = sorted((curve[number].score for curve in curves if len(curve) > number), reverse=True)
        thresholds.append(scores[max(1, math.ceil(len(scores) / reduction_factor)) - 1])
    return tuple(thresholds)


def best(history: Sequence[ObservedTrial]) -> ObservedTrial | None:
    """The finished trial with the best dev score, among those that did not collapse if there are any; the first of equals."""
    finished = [trial for trial in history if trial.score is not None and trial.record is not None]
    sound = [trial for trial in finished if trial.record is not None and not trial.record.collapsed]
    return max(sound or finished, key=lambda trial: trial.score or 0.0, default=None)
