"""How a task is trained, and how its learning rate is found."""

from typing import Annotated

from pydantic import Field, model_validator

from stilts_ray.config.values import LearningRate, Positive, Share, Spec


class Optimizer(Spec, tag="optimizer"):
    """AdamW with a linear schedule; the defaults are jiant's."""

    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """Decoupled; never applied to biases and layer norms."""
    warmup: Share = 0.1
    """Share of all steps over which the learning rate rises linearly; after it, it falls linearly to zero."""
    clip: Annotated[float, Field(gt=0)] = 1.0
    """Largest norm of the gradient."""
    beta1: Annotated[float, Field(ge=0, lt=1)] = 0.9
    beta2: Annotated[float, Field(ge=0, lt=1)] = 0.999
    epsilon: Annotated[float, Field(gt=0)] = 1e-8


class Recipe(Spec, tag="recipe"):
    """How one task is trained and read."""

    epochs: Positive = 3
    batch_size: Positive = 32
    """Examples a step (windows for span QA)."""
    max_length: Annotated[int, Field(ge=8)] = 256
    """Tokens a sequence, special tokens included. Longer ones are windowed (QA), split (tagging) or truncated."""
    stride: Positive = 128
    """Tokens of a long context by which each window starts later than the one before it (span QA): what jiant, XTREME and
    BERT call `doc_stride`, not the overlap that Hugging Face's tokenizers call `stride`. Windows share a third of the
    context's tokens that they hold, or more."""
    max_answer_length: Positive = 30
    """Tokens an answer (span QA)."""
    train_examples: Positive | None = None
    """Use this many items of the training split (windows of span QA, else rows), drawn once by the run's seed; None: all."""
    dev_examples: Positive | None = 500
    """Use the first this many rows of the dev split for selection; None: all."""
    evaluations: Positive = 4
    """Dev evaluations a run, evenly spaced, the last one at its end; of a mixture, the most that a recipe of it asks for."""
    optimizer: Optimizer = Optimizer()


class LogUniform(Spec, tag="log_uniform"):
    """Learning rates searched between two bounds by Optuna's TPE sampler."""

    low: LearningRate
    high: LearningRate
    trials: Positive

    @model_validator(mode="after")
    def _ordered(self) -> "LogUniform":
        if self.low >= self.high:
            raise ValueError(f"low ({self.low}) must be below high ({self.high})")
        return self


class Search(Spec, tag="search"):
    """How a study finds its learning rate: on the dev split of the source language, with the first seed."""

    learning_rates: Annotated[tuple[LearningRate, ...], Field(strict=False, min_length=1)] | LogUniform = (1e-5,)
    """A list tries each value once."""
    trials_per_round: Positive = 8
    """Trials proposed together. The next ones are proposed when all of these have ended, so that what is proposed
    depends on results alone, never on which machine was faster."""
    reduction_factor: Annotated[float, Field(ge=1)] = 2.0
    """Successive halving: at each dev evaluation a trial is pruned unless its score is among the best 1 / reduction_factor of
    the trials of earlier rounds at the same evaluation. 1 prunes nothing. The first round is never pruned."""

    @property
    def trials(self) -> int:
        """Trials of the search, without the replications over seeds."""
        return self.learning_rates.trials if isinstance(self.learning_rates, LogUniform) else len(self.learning_rates)
