"""The sweep: encoders x intermediates x targets."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from stilts_ray.config.encoder import Encoder
from stilts_ray.config.mixture import Mixture
from stilts_ray.config.training import Recipe, Search
from stilts_ray.config.values import Names, Seed, Spec, Title


class Retrieval(Spec, tag="retrieval"):
    """Sentence embeddings for retrieval: the mean over all tokens of one layer's hidden states."""

    layer: Annotated[int, Field(ge=0)] | None = None
    """Index into `hidden_states`; 0 is the embedding layer. None: layer 14 of 24, scaled to the encoder's depth."""


class Sweep(Spec, tag="sweep"):
    """An experiment: every intermediate training of every encoder, evaluated zero-shot on every target.

    Raises pydantic.ValidationError (a ValueError) for an unknown field, a wrong value or a duplicate entry.
    """

    name: Title
    encoders: Annotated[tuple[Encoder, ...], Field(strict=False, min_length=1)]
    intermediates: Annotated[tuple[Names | Mixture, ...], Field(strict=False)] = ((),)
    """Intermediate trainings, one row of the result table each: () is the baseline, one name a single task, several names a
    mixture, a `Mixture` anything else."""
    targets: Names = ()
    """Target tasks."""
    data: Literal["hub", "mini", "mini-gradient"] = "hub"
    """Real data (the hub, or a folder with the hub's columns), or one of the packaged sets of generated languages."""
    languages: dict[str, Names] = Field(default_factory=dict)
    """Target -> test languages, to evaluate on fewer than all."""
    recipe: Recipe = Recipe()
    """Recipe of every trained task that `recipes` does not list."""
    recipes: dict[str, Recipe] = Field(default_factory=dict)
    """Trained task -> its recipe."""
    search: Search = Search()
    seeds: Annotated[tuple[Seed, ...], Field(strict=False, min_length=1)] = (0,)
    """The learning-rate search uses the first seed. The selected learning rate is then trained with every seed, and scores
    are averaged. Seed `s` of a target is fine-tuned from seed `s` of its intermediate study."""
    retrieval: Retrieval = Retrieval()

    @model_validator(mode="after")
    def _consistent(self) -> "Sweep":
        rows = tuple(mixture.parts for mixture in self.mixtures)
        # By label: different mixtures with one label would be indistinguishable in tables.
        each: dict[str, tuple[object, ...]] = {"intermediates": rows, "targets": self.targets, "seeds": self.seeds}
        for field, values in each.items():
            if len(set(values)) != len(values):
                raise ValueError(f"{field} has a duplicate entry: {values}")
        for task, codes in self.languages.items():
            if not codes or len(set(codes)) != len(codes):
                raise ValueError(f"languages of {task} must be at least one, without duplicates: {codes}")
        names = [encoder.name for encoder in self.encoders]
        if len(set(names)) != len(names):
            raise ValueError(f"two encoders have the same name: {names}")
        if self.targets and not self.intermediates:
            raise ValueError("targets without intermediates: use ((),) for the baseline row alone")
        return self

    @property
    def mixtures(self) -> tuple[Mixture, ...]:
        """`intermediates` as mixtures, each with its tasks in alphabetical order."""
        rows = (row if isinstance(row, Mixture) else Mixture(tasks=row) for row in self.intermediates)
        return tuple(row.model_copy(update={"tasks": tuple(sorted(row.tasks))}) for row in rows)

    def recipe_of(self, task: str) -> Recipe:
        """The recipe of a trained task: its own in `recipes`, else `recipe`."""
        return self.recipes.get(task, self.recipe)
