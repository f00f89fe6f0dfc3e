"""Terms of use and known issues of the data sets: licences, overlaps between data sets, rows that need repair.

Licences are from the publishers' licence files or the hub's cards as of 2026. They are no legal advice; the repository's card
is authoritative. A data set that is not listed: no licence was found.
"""

from collections.abc import Mapping

LICENCES: dict[str, str] = {
    "nyu-mll/glue mnli": "mixed (OANC and others)",
    "nyu-mll/glue qqp": "Quora's terms: non-commercial",
    "stanfordnlp/snli plain_text": "CC BY-SA 4.0",
    "facebook/anli plain_text": "CC BY-NC 4.0: non-commercial",
    "facebook/xnli {}": "CC BY-NC 4.0: non-commercial (training pairs are MNLI's)",
    "rajpurkar/squad plain_text": "CC BY-SA 4.0",
    "rajpurkar/squad_v2 squad_v2": "CC BY-SA 4.0",
    "google/xquad xquad.{}": "CC BY-SA 4.0",
    "google-research-datasets/xquad_r {}": "CC BY-SA 4.0",
    "google-research-datasets/tydiqa secondary_task": "Apache 2.0",
    "google/xtreme MLQA.{0}.{0}": "CC BY-SA 3.0 (hub card)",
    "google/xtreme udpos.{}": "by treebank, most CC BY-SA 4.0; Turkish-IMST CC BY-NC-SA 4.0: non-commercial",
    "google/xtreme PAN-X.{}": "none stated; text of Wikipedia (CC BY-SA)",
    "google/xtreme tatoeba.{}": "CC BY 2.0 FR",
    "unimelb-nlp/wikiann {}": "none stated; text of Wikipedia (CC BY-SA)",
    "google-research-datasets/paws-x {}": "free for any purpose, acknowledgement of Google LLC appreciated",
    "Rowan/hellaswag default": "MIT",
    "allenai/cosmos_qa default": "CC BY 4.0 (hub card); personal blogs",
    "tau/commonsense_qa default": "MIT (hub card)",
    "lighteval/siqa default": "CC BY 4.0",
    "cambridgeltl/xcopa {}": "CC BY 4.0",
}
"""Hub repository and configuration, as in `Source` -> licence."""

OVERLAPS: dict[str, tuple[str, ...]] = {
    "xquad": ("its questions are 1,190 of squad's dev split, and their translations (card of google/xquad)",),
    "xquad_xr": ("its questions are 1,190 of squad's dev split, and their translations (card of google/xquad)",),
    "lareqa": ("its questions are xquad's",),
    "tydiqa": ("the published dev files are the test, so that its dev split is the English part of that",),
    "pawsx": ("two German and one Chinese pair are in both dev and test",),
    "mnli_translated": ("its English pairs are mnli's, and the others translations of them",),
    "anli_plus": ("its training pairs are those of anli, mnli and snli",),
    "squad_v2": ("its answerable questions are squad's",),
    "squad_r": ("its rows are squad's",),
    "udpos_xr": ("another release of udpos's treebanks, as far as both have a language",),
    "panx_xr": ("the rows of panx, from another repository, as far as both have a language",),
    "tatoeba_xr": ("the sentences of tatoeba, from another repository, as far as both have a language",),
}
"""Task -> overlaps of its rows with other tasks or splits."""

REPAIRED: dict[str, dict[str, Mapping[str, int]]] = {
    "tydiqa": {"train (en)": {"realign_answer": 48}, "validation": {"realign_answer": 1_283}},
    "xquad": {"validation": {"realign_answer": 169}},
    "qqp": {"train": {"drop_blank": 2}},
    "pawsx": {"train (de)": {"drop_blank": 272}},
}
"""Task -> split (all languages, or one) -> repair -> number of rows on the hub that need it: huggingface/datasets#2585 and
#277, google-research-datasets/paws#4, counted in the published files. `stilts check` counts the rows at hand."""
