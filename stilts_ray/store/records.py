"""Records of finished steps and jobs in the store. Frozen, typed, one model per kind.

A record has the result, the digests of its inputs (in `identity`), and for jobs versions, host and duration. Unknown fields
are ignored, so that a record of a newer version stays readable.
"""

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Scores = dict[str, float]
"""Metric -> value in 0-100; "score" is the metric that enters averages."""

ByLanguage = dict[str, Scores]
"""Language code -> its scores."""

End = Literal["finished", "pruned", "diverged", "failed"]
"""How a trial ended. Only a finished trial has weights in the store. A trial diverged if a loss or a dev metric was not
finite."""


class Value(BaseModel):
    """A frozen value."""

    model_config = ConfigDict(frozen=True)


class RowCounts(Value):
    """Row counts of a split. rows: read. examples: made of them. left_out: dropped by the data set's own rule. repairs: rule ->
    repaired rows."""

    rows: int
    examples: int
    left_out: int = 0
    repairs: dict[str, int] = {}


class CurvePoint(Value):
    """A dev evaluation during training. step: optimizer steps so far. loss: mean training loss since the last point. score: the
    selection criterion. metrics: "<task>/<metric>" -> value."""

    step: int
    loss: float
    score: float
    metrics: Scores = {}

    @property
    def finite(self) -> bool:
        """Whether all values are numbers."""
        return all(map(math.isfinite, (self.loss, self.score, *self.metrics.values())))


class Record(Value):
    """Base of all records. identity: the canonical form that the digest is over. path: folder in the store; set when the record
    is read, never written."""

    name: str
    digest: str
    identity: dict[str, Any] = {}
    finished_at: str = ""
    """UTC, ISO 8601, to the second."""
    path: str = Field(default="", exclude=True)


# Jobs


class JobRecord(Record):
    """A job. step: digest of the first step that required it. seconds: wall-clock time. profile: part of the job
    (`stilts_ray.timing.Part`) -> seconds. device: "cpu" or the GPU's name. versions: package -> version."""

    step: str
    seconds: float = 0.0
    profile: dict[str, float] | None = None
    device: str = "cpu"
    versions: dict[str, str | None] = {}
    git_commit: str | None = None
    host: str = ""


class TrainingRecord(JobRecord):
    """A training run. score: final dev score, None if there is none. steps: optimizer steps. tokens: training tokens without
    padding. curve: one point per dev evaluation. data: "<task> <split> (<language>)" -> counts. files: name in the store ->
    sha256."""

    score: float | None = None
    steps: int = 0
    tokens: int = 0
    end: End = "finished"
    curve: tuple[CurvePoint, ...] = ()
    data: dict[str, RowCounts] = {}
    files: dict[str, str] = {}


class PretrainRecord(TrainingRecord):
    """Pretraining of an encoder, or its initialisation with random weights. texts: "<task>/<language>" -> number of texts."""

    kind: Literal["pretrain"] = "pretrain"
    texts: dict[str, int] = {}


class TrainRecord(TrainingRecord):
    """A trial. collapsed: diverged, or no better on dev data than a constant prediction. bytes: size of its weights file."""

    kind: Literal["train"] = "train"
    learning_rate: float
    seed: int
    collapsed: bool
    bytes: int = 0


class RankRecord(JobRecord):
    """The loss of every training example under one trial. rows: number of examples. loss: mean, in nats. deciles: of the
    losses, 11 values."""

    kind: Literal["rank"] = "rank"
    rows: int
    loss: float
    deciles: tuple[float, ...]
    files: dict[str, str] = {}


class ScoreRecord(JobRecord):
    """Zero-shot scores of one trial. score: plain mean over languages. layer: that of the compared sentence vectors; layers:
    language -> score of each layer; both None for targets with a head."""

    kind: Literal["score"] = "score"
    score: float
    languages: ByLanguage
    signature: str
    data: dict[str, RowCounts] = {}
    layer: int | None = None
    layers: dict[str, tuple[float, ...]] | None = None


# Steps


class SearchedTrial(Value):
    """A trial of a study's search. digest: of its job."""

    learning_rate: float
    digest: str
    score: float | None
    end: End


class SelectedTrial(Value):
    """The trial of a study at one seed and the selected learning rate. digest, path: of its job; None if it was skipped because
    its parent diverged. kept: whether its weights are in the store."""

    learning_rate: float
    digest: str | None
    path: str | None
    kept: bool
    score: float | None
    collapsed: bool
    end: End


class StudyRecord(Record):
    """A study: the trials of its search, the selected learning rate, and its trial at every seed."""

    kind: Literal["study"] = "study"
    learning_rate: float
    trials: tuple[SearchedTrial, ...]
    selected: dict[int, SelectedTrial]


class RankingRef(Value):
    """The rank job of a seed."""

    digest: str
    path: str


class RankingRecord(Record):
    """A ranking. rankings: seed -> its rank job, None if the trial of that seed diverged."""

    kind: Literal["ranking"] = "ranking"
    rankings: dict[int, RankingRef | None]


class ScoredTrial(Value):
    """A trial scored on a target. learning_rate: None for an encoder without fine-tuning. score: None if it diverged.
    collapsed: as in `TrainRecord`. path: of its score job, None if there is none."""

    seed: int
    learning_rate: float | None
    collapsed: bool
    score: float | None
    languages: ByLanguage = {}
    layer: int | None = None
    layers: dict[str, tuple[float, ...]] | None = None
    path: str | None = None


class EvaluationRecord(Record):
    """Scores of a target. score, languages: means over trials that did not collapse (over all if every trial did); sd: sample
    standard deviation of their scores, None for fewer than two. collapsed: number of collapsed trials."""

    kind: Literal["evaluation"] = "evaluation"
    score: float | None
    sd: float | None
    collapsed: int
    languages: ByLanguage
    trials: tuple[ScoredTrial, ...]
    signature: str


class ConditionRecord(Record):
    """A row of the result table. average: over its targets, None if one has no score. cells: target -> digest of its
    evaluation."""

    kind: Literal["condition"] = "condition"
    encoder: str
    intermediate: tuple[str, ...]
    average: float | None
    cells: dict[str, str]


AnyJobRecord = PretrainRecord | TrainRecord | RankRecord | ScoreRecord
AnyStepRecord = PretrainRecord | StudyRecord | RankingRecord | EvaluationRecord | ConditionRecord
AnyRecord = Annotated[
    PretrainRecord
    | TrainRecord
    | RankRecord
    | ScoreRecord
    | StudyRecord
    | RankingRecord
    | EvaluationRecord
    | ConditionRecord,
    Field(discriminator="kind"),
]

_ADAPTER: TypeAdapter[Any] = TypeAdapter(AnyRecord)


def parse_record(text: bytes, path: str) -> AnyRecord:
    """The record in a JSON text from `path` in the store. Raises ValueError if the text is no record."""
    return _ADAPTER.validate_json(text).model_copy(update={"path": path})  # type: ignore[no-any-return]


def record_of(fields: dict[str, Any]) -> AnyRecord:
    """The record with these fields. Raises ValueError if they are no record."""
    return _ADAPTER.validate_python(fields)  # type: ignore[no-any-return]


class Failure(Value):
    """Why a step or job failed. trace: traceback of the exception, empty for an invalid request."""

    kind: str
    name: str
    digest: str
    reason: str
    at: str
    trace: str = ""
