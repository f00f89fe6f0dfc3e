"""Writes the data sets as parquet files, in the layout and with the feature types of their models on the hub."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datasets import ClassLabel, Dataset, Features, List, Value

from stilts_ray.mini import FOLDERS, PIVOT, SIZES, tasks
from stilts_ray.mini.inference import LABELS
from stilts_ray.mini.text import documents

UPOS_NAMES = (
    "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM",
    "PART", "PRON", "PROPN", "PUNCT", "SCONJ", "SYM", "VERB", "X",
)  # fmt: skip


def _text(code: str, split: str, count: int) -> Iterator[dict[str, Any]]:
    return ({"text": document} for document in documents(code, count, seed=split))


MAKERS: dict[str, tasks.Maker] = {
    "glue/mnli": tasks.mnli,
    "squad/plain_text": tasks.squad,
    "hellaswag/default": tasks.hellaswag,
    "xnli/{}": tasks.nli,
    "udpos/{}": tasks.udpos,
    "xquad/{}": tasks.qa,
    "tatoeba/{}": tasks.tatoeba,
    "mlm_text/{}": _text,
}

_STRING, _INT = Value("string"), Value("int32")
_NLI = {"premise": _STRING, "hypothesis": _STRING, "label": ClassLabel(names=list(LABELS))}
_TEXTS, _STARTS = {"text": List(_STRING)}, {"answer_start": List(_INT)}

FEATURES: dict[str, dict[str, Any]] = {
    "glue/mnli": {**_NLI, "idx": _INT},
    "squad/plain_text": {
        **dict.fromkeys(("id", "title", "context", "question"), _STRING),
        "answers": {**_TEXTS, **_STARTS},
    },
    "hellaswag/default": {
        "ind": _INT,
        **dict.fromkeys(("activity_label", "ctx_a", "ctx_b", "ctx"), _STRING),
        "endings": List(_STRING),
        **dict.fromkeys(("source_id", "split", "split_type", "label"), _STRING),
    },
    "xnli/{}": _NLI,
    "udpos/{}": {"tokens": List(_STRING), "pos_tags": List(ClassLabel(names=list(UPOS_NAMES)))},
    "xquad/{}": {**dict.fromkeys(("id", "context", "question"), _STRING), "answers": {**_STARTS, **_TEXTS}},
    "tatoeba/{}": dict.fromkeys(("source_sentence", "target_sentence", "source_lang", "target_lang"), _STRING),
    "mlm_text/{}": {"text": _STRING},
}


def splits(folder: str) -> dict[str, int]:
    """The splits of a data set and their rows. Only the pivot has tags to train on."""
    sizes = SIZES[_kind(folder)]
    if folder.startswith("udpos/") and folder != f"udpos/{PIVOT}":
        return {"test": sizes["test"]}
    return sizes


def rows(folder: str, split: str) -> list[dict[str, Any]]:
    """All rows of a split, labels by name."""
    kind = _kind(folder)
    code = folder.rpartition("/")[2] if "{}" in kind else PIVOT
    return list(MAKERS[kind](code, split, splits(folder)[split]))


def write(dataset: str, folder: Path) -> None:
    """Write a data set (one of FOLDERS) to `<folder>/<dataset>/<split>.parquet`."""
    features = Features(FEATURES[_kind(dataset)])
    target = folder / dataset
    target.mkdir(parents=True, exist_ok=True)
    for split in splits(dataset):
        encoded = [features.encode_example(row) for row in rows(dataset, split)]
        Dataset.from_list(encoded, features=features).to_parquet(target / f"{split}.parquet")


def _kind(folder: str) -> str:
    """The entry of SIZES that a folder belongs to."""
    if folder not in FOLDERS:
        raise ValueError(f"no data set '{folder}'; there are {', '.join(sorted(FOLDERS))}")
    return folder if folder in SIZES else f"{folder.partition('/')[0]}/{{}}"
