"""The generated data sets: the same every time, in the hub's columns, parallel, and true to their world."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet as parquet
import pytest

from stilts_ray import tasks
from stilts_ray.data import rows as reader
from stilts_ray.data.repairs import Use
from stilts_ray.data.tables import dataset_table
from stilts_ray.identity import digest
from stilts_ray.mini import FOLDERS, LANGUAGES, PIVOT, SIZES, VERSION, WORLDS, build, scenes, tagged
from stilts_ray.mini.languages import SCRIPTS
from stilts_ray.mini.lexicon import CITIES, FIRMS, PEOPLE, lexicon, written
from stilts_ray.mini.world import (
    CLASS_OF,
    COMMON,
    OPPOSITE,
    PATIENTS,
    STATIVE,
    SYNONYM,
    UPOS,
    Clause,
    Sentence,
    Thing,
)
from stilts_ray.mini.world import SCRIPTS as STORIES
from stilts_ray.tasks.base import Kind
from stilts_ray.tasks.benchmarks import BENCHMARKS
from stilts_ray.tasks.examples import Comparable
from tests.mini.generated import rows_of

CODES = [language.code for language in LANGUAGES]
EVERYWHERE = list(dict.fromkeys(language.code for languages in WORLDS.values() for language in languages))
ROOT = Path(__file__).parents[2]


DIGEST = """
import hashlib, json
from stilts_ray.mini import build
def digest(folder):
    split = list(build.splits(folder))[-1]
    return hashlib.sha256(json.dumps(build.rows(folder, split), ensure_ascii=False).encode()).hexdigest()
"""


def test_rows_depend_on_nothing_but_the_version() -> None:
    """Neither on what was made before, nor on the process, nor on Python's hash seed."""
    codes = iter(EVERYWHERE * 2)
    chosen = [kind.format(next(codes)) for kind in SIZES]
    chosen = [folder for folder in chosen if folder in FOLDERS]
    here: dict[str, Callable[[str], str]] = {}
    exec(DIGEST, here)
    code = f"{DIGEST}print(json.dumps({{folder: digest(folder) for folder in {chosen[::-1]!r}}}))"
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": str(ROOT)}
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert json.loads(out.stdout.splitlines()[-1]) == {folder: here["digest"](folder) for folder in chosen}
    assert len(chosen) > 15


VERSION_2 = {
    "glue/mnli": "6dc90c04", "squad/plain_text": "b1492653", "squad_v2/squad_v2": "c7de041f", "hellaswag/default": "bf8112de",
    "mnli_translated/{}": "5df5c060",
    "ccg/default": "9a3abdaa", "glue/qqp": "283ee330", "xnli/{}": "36b34448", "pawsx/{}": "94978a24", "udpos/{}": "584378f3",
    "panx/{}": "bc1944c3", "xquad/{}": "929a042b", "tydiqa/{}": "477dc322", "tatoeba/{}": "77fcefd1", "bucc2018/{}": "7e915d34",
    "mlm_text/{}": "123f3951", "mlm_parallel/{}": "013807fc", "mlm_switched/{}": "3a6c62f3", "snli/plain_text": "41da028d",
    "anli/plain_text": "ac028a24", "cosmos_qa/default": "5921a70a", "commonsense_qa/default": "97f48c8e",
    "social_i_qa/default": "f187f08c", "super_glue/copa": "b434932d", "xcopa/{}": "f1fc6709", "mlqa/{}": "3c0d9cac",
    "mewslix/wikipedia_pairs": "ba34acda", "mewslix/candidate_entities": "8f47dacc", "mewslix/{}": "5ad89343",
    "lareqa/{}": "6a76fdab", "lex_glue/case_hold": "48ec331a", "pubmedqa/pqa_artificial": "6704ebb8",
}  # fmt: skip
"""Digests of twenty rows of every data set, as finished work knows them by the version's number."""


def test_rows_change_only_with_the_version() -> None:
    folders = {kind: kind.format("qab") for kind in SIZES}
    rows = {kind: rows_of(folder, list(build.splits(folder))[-1])[:20] for kind, folder in folders.items()}
    assert VERSION == 2
    assert {kind: digest(some)[:8] for kind, some in rows.items()} == VERSION_2


