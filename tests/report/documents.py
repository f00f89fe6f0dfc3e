"""Result tables made by hand, in the form of `stilts_ray.report.table.results`."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

from stilts_ray.config import Mixture

Scores = Sequence[float | None] | Mapping[str, Any] | None


def cell(
    scores: Sequence[float | None],
    collapsed: Sequence[int] = (),
    rate: float | None = 1e-5,
    languages: Mapping[str, Mapping[str, float]] | None = None,
    dev: float | Sequence[float | None] | None = None,
) -> dict[str, Any]:
    """A cell with a run per score; None: it diverged. `collapsed`: those seeds besides. rate None: the encoder itself. dev:
    of each run, or of all; None: the target is not trained."""
    gone = {seed for seed, score in enumerate(scores) if score is None} | set(collapsed)
    devs = dev if isinstance(dev, Sequence) else [dev] * len(scores)
    runs = [
        {"seed": seed, "learning_rate": rate, "score": score, "collapsed": seed in gone, "dev": devs[seed]}
        for seed, score in enumerate(scores)
    ]
    sound = [score for seed, score in enumerate(scores) if score is not None and seed not in gone]
    return {
        "score": mean(sound) if sound else None,
        "sd": None,
        "seeds": runs,
        "delta": None,
        "collapsed": len(gone),
        "languages": languages or {},
    }


def document(
    rows: Mapping[str, Mapping[str, Scores]], encoder: str = "large", mixtures: Mapping[str, Mixture] | None = None
) -> dict[str, Any]:
    """Rows by the names of their intermediate tasks ("" the baseline, "a+b" a mixture), or of `mixtures`; cells are scores, or
    made by `cell`. The averages of rows are left out, and groups of languages."""
    return {
        "sweep": "made",
        "average_name": "made",
        "rows": [
            {
                "encoder": encoder,
                "intermediate": name.split("+") if name else [],
                "mixture": (mixtures or {})
                .get(name, Mixture(tasks=name.split("+") if name else ()))
                .model_dump(mode="json"),
                "average": None,
                "delta": None,
                "cells": {
                    target: found if found is None or isinstance(found, Mapping) else cell(found)
                    for target, found in cells.items()
                },
            }
            for name, cells in rows.items()
        ],
    }
