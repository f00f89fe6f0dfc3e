"""Descriptions of the languages: grammar, and similarity to the pivot."""

from dataclasses import fields
from typing import Any

from stilts_ray.mini import PIVOT, WORLDS, Language
from stilts_ray.mini.languages import GRAMMARS, Grammar
from stilts_ray.mini.lexicon import cognates, lexicon, written
from stilts_ray.mini.world import UPOS


def describe(language: Language) -> dict[str, Any]:
    """A language as plain data.

    cognates: share of concepts whose word is cognate with the pivot's.
    overlap: share of concepts whose stem is spelled like the pivot's.
    distance: share of grammatical traits that differ from the pivot's (Hamming distance).
    relatedness: mean of cognates, overlap and 1 - distance.
    """
    code, grammar = language.code, grammar_of(GRAMMARS[language.code])
    alike = sum(written(lexicon(code)[concept], code) == lexicon(PIVOT)[concept] for concept in UPOS) / len(UPOS)
    related, distance = len(cognates(code)) / len(UPOS), typological_distance(code)
    return {
        "code": code,
        "name": language.name,
        "family": language.family,
        "script": language.script,
        "grammar": grammar,
        "cognates": round(related, 4),
        "overlap": round(alike, 4),
        "distance": round(distance, 4),
        "relatedness": round((related + alike + 1 - distance) / 3, 4),
    }


def grammar_of(grammar: Grammar) -> dict[str, Any]:
    """Grammatical traits by name."""
    own = {field.name: getattr(grammar, field.name) for field in fields(grammar) if field.name != "language"}
    return {"order": grammar.order, "morphology": grammar.morphology} | own


def typological_distance(code: str) -> float:
    """Share of grammatical traits in which a language differs from the pivot."""
    here, pivot = grammar_of(GRAMMARS[code]), grammar_of(GRAMMARS[PIVOT])
    differing = [trait for trait in pivot if here[trait] != pivot[trait]]
    return len(differing) / len(pivot)


def everything() -> dict[str, Any]:
    """Set of languages -> descriptions."""
    return {name: [describe(language) for language in languages] for name, languages in WORLDS.items()}
