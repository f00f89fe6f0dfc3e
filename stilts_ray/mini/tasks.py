"""Rows of sentence-pair tasks and retrieval, with the columns of the real data sets on the Hugging Face hub.

Items are generated as meanings, seeded by data set and split, and then realized in a language: test sets are parallel over
languages, and every language can be generated independently. Docstrings state the scores of model-free baselines in percent;
`tests/mini/test_shortcuts.py` computes them.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from stilts_ray.mini import PIVOT, SIZES, inference, scenes
from stilts_ray.mini.render import say
from stilts_ray.mini.seeds import generator
from stilts_ray.mini.world import Sentence

Row = dict[str, Any]
Maker = Callable[[str, str, int], Iterator[Row]]
"""(language, split, number of rows) -> rows."""


def xnli(code: str, split: str, count: int) -> Iterator[Row]:
    """XNLI. Chance and majority: 33%. Surface shape of a pair (positions of the hypothesis's words in the premise, no lexical
    knowledge): 53%; both bags of words: 47%; the hypothesis alone: 35%."""
    rng = generator("nli", split)
    labels = [inference.LABELS[i % 3] for i in range(count)]
    rng.shuffle(labels)
    for label in labels:
        premise, hypothesis = inference.inference(label, rng)
        yield {"premise": say([premise], code), "hypothesis": say([hypothesis], code), "label": label}


def mnli(code: str, split: str, count: int) -> Iterator[Row]:
    """MNLI: as XNLI, with an index."""
    for number, row in enumerate(xnli(code, f"mnli-{split}", count)):
        yield {**row, "idx": number}


def mnli_translated(code: str, split: str, count: int) -> Iterator[Row]:
    """MNLI's first training pairs in any language; the dev split is XNLI's."""
    if split == "train":
        return islice(xnli(code, "mnli-train", SIZES["glue/mnli"]["train"]), count)
    return xnli(code, split, count)


UNAGREED = 0.02
"""Share of SNLI's pairs without a gold label."""


def snli(code: str, split: str, count: int) -> Iterator[Row]:
    """SNLI: as XNLI, but some pairs have no label."""
    rng = generator("snli", split)
    for row in xnli(code, f"snli-{split}", count):
        yield {**row, "label": -1 if rng.random() < UNAGREED else row["label"]}


def anli(code: str, split: str, count: int) -> Iterator[Row]:
    """ANLI: the premise also mentions one, two or three other people, by round, in the same kinds of relations. Accuracy of the
    majority of the sentences, whatever their subject: 67, 63 and 59%; of the surface shape of a pair: 48, 45 and 44%; of both
    bags of words: 51, 45 and 46%; of the hypothesis alone: 28 to 38%.
    """
    rng, others = generator("anli", split), int(split[-1])
    labels = [inference.LABELS[i % 3] for i in range(count)]
    rng.shuffle(labels)
    for number, label in enumerate(labels):
        premise, hypothesis = inference.inference(label, rng)
        person = hypothesis.clause.subject
        people = [other for other in scenes.people(others + 1, rng) if other != person][:others]
        told = [premise, *(inference.of_another(hypothesis.clause, other, rng) for other in people)]
        rng.shuffle(told)
        yield {
            "uid": f"{split}-{number:05d}",
            "premise": say(told, code),
            "hypothesis": say([hypothesis], code),
            "label": label,
            "reason": "",
        }


def _paraphrases(code: str, split: str, count: int) -> Iterator[tuple[str, str, bool]]:
    rng = generator("paraphrase", split)
    labels = [i % 2 == 0 for i in range(count)]
    rng.shuffle(labels)
    for label in labels:
        first, second = inference.paraphrase(label, rng)
        yield say([first], code), say([second], code), label


def pawsx(code: str, split: str, count: int) -> Iterator[Row]:
    """PAWS-X: do two sentences of nearly the same words have the same meaning? Chance and majority: 50%. Surface shape of a
    pair, as for `xnli`: 63%; both bags of words: 59%; one sentence alone: 50%."""
    for number, (first, second, label) in enumerate(_paraphrases(code, split, count)):
        yield {"id": number, "sentence1": first, "sentence2": second, "label": str(int(label))}


def qqp(code: str, split: str, count: int) -> Iterator[Row]:
    """QQP: as PAWS-X, larger; statements instead of questions. Surface shape of a pair: 66%; both bags of words: 55%."""
    for number, (first, second, label) in enumerate(_paraphrases(code, f"qqp-{split}", count)):
        names = ("not_duplicate", "duplicate")
        yield {"question1": first, "question2": second, "label": names[label], "idx": number}


def _pool(name: str, split: str, count: int) -> list[Sentence]:
    """Distinct sentences without names and digits."""
    rng = generator(name, split)
    pool: dict[Sentence, None] = {}
    while len(pool) < count:
        (actor,) = scenes.actors(1, rng, named=0.0, described=0.7)
        detail = scenes.Detail(placed=0.6, timed=0.3, described=0.6)
        pool[Sentence(scenes.event(actor, rng, detail=detail))] = None
    return list(pool)


def tatoeba(code: str, split: str, count: int) -> Iterator[Row]:
    """Tatoeba: sentences and their translations, without names and digits. Chance: one in the number of rows (0.25%).

    Nearest neighbour by shared letter trigrams: 79 and 89% in the pivot's family, 17 to 19% in family B, chance in other
    scripts, from 99 to 7% in family R.
    """
    for sentence in _pool("tatoeba", split, count):
        yield {
            "source_sentence": say([sentence], code),
            "target_sentence": say([sentence], PIVOT),
            "source_lang": code,
            "target_lang": PIVOT,
        }


PAIRS, UNPAIRED = 500, 250
"""Sentences on each side of BUCC: with a translation on the other side, and without one."""


def bucc2018(code: str, split: str, count: int) -> Iterator[Row]:
    """BUCC: two sets of sentences, some of them translations of each other. One row holds a whole split, as in mteb/BUCC."""
    for number in range(count):
        pool, rng = _pool(f"bucc-{number}", split, PAIRS + 2 * UNPAIRED), generator("bucc order", split)
        foreign, english = pool[: PAIRS + UNPAIRED], pool[:PAIRS] + pool[PAIRS + UNPAIRED :]
        rng.shuffle(foreign)
        rng.shuffle(english)
        place = {sentence: at for at, sentence in enumerate(english, start=1)}
        yield {
            "sentence1": [say([sentence], code) for sentence in foreign],
            "sentence2": [say([sentence], PIVOT) for sentence in english],
            "gold": [[at, place[sentence]] for at, sentence in enumerate(foreign, start=1) if sentence in place],
        }
