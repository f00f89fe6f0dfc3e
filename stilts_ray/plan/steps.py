"""What a plan is made of: steps, each a value with its identity's digest and the digests of those before it."""

from dataclasses import dataclass
from typing import Any

from stilts_ray.config import Mixture, Pretraining, Recipe, Search, Untrained
from stilts_ray.identity import SHORT

VERSION = {
    "encoder": 1, "pretrain": 2, "study": 2, "trial": 3, "ranking": 1, "rank": 1, "evaluation": 3, "score": 3, "row": 1,
}  # fmt: skip
"""Raised when code changes what a kind of step makes from the same configuration."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """What all steps have: a readable name, the identity's digest, and the digests of the steps it needs."""

    kind = "step"
    name: str
    digest: str
    depends_on: tuple[str, ...] = ()

    @property
    def slug(self) -> str:
        """Name and digest as they appear in paths."""
        return f"{self.name}-{self.digest[:SHORT]}"


@dataclass(frozen=True, kw_only=True)
class Pretrain(Step):
    """Makes an encoder."""

    kind = "pretrain"
    identity: dict[str, Any]
    weights: Pretraining | Untrained


@dataclass(frozen=True, kw_only=True)
class EncoderRef:
    """An encoder to start from: a folder or hub id that exists, or a step that makes one (`location` is None)."""

    name: str
    digest: str
    location: str | None
    revision: str | None = None


@dataclass(frozen=True, kw_only=True)
class Study(Step):
    """Trains a mixture (of one task, too) from `start`, at each learning rate of `search`, then with all `seeds`.

    start: digest of an encoder or of a study whose selected runs it continues, seed by seed. ranking: digest of the ranking
    from which a mixture with a band takes its rows, seed by seed.
    """

    kind = "study"
    encoder: EncoderRef
    start: str
    mixture: Mixture
    identity: dict[str, Any]
    recipes: dict[str, Recipe]
    search: Search
    seeds: tuple[int, ...]
    tokens: int
    """Training tokens of one trial, estimated."""
    padded_tokens: int
    """The same, with each sequence padded to its recipe's `max_length`."""
    ranking: str | None = None

    @property
    def trials(self) -> int:
        """Trials if none is stopped early."""
        return self.search.trials + len(self.seeds) - 1


@dataclass(frozen=True, kw_only=True)
class Ranking(Step):
    """The loss of every training row under each selected run of `of`, the digest of a study of a single task."""

    kind = "ranking"
    encoder: EncoderRef
    of: str
    mixture: Mixture
    recipe: Recipe
    seeds: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Evaluation(Step):
    """Scores the selected runs of `of` (a study's digest, or an encoder's for a target that is not trained)."""

    kind = "evaluation"
    encoder: EncoderRef
    of: str
    task: str
    languages: tuple[str, ...]
    identity: dict[str, Any]
    seeds: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Condition(Step):
    """One line of the result table: an encoder with an intermediate, and its evaluation on each target."""

    kind = "row"
    encoder: str
    mixture: Mixture
    cells: dict[str, str]

    @property
    def intermediate(self) -> tuple[str, ...]:
        """How the intermediate reads; () for the baseline."""
        return self.mixture.parts
