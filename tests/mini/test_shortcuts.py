"""What a guess without a model scores: the figures that the docstrings of `stilts_ray.mini` state, and no shortcut beyond.

Guesses are trained as a model is, on the pivot's training data, and know no word but those that they are said to know.
"""

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable
from statistics import mean
from typing import Any

import pytest
from seqeval.metrics import f1_score

from stilts_ray.mini import LANGUAGES, PIVOT, WORLDS
from stilts_ray.mini.lexicon import lexicon, written
from stilts_ray.mini.world import SCRIPTS, SYNONYM, UPOS
from tests.mini.generated import rows_of

Row = dict[str, Any]
CODES = [language.code for language in LANGUAGES]
GRADIENT = [language.code for language in WORLDS["mini-gradient"] if language.code != PIVOT]
GROUPS = {
    "pivot": [PIVOT],
    "related": ["qab", "qac"],
    "unrelated": [language.code for language in LANGUAGES if language.family == "B"],
    "other script": [language.code for language in LANGUAGES if language.script != "Latin"],
}


def words_of(text: str) -> list[str]:
    return [word.strip(".?") for word in text.split()]


def guessed(train: list[Row], test: list[Row], feature: Callable[[Row], object]) -> float:
    """Accuracy of the commonest training label of each value of a feature."""
    counts: dict[object, Counter[str]] = {}
    for row in train:
        counts.setdefault(feature(row), Counter())[row["label"]] += 1
    common = Counter(row["label"] for row in train)
    return mean(counts.get(feature(row), common).most_common(1)[0][0] == row["label"] for row in test)


def naive_bayes(train: list[Row], test: list[Row], *columns: str) -> float:
    """Accuracy of naive Bayes on the words and word pairs of each column."""

    def features(row: Row) -> set[object]:
        told = {column: words_of(row[column]) for column in columns}
        return {(column, *n) for column, words in told.items() for n in ((*zip(words),), *itertools.pairwise(words))}

    share, counts = Counter(row["label"] for row in train), {row["label"]: Counter[object]() for row in train}
    for row in train:
        counts[row["label"]].update(features(row))

    def likely(row: Row) -> str:
        known = features(row)
        score = {k: sum(math.log((counts[k][f] + 1) / (share[k] + 2)) for f in known) for k in counts}
        return max(counts, key=score.__getitem__)

    return mean(likely(row) == row["label"] for row in test)


def shape_of(first: str, second: str) -> tuple[object, ...]:
    """Where the words of the second text stand in the first one, and its length: no word is known."""
    there = words_of(first)
    return len(there), *(there.index(word) if word in there else -1 for word in words_of(second))


# Pairs


def pair_sets(name: str) -> tuple[list[Row], list[Row], tuple[str, str]]:
    """Training and test rows of a task on pairs in the pivot, and its columns."""
    folders = {"xnli": ("glue/mnli", "xnli/qaa", "test"), "pawsx": ("pawsx/qaa", "pawsx/qaa", "test")}
    train, test, split = folders.get(name, ("glue/qqp", "glue/qqp", "validation"))
    columns = {"xnli": ("premise", "hypothesis"), "pawsx": ("sentence1", "sentence2")}
    return rows_of(train, "train"), rows_of(test, split), columns.get(name, ("question1", "question2"))


@pytest.mark.parametrize("name", ["xnli", "pawsx", "qqp"])
def test_labels_of_pairs_are_balanced(name: str) -> None:
    for rows in pair_sets(name)[:2]:
        counts = Counter(row["label"] for row in rows)
        assert max(counts.values()) - min(counts.values()) <= 1


@pytest.mark.parametrize("name, high", [("xnli", 0.40), ("pawsx", 0.57), ("qqp", 0.57)])
def test_one_text_of_a_pair_says_nothing(name: str, high: float) -> None:
    train, test, columns = pair_sets(name)
    for column in columns if name != "xnli" else columns[1:]:
        assert naive_bayes(train, test, column) < high, column


def shape_guess(name: str) -> float:
    train, test, (first, second) = pair_sets(name)
    return guessed(train, test, lambda row: shape_of(row[first], row[second]))


def bag_guess(name: str) -> float:
    """How many words of each text the other one does not have, and the words of both without their order."""
    train, test, (first, second) = pair_sets(name)

    def missing(row: Row) -> tuple[int, int]:
        one, other = set(words_of(row[first])), set(words_of(row[second]))
        return len(one - other), len(other - one)

    return max(guessed(train, test, missing), naive_bayes(train, test, first, second))


