"""Looks at every row before anything is trained, so that a bad one does not end a sweep in its tenth hour."""

from collections.abc import Iterable

from stilts_ray import tasks
from stilts_ray.data.rows import load
from stilts_ray.origin import Origin


def check_rows(origin: Origin, splits: Iterable[tuple[str, str, str]]) -> None:
    """Makes an example of each row of the splits, given as (task, split, language), and forgets them.

    Raises RequestError if a split cannot be read, RowError for the first row that does not fit.
    """
    for name, split, language in dict.fromkeys(splits):
        load(origin, tasks.get(name), split, language)
