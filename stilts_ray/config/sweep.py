"""The whole request."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from stilts_ray.config.encoder import Encoder
from stilts_ray.config.mixture import Mixture
from stilts_ray.config.training import Recipe, Search
from stilts_ray.config.values import Names, Seed, Spec, Title


class Retrieval(Spec, tag="retrieval"):
    """How a sentence becomes a vector: the mean of one layer's states over all its tokens."""

    layer: Annotated[int, Field(ge=0)] | None = None
    """Index into hidden_states, 0 being the embeddings. None: 14 of 24, scaled to the encoder's depth."""


class Sweep(Spec, tag="sweep"):
    """The whole request: encoders x intermediates x targets, each with its learning rates and seeds."""

    name: Title
    encoders: Annotated[tuple[Encoder, ...], Field(strict=False, min_length=1)]
    intermediates: Annotated[tuple[Names | Mixture, ...], Field(strict=False)] = ((),)
    """One row each: () is the baseline, one name a single task, several a mixture; a `Mixture` says more."""
    targets: Names = ()
    data: Literal["hub", "mini", "mini-gradient"] = "hub"
    """Real data (from the hub, or from a folder in the hub's columns), or one of the packaged sets of generated languages."""
    languages: dict[str, Names] = Field(default_factory=dict)
    """Restricts the test languages of a target."""
    recipe: Recipe = Recipe()
    recipes: dict[str, Recipe] = Field(default_factory=dict)
    """Recipe of a trained task, where it differs from `recipe`."""
    search: Search = Search()
    seeds: Annotated[tuple[Seed, ...], Field(strict=False, min_length=1)] = (0,)
    """The first one searches; the chosen learning rate is then run with all of them and their scores are averaged.
    Run `s` of a target starts from run `s` of its intermediate study."""
    retrieval: Retrieval = Retrieval()

    @model_validator(mode="after")
    def _consistent(self) -> "Sweep":
        rows = tuple(mixture.parts for mixture in self.mixtures)
        # Two mixtures that differ but read alike could not be told apart in a table.
        each: dict[str, tuple[object, ...]] = {"intermediates": rows, "targets": self.targets, "seeds": self.seeds}
        for field, values in each.items():
            if len(set(values)) != len(values):
                raise ValueError(f"{field} has an entry twice: {values}")
        for task, codes in self.languages.items():
            if not codes or len(set(codes)) != len(codes):
                raise ValueError(f"languages of {task} must be at least one, and each once: {codes}")
        names = [encoder.name for encoder in self.encoders]
        if len(set(names)) != len(names):
            raise ValueError(f"two encoders have one name: {names}")
        if self.targets and not self.intermediates:
            raise ValueError("targets without intermediates: use ((),) for the baseline row alone")
        return self

    @property
    def mixtures(self) -> tuple[Mixture, ...]:
        """The intermediates, those given as mere names too, each with its tasks in alphabetical order."""
        rows = (row if isinstance(row, Mixture) else Mixture(tasks=row) for row in self.intermediates)
        return tuple(row.model_copy(update={"tasks": tuple(sorted(row.tasks))}) for row in rows)

    def recipe_of(self, task: str) -> Recipe:
        """The recipe with which `task` is trained in this sweep."""
        return self.recipes.get(task, self.recipe)