@pytest.mark.parametrize("name, words, shape", [("xnli", 0.47, 0.53), ("pawsx", 0.59, 0.63), ("qqp", 0.55, 0.66)])
def test_pairs_are_not_told_by_words_without_order_or_by_shape(name: str, words: float, shape: float) -> None:
    assert bag_guess(name) == pytest.approx(words, abs=0.02)
    assert shape_guess(name) == pytest.approx(shape, abs=0.02)


def test_denial_says_little() -> None:
    train, test, _ = pair_sets("xnli")
    no = written(lexicon(PIVOT)["not"], PIVOT)
    assert guessed(train, test, lambda row: no in words_of(row["premise"])) < 0.45


ROUNDS = {"r1": (0.51, 0.48), "r2": (0.45, 0.45), "r3": (0.46, 0.44)}


@pytest.mark.parametrize("name", ROUNDS)
def test_a_round_of_inference_is_not_told_without_who_is_meant(name: str) -> None:
    train, test = (rows_of("anli/plain_text", f"{split}_{name}") for split in ("train", "dev"))
    counts = Counter(row["label"] for row in train)
    assert max(counts.values()) - min(counts.values()) <= 1
    assert naive_bayes(train, test, "hypothesis") < 0.40

    def missing(row: Row) -> tuple[int, int]:
        one, other = set(words_of(row["premise"])), set(words_of(row["hypothesis"]))
        return len(one - other), len(other - one)

    words = max(guessed(train, test, missing), naive_bayes(train, test, "premise", "hypothesis"))
    shape = guessed(train, test, lambda row: shape_of(row["premise"], row["hypothesis"]))
    assert (words, shape) == pytest.approx(ROUNDS[name], abs=0.01)


@pytest.mark.parametrize("people, right", [(2, 0.67), (3, 0.63), (4, 0.59)])
def test_what_most_sentences_say_is_right_less_often_in_each_round(people: int, right: float) -> None:
    """Each sentence is in one of three relations to the hypothesis; the first is the one that counts."""
    told = list(itertools.product(range(3), repeat=people))
    commonest = [[label for label in range(3) if one.count(label) == max(map(one.count, one))] for one in told]
    share = mean((one[0] in best) / len(best) for one, best in zip(told, commonest, strict=True))
    assert share == pytest.approx(right, abs=0.005)


# Endings


def verb_of(words: list[str]) -> str:
    """The verb of what follows a subject: after the word for the past, if there is one."""
    return words[1] if words[0] == lexicon(PIVOT)["do"] else words[0]


def endings_guess(feature: Callable[[Row, int], object]) -> float:
    """The ending whose feature was right most often; ties count in part."""
    right, seen = Counter[object](), Counter[object]()
    for row in rows_of("hellaswag/default", "train"):
        for number in range(4):
            seen[feature(row, number)] += 1
            right[feature(row, number)] += number == int(row["label"])

    def chosen(row: Row) -> float:
        scores = [right[feature(row, number)] / max(1, seen[feature(row, number)]) for number in range(4)]
        best = [number for number in range(4) if scores[number] == max(scores)]
        return (int(row["label"]) in best) / len(best)

    return mean(chosen(row) for row in rows_of("hellaswag/default", "validation"))


STORY = {lexicon(PIVOT)[w]: name for name, verbs in SCRIPTS for verb in verbs for w in (verb, SYNONYM.get(verb, verb))}


def same_story(row: Row, number: int) -> bool:
    """Whether an ending belongs to the script of the beginning."""
    beginning = words_of(row["ctx_a"])[len(words_of(row["ctx_b"])) :]
    return STORY[verb_of(words_of(row["endings"][number]))] == STORY[verb_of(beginning)]


def recurring(row: Row, number: int) -> object:
    """The lengths of the beginning's sentences, and which words of an ending it has."""
    known = words_of(row["ctx_a"])
    lengths = tuple(len(sentence.split()) for sentence in row["ctx_a"].split(". "))
    return lengths, tuple(word in known for word in words_of(row["endings"][number]))


