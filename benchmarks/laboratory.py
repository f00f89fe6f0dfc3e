"""The laboratory: transfer on mini, the effect of intermediate tasks, and controls.

    python benchmarks/laboratory.py [--store runs-laboratory] [--only transfer intermediates sizes mixing relatedness]

Runs the sweeps (skipping what the store has), adds the model-free baselines of `baselines.py`, writes
`docs/laboratory/laboratory.json` and the figures, updates the tables in `docs/laboratory.md` and the README, and prints the
verdict as one JSON line. Takes about an hour on two cores, and another hour for the encoders of the controls.
"""

import argparse
import itertools
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from baselines import GUESSES, guesses
from figures import draw
from scipy.stats import spearmanr
from tables import GROUPS, fill

from stilts_ray import Sweep, run
from stilts_ray.config.sweep_file import load
from stilts_ray.mini import LANGUAGES, PIVOT, WORLDS, Language
from stilts_ray.mini.describe import describe
from stilts_ray.plan.build import Plan
from stilts_ray.report.table import intermediate_name
from stilts_ray.store.records import EvaluationRecord
from stilts_ray.store.state import state_of
from stilts_ray.store.store import Store

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "docs" / "laboratory"
SIZES = (250, 1000, 4000)
CHANCE = {"xnli": 100 / 3, "pawsx": 50.0, "tatoeba": 100 / 400}

Seeds = dict[int, dict[str, float]]
"""Seed -> language -> score."""


def group_of(language: Language) -> str:
    """A language's relation to the pivot."""
    if language.code == PIVOT:
        return "pivot"
    if language.family == LANGUAGES[0].family:
        return "related"
    return "unrelated" if language.script == LANGUAGES[0].script else "other script"


OF_GROUP = {name: [one.code for one in LANGUAGES if group_of(one) == name] for name in GROUPS}


def squad_of_size(intermediates: Sweep, train_examples: int) -> Sweep:
    """The sweep over intermediates, reduced to SQuAD with this many training examples and two targets."""
    targets = ("tydiqa", "pawsx")
    recipes = {target: intermediates.recipe_of(target) for target in targets}
    return intermediates.model_copy(
        update={
            "name": f"mini_size_{train_examples}",
            "intermediates": (("squad",),),
            "targets": targets,
            "recipes": recipes | {"squad": intermediates.recipe_of("squad").replace(train_examples=train_examples)},
        }
    )


def execute(sweep: Sweep, store: Store) -> Plan:
    """Runs the unfinished steps of a sweep. Exits if a step failed."""
    results = run(sweep, store.url, gpus_per_trial=0.0, checkpoint_seconds=30.0)
    if results.failed:
        sys.exit(f"sweep {sweep.name} has failures; run the same command again to retry them")
    return results.plan


def scores_of(record: EvaluationRecord) -> Seeds:
    """The scores in an evaluation's record."""
    return {
        trial.seed: {code: metrics["score"] for code, metrics in trial.languages.items()} for trial in record.trials
    }


def summary(values: Iterable[float]) -> dict[str, float]:
    """Mean and standard error."""
    results = list(values)
    error = stdev(results) / len(results) ** 0.5 if len(results) > 1 else 0.0
    return {"mean": round(mean(results), 2), "se": round(error, 2), "n": len(results)}


def by_group(seeds: Seeds) -> dict[str, dict[str, float]]:
    """For each group, the mean over its languages, summarised over seeds."""
    present = {name: [code for code in codes if code in seeds[0]] for name, codes in OF_GROUP.items()}
    return {
        name: summary(mean(scores[code] for code in codes) for scores in seeds.values())
        for name, codes in present.items()
        if codes
    }


def by_language(seeds: Seeds) -> dict[str, float]:
    """For each language, the mean over seeds."""
    return {code: round(mean(scores[code] for scores in seeds.values()), 2) for code in seeds[0]}


def transfer(plan: Plan, records: Mapping[str, Any]) -> dict[str, Any]:
    """For each target: mini's encoder, the same encoder with random weights, the model-free baseline, and the Spearman
    correlation of score and relatedness over all languages but the pivot."""
    related = {language.code: describe(language)["relatedness"] for language in LANGUAGES}
    cells_of = {condition.encoder.name: condition.cells for condition in plan.conditions}
    results = {}
    for target in plan.sweep.targets:
        mini, random = (scores_of(records[cells_of[name][target]]) for name in ("mini", "random"))
        languages = by_language(mini)
        codes = [code for code in languages if code != PIVOT]
        guess = guesses(languages, target) if target in GUESSES else {}
        results[target] = {
            "mini": by_group(mini),
            "random": by_group(random),
            "guess": {"what": GUESSES[target][0], **by_group({0: guess})} if guess else None,
            "chance": CHANCE.get(target),
            "relatedness": {code: related[code] for code in languages},
            "languages": {"mini": languages, "random": by_language(random), "guess": guess},
            "spearman": round(float(spearmanr([languages[c] for c in codes], [related[c] for c in codes])[0]), 3),
        }
    return results


def intermediates(plan: Plan, records: Mapping[str, Any]) -> dict[str, Any]:
    """Differences from the baseline, paired by seed: intermediate -> target -> mean, standard error, and by group."""
    cells_of = {condition.intermediate: condition.cells for condition in plan.conditions}
    return {
        intermediate_name(intermediate): {
            target: difference(scores_of(records[cells[target]]), scores_of(records[cells_of[()][target]]))
            for target in cells
        }
        for intermediate, cells in cells_of.items()
        if intermediate
    }


