"""The generated data sets: the same every time, in the hub's columns, and without shortcuts."""

import itertools
import json
import math
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import datasets
import pyarrow.parquet as parquet
import pytest

from stilts_ray.mini import FOLDERS, LANGUAGES, PIVOT, SIZES, build, scenes
from stilts_ray.mini.inference import LABELS
from stilts_ray.mini.languages import SCRIPTS
from stilts_ray.mini.lexicon import CITIES, PEOPLE, lexicon, written
from stilts_ray.mini.text import Mixture, documents
from stilts_ray.mini.world import OPPOSITE, PATIENTS, SAME_ROOT, UPOS
from stilts_ray.mini.world import SCRIPTS as STORIES

CODES = [language.code for language in LANGUAGES]
ROOT = Path(__file__).parents[2]


rows_of = cache(build.rows)

DIGEST = """
import hashlib, json
from stilts_ray.mini import build
def digest(folder):
    split = list(build.splits(folder))[-1]
    return hashlib.sha256(json.dumps(build.rows(folder, split), ensure_ascii=False).encode()).hexdigest()
"""


def test_rows_depend_on_nothing_but_the_version() -> None:
    """Neither on what was made before, nor on the process, nor on Python's hash seed."""
    chosen = ["xquad/qcb", "glue/mnli", "tatoeba/qda", "udpos/qbb", "hellaswag/default", "xnli/qab", "mlm_text/qdc"]
    here: dict[str, Callable[[str], str]] = {}
    exec(DIGEST, here)
    code = f"{DIGEST}print(json.dumps({{folder: digest(folder) for folder in {chosen[::-1]!r}}}))"
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": str(ROOT)}
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert json.loads(out.stdout.splitlines()[-1]) == {folder: here["digest"](folder) for folder in chosen}


def test_importing_the_package_is_light() -> None:
    code = (
        "import sys; from stilts_ray import mini; "
        "print([name for name in ('numpy', 'torch', 'datasets', 'pyarrow') if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert out.stdout.strip() == "[]"


HUB = {
    "glue/mnli": "premise hypothesis label idx",
    "squad/plain_text": "id title context question answers",
    "hellaswag/default": "ind activity_label ctx_a ctx_b ctx endings source_id split split_type label",
    "xnli/qdb": "premise hypothesis label",
    "udpos/qaa": "tokens pos_tags",
    "xquad/qca": "id context question answers",
    "tatoeba/qab": "source_sentence target_sentence source_lang target_lang",
}


@pytest.mark.parametrize("folder", HUB)
def test_columns_and_sizes_are_the_hubs(folder: str, tmp_path: Path) -> None:
    started = time.process_time()
    build.write(folder, tmp_path)
    assert time.process_time() - started < 4
    for split, size in build.splits(folder).items():
        table = parquet.read_table(tmp_path / folder / f"{split}.parquet")
        assert table.column_names == HUB[folder].split()
        assert table.num_rows == size
        features = datasets.Dataset(table).features
        assert features == datasets.Features(build.FEATURES[build._kind(folder)])
        if "label" in features and folder != "hellaswag/default":
            assert features["label"].names == list(LABELS)


def test_labels_are_stored_by_number_and_named_in_the_metadata(tmp_path: Path) -> None:
    build.write("udpos/qab", tmp_path)
    stored = datasets.Dataset(parquet.read_table(tmp_path / "udpos/qab/test.parquet"))
    names = stored.features["pos_tags"].feature.names
    assert len(names) == 17
    expected = rows_of("udpos/qab", "test")[0]
    assert [names[tag] for tag in stored[0]["pos_tags"]] == expected["pos_tags"]


def test_an_unknown_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="xnli/qzz"):
        build.write("xnli/qzz", tmp_path)


@pytest.mark.parametrize("folder", [f for f in FOLDERS if f.startswith(("xquad", "squad"))])
def test_answers_stand_in_their_contexts(folder: str) -> None:
    for row in rows_of(folder, "validation"):
        (answer,), (start,) = row["answers"]["text"], row["answers"]["answer_start"]
        assert row["context"][start : start + len(answer)] == answer
        assert start == 0 or row["context"][start - 1] == " "
        assert answer.strip()
        assert "." not in answer


