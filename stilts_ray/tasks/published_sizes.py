"""Published numbers of rows, to notice a part, another version or another data set under the same name.

Sources: the hub's data sets (dataset_infos.json of their last scripts) and, for XTREME's targets, arXiv 2010.12821, table
11; of CaseHOLD the README of lighteval/lexglue (commit 0d4b373), made of LexGLUE's rows, whose sum is the 52.5k of
coastalcph/lex_glue's page; of PubMedQA its README on the hub (commit 323752a), its 211,269 rows divided as the task does.
Of Mewsli-X google-research's mewsli-x.md.
SNLI is not here: what is published counts pairs without a gold label, which are left out.
"""

from collections.abc import Mapping

_TATOEBA = {"jv": 205, "te": 234, "ta": 307, "sw": 390, "th": 548, "kk": 575, "ml": 687, "ka": 746}
_MLQA = {"en": 11_590, "ar": 5_335, "de": 4_517, "es": 5_253, "hi": 4_918, "vi": 5_495, "zh": 5_137}
_MEWSLIX = {
    "ar": 1_501, "de": 1_551, "en": 1_490, "es": 1_552, "fa": 458, "ja": 1_519, "pl": 1_562, "ro": 672, "ta": 1_567,
    "tr": 1_215, "uk": 1_537,
}  # fmt: skip

ROWS: dict[str, dict[str, int | Mapping[str, int]]] = {
    "mnli": {"train": 392_702, "validation_matched": 9_815},
    "mnli_translated": {"train": 392_702, "validation": 2_490},
    "anli": {"train_r1+train_r2+train_r3": 162_865, "dev_r1+dev_r2+dev_r3": 3_200},
    "anli_r1": {"train_r1": 16_946, "dev_r1": 1_000},
    "anli_r2": {"train_r2": 45_460, "dev_r2": 1_000},
    "anli_r3": {"train_r3": 100_459, "dev_r3": 1_200},
    "qqp": {"train": 363_846, "validation": 40_430},
    "stsb": {"train": 5_749, "validation": 1_500},
    "squad": {"train": 87_599, "validation": 10_570},
    "squad_v2": {"train": 130_319, "validation": 11_873},
    "hellaswag": {"train": 39_905, "validation": 10_042},
    "cosmosqa": {"train": 25_262, "validation": 2_985},
    "commonsense_qa": {"train": 9_741, "validation": 1_221},
    "social_i_qa": {"train": 33_410, "validation": 1_954},
    "case_hold": {"train": 45_000, "validation": 3_900},
    "pubmedqa": {"train[1000:]": 210_269, "train[:1000]": 1_000},
    "copa": {"train": 400, "validation": 100},
    "xnli": {"test": 5_010},
    "pawsx": {"train": 49_401, "validation": 2_000, "test": 2_000},
    "udpos": {"train": {"en": 21_253}, "validation": {"en": 3_974}, "test": {"en": 5_440}},
    "panx": {"train": {"en": 20_000}, "validation": {"en": 10_000}, "test": {"jv": 100, "my": 100, "yo": 100}},
    "xquad": {"validation": 1_190},
    "xquad_xr": {"validation": 1_190},
    "mlqa": {"test": _MLQA},
    "tydiqa": {"train": {"en": 3_696}},
    "tatoeba": {"validation": _TATOEBA},
    "xcopa": {"test": 500},
    "wikipedia_pairs": {"train": 167_719, "validation": 14_051},
    "mewslix": {"test": _MEWSLIX},
    "candidate_entities": {"test": 1_003_893},
}
"""Task -> split -> rows, of every language or of some."""


REPAIRED: dict[str, dict[str, Mapping[str, int]]] = {
    "tydiqa": {"train (en)": {"realign_answer": 48}, "validation": {"realign_answer": 1_283}},
    "xquad": {"validation": {"realign_answer": 169}},
    "qqp": {"train": {"drop_blank": 2}},
    "pawsx": {"train (de)": {"drop_blank": 272}},
}
"""Task -> split (of all languages, or of one) -> rows of the hub that are known to need a rule: huggingface/datasets#2585 and
#277, google-research-datasets/paws#4, counted in the published files. `stilts check` counts those that are there."""


def published_rows(task: str, split: str, language: str) -> int | None:
    """The published number of rows, None if none is known."""
    known = ROWS.get(task, {}).get(split)
    return known.get(language) if isinstance(known, Mapping) else known


def size_warning(task: str, split: str, language: str, rows: int) -> str | None:
    """One line if a split has another number of rows than is published."""
    known = published_rows(task, split, language)
    if known is None or known == rows:
        return None
    return f"{task} {split} ({language}) has {rows:,} rows, not the published {known:,}"
