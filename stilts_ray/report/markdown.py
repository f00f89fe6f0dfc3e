"""The report of a sweep as Markdown. Pure."""

from typing import Any

from stilts_ray import tasks
from stilts_ray.config import Encoder, Pretrained, Pretraining
from stilts_ray.plan.build import Plan
from stilts_ray.plan.steps import Evaluation, Step, Study
from stilts_ray.report import labels
from stilts_ray.report.pipes import table
from stilts_ray.report.repaired_rows import repaired
from stilts_ray.report.sections import by_group, by_language, whole
from stilts_ray.report.table import Document, intermediate_name
from stilts_ray.store.state import StoreState


def report(plan: Plan, state: StoreState, document: Document) -> str:
    """What was asked and run, the result table `document`, and all that one must know to trust it."""
    sections = {
        f"# {plan.sweep.name}": _asked(plan, state),
        "## Results": whole(document) if document["rows"] else "",
        "## What the scores are": _signatures(document),
        "## Repaired rows": repaired(plan, state),
        "## Learning rates": _rates(plan, state),
        "## Families of languages": by_group(document, "family"),
        "## Morphological types": by_group(document, "morphology"),
        "## Languages": "\n".join(by_language(document)),
        "## Collapsed runs": _collapsed(plan, state),
        "## Not done": _not_done(plan, state),
        "## Made with": _made(plan, state),
    }
    return "\n".join(f"{title}\n\n{text}" for title, text in sections.items() if text)


# What was asked


def _asked(plan: Plan, state: StoreState) -> str:
    sweep, asked = plan.sweep, labels.asked(plan)
    done = sum(step.digest in state.steps for step in plan.steps)
    jobs = state.jobs_of(plan)
    trials = [job for job in jobs if job["kind"] == "trial"]
    hours = sum(float(job["seconds"]) for job in jobs) / 3600
    tokens = sum(job["tokens"] for job in trials)
    recipes = {name: recipe for study in _studies(plan) for name, recipe in study.recipes.items()}
    lines = [
        *(f"encoder **{encoder.name}**: {_encoder(encoder)}" for encoder in sweep.encoders),
        f"intermediates: {', '.join(intermediate_name(mixture.parts) for mixture in sweep.mixtures)}",
        *(f"target **{target}**: {_tested(plan, target)}" for target in sweep.targets),
        f"learning rates: {asked['learning_rates']}, chosen on the dev data of the source language alone, with seed"
        f" {sweep.seeds[0]}; the chosen one is run with each of the seeds {asked['seeds']}",
        f"recipe: {', '.join(f'{name} {value}' for name, value in labels.recipes(recipes).items())}",
        f"done: {done} of {len(plan.steps)} steps; {len(trials)} trials, {tokens:,} training tokens, {hours:.2f} hours of"
        " work",
    ]
    return "".join(f"- {line}\n" for line in lines)


def _encoder(encoder: Encoder) -> str:
    start = encoder.weights
    if isinstance(start, Pretrained):
        return start.source + (f" at {start.revision}" if start.revision else "")
    if isinstance(start, Pretraining):
        languages, shape = len(start.languages), start.shape
        size = f"{shape.layers} layers of width {shape.hidden}"
        return f"made by masked-LM training on {languages} languages, {start.tokens:,} tokens; {size}"
    return f"random weights in the shape of {start.like}"


def _tested(plan: Plan, target: str) -> str:
    found = next(step for step in plan.steps if isinstance(step, Evaluation) and step.task == target)
    trained = tasks.get(target).trained
    how = f"fine-tuned on {trained}" if trained else "without fine-tuning"
    return f"{how}, tested in {len(found.languages)} languages ({', '.join(found.languages)})"


# Results


def _signatures(document: Document) -> str:
    """A line for each target; in all rows the same, but for the layer of encoders of unlike depth."""
    cells = [cell for row in document["rows"] for cell in row["cells"].values() if cell]
    return "".join(f"- `{line}`\n" for line in sorted({cell["signature"] for cell in cells if cell["signature"]}))


def _rates(plan: Plan, state: StoreState) -> str:
    lines = []
    for study in _studies(plan):
        if study.digest in state.steps:
            record = state.steps[study.digest]
            tried = [f"{t['learning_rate']:g}: {_dev(t)}" for t in record["trials"]]
            runs = [f"{seed}: {_dev(run)}" for seed, run in record["runs"].items()]
            lines.append([study.name, ", ".join(tried), f"{record['learning_rate']:g}", ", ".join(runs)])
    return table(["study", "tried: dev score", "chosen", "seed: dev score"], lines) if lines else ""


def _dev(run: dict[str, Any]) -> str:
    if run["score"] is None:
        return str(run["end"])
    return f"{run['score']:.1f}" + (" (pruned)" if run["end"] == "pruned" else "")


# What went wrong


def _collapsed(plan: Plan, state: StoreState) -> str:
    lines = []
    for study in _studies(plan):
        for seed, run in state.steps.get(study.digest, {"runs": {}})["runs"].items():
            if run["collapsed"]:
                lines.append(f"- {study.name}, seed {seed}, learning rate {run['learning_rate']:g}: {_dev(run)}\n")
    return "".join(lines)


def _not_done(plan: Plan, state: StoreState) -> str:
    lines = [_fate(step, plan, state) for step in plan.steps if step.digest not in state.steps]
    return table(["", "kind", "step", "reason"], lines) if lines else ""


def _fate(step: Step, plan: Plan, state: StoreState) -> tuple[str, str, str, str]:
    needed = [plan.by_digest[digest].name for digest in step.depends_on if digest in state.failed]
    if needed:
        return "not run", step.kind, step.name, f"needs {needed[0]}"
    reason = state.failed.get(step.digest)
    return "to do" if reason is None else "failed", step.kind, step.name, reason or ""


def _made(plan: Plan, state: StoreState) -> str:
    jobs = state.jobs_of(plan)
    if not jobs:
        return ""
    found = {name: sorted({str(job[name]) for job in jobs if job[name]}) for name in ("git_commit", "device", "host")}
    versions: dict[str, set[str]] = {}
    for job in jobs:
        for package, version in job["versions"].items():
            versions.setdefault(package, set()).update({version} if version else set())
    lines = [f"{name.replace('_', ' ')}: {', '.join(values)}" for name, values in found.items() if values]
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
