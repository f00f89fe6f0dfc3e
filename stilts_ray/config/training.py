"""Hyperparameters of training a task, and the search for its learning rate."""

from typing import Annotated

from pydantic import Field, model_validator

from stilts_ray.config.values import LearningRate, Positive, Share, Spec


class Optimizer(Spec, tag="optimizer"):
    """AdamW with linear warm-up and linear decay to zero. Defaults are jiant's."""

    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """Decoupled weight decay; biases and layer norms are exempt."""
    warmup: Share = 0.1
    """Warm-up as a share of all steps."""
    clip: Annotated[float, Field(gt=0)] = 1.0
    """Maximum gradient norm."""
    beta1: Annotated[float, Field(ge=0, lt=1)] = 0.9
    beta2: Annotated[float, Field(ge=0, lt=1)] = 0.999
    epsilon: Annotated[float, Field(gt=0)] = 1e-8


class Recipe(Spec, tag="recipe"):
    """Hyperparameters of one task's training, and how its text is tokenized."""

    epochs: Positive = 3
    batch_size: Positive = 32
    """Examples per optimizer step (span QA: windows)."""
    max_length: Annotated[int, Field(ge=8)] = 256
    """Maximum tokens per sequence, special tokens included. Longer inputs are windowed (span QA), split (tagging) or
    truncated (all other kinds)."""
    stride: Positive = 128
    """Tokens between the starts of consecutive windows of a long context (span QA): `doc_stride` of jiant, XTREME and BERT,
    not the overlap that Hugging Face's tokenizers call `stride`. Consecutive windows overlap by at least a third of their
    context tokens."""
    max_answer_length: Positive = 30
    """Maximum tokens per predicted answer (span QA)."""
    train_examples: Positive | None = None
    """Size of the random subsample of the training examples (span QA: windows), drawn once with the trial's seed; None: all."""
    dev_examples: Positive | None = 500
    """Number of dev examples for model selection, taken from the start of the dev split; None: all."""
    evaluations: Positive = 4
    """Dev evaluations per trial, evenly spaced, the last one after the last step. A mixture uses its recipes' maximum."""
    optimizer: Optimizer = Optimizer()


class LogUniform(Spec, tag="log_uniform"):
    """A log-uniform search space for the learning rate, sampled by Optuna's TPE."""

    low: LearningRate
    high: LearningRate
    trials: Positive

    @model_validator(mode="after")
    def _ordered(self) -> "LogUniform":
        if self.low >= self.high:
            raise ValueError(f"low ({self.low}) must be below high ({self.high})")
        return self


class Search(Spec, tag="search"):
    """The learning-rate search of a study: on the source language's dev split, with the first seed."""

    learning_rates: Annotated[tuple[LearningRate, ...], Field(strict=False, min_length=1)] | LogUniform = (1e-5,)
    """A grid, each value tried once, or a `LogUniform` search space."""
    trials_per_round: Positive = 8
    """Trials proposed together. The next round is proposed when all of them have ended, so that proposals depend on results
    alone, never on the order in which machines finish."""
    reduction_factor: Annotated[float, Field(ge=1)] = 2.0
    """Successive halving: at each dev evaluation a trial is pruned unless its score is among the top 1 / reduction_factor of
    the earlier rounds' trials at the same evaluation. 1 disables pruning. The first round is never pruned."""

    @property
    def trials(self) -> int:
        """Number of trials of the search; further seeds are not counted."""
        return self.learning_rates.trials if isinstance(self.learning_rates, LogUniform) else len(self.learning_rates)