def test_test_sets_are_parallel() -> None:
    labels = [[row["label"] for row in rows_of(f"xnli/{code}", "test")] for code in CODES]
    assert all(other == labels[0] for other in labels)
    ids = [[row["id"] for row in rows_of(f"xquad/{code}", "validation")] for code in CODES]
    assert all(other == ids[0] for other in ids)
    english = [[row["target_sentence"] for row in rows_of(f"tatoeba/{c}", "validation")] for c in CODES[1:]]
    assert all(other == english[0] for other in english)
    # Names are the same people in all languages: compare them after undoing the script, endings aside.
    for code in CODES:
        script = SCRIPTS[next(language.script for language in LANGUAGES if language.code == code)]
        back = {ord(chr(new)): chr(old) for old, new in script.items() if chr(old).islower()}
        pairs = zip(rows_of("xnli/qaa", "test")[:50], rows_of(f"xnli/{code}", "test")[:50], strict=True)
        for pivot, told in pairs:
            name = next(word for word in pivot["hypothesis"].strip(".").split() if word in PEOPLE)
            assert name.lower() in told["hypothesis"].lower().translate(back)


@pytest.mark.parametrize("code", CODES[1:])
def test_sentences_to_be_searched_have_no_names_no_digits_and_no_twins(code: str) -> None:
    rows = rows_of(f"tatoeba/{code}", "validation")
    names = {written(name, code) for name in PEOPLE + CITIES} | {*PEOPLE, *CITIES}
    for column in ("source_sentence", "target_sentence"):
        sentences = [row[column] for row in rows]
        assert len(set(sentences)) == len(sentences) == SIZES["tatoeba/{}"]["validation"]
        assert not any(character.isdigit() for sentence in sentences for character in sentence)
        assert not names & {word.strip(".") for sentence in sentences for word in sentence.split()}


def _words(text: str) -> list[str]:
    return [word.strip(".?") for word in text.split()]


def _guess(rows: list[dict[str, str]], feature: Callable[[dict[str, str]], object]) -> float:
    """Accuracy of guessing the commonest label of each value of a feature."""
    counts: dict[object, Counter[str]] = {}
    for row in rows:
        counts.setdefault(feature(row), Counter())[row["label"]] += 1
    return sum(max(count.values()) for count in counts.values()) / len(rows)


def test_inference_has_no_shortcut() -> None:
    """Balanced labels; neither the hypothesis alone, nor shared words, nor denial give the label away."""
    train, test = rows_of("glue/mnli", "train"), rows_of("xnli/qaa", "test")
    assert all(abs(count - len(test) / 3) < 1 for count in Counter(row["label"] for row in test).values())
    assert _hypothesis_only(train, test) < 0.42
    missing = {id(row): len(set(_words(row["hypothesis"])) - set(_words(row["premise"]))) for row in train}
    assert _guess(train, lambda row: missing[id(row)]) < 0.50
    denial = written(lexicon(PIVOT)["not"], PIVOT)
    assert _guess(train, lambda row: denial in _words(row["premise"])) < 0.40


def _hypothesis_only(train: list[dict[str, str]], test: list[dict[str, str]]) -> float:
    """Naive Bayes on the words and word pairs of the hypothesis."""
    counts = {label: Counter[object]() for label in LABELS}

    def features(row: dict[str, str]) -> set[object]:
        words = _words(row["hypothesis"])
        return {*words, *itertools.pairwise(words)}

    for row in train:
        counts[row["label"]].update(features(row))
    share = {label: sum(row["label"] == label for row in train) for label in LABELS}

    def best(row: dict[str, str]) -> str:
        known = features(row)
        score = {k: sum(math.log((counts[k][f] + 1) / (share[k] + 2)) for f in known) for k in LABELS}
        return max(LABELS, key=score.__getitem__)

    return sum(best(row) == row["label"] for row in test) / len(test)


