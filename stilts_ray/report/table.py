"""The result table: a row per encoder and intermediate, a column per target. Made from records alone."""

from collections.abc import Mapping

from pydantic import Field

from stilts_ray import tasks
from stilts_ray.evaluation.averages import average, average_name
from stilts_ray.plan.build import Plan
from stilts_ray.plan.steps import Condition, Evaluation
from stilts_ray.report.best import BestRow, best_rows
from stilts_ray.report.cells import Cell, CellTrial, TableRow
from stilts_ray.report.groups import GroupEntry, groups
from stilts_ray.report.paired import gap
from stilts_ray.store.records import AnyStepRecord, EvaluationRecord, StudyRecord, Value

Records = Mapping[str, AnyStepRecord]
"""Records of steps, by digest."""


class ResultTable(Value):
    """The results of a sweep. rows: in the sweep's order. best_per_target: a row per encoder with at least two intermediates.
    groups: scores by language group, for each trait by which languages are grouped. `model_dump(mode="json")` is what
    `stilts report --json` prints."""

    sweep: str
    average_name: str
    rows: tuple[TableRow, ...] = ()
    best_per_target: tuple[BestRow, ...] = ()
    groups: dict[str, tuple[GroupEntry, ...]] = Field(default_factory=dict)

    @property
    def targets(self) -> tuple[str, ...]:
        """The columns."""
        return tuple(self.rows[0].cells) if self.rows else ()

    @property
    def encoders(self) -> dict[str, list[TableRow]]:
        """The rows of each encoder."""
        found: dict[str, list[TableRow]] = {}
        for row in self.rows:
            found.setdefault(row.encoder, []).append(row)
        return found

    @property
    def cells(self) -> list[Cell]:
        """The cells whose evaluations are done."""
        return [cell for row in self.rows for cell in row.cells.values() if cell is not None]


def results(plan: Plan, records: Records) -> ResultTable:
    """The result table, as far as the plan's steps are done."""
    done = {digest: record for digest, record in records.items() if isinstance(record, EvaluationRecord)}
    scores = {row.digest: _scores(row, done) for row in plan.conditions}
    baselines = {row.encoder.name: scores[row.digest] for row in plan.conditions if not row.intermediate}
    rows = []
    for row in plan.conditions:
        own, base = scores[row.digest], baselines.get(row.encoder.name, {}) if row.intermediate else {}
        cells = {
            target: _cell(done[digest], gap(own[target], base.get(target)), _dev_scores(plan, digest, records))
            if digest in done
            else None
            for target, digest in row.cells.items()
        }
        rows.append(
            TableRow(
                encoder=row.encoder.name,
                intermediate=row.intermediate,
                mixture=row.mixture,
                average=average(own),
                delta=gap(average(own), average(base)),
                cells=cells,
            )
        )
    return ResultTable(
        sweep=plan.sweep.name,
        average_name=average_of(plan),
        rows=tuple(rows),
        best_per_target=tuple(best_rows(rows)),
        groups=groups(plan, done),
    )


def average_of(plan: Plan) -> str:
    """Name of the mean over the plan's targets."""
    tested = {step.task: step.languages for step in plan.steps if isinstance(step, Evaluation)}
    return average_name([(tasks.get(target).form, tested.get(target, ())) for target in plan.sweep.targets])


def intermediate_name(names: list[str] | tuple[str, ...]) -> str:
    """An intermediate in tables: 'baseline', 'squad', 'hellaswag+squad'."""
    return "+".join(names) or "baseline"


def _scores(row: Condition, done: Mapping[str, EvaluationRecord]) -> dict[str, float | None]:
    return {target: done[digest].score if digest in done else None for target, digest in row.cells.items()}


def _dev_scores(plan: Plan, digest: str, records: Records) -> dict[int, float | None]:
    """Dev scores of the target's training, by seed. A target without training is tested on an intermediate's trials, whose
    dev scores are of another task."""
    evaluation = plan.by_digest[digest]
    if not isinstance(evaluation, Evaluation) or not tasks.get(evaluation.task).trained:
        return {}
    study = records.get(evaluation.of)
    return {seed: trial.score for seed, trial in study.selected.items()} if isinstance(study, StudyRecord) else {}


def _cell(record: EvaluationRecord, delta: float | None, dev: Mapping[int, float | None]) -> Cell:
    trials = tuple(
        CellTrial(
            seed=trial.seed,
            learning_rate=trial.learning_rate,
            score=trial.score,
            collapsed=trial.collapsed,
            dev=dev.get(trial.seed),
        )
        for trial in record.trials
    )
    return Cell(
        score=record.score,
        sd=record.sd,
        delta=delta,
        collapsed=record.collapsed,
        trials=trials,
        languages=record.languages,
        signature=record.signature,
    )
