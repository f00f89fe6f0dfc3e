"""The report of a sweep as Markdown. Pure."""

from stilts_ray import tasks
from stilts_ray.config import Encoder, Pretrained, Pretraining
from stilts_ray.plan.build import Plan
from stilts_ray.plan.steps import Evaluation, Step, Study
from stilts_ray.report import labels
from stilts_ray.report.pipes import table
from stilts_ray.report.repaired_rows import repaired
from stilts_ray.report.sections import by_group, by_language, whole
from stilts_ray.report.table import ResultTable, intermediate_name
from stilts_ray.store.records import SearchedTrial, SelectedTrial, StudyRecord, TrainRecord
from stilts_ray.store.state import StoreState, status_of


def report(plan: Plan, state: StoreState, document: ResultTable) -> str:
    """The sweep, its result table `document`, and how the scores were obtained."""
    sections = {
        f"# {plan.sweep.name}": _sweep(plan, state),
        "## Results": whole(document) if document.rows else "",
        "## Signatures": _signatures(document),
        "## Repaired rows": repaired(plan, state),
        "## Learning rates": _rates(plan, state),
        "## Language families": by_group(document, "family"),
        "## Morphological types": by_group(document, "morphology"),
        "## Languages": "\n".join(by_language(document)),
        "## Collapsed trials": _collapsed(plan, state),
        "## Not done": _not_done(plan, state),
        "## Provenance": _provenance(plan, state),
    }
    return "\n".join(f"{title}\n\n{text}" for title, text in sections.items() if text)


# The sweep


def _sweep(plan: Plan, state: StoreState) -> str:
    sweep, search = plan.sweep, labels.search(plan)
    done = sum(step.digest in state.steps for step in plan.steps)
    jobs = state.jobs_of(plan)
    trials = [job for job in jobs if isinstance(job, TrainRecord)]
    hours = sum(job.seconds for job in jobs) / 3600
    tokens = sum(job.tokens for job in trials)
    recipes = {name: recipe for study in _studies(plan) for name, recipe in study.recipes.items()}
    lines = [
        *(f"encoder **{encoder.name}**: {_encoder(encoder)}" for encoder in sweep.encoders),
        f"intermediates: {', '.join(intermediate_name(mixture.parts) for mixture in sweep.mixtures)}",
        *(f"target **{target}**: {_tested(plan, target)}" for target in sweep.targets),
        f"learning rates: {search['learning_rates']}, selected on the dev data of the source language alone, with seed"
        f" {sweep.seeds[0]}; the selected one is trained with each of the seeds {search['seeds']}",
        f"recipe: {', '.join(f'{name} {value}' for name, value in labels.recipes(recipes).items())}",
        f"done: {done} of {len(plan.steps)} steps; {len(trials)} trials, {tokens:,} training tokens, {hours:.2f} hours of"
        " work",
    ]
    return "".join(f"- {line}\n" for line in lines)


def _encoder(encoder: Encoder) -> str:
    weights = encoder.weights
    if isinstance(weights, Pretrained):
        return weights.source + (f" at {weights.revision}" if weights.revision else "")
    if isinstance(weights, Pretraining):
        languages, shape = len(weights.languages), weights.shape
        size = f"{shape.layers} layers of width {shape.hidden}"
        return f"pretrained by masked LM on {languages} languages, {weights.tokens:,} tokens; {size}"
    return f"random weights in the shape of {weights.like}"


def _tested(plan: Plan, target: str) -> str:
    found = next(step for step in plan.steps if isinstance(step, Evaluation) and step.task == target)
    trained = tasks.get(target).trained
    how = f"fine-tuned on {trained}" if trained else "without fine-tuning"
    return f"{how}, tested in {len(found.languages)} languages ({', '.join(found.languages)})"


# Results


def _signatures(document: ResultTable) -> str:
    """A line per target, the same in all rows, except for the layer of encoders of different depth."""
    return "".join(f"- `{line}`\n" for line in sorted({cell.signature for cell in document.cells if cell.signature}))


def _rates(plan: Plan, state: StoreState) -> str:
    lines = []
    for study in _studies(plan):
        record = state.steps.get(study.digest)
        if isinstance(record, StudyRecord):
            searched = [f"{trial.learning_rate:g}: {_dev(trial)}" for trial in record.trials]
            selected = [f"{seed}: {_dev(trial)}" for seed, trial in record.selected.items()]
            lines.append([study.name, ", ".join(searched), f"{record.learning_rate:g}", ", ".join(selected)])
    return table(["study", "learning rate: dev score", "selected", "seed: dev score"], lines) if lines else ""


def _dev(trial: SearchedTrial | SelectedTrial) -> str:
    if trial.score is None:
        return trial.end
    return f"{trial.score:.1f}" + (" (pruned)" if trial.end == "pruned" else "")


# Problems


def _collapsed(plan: Plan, state: StoreState) -> str:
    lines = []
    for study in _studies(plan):
        record = state.steps.get(study.digest)
        for seed, trial in record.selected.items() if isinstance(record, StudyRecord) else ():
            if trial.collapsed:
                lines.append(f"- {study.name}, seed {seed}, learning rate {trial.learning_rate:g}: {_dev(trial)}\n")
    return "".join(lines)


def _not_done(plan: Plan, state: StoreState) -> str:
    lines = [(step, *_status(step, plan, state)) for step in plan.steps if step.digest not in state.steps]
    rows = [(word, step.kind, step.name, reason) for step, word, reason in lines]
    return table(["", "kind", "step", "reason"], rows) if rows else ""


def _status(step: Step, plan: Plan, state: StoreState) -> tuple[str, str]:
    """A word for the status of a step that is not done, and the reason."""
    status = status_of(step, plan, state)
    failed = [plan.by_digest[digest].name for digest in step.depends_on if digest in state.failed]
    if failed:
        return "skipped", f"upstream failed: {failed[0]}"
    return ("failed", status.reason) if status.state == "failed" else ("to do", "")


def _provenance(plan: Plan, state: StoreState) -> str:
    jobs = state.jobs_of(plan)
    if not jobs:
        return ""
    found = {
        "git commit": {job.git_commit for job in jobs if job.git_commit},
        "device": {job.device for job in jobs},
        "host": {job.host for job in jobs if job.host},
    }
    versions: dict[str, set[str]] = {}
    for job in jobs:
        for package, version in job.versions.items():
            versions.setdefault(package, set()).update({version} if version else set())
    lines = [f"{name}: {', '.join(sorted(values))}" for name, values in found.items() if values]
    lines.append("versions: " + ", ".join(f"{name} {' and '.join(sorted(v))}" for name, v in versions.items() if v))
    data = (f"{name.removeprefix('data.')} ({value})" for name, value in labels.pinned(plan.steps).items())
    lines += [
        f"data: {', '.join(data)}",
        f"rows: {', '.join(row.slug for row in plan.conditions)}",
        f"store: {state.store}",
    ]
    return "".join(f"- {line}\n" for line in lines)


def _studies(plan: Plan) -> list[Study]:
    return [step for step in plan.steps if isinstance(step, Study)]