def test_an_ending_is_chosen_by_what_comes_before() -> None:
    assert endings_guess(lambda row, number: verb_of(words_of(row["endings"][number]))) < 0.32, "endings alone"
    assert endings_guess(same_story) == pytest.approx(0.5, abs=0.03), "scripts without their order"
    assert endings_guess(recurring) == pytest.approx(0.46, abs=0.02), "no word known"
    rows = rows_of("hellaswag/default", "validation")
    assert all(row["ctx"] == f"{row['ctx_a']} {row['ctx_b']}" for row in rows)
    labels = Counter(row["label"] for row in rows)
    assert set(labels) == set("0123")
    assert max(labels.values()) < 0.32 * len(rows)


# Questions


def parts(sentence: str) -> dict[str, str]:
    """Subject, patient and place of a sentence of the pivot, by the word that asks for them; without articles."""
    forms, words = lexicon(PIVOT), words_of(sentence)
    stative = {forms[verb] for verb in ("love", "hate", "adore", "detest")}
    past = forms["do"] in words
    at = words.index(forms["do"]) + 1 if past else next(i for i, word in enumerate(words) if word in stative)
    end = words.index(forms["in"]) if forms["in"] in words else len(words)
    found = {"who": words[: at - past], "what": words[at + 1 : end], "where": words[end + 1 :]}
    articles = {forms["the"], forms["a"]}
    told = {forms[role]: " ".join(word for word in part if word not in articles) for role, part in found.items()}
    return {role: part for role, part in told.items() if part}


def candidates(row: Row, sentences: Iterable[str]) -> list[str]:
    """What stands in the role that is asked for."""
    return [part for s in sentences for role, part in parts(s).items() if role == words_of(row["question"])[0]]


def right_type(row: Row) -> float:
    """Exact match of any candidate."""
    found = candidates(row, row["context"].split(". "))
    return found.count(row["answers"]["text"][0]) / len(found)


def words_in_common(row: Row) -> float:
    """Exact match of the candidate in the sentence that has most words of the question."""
    sentences, asked = row["context"].split(". "), set(words_of(row["question"]))
    shared = [len(asked & set(words_of(sentence))) for sentence in sentences]
    best = [one for one, count in zip(sentences, shared, strict=True) if count == max(shared)]
    found = candidates(row, best)
    return found.count(row["answers"]["text"][0]) / max(1, len(found))


def all_words_told(row: Row) -> bool:
    """Whether every name and noun of the question stands in one sentence of the text."""
    asked = set(words_of(row["question"])[1:]) - {lexicon(PIVOT)[word] for word in ("the", "do")}
    verbs = {lexicon(PIVOT)[verb] for verb in UPOS if UPOS[verb] == "VERB"}
    return any(asked <= set(words_of(sentence)) | verbs for sentence in row["context"].split(". "))


def test_a_question_needs_more_than_an_answer_of_the_right_type() -> None:
    for folder in ("xquad/qaa", "tydiqa/qaa", "squad/plain_text"):
        assert mean(right_type(row) for row in rows_of(folder, "validation")) == pytest.approx(0.46, abs=0.03)
        assert mean(words_in_common(row) for row in rows_of(folder, "validation")) == pytest.approx(0.90, abs=0.02)


def test_only_the_verb_tells_that_a_question_has_no_answer() -> None:
    rows = rows_of("squad_v2/squad_v2", "validation")
    assert all(all_words_told(row) for row in rows)


# Tags


def dictionary(folder: str, column: str) -> dict[str, str]:
    """The commonest tag of every word of the pivot's training sentences."""
    counts: dict[str, Counter[str]] = {}
    for row in rows_of(folder, "train"):
        for word, tag in zip(row["tokens"], row[column], strict=True):
            counts.setdefault(word, Counter())[tag] += 1
    return {word: count.most_common(1)[0][0] for word, count in counts.items()}


def speech_guess(code: str) -> float:
    """Accuracy of the pivot's dictionary, NOUN for what is not in it."""
    known = dictionary("udpos/qaa", "pos_tags")
    rows = rows_of(f"udpos/{code}", "test")
    return mean(
        known.get(word, "NOUN") == tag for r in rows for word, tag in zip(r["tokens"], r["pos_tags"], strict=True)
    )


def share_of(tag: str, folder: str, column: str) -> float:
    return mean(other == tag for row in rows_of(folder, "test") for other in row[column])


