"""Random numbers that depend on nothing but a name, so that every data set can be written alone and again."""

import hashlib
import random

from stilts_ray.mini import VERSION


def generator(*parts: object) -> random.Random:
    """A generator of its own for every sequence of parts."""
    name = "/".join(map(str, (VERSION, *parts)))
    return random.Random(int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()))
