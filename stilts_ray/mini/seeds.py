"""Random generators seeded by name alone, so that every data set can be generated independently and reproducibly."""

import hashlib
import random

from stilts_ray.mini import VERSION


def generator(*parts: object) -> random.Random:
    """The random generator of a sequence of parts."""
    name = "/".join(map(str, (VERSION, *parts)))
    return random.Random(int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()))
