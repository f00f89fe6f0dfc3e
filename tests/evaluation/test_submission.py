"""Submission trees: what they score, how they are written, and what is said of a malformed one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stilts_ray.errors import RequestError
from stilts_ray.evaluation.submission import FORMATS, path_of, read, score_file, score_tree, write_predictions
from stilts_ray.metrics import formats
from stilts_ray.metrics.scores import map_at_20, set_f1
from stilts_ray.tasks.benchmarks import BENCHMARKS
from stilts_ray.tasks.tagging import NER, UPOS
from tests.evaluation.trees import CASES, averages, chosen, lines, mined, overall, rounded, squad, write, write_trees


def languages(benchmark: str, *tasks: str) -> dict[str, tuple[str, ...]]:
    """Those of some tasks; without tasks, of all."""
    return {task: codes for task, codes in BENCHMARKS[benchmark].items() if task in (tasks or BENCHMARKS[benchmark])}


def scored(folder: Path, task: str, labels: str, predictions: str, language: str = "zh") -> dict[str, float]:
    """A task's metrics in one language, from the texts of two files."""
    write(path_of(folder / "labels", task, language), labels)
    write(path_of(folder / "predictions", task, language), predictions)
    return score_file(folder / "predictions", folder / "labels", task, language)


# Whole trees


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_a_whole_tree_scores_what_was_worked_out_by_hand(benchmark: str, tmp_path: Path) -> None:
    document = score_tree(*write_trees(tmp_path, languages(benchmark)), benchmark)
    assert set(document) == {"benchmark", "tasks", "overall"}
    assert document["benchmark"] == benchmark
    assert rounded({task: result["average"] for task, result in document["tasks"].items()}) == rounded(
        averages(benchmark)
    )
    assert rounded(document["overall"]) == rounded(overall(benchmark))
    for task, (first, *others) in BENCHMARKS[benchmark].items():
        poor = CASES[task].scores
        result = document["tasks"][task]
        assert set(result) == {"average", "metrics", "languages"}
        assert list(result["languages"]) == [first, *others]
        assert result["languages"][first] == dict.fromkeys(poor, 100.0)
        for code in others:
            assert rounded(result["languages"][code]) == rounded({name: 100 * value for name, value in poor.items()})
        means = {name: 100 * (1 + len(others) * value) / (len(others) + 1) for name, value in poor.items()}
        assert rounded(result["metrics"]) == rounded(means)
    assert json.loads(json.dumps(document)) == document


def test_a_task_without_predictions_is_not_scored_and_there_is_no_overall_average(tmp_path: Path) -> None:
    predictions, labels = write_trees(tmp_path, languages("xtreme", "pawsx", "mlqa"))
    write_trees(tmp_path / "more", languages("xtreme", "xnli"))
    document = score_tree(predictions, labels, "xtreme")
    assert set(document["tasks"]) == {"pawsx", "mlqa"}
    assert document["overall"] is None
    assert rounded(document["tasks"]["mlqa"]["average"]) == rounded(averages("xtreme")["mlqa"])


def test_other_files_and_the_other_benchmarks_tasks_are_not_looked_at(tmp_path: Path) -> None:
    predictions, labels = write_trees(tmp_path, languages("xtreme-r", "xquad", "mewslix"))
    write(predictions / "notes" / "test-de.tsv", "x")
    write(predictions / "xquad" / "test-xx.json", "x")
    assert set(score_tree(predictions, labels, "xtreme")["tasks"]) == {"xquad"}


@pytest.mark.parametrize("side", ["predictions", "labels"])
def test_a_missing_language_is_named(side: str, tmp_path: Path) -> None:
    predictions, labels = write_trees(tmp_path, languages("xtreme", "xquad"))
    missing = tmp_path / side / "xquad" / "test-th.json"
    missing.unlink()
    with pytest.raises(RequestError) as error:
        score_tree(predictions, labels, "xtreme")
    assert str(error.value) == f"no {side} {missing}; xquad is scored in all of its 11 languages"


def test_predictions_without_labels_are_an_error(tmp_path: Path) -> None:
    predictions, _ = write_trees(tmp_path, languages("xtreme", "xnli"))
    (tmp_path / "other").mkdir()
    with pytest.raises(RequestError, match=r"no labels .*xnli/test-ar\.tsv"):
        score_tree(predictions, tmp_path / "other", "xtreme")


