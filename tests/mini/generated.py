"""The rows of the generated data sets, kept for all tests that read them."""

from functools import cache

from stilts_ray.mini import build

rows_of = cache(build.rows)
"""(folder, split) -> all rows, shared: no test may change them."""
