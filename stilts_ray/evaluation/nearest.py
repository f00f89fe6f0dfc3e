"""Nearest neighbours: exact, in blocks, so that a million vectors can be searched."""

import torch

BLOCK = 1 << 27
"""Products computed at once."""


def nearest_by_product(queries: torch.Tensor, index: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The `count` vectors of index [m, hidden] with the largest dot product with each query [n, hidden], best first (all,
    if m is smaller): products and indices, each [n, count]. Of vectors of length 1 these are cosines."""
    count = min(count, len(index))
    # The products are what is compared: nothing is rounded to bf16.
    with torch.autocast(index.device.type, enabled=False):
        blocks = [(block @ index.T).topk(count) for block in torch.split(queries, max(1, BLOCK // len(index)))]
    return torch.cat([block.values for block in blocks]), torch.cat([block.indices for block in blocks])