def names_guess(code: str) -> float:
    """F1 of the pivot's dictionary, B-PER for what is not in it and begins with a capital, else O."""
    known, rows = dictionary("panx/qaa", "ner_tags"), rows_of(f"panx/{code}", "test")
    told = [[known.get(word) or ("B-PER" if word[0].isupper() else "O") for word in row["tokens"]] for row in rows]
    return float(f1_score([row["ner_tags"] for row in rows], told))


def supertags_guess() -> float:
    """Accuracy of the training words' dictionary, N for what is not in it."""
    known, rows = dictionary("ccg/default", "tags"), rows_of("ccg/default", "validation")
    return mean(
        known.get(word, "N") == tag for row in rows for word, tag in zip(row["tokens"], row["tags"], strict=True)
    )


def test_a_dictionary_of_the_pivot_does_not_tag_other_families() -> None:
    scores = {group: [speech_guess(code) for code in codes] for group, codes in GROUPS.items()}
    assert 0.9 < scores["pivot"][0] < 0.99
    assert 0.6 < min(scores["related"]) < max(scores["related"]) < 0.9
    assert max(scores["unrelated"] + scores["other script"]) < 0.55
    assert max(share_of("NOUN", f"udpos/{code}", "pos_tags") for code in CODES) < 0.3
    gradient = [speech_guess(code) for code in GRADIENT]
    assert gradient == sorted(gradient, reverse=True)
    assert gradient[0] - gradient[-1] > 0.4


def test_names_are_not_told_by_the_pivots_dictionary_and_capitals() -> None:
    assert max(names_guess(code) for code in CODES + GRADIENT) < 0.42
    assert all(0.55 < share_of("O", f"panx/{code}", "ner_tags") < 0.75 for code in CODES)


def test_a_dictionary_does_not_settle_supertags() -> None:
    assert 0.9 < supertags_guess() < 0.96


# Translations


def trigrams(sentence: str) -> frozenset[str]:
    return frozenset("".join(three) for three in zip(sentence, sentence[1:], sentence[2:], strict=False))


def letters_guess(code: str) -> float:
    """Accuracy of the sentence that shares most letter trigrams with the pivot's; ties count in part."""
    rows = rows_of(f"tatoeba/{code}", "validation")
    foreign = [trigrams(row["source_sentence"]) for row in rows]
    scores = []
    for place, row in enumerate(rows):
        wanted = trigrams(row["target_sentence"])
        shared = [len(wanted & other) for other in foreign]
        scores.append((shared[place] == max(shared)) / shared.count(max(shared)))
    return mean(scores)


def test_letters_in_common_find_translations_in_related_languages_alone() -> None:
    scores = {group: [letters_guess(code) for code in codes] for group, codes in GROUPS.items() if group != "pivot"}
    assert min(scores["related"]) > 0.6
    assert 0.1 < min(scores["unrelated"]) < max(scores["unrelated"]) < 0.3
    assert max(scores["other script"]) < 0.01
    gradient = [letters_guess(code) for code in GRADIENT]
    assert gradient == sorted(gradient, reverse=True)


def reciprocal_rank(scores: list[float], right: int) -> float:
    """Of the right candidate among the twenty best; the mean over the orders of those that are equal."""
    better, equal = sum(score > scores[right] for score in scores), scores.count(scores[right])
    return sum(1 / rank for rank in range(better + 1, min(20, better + equal) + 1)) / equal


@pytest.mark.parametrize("code, name, shared", [(PIVOT, 23, 18), ("qbb", 23, 14), ("qca", 14, 14), ("qdc", 17, 11)])
def test_neither_a_name_nor_words_in_common_tell_who_is_spoken_of(code: str, name: int, shared: int) -> None:
    known = rows_of("mewslix/candidate_entities", "test")
    places = {row["entity_id"]: place for place, row in enumerate(known)}
    told = [set(words_of(row["description"])) for row in known]
    common = Counter(word for words in told for word in words)
    worth = {word: math.log(len(told) / count) for word, count in common.items()}

    def guessed(asked: Callable[[list[str]], set[str]]) -> float:
        found = []
        for row in rows_of(f"mewslix/{code}", "test"):
            words = asked([word.strip(".:") for word in row["mention"].split()])
            scores = [round(sum(worth[word] for word in words & own), 9) for own in told]
            found.append(reciprocal_rank(scores, places[row["entity_id"]]))
        return 100 * mean(found)

    assert guessed(lambda words: {words[0]}) == pytest.approx(name, abs=1)
    assert guessed(set) == pytest.approx(shared, abs=1.5)
