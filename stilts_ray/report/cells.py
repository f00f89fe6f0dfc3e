"""What the result table consists of: trials, cells and rows, as frozen values.

Scores are in 0-100. A delta is the difference from the baseline row of the same encoder; None for that row itself, and where
there is no baseline or no score.
"""

from stilts_ray.config import Mixture
from stilts_ray.store.records import ByLanguage, Value


class CellTrial(Value):
    """A trial of a cell. learning_rate: None for the encoder without fine-tuning, of which there is one. score: None if the
    trial diverged. dev: its score on the target's dev data in the source language; None if the trial diverged or the target is
    not trained."""

    seed: int
    learning_rate: float | None
    score: float | None
    collapsed: bool
    dev: float | None


class Score(Value):
    """A score as tables show it. sd: sample standard deviation over seeds, None for fewer than two. collapsed: number of
    trials. chosen_on_test: whether it is marked as that of an intermediate chosen by test scores."""

    score: float | None
    sd: float | None = None
    delta: float | None = None
    collapsed: int = 0
    trials: tuple[CellTrial, ...] = ()

    @property
    def chosen_on_test(self) -> bool:
        return False


class Cell(Score):
    """An evaluation: a target in a row. languages: means over its trials. signature: how the scores were computed."""

    languages: ByLanguage
    signature: str


class Row(Value):
    """What all rows have. average: over the targets, None if one has no score. delta: of the average."""

    encoder: str
    average: float | None
    delta: float | None

    @property
    def overall(self) -> Score:
        """The average as a cell."""
        return Score(score=self.average, delta=self.delta)


class TableRow(Row):
    """A condition. intermediate: the parts of its name, () for the baseline. cells: by target, None until its evaluation is
    done."""

    intermediate: tuple[str, ...]
    mixture: Mixture
    cells: dict[str, Cell | None]
