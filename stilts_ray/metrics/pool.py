"""The candidates that a dual encoder ranks: all sentences of all passages, in one or several languages, or a separate set.

Source: google-research/xtreme, third_party/utils_lareqa.py and third_party/utils_mewslix.py.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stilts_ray.errors import RequestError
from stilts_ray.tasks.examples import Entity, Mention, Query, passages


@dataclass(frozen=True)
class Pool:
    """names: of all candidates, in the order in which they are encoded. A sentence's is its language, its passage's number in
    that language and its own number in the passage, both from 0 (`en_12_3`); an entity's is its id. right: question's id ->
    names of its right candidates.
    """

    names: tuple[str, ...]
    right: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, examples: Mapping[str, Sequence[Query]]) -> "Pool":
        """The pool of the languages' questions. What answers a question in one language is right for it in all. The candidates
        of mentions, which have no passage, are their entities."""
        names: dict[str, None] = {}
        right: defaultdict[str, set[str]] = defaultdict(set)
        for language, asked in examples.items():
            own = {passage: passage.names(f"{language}_{n}") for n, passage in enumerate(passages(asked))}
            names |= dict.fromkeys(name for found in own.values() for name in found)
            for example in asked:
                answer = example.entity if isinstance(example, Mention) else own[example.passage][example.answer]
                names.setdefault(answer)
                right[example.id].add(answer)
        return cls(tuple(names), {question: frozenset(found) for question, found in right.items()})

    def among(self, candidates: Sequence[Entity]) -> "Pool":
        """The same questions with these candidates. Raises RequestError for a duplicate candidate, or if the right one of a
        question is missing."""
        names = tuple(candidate.id for candidate in candidates)
        there = set(names)
        if len(there) < len(names):
            raise RequestError(f"{len(names)} candidates have {len(there)} names")
        for question, right in self.right.items():
            if not right <= there:
                raise RequestError(f"the entity of {question!r}, {min(right - there)}, is not among the candidates")
        return Pool(names, self.right)

    def named(self, examples: Sequence[Query], rankings: Sequence[Sequence[int]]) -> dict[str, list[str]]:
        """Rankings of indices in the pool as names, by question. Raises ValueError if there are more or fewer than examples."""
        return {e.id: [self.names[n] for n in ranking] for e, ranking in zip(examples, rankings, strict=True)}

    def answers(self, examples: Sequence[Query]) -> dict[str, frozenset[str]]:
        """The right candidates, by question."""
        return {example.id: self.right[example.id] for example in examples}
