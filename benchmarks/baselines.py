"""Model-free baselines on mini, which know only the words of the pivot's training data.

Each takes a language and returns a score (0-100) comparable to a model's. None sees a test label.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from statistics import mean
from typing import Any

from datasets import Dataset

from stilts_ray import tasks
from stilts_ray.data.repairs import Use
from stilts_ray.data.rows import examples
from stilts_ray.data.tables import dataset_table
from stilts_ray.kinds import scoring_of
from stilts_ray.metrics.answers import token_f1
from stilts_ray.mini import PIVOT, build, questions
from stilts_ray.mini.render import span, words
from stilts_ray.mini.seeds import generator
from stilts_ray.mini.world import Sentence
from stilts_ray.tasks.base import Task
from stilts_ray.tasks.examples import Example, Pair, Tagged


@cache
def rows_of(name: str, split: str, code: str) -> list[Example]:
    """The examples of a task's split in a language."""
    task = tasks.get(name)
    folder = task.source.folder.format(code)
    table = dataset_table(Dataset.from_list(list(build.rows(folder, split))), folder)
    return examples(task, table, Use(training=split == task.train)).examples


def test_of(task: Task, code: str) -> list[Example]:
    """A task's test examples in a language."""
    return rows_of(task.name, task.test or "test", code)


def dictionary_tags(task: Task, code: str) -> float:
    """Tagging: a word's most frequent tag in the pivot's training sentences. Unknown words get NOUN for parts of speech; for
    names B-PER if capitalised, else O."""
    counts: dict[str, Counter[str]] = {}
    for example in rows_of(task.name, "train", PIVOT):
        assert isinstance(example, Tagged)
        for word, tag in zip(example.words, example.tags, strict=True):
            counts.setdefault(word, Counter())[tag] += 1
    known = {word: count.most_common(1)[0][0] for word, count in counts.items()}
    unknown = _UNKNOWN[task.name]
    test = test_of(task, code)
    guesses = [[known.get(word, unknown(word)) for word in e.words] for e in test if isinstance(e, Tagged)]
    return scoring_of(task).score(task, test, guesses)["score"]


_UNKNOWN: dict[str, Callable[[str], str]] = {
    "udpos": lambda word: "NOUN",
    "panx": lambda word: "B-PER" if word[0].isupper() else "O",
}


def shape_of_pair(task: Task, code: str) -> float:
    """Sentence pairs: the most frequent label among the pivot's training pairs of the same shape. The shape of a pair is the
    position in the first sentence of each word of the second, and the first one's length; words themselves are not known."""
    source = tasks.get(task.trained or task.name)
    counts: dict[object, Counter[str]] = {}
    for pair in rows_of(source.name, "train", PIVOT):
        counts.setdefault(_shape(pair), Counter())[_label(pair)] += 1
    common = Counter(_label(pair) for pair in rows_of(source.name, "train", PIVOT)).most_common(1)[0][0]
    test = test_of(task, code)
    guesses = [counts[_shape(e)].most_common(1)[0][0] if _shape(e) in counts else common for e in test]
    return scoring_of(task).score(task, test, guesses)["score"]


def _shape(pair: Example) -> tuple[object, ...]:
    assert isinstance(pair, Pair)
    first, second = pair.first.rstrip(".").split(), pair.second.rstrip(".").split()
    return len(first), *(first.index(word) if word in first else -1 for word in second)


def _label(pair: Example) -> str:
    assert isinstance(pair, Pair)
    return pair.label


def right_type(task: Task, code: str) -> float:
    """Span QA: the mean score over the sentences of answering with a sentence's participant in the role asked for. Such a guess
    understands the question and the sentences, but not which sentence the question is about."""
    rng, scores = generator("qa", f"{task.name}-{task.test}"), []
    for _ in test_of(task, code):
        events = questions.deeds(rng)
        chosen, role, _ = questions.asked_about(events, rng)
        candidates = [span(words(Sentence(event), code), role)[1] for event in events if getattr(event, role)]
        gold = span(words(Sentence(events[chosen]), code), role)[1]
        scores.append(mean((float(text == gold) + token_f1(gold, text)) / 2 for text in candidates))
    return 100 * mean(scores)


def letters_in_common(task: Task, code: str) -> float:
    """Retrieval: the foreign sentence with the highest Jaccard similarity of letter trigrams to the pivot's."""
    rows: list[dict[str, Any]] = build.rows(task.source.folder.format(code), task.test or "test")
    foreign = [_trigrams(row["source_sentence"]) for row in rows]
    guesses = []
    for row in rows:
        wanted = _trigrams(row["target_sentence"])
        shares = [len(wanted & other) / len(wanted | other) for other in foreign]
        guesses.append(shares.index(max(shares)))
    return scoring_of(task).score(task, test_of(task, code), guesses)["score"]


def _trigrams(sentence: str) -> frozenset[str]:
    text = f" {sentence.lower()} "
    return frozenset(text[at : at + 3] for at in range(len(text) - 2))


GUESSES: dict[str, tuple[str, Callable[[Task, str], float]]] = {
    "xnli": ("shape of the pair", shape_of_pair),
    "pawsx": ("shape of the pair", shape_of_pair),
    "udpos": ("pivot's dictionary", dictionary_tags),
    "panx": ("pivot's dictionary, capitals", dictionary_tags),
    "tydiqa": ("any of the right type", right_type),
    "tatoeba": ("letters in common", letters_in_common),
}
"""The best baseline for each target: its name and its function."""


def guesses(codes: Iterable[str], target: str) -> dict[str, float]:
    """The score of a target's baseline in each language."""
    return {code: GUESSES[target][1](tasks.get(target), code) for code in codes}