def test_folders_that_are_none_are_one_line(tmp_path: Path) -> None:
    predictions, labels = write_trees(tmp_path, languages("xtreme", "xnli"))
    with pytest.raises(RequestError, match="nowhere is not a folder"):
        score_tree(tmp_path / "nowhere", labels, "xtreme")
    with pytest.raises(RequestError, match="nowhere is not a folder"):
        score_tree(predictions, tmp_path / "nowhere", "xtreme")
    with pytest.raises(RequestError, match="has no task of xtreme; folders of tasks: xnli, pawsx, "):
        score_tree(tmp_path, labels, "xtreme")


# Writing


VALUES: dict[str, Any] = {
    "xnli": ["neutral", "entailment"],
    "pawsx": ["0", "1"],
    "xcopa": [0, 1, 1],
    "udpos": [["NOUN", "X"], ["SCONJ"]],
    "panx": [["B-LOC", "I-LOC", "O"], ["O"]],
    "xquad": {"a": "北京", "b": "", "c": " two\nlines\u2028 "},
    "mlqa": {"é": "الطرق"},
    "tydiqa": {},
    "bucc2018": [("de-2", "en-1"), ("de-1", "en-1")],
    "tatoeba": [3, 0, 3],
    "mewslix": {"m": ["Q1", "Q2"], "n": []},
    "lareqa": {"q": [str(number) for number in range(20)]},
}


@pytest.mark.parametrize("task", FORMATS)
def test_what_is_written_is_read_again(task: str, tmp_path: Path) -> None:
    path = write_predictions(tmp_path / "new" / "folder", task, "de", VALUES[task])
    assert path == path_of(tmp_path / "new" / "folder", task, "de")
    assert path.parent.name == task
    assert read(path, FORMATS[task].predictions) == VALUES[task]


@pytest.mark.parametrize("task", FORMATS)
def test_written_predictions_are_scored(task: str, tmp_path: Path) -> None:
    """A tree made with `write_predictions` scores as the one written by hand."""
    benchmark = "xtreme" if task in BENCHMARKS["xtreme"] else "xtreme-r"
    predictions, labels = write_trees(tmp_path, languages(benchmark, task))
    for code in BENCHMARKS[benchmark][task]:
        values = read(path_of(predictions, task, code), FORMATS[task].predictions)
        write_predictions(tmp_path / "again", task, code, values)
    assert score_tree(tmp_path / "again", labels, benchmark) == score_tree(predictions, labels, benchmark)


