"""Sequence tagging: one label per word."""

from dataclasses import replace

from stilts_ray.tasks.base import Kind, Row, Source, Task
from stilts_ray.tasks.columns import labels, texts
from stilts_ray.tasks.examples import Tagged

UPOS = (
    "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM",
    "PART", "PRON", "PROPN", "PUNCT", "SCONJ", "SYM", "VERB", "X",
)  # fmt: skip

# The hub names the configurations by language name.
UD_NAMES = {
    "af": "Afrikaans", "ar": "Arabic", "bg": "Bulgarian", "de": "German", "el": "Greek", "en": "English",
    "es": "Spanish", "et": "Estonian", "eu": "Basque", "fa": "Persian", "fi": "Finnish", "fr": "French",
    "he": "Hebrew", "hi": "Hindi", "hu": "Hungarian", "id": "Indonesian", "it": "Italian", "ja": "Japanese",
    "kk": "Kazakh", "ko": "Korean", "mr": "Marathi", "nl": "Dutch", "pt": "Portuguese", "ru": "Russian",
    "ta": "Tamil", "te": "Telugu", "th": "Thai", "tl": "Tagalog", "tr": "Turkish", "ur": "Urdu",
    "vi": "Vietnamese", "yo": "Yoruba", "zh": "Chinese",
}  # fmt: skip


NER = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")

# XTREME's forty.
LANGUAGES = (
    "af", "ar", "bg", "bn", "de", "el", "en", "es", "et", "eu", "fa", "fi", "fr", "he", "hi", "hu", "id", "it", "ja", "jv",
    "ka", "kk", "ko", "ml", "mr", "ms", "my", "nl", "pt", "ru", "sw", "ta", "te", "th", "tl", "tr", "ur", "vi", "yo", "zh",
)  # fmt: skip


def parts_of_speech(row: Row) -> Tagged:
    """Columns of google/xtreme's udpos."""
    return Tagged(texts(row, "tokens"), labels(row, "pos_tags"))


def entities(row: Row) -> Tagged:
    """Columns of google/xtreme's PAN-X."""
    return Tagged(texts(row, "tokens"), labels(row, "ner_tags"))


def supertags(row: Row) -> Tagged:
    """Columns written by `stilts_ray.data.ccgbank`: CCGbank is licensed (LDC2005T13) and not on the hub."""
    return Tagged(texts(row, "tokens"), labels(row, "tags"))


UDPOS = Task(
    name="udpos",
    kind=Kind.TAGGING,
    source=Source(hub="google/xtreme", config="udpos.{}", folder="udpos/{}", keys=UD_NAMES),
    example=parts_of_speech,
    labels=UPOS,
    train="train",
    dev="validation",
    test="test",
    languages=tuple(UD_NAMES),
    train_languages=tuple(code for code in UD_NAMES if code not in {"th", "tl", "yo"}),
    rows={"train": {"en": 21_253}, "validation": {"en": 3_974}, "test": {"en": 5_440}},
    tokens=23,
    # Version 2: scored as by seqeval 0.0.12.
    version=2,
)

# XTREME-R's thirty-eight languages, from UD 2.7; its English training data are XTREME's. google/xtreme splits multiword
# tokens, this repository does not, so scores of one language differ between the two.
UDPOS_XR = Task(
    name="udpos_xr",
    extends="udpos",
    kind=Kind.TAGGING,
    source=Source(hub="izhx/xtreme-r-udpos", config="{}", folder="xtreme_r_udpos/{}"),
    example=parts_of_speech,
    labels=UPOS,
    test="test",
    languages=(*UD_NAMES, "lt", "pl", "ro", "uk", "wo"),
    train_on=("udpos",),
)

PANX = Task(
    name="panx",
    kind=Kind.TAGGING,
    source=Source(hub="google/xtreme", config="PAN-X.{}", folder="panx/{}"),
    example=entities,
    labels=NER,
    train="train",
    dev="validation",
    test="test",
    languages=LANGUAGES,
    train_languages=LANGUAGES,
    rows={"train": {"en": 20_000}, "validation": {"en": 10_000}, "test": {"jv": 100, "my": 100, "yo": 100}},
    tokens=14,
)

# XTREME-R's forty-eight languages, from a repository with the same columns that has all of them.
PANX_XR = replace(
    PANX,
    name="panx_xr",
    extends="panx",
    source=Source(hub="unimelb-nlp/wikiann", config="{}", folder="panx/{}"),
    train=None,
    dev=None,
    train_languages=(),
    languages=(*LANGUAGES, "az", "gu", "lt", "pa", "pl", "qu", "ro", "uk"),
    train_on=("panx",),
    rows={},
    tokens=0,
)

CCG = Task(
    name="ccg",
    kind=Kind.TAGGING,
    source=Source(folder="ccg/default"),
    example=supertags,
    labels_from="tags",
    metric="accuracy",
    train="train",
    dev="validation",
    tokens=30,  # not measured: newspaper sentences
)
