"""Exact nearest neighbours compared with faiss' flat index, at the sizes of Tatoeba and BUCC.

    python benchmarks/nearest.py [--sentences 10000] [--repeats 5]

Tatoeba: the nearest of 1,000 sentences for each of 1,000 queries, in 13 layers. Mining: the 4 nearest of `--sentences` for as
many queries. Vectors have 768 dimensions and unit length; timings include building the index; faiss has as many threads as
torch. Prints one JSON line: median seconds of alternating runs, the ratio, and the share of equal neighbours.
"""

import argparse
import json
import time
from statistics import median
from typing import Any

import faiss
import numpy as np
import torch

from stilts_ray.metrics.nearest import nearest_by_cosine, nearest_by_product

HIDDEN, LAYERS, TATOEBA = 768, 13, 1000
Sides = list[tuple[torch.Tensor, torch.Tensor]]


def vectors(count: int, seed: int) -> torch.Tensor:
    """Random unit vectors: [count, HIDDEN]."""
    draw = torch.Generator().manual_seed(seed)
    return torch.nn.functional.normalize(torch.randn(count, HIDDEN, generator=draw), dim=-1)


def ours(sides: Sides, count: int) -> list[Any]:
    """Indices of the nearest neighbours for each (queries, index), by this package's code for Tatoeba (count 1) or mining."""
    with torch.inference_mode():
        if count == 1:
            return [np.array(nearest_by_cosine(queries, index))[:, None] for queries, index in sides]
        return [nearest_by_product(queries, index, count)[1].numpy() for queries, index in sides]


def flat(sides: Sides, count: int) -> list[Any]:
    """The same with faiss."""
    neighbours = []
    for queries, index in sides:
        flat_index = faiss.IndexFlatIP(HIDDEN)
        flat_index.add(index.numpy())
        neighbours.append(flat_index.search(queries.numpy(), count)[1])
    return neighbours


def measured(sides: Sides, count: int, repeats: int) -> dict[str, Any]:
    """Median seconds of both, their ratio, and the share of equal neighbours."""
    both = {"ours": ours, "faiss": flat}
    neighbours = {name: np.concatenate(search(sides, count)) for name, search in both.items()}
    seconds: dict[str, list[float]] = {name: [] for name in both}
    for _ in range(repeats):
        for name, search in both.items():
            started = time.perf_counter()
            search(sides, count)
            seconds[name].append(time.perf_counter() - started)
    medians = {name: round(median(values), 3) for name, values in seconds.items()}
    equal = round(float((neighbours["ours"] == neighbours["faiss"]).mean()), 5)
    return {"seconds": medians, "equal": equal, "ratio": round(medians["faiss"] / medians["ours"], 2)}


def main() -> None:
    """Measures both sizes and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sentences", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    faiss.omp_set_num_threads(torch.get_num_threads())
    layers = [(vectors(TATOEBA, 2 * layer), vectors(TATOEBA, 2 * layer + 1)) for layer in range(LAYERS)]
    corpora = [(vectors(given.sentences, 100), vectors(given.sentences, 101))]
    figures = {"benchmark": "nearest", **vars(given), "threads": torch.get_num_threads(), "faiss": faiss.__version__}
    sizes = {"tatoeba": measured(layers, 1, given.repeats), "mining": measured(corpora, 4, given.repeats)}
    print(json.dumps(figures | sizes))


if __name__ == "__main__":
    main()
