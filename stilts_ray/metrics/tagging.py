"""F1 of tagged spans, by seqeval."""

import warnings
from collections.abc import Sequence

from stilts_ray.metrics.scores import Scores, accuracy


def tagging(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> Scores:
    """seqeval's micro F1 over spans, in 0-100. XTREME uses it also for POS tags, which have no prefixes: a run of equal tags is
    one span. "accuracy" is that of single tags. Raises ValueError if the number of sentences or of a sentence's tags
    differs."""
    if len(gold) != len(predicted):
        raise ValueError(f"predictions and gold tags differ in length: {len(predicted)} and {len(gold)} sentences")
    for number, (own, right) in enumerate(zip(predicted, gold, strict=True), start=1):
        if len(own) != len(right):
            where = f"{len(own)} and {len(right)} tags in sentence {number}"
            raise ValueError(f"predictions and gold tags differ in length: {where}")
    # seqeval imports scikit-learn, a tenth of a worker's import time, which only tagging needs.
    from seqeval.metrics import f1_score

    with warnings.catch_warnings():
        # seqeval warns of every tag that is not of the form B-X, and of empty predictions.
        warnings.simplefilter("ignore")
        f1 = 100.0 * float(f1_score(*([_prefixed(tags) for tags in sentences] for sentences in (gold, predicted))))
    flat = [[tag for tags in sentences for tag in tags] for sentences in (gold, predicted)]
    return {"score": f1, "f1": f1, "accuracy": accuracy(*flat)}


def _prefixed(tags: Sequence[str]) -> list[str]:
    """Tags without a prefix get their first letter as one. seqeval 0.0.12, which the published scores were computed with, reads
    that letter as the prefix and keeps it in the type; 1.2.2 drops it, which would make one type of CCONJ and SCONJ."""
    return [tag if tag == "O" or "-" in tag else f"{tag[:1]}-{tag}" for tag in tags]
