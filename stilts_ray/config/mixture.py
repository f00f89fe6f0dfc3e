"""Intermediate training: which tasks are trained jointly, and how their batches are sampled."""

import math
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, model_validator

from stilts_ray.config.training import Recipe
from stilts_ray.config.values import Languages, Names, Positive, Share, Spec, Title


class MaskedShare(Spec, tag="masked_share"):
    """Masked language modelling as one task of a mixture."""

    share: Annotated[float, Field(gt=0, lt=1)]
    """Share of the mixture's batches."""
    languages: Languages
    texts: str = "mlm_text"
    """Raw-text task. Its recipe gives sequence length and batch size."""
    mask: Annotated[float, Field(gt=0, lt=1)] = 0.15
    """Share of tokens to predict. Of these, 80% are replaced by <mask>, 10% by a random token, 10% are kept (BERT's rule)."""


class Mixture(Spec, tag="mixture"):
    """Multi-task intermediate training: one shared encoder with one head per task."""

    tasks: Names
    languages: Names = ()
    """Languages whose training data are concatenated; (): the source language. Model selection always uses the source
    language's dev data."""
    cap: Positive | None = None
    """Upper bound on a task's example count in proportional sampling (examples-proportional mixing with a limit)."""
    temperature: Annotated[float, Field(ge=1)] = 1.0
    """Sampling temperature T: a task's number of batches is proportional to (batches of its epochs over at most `cap`
    examples) ** (1 / T). With equal recipes this is jiant's min(examples, cap) ** (1 / T)."""
    masked: MaskedShare | None = None
    difficulty_quantiles: Annotated[tuple[Share, Share], Field(strict=False)] | None = None
    """Trains on a difficulty slice of a single task's training examples: (0, 1/3) is the easiest third. The difficulty of an
    example is its loss under the trial of the same seed that trained on all examples: the study of the task on the same
    encoder, at its selected learning rate. Examples are ranked within their class, so every slice keeps the class
    distribution. Examples are counted as in `Recipe.train_examples`, after that subsample is drawn.
    """
    name: Title | None = None
    """Label in tables; None: derived from the fields (`parts`)."""

    @model_validator(mode="after")
    def _consistent(self) -> "Mixture":
        for what, values in (("a task", self.tasks), ("a language", self.languages)):
            if len(set(values)) != len(values):
                raise ValueError(f"intermediates has {what} twice in a mixture: {values}")
        if not self.tasks and (self.languages or self.masked):
            raise ValueError("a mixture without tasks is the baseline; it takes neither languages nor a masked share")
        if len(self.tasks) < 2 and (self.cap or self.temperature > 1):
            raise ValueError(f"cap and temperature need several tasks: {self.tasks}")
        if self.difficulty_quantiles and len(self.tasks) != 1:
            raise ValueError(f"difficulty_quantiles needs a single task, not {self.tasks}")
        if self.difficulty_quantiles and self.difficulty_quantiles[0] >= self.difficulty_quantiles[1]:
            raise ValueError(f"difficulty_quantiles {self.difficulty_quantiles} must increase, like (0, 1/3)")
        return self

    @property
    def parts(self) -> tuple[str, ...]:
        """Label in tables and paths, as parts: each task, the masked share, cap and temperature; () for the baseline."""
        if self.name:
            return (self.name,)
        options = [f"cap{self.cap}"] * bool(self.cap) + [f"T{self.temperature:g}"] * (self.temperature > 1)
        masked = [f"mlm{self.masked.share:g}{_language_suffix(self.masked.languages)}"] if self.masked else []
        suffix = _language_suffix(self.languages) + _quantile_suffix(self.difficulty_quantiles)
        return (*(f"{task}{suffix}" for task in self.tasks), *masked, *options)

    @property
    def trained(self) -> tuple[str, ...]:
        """The trained tasks, the masked share's texts included."""
        return (*self.tasks, self.masked.texts) if self.masked else self.tasks

    @property
    def unfiltered(self) -> "Mixture":
        """The same task and languages without quantiles: the training whose losses rank the examples."""
        return Mixture(tasks=self.tasks, languages=self.languages)

    def quantile_slice(self, count: int) -> slice:
        """The selected slice of `count` examples sorted from easiest to hardest. Adjacent quantile ranges do not overlap."""
        low, high = self.difficulty_quantiles or (0.0, 1.0)
        return slice(round(low * count), round(high * count))

    def batches(self, sizes: Mapping[str, int], recipes: Mapping[str, Recipe]) -> dict[str, int]:
        """Number of batches of each task of `trained` in one trial. sizes: task -> number of its examples.

        The total over the tasks is that of their epochs over at most `cap` examples. Temperature redistributes it from large
        to small tasks.
        """
        proportional = {}
        for name in self.tasks:
            examples = min(sizes[name], recipes[name].train_examples or sizes[name], self.cap or sizes[name])
            proportional[name] = recipes[name].epochs * math.ceil(examples / recipes[name].batch_size)
        found = _tempered(proportional, self.temperature) if self.temperature > 1 else proportional
        if self.masked:
            share = self.masked.share
            found[self.masked.texts] = max(1, round(sum(proportional.values()) * share / (1 - share)))
        return found


def _language_suffix(languages: tuple[str, ...]) -> str:
    """'', '@de', '@de_fr_ru', or '@15languages'."""
    return f"@{'_'.join(languages) if len(languages) <= 3 else f'{len(languages)}languages'}" if languages else ""


def _quantile_suffix(quantiles: tuple[float, float] | None) -> str:
    """'' or '[0-33%]'."""
    return "[{:.0%}-{:.0%}]".format(*quantiles).replace("%-", "-") if quantiles else ""


def _tempered(batches: dict[str, int], temperature: float) -> dict[str, int]:
    """The same total number of batches, proportional to batches ** (1 / temperature), by the largest-remainder method. Every
    task has at least one batch."""
    weights = {name: count ** (1 / temperature) for name, count in batches.items()}
    total = sum(batches.values())
    exact = {name: total * weight / sum(weights.values()) for name, weight in weights.items()}
    found = {name: max(1, int(count)) for name, count in exact.items()}
    for name in sorted(exact, key=lambda name: found[name] - exact[name])[: max(0, total - sum(found.values()))]:
        found[name] += 1
    return found
