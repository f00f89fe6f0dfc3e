"""What is trained before a target: tasks together, and how often each of them is drawn."""

import math
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, model_validator

from stilts_ray.config.training import Recipe
from stilts_ray.config.values import Languages, Names, Positive, Share, Spec, Title


class MaskedShare(Spec, tag="masked_share"):
    """Masked-language-model training as a part of a mixture."""

    share: Annotated[float, Field(gt=0, lt=1)]
    """Of the mixture's batches."""
    languages: Languages
    texts: str = "mlm_text"
    """The raw text; its recipe says how long and how many sequences a batch has."""
    mask: Annotated[float, Field(gt=0, lt=1)] = 0.15
    """Share of tokens to predict: of these 80% become <mask>, 10% a random token, 10% stay (BERT's rule)."""


class Mixture(Spec, tag="mixture"):
    """Tasks that are trained together, from one encoder with a head for each."""

    tasks: Names
    languages: Names = ()
    """Of the training data, all rows together; (): the source language. Selection is on its dev data in any case."""
    cap: Positive | None = None
    """Examples of a task that count for how often it is drawn."""
    temperature: Annotated[float, Field(ge=1)] = 1.0
    """A task has batches in proportion to (its epochs over at most `cap` examples) ** (1 / temperature): with equal recipes
    jiant's min(examples, cap) ** (1 / temperature)."""
    masked: MaskedShare | None = None
    difficulty_quantiles: Annotated[tuple[Share, Share], Field(strict=False)] | None = None
    """Of a single task's training rows this part alone, as shares of them in order of difficulty: (0, 1/3) is the easiest
    third. A row is as difficult as its loss under the run of the same seed that trained on all of them: the plain study of
    the task on the same encoder, at the learning rate chosen there. Each class is ranked for itself, so that a band has the
    classes of the whole. Rows are the items that `Recipe.train_examples` counts, and where it caps them those that this run drew.
    """
    name: Title | None = None
    """How it reads in tables; None: as its parts do."""

    @model_validator(mode="after")
    def _consistent(self) -> "Mixture":
        for what, values in (("a task", self.tasks), ("a language", self.languages)):
            if len(set(values)) != len(values):
                raise ValueError(f"intermediates has {what} twice in a mixture: {values}")
        if not self.tasks and (self.languages or self.masked):
            raise ValueError("a mixture without tasks is the baseline and takes no languages and no masked share")
        if len(self.tasks) < 2 and (self.cap or self.temperature > 1):
            raise ValueError(f"cap and temperature are for several tasks: {self.tasks}")
        if self.difficulty_quantiles and len(self.tasks) != 1:
            raise ValueError(f"a band is of the rows of a single task, not of {self.tasks}")
        if self.difficulty_quantiles and self.difficulty_quantiles[0] >= self.difficulty_quantiles[1]:
            raise ValueError(f"band {self.difficulty_quantiles} must rise, as (0, 1/3) does")
        return self

    @property
    def parts(self) -> tuple[str, ...]:
        """How it reads in tables and paths: each task, the masked share, cap and temperature; () for the baseline."""
        if self.name:
            return (self.name,)
        options = [f"cap{self.cap}"] * bool(self.cap) + [f"T{self.temperature:g}"] * (self.temperature > 1)
        masked = [f"mlm{self.masked.share:g}{_where(self.masked.languages)}"] if self.masked else []
        difficulty_quantiles = (
            "[{:.0%}-{:.0%}]".format(*self.difficulty_quantiles).replace("%-", "-") if self.difficulty_quantiles else ""
        )
        return (*(f"{task}{_where(self.languages)}{difficulty_quantiles}" for task in self.tasks), *masked, *options)

    @property
    def trained(self) -> tuple[str, ...]:
        """All that is trained: the tasks, and the masked share's texts."""
        return (*self.tasks, self.masked.texts) if self.masked else self.tasks

    @property
    def all_difficulties(self) -> "Mixture":
        """What ranks the rows of a band: its task in its languages, and nothing else."""
        return Mixture(tasks=self.tasks, languages=self.languages)

    def part(self, rows: int) -> slice:
        """Where in so many rows, from the easiest to the hardest, the band lies; bands that meet share no row."""
        low, high = self.difficulty_quantiles or (0.0, 1.0)
        return slice(round(low * rows), round(high * rows))

    def batches(self, sizes: Mapping[str, int], recipes: Mapping[str, Recipe]) -> dict[str, int]:
        """Batches of each of `trained` in a run. sizes: examples of each task.

        Together the tasks have as many as their epochs over at most `cap` examples take; temperature moves some of them
        from the large to the small ones.
        """
        own = {}
        for name in self.tasks:
            rows = min(sizes[name], recipes[name].train_examples or sizes[name], self.cap or sizes[name])
            own[name] = recipes[name].epochs * math.ceil(rows / recipes[name].batch_size)
        found = _apportioned(own, self.temperature) if self.temperature > 1 else own
        if self.masked:
            share = self.masked.share
            found[self.masked.texts] = max(1, round(sum(own.values()) * share / (1 - share)))
        return found


def _where(languages: tuple[str, ...]) -> str:
    """'', '@de', '@de_fr_ru', or '@15languages'."""
    return f"@{'_'.join(languages) if len(languages) <= 3 else f'{len(languages)}languages'}" if languages else ""


def _apportioned(batches: dict[str, int], temperature: float) -> dict[str, int]:
    """As many batches in all, in proportion to their number ** (1 / temperature), each rounded down and the rest given to
    the largest remainders."""
    weights = {name: count ** (1 / temperature) for name, count in batches.items()}
    whole = sum(batches.values())
    exact = {name: whole * weight / sum(weights.values()) for name, weight in weights.items()}
    found = {name: max(1, int(count)) for name, count in exact.items()}
    for name in sorted(exact, key=lambda name: found[name] - exact[name])[: max(0, whole - sum(found.values()))]:
        found[name] += 1
    return found
