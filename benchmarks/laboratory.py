"""The laboratory: what transfers on mini, which intermediate tasks help, and the controls.

    python benchmarks/laboratory.py [--store runs-laboratory] [--only transfer intermediates sizes mixing relatedness]

Runs the sweeps it needs (what the store holds is not run again), sets the guesses of `baselines.py` beside them, writes
`docs/laboratory/laboratory.json` and figures, brings the tables of `docs/laboratory.md` and of the README up to date, and
prints the verdict as one JSON line. About an hour on two cores, and an hour more for the encoders of the controls.
"""

import argparse
import itertools
import json
import sys
from collections.abc import Callable, Iterable
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
    """How a language stands to the pivot."""
    if language.code == PIVOT:
        return "pivot"
    if language.family == LANGUAGES[0].family:
        return "related"
    return "unrelated" if language.script == LANGUAGES[0].script else "other script"


OF_GROUP = {name: [one.code for one in LANGUAGES if group_of(one) == name] for name in GROUPS}


def intermediate_of(whole: Sweep, rows: int) -> Sweep:
    """Of the sweep over intermediates SQuAD alone, with so many rows, before two targets."""
    targets = ("tydiqa", "pawsx")
    recipes = {target: whole.recipe_of(target) for target in targets}
    return whole.model_copy(
        update={
            "name": f"mini_size_{rows}",
            "intermediates": (("squad",),),
            "targets": targets,
            "recipes": recipes | {"squad": whole.recipe_of("squad").model_copy(update={"train_examples": rows})},
        }
    )


def carried_out(sweep: Sweep, store: Store) -> Plan:
    """Runs what is left of a sweep. Ends the program if something failed."""
    results = run(sweep, store.url, gpus_per_trial=0.0, checkpoint_seconds=30.0)
    if results.failed:
        sys.exit(f"sweep {sweep.name} has failures; the same command again tries them once more")
    return results.plan


def scores_of(record: EvaluationRecord) -> Seeds:
    """The scores of an evaluation."""
    return {
        trial.seed: {code: metrics["score"] for code, metrics in trial.languages.items()} for trial in record.trials
    }


def summary(values: Iterable[float]) -> dict[str, float]:
    """Mean and standard error."""
    found = list(values)
    error = stdev(found) / len(found) ** 0.5 if len(found) > 1 else 0.0
    return {"mean": round(mean(found), 2), "se": round(error, 2), "n": len(found)}


def by_group(seeds: Seeds) -> dict[str, dict[str, float]]:
    """Over seeds, the mean over the languages of each group."""
    present = {name: [code for code in codes if code in seeds[0]] for name, codes in OF_GROUP.items()}
    return {
        name: summary(mean(scores[code] for code in codes) for scores in seeds.values())
        for name, codes in present.items()
        if codes
    }


def by_language(seeds: Seeds) -> dict[str, float]:
    """The mean over seeds of each language."""
    return {code: round(mean(scores[code] for scores in seeds.values()), 2) for code in seeds[0]}


def transfer(plan: Plan, records: dict[str, Any]) -> dict[str, Any]:
    """Every target: mini's encoder, the same one with random weights, a guess without a model; and how well relatedness
    orders the languages other than the pivot (Spearman)."""
    related = {language.code: describe(language)["relatedness"] for language in LANGUAGES}
    rows = {row.encoder.name: row.cells for row in plan.conditions}
    found = {}
    for target in plan.sweep.targets:
        mini, random = (scores_of(records[rows[name][target]]) for name in ("mini", "random"))
        languages = by_language(mini)
        codes = [code for code in languages if code != PIVOT]
        guess = guesses(languages, target) if target in GUESSES else {}
        found[target] = {
            "mini": by_group(mini),
            "random": by_group(random),
            "guess": {"what": GUESSES[target][0], **by_group({0: guess})} if guess else None,
            "chance": CHANCE.get(target),
            "relatedness": {code: related[code] for code in languages},
            "languages": {"mini": languages, "random": by_language(random), "guess": guess},
            "spearman": round(float(spearmanr([languages[c] for c in codes], [related[c] for c in codes])[0]), 3),
        }
    return found


def intermediates(plan: Plan, records: dict[str, Any]) -> dict[str, Any]:
    """Differences from the baseline, paired by seed: row -> target -> mean, standard error, and by group."""
    rows = {row.intermediate: row.cells for row in plan.conditions}
    return {
        intermediate_name(row): {
            target: difference(scores_of(records[cells[target]]), scores_of(records[rows[()][target]]))
            for target in cells
        }
        for row, cells in rows.items()
        if row
    }