@pytest.mark.parametrize(
    "task, values, said",
    [
        ("xnli", ["neutral", "maybe"], "line 2: 'maybe' is no label"),
        ("xcopa", [2], "line 1: `label` is 2 instead of 0 or 1"),
        ("udpos", [["NOUN"], []], "a prediction is empty"),
        ("udpos", [["B-LOC"]], "'B-LOC' is no label"),
        ("xquad", {"a": 7}, "key 'a': 7 is not text"),
        ("bucc2018", [("de-1\tx", "en-1")], "has 3 columns instead of 2"),
        ("bucc2018", [("de-1", "en-1 ")], "white space at an end"),
        ("bucc2018", [("de\ud800", "en-1")], "surrogates not allowed"),
        ("tatoeba", [-1], "'-1' is not an index"),
        ("mewslix", {"m": ["Q1"] * 2}, "key 'm': a candidate stands there twice"),
        ("lareqa", {"m": [str(number) for number in range(21)]}, "21 candidates instead of at most 20"),
    ],
)
def test_what_could_not_be_read_again_is_not_written(task: str, values: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(RequestError) as error:
        write_predictions(tmp_path, task, "de", values)
    message = str(error.value)
    assert said in message
    assert message.startswith(str(path_of(tmp_path, task, "de")))
    assert "\n" not in message
    assert list(tmp_path.iterdir()) == []


# Rules of single tasks


def test_lines_end_with_a_line_feed_alone(tmp_path: Path) -> None:
    """Characters that Unicode calls line separators are part of a line; a carriage return before the line feed is not."""
    assert formats.pairs("de\u2028\u00851\ten-1\r\nde-2\ten-2") == [("de\u2028\u00851", "en-1"), ("de-2", "en-2")]
    assert formats.labels("0\r\n1\r\n", ("0", "1")) == ["0", "1"]
    assert formats.sentences("NOUN \r\n\r\nX\r\n", UPOS) == [["NOUN"], ["X"]]
    answers = json.dumps({"a": "one\u2028two"}, ensure_ascii=False)
    assert scored(tmp_path, "xquad", squad({"a": ["two one"]}), answers) == {"em": 0.0, "f1": 100.0}


def test_empty_lines_between_sentences_count_once() -> None:
    assert formats.sentences("\n\nO\nB-LOC\n\n\nO\n\n", NER) == [["O", "B-LOC"], ["O"]]
    assert formats.sentences("", NER) == formats.sentences("\n", NER) == []


def test_a_repeated_pair_counts_once(tmp_path: Path) -> None:
    """The published rule: F1 of two sets."""
    scores = scored(tmp_path, "bucc2018", mined("1 2 2 3"), mined("1 1 1 2"))
    assert scores == {
        "f1": pytest.approx(100 * 2 * 2 / (3 + 2)),
        "precision": pytest.approx(100),
        "recall": pytest.approx(200 / 3),
    }
    # A pair is one only as a whole, and in its order.
    assert scored(tmp_path, "bucc2018", "a\tb\n", "b\ta\n")["f1"] == 0


def test_indices_are_numbers(tmp_path: Path) -> None:
    assert scored(tmp_path, "tatoeba", lines("0 1 20"), lines("00 1 2")) == {"accuracy": pytest.approx(200 / 3)}


def test_mined_nothing_is_no_error(tmp_path: Path) -> None:
    assert scored(tmp_path, "bucc2018", mined("1"), "")["f1"] == 0.0


def test_other_keys_may_stand_beside_a_choice(tmp_path: Path) -> None:
    labels = '{"premise": "x", "label": 1, "idx": 0}\n{"label": 0}\n'
    assert scored(tmp_path, "xcopa", labels, chosen("1 1")) == {"accuracy": 50.0}


def test_squads_list_may_stand_for_the_whole(tmp_path: Path) -> None:
    labels = json.dumps(json.loads(squad({"a": ["one"], "b": ["two"]}))["data"])
    assert scored(tmp_path, "tydiqa", labels, '{"b": "two"}') == {"em": 50.0, "f1": 50.0}


def test_the_language_of_a_file_decides_mlqas_rule(tmp_path: Path) -> None:
    labels, predictions = squad({"a": ["der Turm"]}), '{"a": "Turm"}'
    assert scored(tmp_path, "mlqa", labels, predictions, "de")["em"] == 100
    assert scored(tmp_path, "mlqa", labels, predictions, "en")["em"] == 0
    assert scored(tmp_path, "xquad", labels, predictions, "de")["em"] == 0


@pytest.mark.parametrize(
    "gold, predicted, value",
    [
        ({"q": {"a"}}, {"q": ["a", "b"]}, 1),
        ({"q": {"a"}}, {"q": ["b", "c", "a"]}, 1 / 3),
        ({"q": {"a"}}, {"q": [*map(str, range(19)), "a"]}, 1 / 20),
        ({"q": {"a"}}, {"q": [*map(str, range(20)), "a"]}, 0),
        ({"q": {"a"}, "r": {"b"}}, {"q": ["a"], "s": ["b"]}, 1 / 2),
        ({"q": {"a", "b"}}, {"q": ["a"]}, 1 / 2),
        ({"q": {"a", "b"}}, {"q": ["x", "a", "y", "b"]}, (1 / 2 + 2 / 4) / 2),
        # More right ones than places: all places can be right, no more.
        ({"q": set(map(str, range(30)))}, {"q": [*map(str, range(20))]}, 1),
        ({"q": set(map(str, range(30)))}, {"q": [*map(str, range(10))]}, 1 / 2),
    ],
)
def test_mean_average_precision_of_twenty(
    gold: dict[str, set[str]], predicted: dict[str, list[str]], value: float
) -> None:
    assert map_at_20(gold, predicted) == {"score": pytest.approx(100 * value), "map@20": pytest.approx(100 * value)}


# What holds for any tree

PERMUTED: dict[str, st.SearchStrategy[Any]] = {
    "xnli": st.tuples(*[st.sampled_from(["entailment", "neutral", "contradiction"])] * 2),
    "pawsx": st.tuples(*[st.sampled_from(["0", "1"])] * 2),
    "xcopa": st.tuples(*[st.sampled_from(['{"label": 0}', '{"label": 1}'])] * 2),
    "tatoeba": st.tuples(*[st.integers(0, 4).map(str)] * 2),
    "bucc2018": st.tuples(*[st.integers(0, 4).map(lambda number: f"a\u2028{number}\tb")] * 2),
    "udpos": st.lists(st.tuples(*[st.sampled_from(UPOS)] * 2), min_size=1, max_size=4),
    "panx": st.lists(st.tuples(*[st.sampled_from(NER)] * 2), min_size=1, max_size=4),
}
"""Examples: right and predicted lines, or tags of a sentence."""


def texts(task: str, examples: list[Any]) -> list[str]:
    """Files of labels and of predictions."""
    if task in ("udpos", "panx"):
        return ["\n".join("".join(f"{tags[side]}\n" for tags in sentence) for sentence in examples) for side in (0, 1)]
    return ["".join(f"{example[side]}\n" for example in examples) for side in (0, 1)]


def metrics_of(task: str, labels: str, predictions: str) -> dict[str, float]:
    form = FORMATS[task]
    return form.score(form.labels(labels), form.predictions(predictions), "zh")


@pytest.mark.parametrize("task", PERMUTED)
@given(data=st.data())
def test_the_order_of_examples_does_not_matter(task: str, data: st.DataObject) -> None:
    examples = data.draw(st.lists(PERMUTED[task], min_size=1, max_size=6))
    scores = metrics_of(task, *texts(task, examples))
    assert all(0 <= value <= 100 for value in scores.values())
    shuffled = data.draw(st.permutations(examples))
    assert metrics_of(task, *texts(task, shuffled)) == {name: pytest.approx(value) for name, value in scores.items()}
    labels, _ = texts(task, examples)
    perfect = metrics_of(task, labels, labels)
    # Where there is no entity, or none but X, seqeval finds nothing, and scores that 0.
    if task != "panx" and not (task == "udpos" and set(labels.split()) == {"X"}):
        assert set(perfect.values()) == {100.0}


IDS = st.text(max_size=3)
CANDIDATES = st.lists(st.sampled_from("abc北ال"), min_size=1, max_size=4, unique=True)


@given(st.dictionaries(IDS, st.tuples(CANDIDATES, CANDIDATES), min_size=1, max_size=6), st.data())
def test_rankings_are_by_question(pairs: dict[str, tuple[list[str], list[str]]], data: st.DataObject) -> None:
    gold = {question: frozenset(right) for question, (right, _) in pairs.items()}
    found = {question: candidates for question, (_, candidates) in pairs.items()}
    value = map_at_20(gold, found)["map@20"]
    assert 0 <= value <= 100
    order = data.draw(st.permutations(list(pairs)))
    assert map_at_20(gold, {question: found[question] for question in order})["map@20"] == pytest.approx(value)
    assert map_at_20(gold, {question: list(right) for question, right in gold.items()})["map@20"] == pytest.approx(100)
    assert map_at_20(gold, {})["map@20"] == 0
    assert map_at_20(gold, {**found, "a question of no one": ["a"]})["map@20"] == pytest.approx(value)
    missing, _ = pairs.popitem()
    less = map_at_20(gold, {question: found[question] for question in pairs})["map@20"]
    assert less == pytest.approx(value - map_at_20({missing: gold[missing]}, found)["map@20"] / len(gold))


@given(st.sets(st.integers(0, 6), min_size=1), st.sets(st.integers(0, 6)))
def test_f1_of_sets_is_the_harmonic_mean(gold: set[int], found: set[int]) -> None:
    scores = set_f1(gold, found)
    precision, recall = scores["precision"], scores["recall"]
    assert scores["f1"] == pytest.approx(2 * precision * recall / (precision + recall) if precision else 0)
    assert set_f1(gold, gold)["f1"] == 100


@pytest.mark.parametrize("task", ["xquad", "mlqa", "tydiqa", "mewslix", "lareqa"])
def test_no_predictions_score_nothing(task: str) -> None:
    assert set(metrics_of(task, CASES[task].labels, "{}").values()) == {0.0}


# Malformed files

MALFORMED: dict[str, tuple[str, str | bytes, str]] = {
    "unknown label": ("xnli", lines("entailment neutral contradictory neutral"), "line 3: 'contradictory' is no label; known:"),
    "label in capitals": ("xnli", lines("Neutral neutral neutral neutral"), "line 1: 'Neutral' is no label"),
    "number for a label": ("xnli", lines("0 0 0 0"), "known: entailment, neutral, contradiction"),
    "columns beside a label": ("pawsx", "0\tone\ttwo\n1\n", "line 1: '0\\tone\\ttwo' has 3 columns instead of 1"),
    "empty line": ("pawsx", "0\n\n1\n", "line 2: is empty"),
    "empty line at the end": ("pawsx", "0\n1\n\n", "line 3: is empty"),
    "too few lines": ("xnli", lines("neutral"), "1 predictions for 4 examples"),
    "too many lines": ("pawsx", lines("0 1 1"), "3 predictions for 2 examples"),
    "no lines": ("pawsx", "", "0 predictions for 2 examples"),
    "byte order mark": ("pawsx", "\ufeff0\n1\n", "line 1: '\\ufeff0' is no label"),
    "not UTF-8": ("pawsx", b"0\n\xe9\n", "line 2: not UTF-8"),
    "UTF-16": ("pawsx", "0\n1\n".encode("utf-16"), "line 1: not UTF-8"),
    "a label that is long": ("xnli", "neutral\n" + 200 * "x" + "\n", "line 2: 'xxx"),
    "a control character": ("pawsx", "0\n1\x1b[2J\n", "line 2: '1\\x1b[2J' is no label"),
    "not a number": ("tatoeba", lines("3 0 x 1 1"), "line 3: 'x' is not an index, a whole number from 0"),
    "a fraction": ("tatoeba", lines("3 0 1.0 1 1"), "line 3: '1.0' is not an index"),
    "a negative number": ("tatoeba", lines("-1 0 1 1 1"), "line 1: '-1' is not an index"),
    "a number as in a program": ("tatoeba", lines("1_0 0 1 1 1"), "line 1: '1_0' is not an index"),
    "digits of another script": ("tatoeba", lines("٣ 0 1 1 1"), "line 1: '٣' is not an index"),
    "one id": ("bucc2018", "xx-1\ten-1\nxx-2\n", "line 2: 'xx-2' has 1 columns instead of 2"),
    "ids with a blank": ("bucc2018", "xx-1 en-1\n", "line 1: 'xx-1 en-1' has 1 columns instead of 2"),
    "three ids": ("bucc2018", "a\tb\tc\n", "line 1: 'a\\tb\\tc' has 3 columns instead of 2"),
    "unknown tag": ("udpos", lines("PRON VERB PUNCT / NOUN NAME"), "line 6: 'NAME' is no label; known: ADJ, ADP,"),
    "tag of another task": ("panx", lines("B-PER I-PER O NOUN"), "line 4: 'NOUN' is no label; known: O, B-PER,"),
    "tag with its word": ("panx", "Ada\tB-PER\n", "line 1: 'Ada\\tB-PER' has 2 columns instead of 1"),
    "tags of a sentence too few": ("udpos", lines("PRON VERB / NOUN NOUN"), "2 and 3 tags in sentence 1"),
    "tags of a sentence too many": ("udpos", lines("PRON VERB PUNCT / NOUN NOUN X"), "3 and 2 tags in sentence 2"),
    "sentences run together": ("udpos", lines("PRON VERB PUNCT NOUN NOUN"), "1 and 2 sentences"),
    "no json": ("xquad", '{"a": "308",\n}', "line 2, column 1: not json ("),
    "no json at all": ("mlqa", "", "column 1: not json ("),
    "json too deep": ("mlqa", "[" * 100_000, "not json ("),
    "a list": ("tydiqa", '["a"]', "['a'] is not a json object"),
    "a number for an answer": ("xquad", '{"a": 308}', "key 'a': 308 is not text"),
    "no answer": ("xquad", '{"a": null}', "key 'a': None is not text"),
    "several answers": ("xquad", '{"a": ["308"]}', "key 'a': ['308'] is not text"),
    "labels for predictions": ("xquad", CASES["xquad"].labels, "key 'data': [{'title'"),
    "a question twice": ("xquad", '{"a": "1", "b": "2", "a": "3"}', "key 'a' stands there twice"),
    "choice out of range": ("xcopa", chosen("0 1 2 0"), "line 3: `label` is 2 instead of 0 or 1"),
    "choice as text": ("xcopa", '{"label": "0"}\n', "line 1: `label` is '0' instead of 0 or 1"),
    "choice as truth": ("xcopa", '{"label": true}\n', "line 1: `label` is True instead of 0 or 1"),
    "choice without a name": ("xcopa", "0\n1\n1\n0\n", "line 1: 0 is not a json object"),
    "choice under another name": ("xcopa", '{"labels": 0}\n', "line 1: `label` is None instead of 0 or 1"),
    "choice broken off": ("xcopa", '{"label": 0}\n{"label":\n', "line 2: column 10: not json ("),
    "too few choices": ("xcopa", chosen("0"), "1 predictions for 4 examples"),
    "too many candidates": ("mewslix", json.dumps({"m": [*"abcdefghijklmnopqrstu"]}), "21 candidates instead of at most 20"),
    "a candidate twice": ("lareqa", '{"q": ["a", "b", "a"]}', "key 'q': a candidate stands there twice"),
    "one candidate, no list": ("mewslix", '{"m": "Q1"}', "key 'm': 'Q1' is not a list of ids"),
    "numbers for candidates": ("mewslix", '{"m": [1, 2]}', "key 'm': [1, 2] is not a list of ids"),
    "a list of rankings": ("lareqa", '[["a"]]', "[['a']] is not a json object"),
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_predictions_are_one_line_that_says_where(name: str, tmp_path: Path) -> None:
    task, content, said = MALFORMED[name]
    benchmark = "xtreme" if task in BENCHMARKS["xtreme"] else "xtreme-r"
    predictions, labels = write_trees(tmp_path, languages(benchmark, task))
    path = path_of(predictions, task, BENCHMARKS[benchmark][task][1])
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    with pytest.raises(RequestError) as error:
        score_tree(predictions, labels, benchmark)
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert said in message
    assert len(message) < len(str(path)) + 150
    assert message.isprintable(), "one line, without control characters"


LABELS: dict[str, tuple[str, str, str]] = {
    "none": ("xnli", "", "there is no label in it"),
    "none in json": ("mewslix", "{}", "there is no label in it"),
    "no questions": ("xquad", '{"data": []}', "there is no label in it"),
    "unknown": ("xnli", "yes\n", "line 1: 'yes' is no label"),
    "predictions for labels": ("xquad", '{"a": "308"}', "is not SQuAD's json"),
    "no answer": ("mlqa", squad({"a": []}), "question 'a': its answers are [] instead of texts"),
    "no right candidate": ("lareqa", '{"q": []}', "key 'q': no right candidate"),
}


@pytest.mark.parametrize("name", LABELS)
def test_malformed_labels_are_one_line_that_names_the_file(name: str, tmp_path: Path) -> None:
    task, content, said = LABELS[name]
    with pytest.raises(RequestError) as error:
        scored(tmp_path, task, content, CASES[task].right)
    assert str(error.value).startswith(f"{path_of(tmp_path / 'labels', task, 'zh')}: ")
    assert said in str(error.value)


def test_a_question_that_stands_twice_in_the_labels_is_an_error() -> None:
    article = json.loads(squad({"a": ["one"]}))["data"]
    with pytest.raises(ValueError, match="question 'a' stands there twice"):
        formats.questions(json.dumps({"data": article * 2}))


def test_what_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    parse: Callable[[str], str] = str
    with pytest.raises(RequestError, match="nothing: cannot be read"):
        read(tmp_path / "nothing", parse)
    with pytest.raises(RequestError, match="cannot be read"):
        read(tmp_path, parse)
