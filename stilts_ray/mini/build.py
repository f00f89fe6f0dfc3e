"""Writes the data sets as parquet files, with the layout and feature types of their real counterparts on the hub."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow
from datasets import ClassLabel, Features, List, Value
from pyarrow import parquet

from stilts_ray.errors import RequestError, did_you_mean, first_line
from stilts_ray.mini import (
    FOLDERS,
    PIVOT,
    SIZES,
    VERSION,
    WORLDS,
    choices,
    domains,
    entities,
    questions,
    tagged,
    tasks,
    text,
)
from stilts_ray.mini.describe import everything
from stilts_ray.mini.inference import LABELS

UPOS_NAMES = (
    "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM",
    "PART", "PRON", "PROPN", "PUNCT", "SCONJ", "SYM", "VERB", "X",
)  # fmt: skip


NER_NAMES = ("O", *(f"{place}-{entity}" for entity in ("PER", "ORG", "LOC") for place in "BI"))


def _texts(telling: text.Telling) -> tasks.Maker:
    def maker(code: str, split: str, count: int) -> Iterator[dict[str, Any]]:
        return ({"text": document} for document in text.documents(code, count, telling, seed=split))

    return maker


MAKERS: dict[str, tasks.Maker] = {
    "glue/mnli": tasks.mnli,
    "glue/qqp": tasks.qqp,
    "squad/plain_text": questions.squad,
    "squad_v2/squad_v2": questions.squad_v2,
    "hellaswag/default": choices.hellaswag,
    "ccg/default": tagged.ccg,
    "mnli_translated/{}": tasks.mnli_translated,
    "xnli/{}": tasks.xnli,
    "pawsx/{}": tasks.pawsx,
    "udpos/{}": tagged.udpos,
    "panx/{}": tagged.panx,
    "xquad/{}": questions.xquad,
    "tydiqa/{}": questions.tydiqa,
    "tatoeba/{}": tasks.tatoeba,
    "bucc2018/{}": tasks.bucc2018,
    "mlm_text/{}": _texts(text.alone),
    "mlm_parallel/{}": _texts(text.twice),
    "mlm_switched/{}": _texts(text.switched),
    "snli/plain_text": tasks.snli,
    "anli/plain_text": tasks.anli,
    "cosmos_qa/default": choices.cosmosqa,
    "commonsense_qa/default": choices.commonsense_qa,
    "social_i_qa/default": choices.social_i_qa,
    "super_glue/copa": choices.copa,
    "xcopa/{}": choices.xcopa,
    "mlqa/{}": questions.mlqa,
    "lareqa/{}": questions.lareqa,
    "mewslix/wikipedia_pairs": entities.wikipedia_pairs,
    "mewslix/candidate_entities": entities.candidate_entities,
    "mewslix/{}": entities.mewslix,
    "lex_glue/case_hold": domains.case_hold,
    "pubmedqa/pqa_artificial": domains.pubmedqa,
}

_STRING, _INT = Value("string"), Value("int32")
_NLI = {"premise": _STRING, "hypothesis": _STRING, "label": ClassLabel(names=list(LABELS))}
_TEXTS, _STARTS = {"text": List(_STRING)}, {"answer_start": List(_INT)}
_SQUAD = {**dict.fromkeys(("id", "title", "context", "question"), _STRING), "answers": {**_TEXTS, **_STARTS}}
_XQUAD = {**dict.fromkeys(("id", "context", "question"), _STRING), "answers": {**_STARTS, **_TEXTS}}
_RAW = {"text": _STRING}
_CAUSAL = dict.fromkeys(("premise", "choice1", "choice2", "question"), _STRING)

FEATURES: dict[str, dict[str, Any]] = {
    "glue/mnli": {**_NLI, "idx": _INT},
    "glue/qqp": {
        **dict.fromkeys(("question1", "question2"), _STRING),
        "label": ClassLabel(names=["not_duplicate", "duplicate"]),
        "idx": _INT,
    },
    "squad/plain_text": _SQUAD,
    "squad_v2/squad_v2": _SQUAD,
    "hellaswag/default": {
        "ind": _INT,
        **dict.fromkeys(("activity_label", "ctx_a", "ctx_b", "ctx"), _STRING),
        "endings": List(_STRING),
        **dict.fromkeys(("source_id", "split", "split_type", "label"), _STRING),
    },
    "ccg/default": {"tokens": List(_STRING), "tags": List(ClassLabel(names=list(tagged.CATEGORIES)))},
    "mnli_translated/{}": _NLI,
    "xnli/{}": _NLI,
    "pawsx/{}": {
        "id": _INT,
        **dict.fromkeys(("sentence1", "sentence2"), _STRING),
        "label": ClassLabel(names=["0", "1"]),
    },
    "udpos/{}": {"tokens": List(_STRING), "pos_tags": List(ClassLabel(names=list(UPOS_NAMES)))},
    "panx/{}": {
        "tokens": List(_STRING),
        "ner_tags": List(ClassLabel(names=list(NER_NAMES))),
        "langs": List(_STRING),
    },
    "xquad/{}": _XQUAD,
    "tydiqa/{}": _SQUAD,
    "tatoeba/{}": dict.fromkeys(("source_sentence", "target_sentence", "source_lang", "target_lang"), _STRING),
    "bucc2018/{}": {
        **dict.fromkeys(("sentence1", "sentence2"), List(_STRING)),
        "gold": List(List(Value("int64"))),
    },
    "mlm_text/{}": _RAW,
    "mlm_parallel/{}": _RAW,
    "mlm_switched/{}": _RAW,
    "snli/plain_text": _NLI,
    "anli/plain_text": {"uid": _STRING, **_NLI, "reason": _STRING},
    "cosmos_qa/default": {
        **dict.fromkeys(("id", "context", "question", *(f"answer{n}" for n in range(4))), _STRING),
        "label": _INT,
    },
    "commonsense_qa/default": {
        **dict.fromkeys(("id", "question", "question_concept"), _STRING),
        "choices": {"label": List(_STRING), "text": List(_STRING)},
        "answerKey": _STRING,
    },
    "social_i_qa/default": dict.fromkeys(("context", "question", "answerA", "answerB", "answerC", "label"), _STRING),
    "super_glue/copa": {**_CAUSAL, "idx": _INT, "label": ClassLabel(names=["choice1", "choice2"])},
    "xcopa/{}": {**_CAUSAL, "label": _INT, "idx": _INT, "changed": Value("bool")},
    "mlqa/{}": _SQUAD,
    "lareqa/{}": _XQUAD,
    "mewslix/wikipedia_pairs": dict.fromkeys(("mention", "entity"), _STRING),
    "mewslix/candidate_entities": dict.fromkeys(("entity_id", "title", "description", "description_language"), _STRING),
    "mewslix/{}": dict.fromkeys(("example_id", "mention", "entity_id"), _STRING),
    "lex_glue/case_hold": {"context": _STRING, "endings": List(_STRING), "label": ClassLabel(names=list("01234"))},
    "pubmedqa/pqa_artificial": {
        "pubid": _INT,
        "question": _STRING,
        "context": dict.fromkeys(("contexts", "labels", "meshes"), List(_STRING)),
        **dict.fromkeys(("long_answer", "final_decision"), _STRING),
    },
}


def splits(folder: str) -> dict[str, int]:
    """Split -> number of rows of a data set."""
    return SIZES[_kind(folder)]


def rows(folder: str, split: str) -> list[dict[str, Any]]:
    """All rows of a split, labels by name (-1: none)."""
    kind = _kind(folder)
    code = folder.rpartition("/")[2] if "{}" in kind else PIVOT
    return list(MAKERS[kind](code, split, splits(folder)[split]))


def write(dataset: str, folder: Path) -> None:
    """Writes a data set (one of FOLDERS) to `<folder>/<dataset>/<split>.parquet`."""
    features = Features(FEATURES[_kind(dataset)])
    target = folder / dataset
    target.mkdir(parents=True, exist_ok=True)
    for split in splits(dataset):
        made = rows(dataset, split)
        columns = {name: [row[name] for row in made] for name in features}
        write_parquet(columns, features, target / f"{split}.parquet")


def write_parquet(columns: Mapping[str, Sequence[Any]], features: Features, path: Path) -> None:
    """Writes a table with its feature types in the metadata: the file that `datasets.Dataset` writes, without the fingerprint
    that it computes of all rows first."""
    parquet.write_table(pyarrow.table(features.encode_batch(columns), schema=features.arrow_schema), path)


def folders(world: str) -> list[str]:
    """The data sets of a set of languages, by folder."""
    codes = {language.code for language in WORLDS[world]}
    return [name for name in FOLDERS if "{}" not in _kind(name) or name.rpartition("/")[2] in codes]


def write_world(world: str, folder: Path) -> list[str]:
    """Writes all data sets of a set of languages, and `languages.json`, which identifies the folder. Returns their names.

    Raises RequestError if there is no such set, or the folder cannot be written or has other content.
    """
    if world not in WORLDS:
        raise RequestError(f"no languages '{world}'; {did_you_mean(world, list(WORLDS))}")
    content = {"name": world, "version": VERSION, "pivot": PIVOT, "languages": everything()[world]}
    try:
        # Written first, so that the same command can resume after an interruption.
        _claim(folder, json.dumps(content, indent=1) + "\n")
        for name in folders(world):
            write(name, folder)
    except OSError as error:
        raise RequestError(f"cannot write {folder}: {error.strerror or first_line(error)}") from None
    return folders(world)


def _claim(folder: Path, content: str) -> None:
    """Creates the folder with its `languages.json`, unless it already has the same one."""
    folder.mkdir(parents=True, exist_ok=True)
    label = folder / "languages.json"
    if label.is_file() and label.read_text(encoding="utf-8") == content:
        return
    if any(folder.iterdir()):
        raise RequestError(f"{folder} holds something else already; give a new or an empty folder")
    label.write_text(content, encoding="utf-8")


def _kind(folder: str) -> str:
    """The key in SIZES of a folder."""
    if folder not in FOLDERS:
        raise ValueError(f"no data set '{folder}'; there are {', '.join(sorted(FOLDERS))}")
    return folder if folder in SIZES else f"{folder.partition('/')[0]}/{{}}"
