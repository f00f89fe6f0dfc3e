"""Scores by language family and by morphological type. Pure.

A group's score is the plain mean over those of its languages in which the target is tested, then over seeds, as in the result
table. Its difference from the baseline row of the same encoder is paired by seed (`stilts_ray.report.paired`), over the
languages that both have; the standard error is over seeds, so it says nothing of how other languages of the family would do.
The source language, in which every target is trained, is in no group: it stands as `SOURCE`. Languages of which no source
gives the trait are `UNKNOWN`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from statistics import fmean
from typing import Any

from stilts_ray import mini
from stilts_ray.languages import LANGUAGES, MORPHOLOGY, LanguageFacts
from stilts_ray.plan.build import Plan
from stilts_ray.report.paired import BySeed, difference, standard_error
from stilts_ray.store.store import Record

SOURCE, UNKNOWN = "source language", "unknown"

TRAITS: Mapping[str, Callable[[LanguageFacts | mini.Language], str | None]] = {
    "family": lambda language: language.family,
    "morphology": lambda language: language.morphology,
}
"""What languages are grouped by."""

Entry = dict[str, Any]
"""{"encoder", "intermediate": [task], "trained_in": [code], "target", "group", "languages": [code], "score", "delta",
"standard_error", "pairs"}.

trained_in: languages besides the source language with training data of the intermediate, whatever the group: what is tested in
them is not zero-shot. delta and standard_error, of `pairs` seeds, are None where there is no pair; standard_error also where
there is one.
"""

_GENERATED = {language.code: language for world in mini.WORLDS.values() for language in world}


@cache
def trait(code: str, name: str) -> str:
    """The group of a language, of XTREME-R's or of mini's, by one of `TRAITS`."""
    known = LANGUAGES.get(code) or _GENERATED.get(code)
    return (TRAITS[name](known) if known is not None else None) or UNKNOWN


def groups(plan: Plan, records: Mapping[str, Record]) -> dict[str, list[Entry]]:
    """Entries by trait, in the order of the table's rows and targets, as far as `records` (of steps, by digest) go."""
    return {name: list(_entries(name, plan, records)) for name in TRAITS}


def ordered(names: Iterable[str]) -> list[str]:
    """Groups as they are listed: the source language, then by name, the unknown last."""
    return sorted(names, key=lambda name: (name == UNKNOWN, name != SOURCE, name))


def sources(name: str, entries: Iterable[Entry]) -> str:
    """Where the groups of these entries are from, in words."""
    if not any(code in LANGUAGES for entry in entries for code in entry["languages"]):
        return "those with which the languages were made (`stilts mini`)"
    studies = f": {'; '.join(source for source, _ in MORPHOLOGY)}" if name == "morphology" else ""
    return f"those of `stilts_ray.languages`{studies}"


def _entries(name: str, plan: Plan, records: Mapping[str, Record]) -> Iterator[Entry]:
    source = plan.data_source.source_language
    baselines = {row.encoder: row for row in plan.conditions if not row.intermediate}
    trained = {mixture.parts: [c for c in mixture.languages if c != source] for mixture in plan.sweep.mixtures}
    for row in plan.conditions:
        base = baselines.get(row.encoder) if row.intermediate else None
        for target, digest in row.cells.items():
            if digest in records:
                other = records.get(base.cells[target]) if base is not None else None
                place = {
                    "encoder": row.encoder,
                    "intermediate": list(row.intermediate),
                    "trained_in": trained[row.intermediate],
                    "target": target,
                }
                for group, codes in _members(name, records[digest], source).items():
                    yield {**place, "group": group, **compared(records[digest], other, codes)}


def _members(name: str, record: Record, source: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for code in record["languages"]:
        found.setdefault(SOURCE if code == source else trait(code, name), []).append(code)
    return found


def compared(record: Record, base: Record | None, codes: Sequence[str]) -> Entry:
    """The mean over these languages of an evaluation, and its difference from another's over those of them it has."""
    shared = [code for code in codes if code in base["languages"]] if base is not None else []
    pairs: BySeed = difference(_only(record, shared), _only(base, shared)) if base is not None and shared else {}
    return {
        "languages": list(codes),
        "score": fmean(record["languages"][code]["score"] for code in codes),
        "delta": fmean(pairs.values()) if pairs else None,
        "standard_error": standard_error(pairs),
        "pairs": len(pairs),
    }


def _only(record: Record, codes: Sequence[str]) -> dict[str, Any]:
    """An evaluation as a cell of these languages alone."""
    runs = [
        {**run, "score": fmean(run["languages"][code]["score"] for code in codes) if run["languages"] else None}
        for run in record["seeds"]
    ]
    return {"seeds": runs}