def difference(scores: Seeds, baseline: Seeds) -> dict[str, Any]:
    """Differences of the mean over languages, and of each group's mean. An untrained baseline has only seed 0."""
    differences = {
        seed: {code: score - baseline.get(seed, baseline[0])[code] for code, score in languages.items()}
        for seed, languages in scores.items()
    }
    return {
        **summary(mean(languages.values()) for languages in differences.values()),
        "groups": by_group(differences),
    }


def mixing(plan: Plan, records: Mapping[str, Any]) -> dict[str, Any]:
    """Share of text in two languages -> target -> group, summarised over pretraining seeds."""
    results: dict[str, Any] = {}
    for share in sorted({condition.encoder.name.partition("-")[0] for condition in plan.conditions}):
        conditions = [condition for condition in plan.conditions if condition.encoder.name.startswith(share)]
        for target in plan.sweep.targets:
            scores = [scores_of(records[condition.cells[target]])[0] for condition in conditions]
            results.setdefault(share.removeprefix("mixed"), {})[target] = by_group(dict(enumerate(scores)))
    return results


def relatedness(plan: Plan, records: Mapping[str, Any]) -> dict[str, Any]:
    """Language -> its share of the pivot's words, and its scores summarised over pretraining seeds."""
    results: dict[str, Any] = {}
    for language in WORLDS["mini-gradient"]:
        facts = describe(language)
        results[language.code] = {"cognates": facts["cognates"]}
        for target in plan.sweep.targets:
            scores = [scores_of(records[condition.cells[target]])[0] for condition in plan.conditions]
            if language.code in scores[0]:
                results[language.code][target] = summary(each[language.code] for each in scores)
    return results


def sizes(store: Store) -> dict[str, Any]:
    """Training examples of the intermediate SQuAD -> target -> difference from the baseline."""
    plan = execute(load(ROOT / "sweeps" / "mini_intermediate.py"), store)
    baseline = next(condition.cells for condition in plan.conditions if not condition.intermediate)
    results: dict[str, Any] = {}
    for size in SIZES:
        (condition,) = execute(squad_of_size(plan.sweep, size), store).conditions
        records = state_of(store).steps
        results[str(size)] = {
            target: difference(scores_of(records[digest]), scores_of(records[baseline[target]]))
            for target, digest in condition.cells.items()
        }
    return results


def verdict(results: dict[str, Any]) -> dict[str, Any]:
    """The hypotheses, and whether they hold, for the parts that were measured."""
    conclusions: dict[str, Any] = {}
    if "transfer" in results:
        cells = results["transfer"]
        conclusions["pivot > related > unrelated"] = {target: ordering(groups) for target, groups in cells.items()}
        conclusions["spearman"] = round(mean(groups["spearman"] for groups in cells.values()), 3)
    for name, sign in (("helps", 1), ("harms", -1)):
        by_intermediate = results.get("intermediates", {})
        conclusions[name] = {
            intermediate: targets
            for intermediate, cells in by_intermediate.items()
            if (targets := beyond_error(cells, sign))
        }
    return conclusions


def beyond_error(cells: dict[str, Any], sign: int) -> list[str]:
    """The targets that differ from the baseline by more than two standard errors, in the direction of `sign`."""
    return [target for target, cell in cells.items() if sign * cell["mean"] > 2 * cell["se"]]


def ordering(cells: dict[str, Any]) -> str:
    """Whether a target's groups are ordered as expected, and the baselines that unrelated languages do not exceed."""
    means = [cells["mini"][name]["mean"] for name in GROUPS[:3] if name in cells["mini"]]
    ordered = all(a > b for a, b in itertools.pairwise(means))
    others = {"random": cells["random"], "guess": cells["guess"] or {}}
    not_exceeded = [
        name for name, other in others.items() if "unrelated" in other and other["unrelated"]["mean"] >= means[-1]
    ]
    return ("holds" if ordered else "does not hold") + (
        f"; unrelated not above {', '.join(not_exceeded)}" if not_exceeded else ""
    )


def of_sweep(name: str, measure: Callable[[Plan, Mapping[str, Any]], Any]) -> Callable[[Store], Any]:
    """A part measured by one sweep file."""

    def part(store: Store) -> Any:
        plan = execute(load(ROOT / "sweeps" / f"mini_{name}.py"), store)
        return measure(plan, state_of(store).steps)

    return part


PARTS: dict[str, Callable[[Store], Any]] = {
    "transfer": of_sweep("transfer", transfer),
    "intermediates": of_sweep("intermediate", intermediates),
    "sizes": sizes,
    "mixing": of_sweep("mixing", mixing),
    "relatedness": of_sweep("relatedness", relatedness),
}


def main() -> None:
    """Measures the parts, updates the documents and prints the verdict."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--store", default="runs-laboratory")
    options.add_argument(
        "--only", nargs="+", choices=PARTS, default=list(PARTS), help="parts to measure; others keep their last values"
    )
    given = options.parse_args()
    store, file = Store(str(Path(given.store).resolve())), OUT / "laboratory.json"
    previous = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    measured = {name: PARTS[name](store) for name in given.only}
    parts = {name: part for name in PARTS if (part := measured.get(name, previous.get(name))) is not None}
    document = {"verdict": verdict(parts), **parts}
    OUT.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    draw(document, OUT)
    for text in (OUT.with_suffix(".md"), ROOT / "README.md"):
        fill(text, document)
    print(json.dumps({"benchmark": "laboratory", **document["verdict"]}))


if __name__ == "__main__":
    main()