def test_translated_pairs_are_mnlis_in_every_language() -> None:
    pivot, other = (rows_of(f"mnli_translated/{code}", "train") for code in (PIVOT, "qdb"))
    own = rows_of("glue/mnli", "train")
    names = ("premise", "hypothesis", "label")
    assert [[row[name] for name in names] for row in pivot] == [
        [row[name] for name in names] for row in own[: len(pivot)]
    ]
    assert [row["label"] for row in pivot] == [row["label"] for row in other]
    assert not {row["premise"] for row in pivot} & {row["premise"] for row in other}


def test_importing_the_package_is_light() -> None:
    code = (
        "import sys; from stilts_ray import mini; "
        "print([name for name in ('numpy', 'torch', 'datasets', 'pyarrow') if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert out.stdout.strip() == "[]"


NLI = "premise:string hypothesis:string label:label"
SQUAD = "id:string title:string context:string question:string answers:{text:[string],answer_start:[int32]}"
COPA = "premise:string choice1:string choice2:string question:string"
HUB = {
    "glue/mnli": f"{NLI} idx:int32",
    "glue/qqp": "question1:string question2:string label:label idx:int32",
    "squad/plain_text": SQUAD,
    "squad_v2/squad_v2": SQUAD,
    "hellaswag/default": "ind:int32 activity_label:string ctx_a:string ctx_b:string ctx:string endings:[string] "
    "source_id:string split:string split_type:string label:string",
    "ccg/default": "tokens:[string] tags:[label]",
    "mnli_translated/{}": NLI,
    "xnli/{}": NLI,
    "pawsx/{}": "id:int32 sentence1:string sentence2:string label:label",
    "udpos/{}": "tokens:[string] pos_tags:[label]",
    "panx/{}": "tokens:[string] ner_tags:[label] langs:[string]",
    "xquad/{}": "id:string context:string question:string answers:{answer_start:[int32],text:[string]}",
    "tydiqa/{}": SQUAD,
    "tatoeba/{}": "source_sentence:string target_sentence:string source_lang:string target_lang:string",
    "bucc2018/{}": "sentence1:[string] sentence2:[string] gold:[[int64]]",
    "mlm_text/{}": "text:string",
    "mlm_parallel/{}": "text:string",
    "mlm_switched/{}": "text:string",
    "snli/plain_text": NLI,
    "anli/plain_text": f"uid:string {NLI} reason:string",
    "cosmos_qa/default": "id:string context:string question:string answer0:string answer1:string answer2:string "
    "answer3:string label:int32",
    "commonsense_qa/default": "id:string question:string question_concept:string "
    "choices:{label:[string],text:[string]} answerKey:string",
    "social_i_qa/default": "context:string question:string answerA:string answerB:string answerC:string label:string",
    "super_glue/copa": f"{COPA} idx:int32 label:label",
    "xcopa/{}": f"{COPA} label:int32 idx:int32 changed:bool",
    "mlqa/{}": SQUAD,
    "lareqa/{}": "id:string context:string question:string answers:{answer_start:[int32],text:[string]}",
    "mewslix/wikipedia_pairs": "mention:string entity:string",
    "mewslix/candidate_entities": "entity_id:string title:string description:string description_language:string",
    "mewslix/{}": "example_id:string mention:string entity_id:string",
    "lex_glue/case_hold": "context:string endings:[string] label:label",
    "pubmedqa/pqa_artificial": "pubid:int32 question:string context:{contexts:[string],labels:[string],meshes:[string]} "
    "long_answer:string final_decision:string",
}
"""Columns and their types as the hub has them."""


def type_of(feature: Any) -> str:
    """A feature type in one word."""
    match feature:
        case datasets.ClassLabel():
            return "label"
        case datasets.List():
            return f"[{type_of(feature.feature)}]"
        case dict():
            return f"{{{','.join(f'{name}:{type_of(inner)}' for name, inner in feature.items())}}}"
    return str(feature.dtype)


def test_every_data_set_has_its_columns_here() -> None:
    assert set(HUB) == set(SIZES) == set(build.MAKERS) == set(build.FEATURES)
    assert {build._kind(folder) for folder in FOLDERS} == set(SIZES)


WRITTEN = [f for f in FOLDERS if f.endswith((PIVOT, "qdb", "qrc")) or f in SIZES]
"""A language of each set and of another script; raw text, a single column of strings, in the pivot alone."""
WRITTEN = [f for f in WRITTEN if f.endswith(PIVOT) or not f.startswith("mlm")]


@pytest.mark.parametrize("folder", WRITTEN)
def test_files_have_the_hubs_columns_and_fit_their_tasks(folder: str, tmp_path: Path) -> None:
    kind = build._kind(folder)
    readers = [task for task in tasks.TASKS.values() if task.source.folder == kind]
    build.write(folder, tmp_path)
    assert {path.stem for path in (tmp_path / folder).iterdir()} == set(build.splits(folder))
    for split, size in build.splits(folder).items():
        stored = datasets.Dataset(parquet.read_table(tmp_path / folder / f"{split}.parquet"))
        assert " ".join(f"{name}:{type_of(feature)}" for name, feature in stored.features.items()) == HUB[kind]
        table = dataset_table(stored, folder)
        assert len(table) == size
        for task in readers:
            labels = task.labels if task.labels_from is None else tagged.CATEGORIES
            for feature in stored.features.values():
                inner = feature.feature if isinstance(feature, datasets.List) else feature
                if labels and isinstance(inner, datasets.ClassLabel):
                    assert tuple(sorted(inner.names)) == tuple(sorted(labels))
            named = task if task.labels_from is None else replace(task, labels=labels)
            found = reader.examples(named, table, Use(training=True))
            assert 0.95 * size < len(found.examples) <= size
            assert not found.counts.repairs


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


TARGETS = [task for task in tasks.TASKS.values() if task.languages and task.source.folder in SIZES]


@pytest.mark.parametrize("task", TARGETS, ids=lambda task: task.name)
def test_every_language_is_tested_on_four_hundred_items_and_the_pivot_alone_is_trained_on(task: tasks.Task) -> None:
    for code in EVERYWHERE:
        folder = task.source.folder.format(code)
        if folder not in FOLDERS:
            assert (code, task.kind) in {(PIVOT, Kind.RETRIEVAL), (PIVOT, Kind.MINING)}
            continue
        rows = rows_of(folder, task.test or "test")
        if task.kind is Kind.MINING:
            (mined,) = (task.example(row) for row in rows)
            assert isinstance(mined, Comparable)
            assert len(mined.test.gold) >= 400
            assert not mined.test.foreign_repeats | mined.test.english_repeats
        else:
            assert len(rows) >= 400
        if task.train and task.train_languages:
            assert task.train in build.splits(folder)


@pytest.mark.parametrize(
    "folder", [f for f in FOLDERS if f.startswith(("xquad", "squad/", "tydiqa", "mlqa", "lareqa"))]
)
def test_answers_stand_in_their_contexts(folder: str) -> None:
    for row in rows_of(folder, list(build.splits(folder))[-1]):
        (answer,), (start,) = row["answers"]["text"], row["answers"]["answer_start"]
        assert row["context"][start : start + len(answer)] == answer
        assert start == 0 or row["context"][start - 1] == " "
        assert answer.strip()
        assert "." not in answer


def _told(sentence: str) -> tuple[str, str, str]:
    """Subject, verb and head of the patient in a sentence or question of the pivot without negation; the words of a verb's
    synonym, and of a thing's, count as the same."""
    forms, words = lexicon(PIVOT), [word for word in sentence.strip(".?").split() if word not in _SMALL]
    past = forms["do"] in words
    at = words.index(forms["do"]) + 1 if past else next(i for i, word in enumerate(words) if word in _STATES)
    after = words[at + 1 :]
    after = after[: after.index(forms["in"])] if forms["in"] in after else after
    verb = _common(words[at], "VERB")
    return " ".join(words[: at - past]), verb, _common(after[-1], "NOUN") if after else ""


_SMALL = {lexicon(PIVOT)[word] for word in ("the", "a", "who", "what", "where")}
_STATES = {lexicon(PIVOT)[word] for word in STATIVE}


@cache
def _common(form: str, tag: str) -> str:
    (concept,) = (word for word in UPOS if UPOS[word] == tag and lexicon(PIVOT)[word] == form)
    return COMMON.get(concept, concept)


@pytest.mark.parametrize("folder, split", [("squad_v2/squad_v2", "validation"), ("xquad/qaa", "validation")])
def test_one_sentence_answers_a_question_and_none_an_unanswerable_one(folder: str, split: str) -> None:
    for row in rows_of(folder, split):
        asked, words = _told(row["question"]), row["question"].split()
        known = 2 if words[0] == lexicon(PIVOT)["who"] else 0
        told = [_told(sentence) for sentence in row["context"].split(". ")]
        fitting = [one for one in told if one[1] == asked[1] and one[known] == asked[known]]
        assert len(fitting) == len(row["answers"]["text"]), row


def test_a_third_of_the_questions_of_squad_v2_have_no_answer() -> None:
    for split in ("train", "validation"):
        rows = rows_of("squad_v2/squad_v2", split)
        assert 0.30 < sum(not row["answers"]["text"] for row in rows) / len(rows) < 0.37


def test_some_pairs_of_snli_have_no_label() -> None:
    for split in ("train", "validation"):
        rows = rows_of("snli/plain_text", split)
        assert 0.01 < sum(row["label"] == -1 for row in rows) / len(rows) < 0.04


def test_each_round_of_anli_speaks_of_one_person_more() -> None:
    for number in (1, 2, 3):
        for row in rows_of("anli/plain_text", f"dev_r{number}"):
            people = [sentence.split()[0] for sentence in row["premise"].split(". ")]
            assert len(set(people)) == len(people) == number + 1
            assert row["hypothesis"].split()[0] in people


def test_of_the_benchmarks_only_xtreme_rs_own_sets_are_not_here() -> None:
    absent = {task.name for task in tasks.TASKS.values() if task.source.folder not in SIZES}
    assert {name for name in absent if tasks.get(name).extends} == {"udpos_xr", "tatoeba_xr"}
    assert not absent & {name for benchmark in BENCHMARKS.values() for name in benchmark}


SAME_EVERYWHERE: dict[str, tuple[str, Callable[[dict[str, Any]], object]]] = {
    "xnli/{}": ("test", lambda row: row["label"]),
    "pawsx/{}": ("test", lambda row: (row["id"], row["label"])),
    "xquad/{}": ("validation", lambda row: row["id"]),
    "tydiqa/{}": ("validation", lambda row: row["id"]),
    "udpos/{}": ("test", lambda row: [row["pos_tags"].count(tag) for tag in ("NOUN", "VERB", "PROPN", "NUM")]),
    "panx/{}": ("test", lambda row: sorted(tag for tag in row["ner_tags"] if tag != "O")),
    "tatoeba/{}": ("validation", lambda row: row["target_sentence"]),
    "bucc2018/{}": ("test", lambda row: (row["gold"], row["sentence2"])),
    "xcopa/{}": ("test", lambda row: (row["idx"], row["question"], row["label"])),
    "mlqa/{}": ("test", lambda row: row["id"]),
    "lareqa/{}": ("validation", lambda row: (row["id"], len(tasks.get("lareqa").example(row).passage.sentences))),
    "mewslix/{}": ("test", lambda row: (row["example_id"], row["entity_id"])),
}
"""What of a test item does not change with its language."""


@pytest.mark.parametrize("kind", SAME_EVERYWHERE)
def test_test_sets_are_parallel(kind: str) -> None:
    split, same = SAME_EVERYWHERE[kind]
    told = [[same(row) for row in rows_of(kind.format(c), split)] for c in EVERYWHERE if kind.format(c) in FOLDERS]
    assert all(other == told[0] for other in told)


def test_parallel_items_name_the_same_people() -> None:
    """Compared after undoing the script, endings aside."""
    for code in CODES:
        script = SCRIPTS[next(language.script for language in LANGUAGES if language.code == code)]
        back = {ord(chr(new)): chr(old) for old, new in script.items() if chr(old).islower()}
        pairs = zip(rows_of("xnli/qaa", "test")[:50], rows_of(f"xnli/{code}", "test")[:50], strict=True)
        for pivot, told in pairs:
            name = next(word for word in pivot["hypothesis"].strip(".").split() if word in PEOPLE)
            assert name.lower() in told["hypothesis"].lower().translate(back)


@pytest.mark.parametrize("code", EVERYWHERE[1:])
def test_sentences_to_be_searched_have_no_names_no_digits_and_no_twins(code: str) -> None:
    (mined,), pairs = rows_of(f"bucc2018/{code}", "test"), rows_of(f"tatoeba/{code}", "validation")
    names = {written(name, code) for name in PEOPLE + CITIES + FIRMS} | {*PEOPLE, *CITIES, *FIRMS}
    sides = [[row[column] for row in pairs] for column in ("source_sentence", "target_sentence")]
    for sentences in (*sides, mined["sentence1"], mined["sentence2"]):
        assert len(set(sentences)) == len(sentences) >= 400
        assert not any(character.isdigit() for sentence in sentences for character in sentence)
        assert not names & {word.strip(".") for sentence in sentences for word in sentence.split()}


def test_gold_pairs_are_translations_and_the_rest_has_none() -> None:
    """Told in the pivot, both sides of a pair are one sentence."""
    (row,) = build.MAKERS["bucc2018/{}"](PIVOT, "test", 1)
    gold = {(row["sentence1"][i - 1], row["sentence2"][j - 1]) for i, j in row["gold"]}
    assert all(one == other for one, other in gold)
    assert {one for one, _ in gold} == set(row["sentence1"]) & set(row["sentence2"])
    assert len(row["sentence1"]) > 1.4 * len(gold)


def test_names_that_nobody_has_heard_are_in_the_test_of_names() -> None:
    known = {word for row in rows_of("panx/qaa", "train") for word in row["tokens"]}
    names = [
        word
        for row in rows_of("panx/qaa", "test")
        for word, tag in zip(row["tokens"], row["ner_tags"], strict=True)
        if tag != "O"
    ]
    assert sum(name not in known for name in names) / len(names) > 0.7
    assert {tag for row in rows_of("panx/qaa", "test") for tag in row["ner_tags"]} == set(build.NER_NAMES)


def test_every_supertag_occurs_and_every_word_has_one() -> None:
    rows = rows_of("ccg/default", "train")
    assert {tag for row in rows for tag in row["tags"]} == set(tagged.CATEGORIES)
    assert all(len(row["tokens"]) == len(row["tags"]) for row in rows + rows_of("ccg/default", "validation"))


FOA = Thing("Foa", definite=True, entity="PER")
BY_HAND = {
    "the old baker did buy a bread in the market yesterday .": (
        Sentence(
            Clause(Thing("baker", "old", True), "buy", Thing("bread"), Thing("market", definite=True), "yesterday")
        ),
        r"NP[nb]/N N/N N (S[dcl]\NP)/(S[b]\NP) (S[b]\NP)/NP NP[nb]/N N ((S\NP)\(S\NP))/NP NP[nb]/N N (S\NP)\(S\NP) .",
    ),
    "Foa be not rich because she love a dog .": (
        Sentence(Clause(FOA, "rich", negated=True), "because", Clause(Thing("she"), "love", Thing("dog"))),
        r"N (S[dcl]\NP)/(S[adj]\NP) (S\NP)\(S\NP) S[adj]\NP ((S\NP)\(S\NP))/S[dcl] NP (S[dcl]\NP)/NP NP[nb]/N N .",
    ),
    "what Foa did see ?": (
        Sentence(Clause(FOA, "see", Thing("what")), question="patient"),
        r"S[wq]/(S[dcl]/NP) N (S[dcl]\NP)/(S[b]\NP) (S[b]\NP)/NP .",
    ),
    "whether Foa be a smith ?": (
        Sentence(Clause(FOA, "smith"), question="polar"),
        r"S[q]/S[dcl] N (S[dcl]\NP)/NP NP[nb]/N N .",
    ),
}


@pytest.mark.parametrize("told", BY_HAND)
def test_supertags_by_hand(told: str) -> None:
    sentence, categories = BY_HAND[told]
    forms = {**lexicon(PIVOT), "did": lexicon(PIVOT)["do"]}
    expected = [(forms.get(word, word), tag) for word, tag in zip(told.split(), categories.split(), strict=True)]
    assert tagged.supertags(sentence, PIVOT) == expected


def test_the_world_is_consistent() -> None:
    assert all(OPPOSITE[OPPOSITE[word]] == COMMON.get(word, word) for word in OPPOSITE)
    assert all(SYNONYM[SYNONYM[word]] == word and UPOS[SYNONYM[word]] == UPOS[word] for word in SYNONYM)
    assert not set(COMMON) & {*CLASS_OF, *PATIENTS, *OPPOSITE.values()}, "the tables know the commoner word"
    steps = [verb for _, verbs in STORIES for verb in verbs]
    assert Counter(steps).most_common(1)[0][1] == 1
    assert all(verb in PATIENTS or verb in scenes.MOTIONS for verb in steps)
