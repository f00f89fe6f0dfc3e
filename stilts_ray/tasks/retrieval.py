"""Sentence retrieval: nearest neighbours of sentence embeddings. No head is trained."""

from stilts_ray.tasks.base import Kind, Row, Source, Task
from stilts_ray.tasks.columns import text
from stilts_ray.tasks.examples import Parallel

# Codes of the files (ISO 639-3), from google-research/xtreme's evaluate_retrieval.py.
ISO3 = {
    "af": "afr", "ar": "ara", "bg": "bul", "bn": "ben", "de": "deu", "el": "ell", "es": "spa", "et": "est",
    "eu": "eus", "fa": "pes", "fi": "fin", "fr": "fra", "he": "heb", "hi": "hin", "hu": "hun", "id": "ind",
    "it": "ita", "ja": "jpn", "jv": "jav", "ka": "kat", "kk": "kaz", "ko": "kor", "ml": "mal", "mr": "mar",
    "nl": "nld", "pt": "por", "ru": "rus", "sw": "swh", "ta": "tam", "te": "tel", "th": "tha", "tl": "tgl",
    "tr": "tur", "ur": "urd", "vi": "vie", "zh": "cmn",
}  # fmt: skip


def translation(row: Row) -> Parallel:
    """Columns of google/xtreme's tatoeba, whose sentences end with a line break on the hub."""
    return Parallel(text(row, "source_sentence").strip(), text(row, "target_sentence").strip())


def pair(row: Row) -> Parallel:
    """Columns of mteb/tatoeba-bitext-mining."""
    return Parallel(text(row, "sentence1").strip(), text(row, "sentence2").strip())


TATOEBA = Task(
    name="tatoeba",
    kind=Kind.RETRIEVAL,
    source=Source(hub="google/xtreme", config="tatoeba.{}", folder="tatoeba/{}", keys=ISO3),
    example=translation,
    test="validation",
    languages=tuple(ISO3),
    rows={
        "validation": {"jv": 205, "te": 234, "ta": 307, "sw": 390, "th": 548, "kk": 575, "ml": 687, "ka": 746},
    },
)

# XTREME-R's forty-one languages, embedded by an encoder fine-tuned on SQuAD.
XR_ISO3 = {**ISO3, "az": "aze", "lt": "lit", "pl": "pol", "ro": "ron", "uk": "ukr"}

TATOEBA_XR = Task(
    name="tatoeba_xr",
    extends="tatoeba",
    kind=Kind.RETRIEVAL,
    source=Source(
        hub="mteb/tatoeba-bitext-mining", config="{}-eng", folder="tatoeba_bitext_mining/{}-eng", keys=XR_ISO3
    ),
    example=pair,
    test="test",
    languages=tuple(XR_ISO3),
    train_on=("squad",),
)