def difference(row: Seeds, baseline: Seeds) -> dict[str, Any]:
    """Of the mean over languages, and of each group's. What was not trained has a single run to compare with."""
    less = {
        seed: {code: score - baseline.get(seed, baseline[0])[code] for code, score in scores.items()}
        for seed, scores in row.items()
    }
    return {**summary(mean(scores.values()) for scores in less.values()), "groups": by_group(less)}


def mixing(plan: Plan, records: dict[str, Any]) -> dict[str, Any]:
    """Share of text in two languages -> target -> group, over the seeds of pretraining."""
    found: dict[str, Any] = {}
    for share in sorted({row.encoder.name.partition("-")[0] for row in plan.conditions}):
        rows = [row for row in plan.conditions if row.encoder.name.startswith(share)]
        for target in plan.sweep.targets:
            runs = [scores_of(records[row.cells[target]])[0] for row in rows]
            found.setdefault(share.removeprefix("mixed"), {})[target] = by_group(dict(enumerate(runs)))
    return found


def relatedness(plan: Plan, records: dict[str, Any]) -> dict[str, Any]:
    """Language -> its share of the pivot's words, and its scores over the seeds of pretraining."""
    found: dict[str, Any] = {}
    for language in WORLDS["mini-gradient"]:
        facts = describe(language)
        found[language.code] = {"cognates": facts["cognates"]}
        for target in plan.sweep.targets:
            runs = [scores_of(records[row.cells[target]])[0] for row in plan.conditions]
            if language.code in runs[0]:
                found[language.code][target] = summary(run[language.code] for run in runs)
    return found


def sizes(store: Store) -> dict[str, Any]:
    """Rows of the intermediate SQuAD -> target -> difference from the baseline."""
    whole = carried_out(load(ROOT / "sweeps" / "mini_intermediate.py"), store)
    baseline = next(row.cells for row in whole.rows if not row.intermediate)
    found: dict[str, Any] = {}
    for rows in SIZES:
        (row,) = carried_out(intermediate_of(whole.sweep, rows), store).rows
        records = state_of(store).steps
        found[str(rows)] = {
            target: difference(scores_of(records[digest]), scores_of(records[baseline[target]]))
            for target, digest in row.cells.items()
        }
    return found


def verdict(found: dict[str, Any]) -> dict[str, Any]:
    """What was wanted, and whether it holds, as far as it was measured."""
    said: dict[str, Any] = {}
    if "transfer" in found:
        cells = found["transfer"]
        said["pivot > related > unrelated"] = {target: ordering(groups) for target, groups in cells.items()}
        said["spearman"] = round(mean(groups["spearman"] for groups in cells.values()), 3)
    for name, sign in (("helps", 1), ("harms", -1)):
        rows = found.get("intermediates", {})
        said[name] = {row: targets for row, cells in rows.items() if (targets := beyond_error(cells, sign))}
    return said


def beyond_error(cells: dict[str, Any], sign: int) -> list[str]:
    """The targets that differ from the baseline in this direction by more than two standard errors."""
    return [target for target, cell in cells.items() if sign * cell["mean"] > 2 * cell["se"]]


def ordering(cells: dict[str, Any]) -> str:
    """The groups of a target from the best to the worst, and what the unrelated languages do not beat."""
    means = [cells["mini"][name]["mean"] for name in GROUPS[:3] if name in cells["mini"]]
    held = all(a > b for a, b in itertools.pairwise(means))
    others = {"random": cells["random"], "guess": cells["guess"] or {}}
    beaten = [
        name for name, other in others.items() if "unrelated" in other and other["unrelated"]["mean"] >= means[-1]
    ]
    return ("holds" if held else "does not hold") + (f"; unrelated not above {', '.join(beaten)}" if beaten else "")


def of_sweep(name: str, measure: Callable[[Plan, dict[str, Any]], Any]) -> Callable[[Store], Any]:
    """A part that one sweep file makes."""

    def part(store: Store) -> Any:
        plan = carried_out(load(ROOT / "sweeps" / f"mini_{name}.py"), store)
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
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--store", default="runs-laboratory")
    options.add_argument(
        "--only", nargs="+", choices=PARTS, default=list(PARTS), help="others stay as they were measured"
    )
    given = options.parse_args()
    store, file = Store(str(Path(given.store).resolve())), OUT / "laboratory.json"
    before = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    measured = {name: PARTS[name](store) for name in given.only}
    parts = {name: part for name in PARTS if (part := measured.get(name, before.get(name))) is not None}
    document = {"verdict": verdict(parts), **parts}
    OUT.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    draw(document, OUT)
    for text in (OUT.with_suffix(".md"), ROOT / "README.md"):
        fill(text, document)
    print(json.dumps({"benchmark": "laboratory", **document["verdict"]}))


if __name__ == "__main__":
    main()
