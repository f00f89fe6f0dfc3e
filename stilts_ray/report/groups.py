"""Scores by language family and by morphological type. Pure.

A group's score is the plain mean over those of its languages in which the target is tested, then over seeds, as in the result
table. Its difference from the baseline row of the same encoder is paired by seed (`stilts_ray.report.paired`), over the
languages that both have. The standard error is over seeds: it does not cover other languages of the family. The source
language, in which every target is trained, is in no group but in one of its own, `SOURCE`. Languages of which no source gives
the trait are `UNKNOWN`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from statistics import fmean

from stilts_ray import mini
from stilts_ray.languages import LANGUAGES, MORPHOLOGY
from stilts_ray.plan.build import Plan
from stilts_ray.report.paired import BySeed, difference, standard_error
from stilts_ray.store.records import EvaluationRecord, ScoredTrial, Value

SOURCE, UNKNOWN = "source language", "unknown"

GROUPED = ("family", "morphology")
"""What languages are grouped by."""


class GroupScore(Value):
    """A score over some languages. delta, standard_error: the difference from the baseline over `pairs` seeds; None where
    there is no pair, standard_error also where there is only one."""

    languages: tuple[str, ...]
    score: float
    delta: float | None
    standard_error: float | None
    pairs: int


class GroupEntry(GroupScore):
    """A group's score in a cell of the result table. trained_in: languages other than the source language in which the
    intermediate has training data, of any group; scores in them are not zero-shot."""

    encoder: str
    intermediate: tuple[str, ...]
    trained_in: tuple[str, ...]
    target: str
    group: str


_GENERATED = {language.code: language for world in mini.WORLDS.values() for language in world}


@cache
def trait(code: str, name: str) -> str:
    """A fact about a language, of XTREME-R's or of mini's: "family", "script" or "morphology"."""
    known = LANGUAGES.get(code) or _GENERATED.get(code)
    return getattr(known, name, None) or UNKNOWN


def groups(plan: Plan, done: Mapping[str, EvaluationRecord]) -> dict[str, tuple[GroupEntry, ...]]:
    """Entries by trait, in the order of the table's rows and targets. done: evaluations by digest."""
    return {name: tuple(_entries(name, plan, done)) for name in GROUPED}


def ordered(names: Iterable[str]) -> list[str]:
    """Groups in the order of tables: the source language, then by name, the unknown last."""
    return sorted(names, key=lambda name: (name == UNKNOWN, name != SOURCE, name))


def sources(name: str, entries: Iterable[GroupEntry]) -> str:
    """Where the groups of these entries are from, in words."""
    if not any(code in LANGUAGES for entry in entries for code in entry.languages):
        return "those with which the languages were made (`stilts mini`)"
    studies = f": {'; '.join(source for source, _ in MORPHOLOGY)}" if name == "morphology" else ""
    return f"those of `stilts_ray.languages`{studies}"


def _entries(name: str, plan: Plan, done: Mapping[str, EvaluationRecord]) -> Iterator[GroupEntry]:
    source = plan.data_source.source_language
    baselines = {row.encoder.name: row for row in plan.conditions if not row.intermediate}
    for row in plan.conditions:
        base = baselines.get(row.encoder.name) if row.intermediate else None
        for target, digest in row.cells.items():
            if digest not in done:
                continue
            other = done.get(base.cells[target]) if base is not None else None
            for group, codes in _members(name, done[digest], source).items():
                yield GroupEntry(
                    **dict(group_score(done[digest], other, codes)),
                    encoder=row.encoder.name,
                    intermediate=row.intermediate,
                    trained_in=tuple(code for code in row.mixture.languages if code != source),
                    target=target,
                    group=group,
                )


def _members(name: str, record: EvaluationRecord, source: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for code in record.languages:
        found.setdefault(SOURCE if code == source else trait(code, name), []).append(code)
    return found


def group_score(record: EvaluationRecord, base: EvaluationRecord | None, codes: Sequence[str]) -> GroupScore:
    """The mean of an evaluation over these languages, and its difference from another's over those of them that both have."""
    shared = [code for code in codes if code in base.languages] if base is not None else []
    pairs: BySeed = difference(_only(record, shared), _only(base, shared)) if base is not None and shared else {}
    return GroupScore(
        languages=tuple(codes),
        score=fmean(record.languages[code]["score"] for code in codes),
        delta=fmean(pairs.values()) if pairs else None,
        standard_error=standard_error(pairs),
        pairs=len(pairs),
    )


def _only(record: EvaluationRecord, codes: Sequence[str]) -> list[ScoredTrial]:
    """An evaluation's trials, scored in these languages alone."""
    return [
        trial.model_copy(update={"score": fmean(trial.languages[code]["score"] for code in codes)})
        if trial.languages
        else trial.model_copy(update={"score": None})
        for trial in record.trials
    ]