def test_endings_alone_do_not_tell_which_one_is_right() -> None:
    train, test = rows_of("hellaswag/default", "train"), rows_of("hellaswag/default", "validation")
    right, seen = Counter[str](), Counter[str]()
    for row in train:
        for number, ending in enumerate(row["endings"]):
            seen[ending.split()[1]] += 1
            right[ending.split()[1]] += number == int(row["label"])

    def best(row: dict[str, list[str]]) -> int:
        scores = [right[ending.split()[1]] / max(1, seen[ending.split()[1]]) for ending in row["endings"]]
        return scores.index(max(scores))

    assert sum(best(row) == int(row["label"]) for row in test) / len(test) < 0.35
    assert all(row["ctx"] == f"{row['ctx_a']} {row['ctx_b']}" for row in test)
    assert set(Counter(row["label"] for row in test)) == set("0123")


def _overlap(code: str) -> float:
    """Share of the words of a language's sentences that the pivot's sentences have too."""
    pivot = {word for row in rows_of("xnli/qaa", "test") for word in _words(row["premise"]) if word not in PEOPLE}
    words = [word for row in rows_of(f"xnli/{code}", "test") for word in _words(row["premise"])]
    words = [word for word in words if word not in PEOPLE + CITIES]
    return sum(word in pivot for word in words) / len(words)


def test_words_in_common_follow_relatedness() -> None:
    family = {language.code: language.family for language in LANGUAGES}
    shares = {code: _overlap(code) for code in CODES[1:]}
    related, unrelated = ([shares[code] for code in shares if family[code] == name] for name in "AB")
    scripts = [shares[code] for code in shares if family[code] in "CD"]
    assert min(related) > 2 * max(unrelated) > 0
    assert sum(unrelated) / len(unrelated) > 0.03 > max(scripts)


def test_a_dictionary_of_the_pivot_does_not_tag_other_families() -> None:
    """Words of the pivot's few training sentences, NOUN for all others."""
    counts: dict[str, Counter[str]] = {}
    for row in rows_of("udpos/qaa", "train"):
        for word, tag in zip(row["tokens"], row["pos_tags"], strict=True):
            counts.setdefault(word, Counter())[tag] += 1

    def accuracy(code: str) -> float:
        pairs = [
            (counts[word].most_common(1)[0][0] if word in counts else "NOUN", tag)
            for row in rows_of(f"udpos/{code}", "test")
            for word, tag in zip(row["tokens"], row["pos_tags"], strict=True)
        ]
        return sum(guess == tag for guess, tag in pairs) / len(pairs)

    assert 0.9 < accuracy("qaa") < 0.99
    assert 0.6 < accuracy("qab") < 0.9
    assert max(accuracy(code) for code in CODES[3:]) < 0.6


def test_no_two_words_of_a_language_sound_alike_but_those_of_one_root() -> None:
    for code in CODES:
        forms = Counter(lexicon(code)[concept] for concept in UPOS if concept not in SAME_ROOT)
        assert [form for form, count in forms.items() if count > 1] == [], code


def test_the_world_is_consistent() -> None:
    assert all(OPPOSITE[OPPOSITE[word]] == word for word in OPPOSITE)
    steps = [verb for _, verbs in STORIES for verb in verbs]
    assert len(steps) == len(set(steps))
    assert all(verb in PATIENTS or verb in scenes.MOTIONS for verb in steps)


def test_shares_of_raw_text_can_be_set() -> None:
    plain = Mixture(bilingual=0, switched=0)
    cyrillic = {chr(new) for new in SCRIPTS["Cyrillic"].values()}
    told = list(documents(PIVOT, 200, plain))
    assert not any(cyrillic & set(document) for document in told)
    assert sum("?" in document for document in told) > 30
    assert not any("?" in document for document in documents(PIVOT, 100, Mixture(quizzes=0)))
    mixed = list(documents("qca", 200, Mixture(bilingual=0, switched=1, gloss=0, partner=1)))
    assert sum(bool(cyrillic & set(d)) and any("a" <= c <= "z" for c in d) for d in mixed) > 180
    assert 15 < sum(len(document.split()) for document in told) / len(told) < 32
