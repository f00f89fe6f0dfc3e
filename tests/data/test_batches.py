import itertools
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from stilts_ray.data.batches import Batch, Share, by_length, by_tokens, collate, generator, order, packed, shared, split
from stilts_ray.tasks import TASKS, Task
from tests import tiny

LENGTHS = st.lists(st.integers(1, 50), min_size=1, max_size=40)
SHARES = st.builds(Share, st.integers(1, 30), st.integers(1, 7), st.none() | st.integers(1, 30))
PARTED = ("mnli", "hellaswag", "squad", "udpos", "squad_r")
RUNS = st.dictionaries(st.sampled_from("abc"), st.tuples(st.integers(1, 25), SHARES), min_size=1)


@given(LENGTHS, st.integers(1, 120))
def test_batches_by_tokens_hold_every_item_once_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = by_tokens(lengths, budget)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    for items in batches:
        assert len(items) == 1 or sum(lengths[item] for item in items) <= budget


@given(LENGTHS, st.integers(1, 120))
def test_batches_by_tokens_are_as_full_as_their_order_allows(lengths: list[int], budget: int) -> None:
    batches = by_tokens(lengths, budget)
    ranked = [lengths[item] for items in batches for item in items]
    assert ranked == sorted(lengths, reverse=True)
    for items, later in pairwise(batches):
        assert sum(lengths[item] for item in items) + lengths[later[0]] > budget


@given(RUNS, st.integers(0, 2**63))
def test_every_item_comes_once_a_pass(runs: dict[str, tuple[int, Share]], seed: int) -> None:
    sizes = {name: size for name, (size, _) in runs.items()}
    shares = {name: share for name, (_, share) in runs.items()}
    batches = order(sizes, shares, seed)
    for name, share in shares.items():
        mine = [items for task, items in batches if task == name]
        rows = min(sizes[name], share.rows or sizes[name])
        assert len(mine) == share.batches
        # Only the last batch of a pass is smaller.
        full, rest = divmod(rows, share.batch_size)
        one = [share.batch_size] * full + [rest] * bool(rest)
        assert Counter(map(len, mine)) == Counter(itertools.islice(itertools.cycle(one), share.batches))
        passes = share.batches // len(one)
        counts = Counter(item for items in mine for item in items.tolist())
        assert set(counts) <= set(range(sizes[name]))
        assert set(counts.values()) <= {passes, passes + 1}
        assert len(counts) <= rows, "the same rows in every pass"
        assert len(counts) == rows or not passes


@given(RUNS, st.integers(0, 5))
def test_order_is_a_function_of_the_seed(runs: dict[str, tuple[int, Share]], seed: int) -> None:
    sizes = {name: size for name, (size, _) in runs.items()}
    shares = {name: share for name, (_, share) in runs.items()}
    first = order(sizes, shares, seed)
    np.random.seed(seed)
    again = order(dict(reversed(sizes.items())), shares, seed)
    assert [(task, items.tolist()) for task, items in first] == [(task, items.tolist()) for task, items in again]


def test_seeds_epochs_and_rows_differ() -> None:
    share = {"a": Share(batches=2, batch_size=50, rows=50)}
    (_, first), (_, second) = order({"a": 1000}, share, seed=0)
    (_, other), _ = order({"a": 1000}, share, seed=1)
    assert first.tolist() != second.tolist(), "shuffled anew each pass"
    assert set(first) == set(second)
    assert set(first) != set(other), "each seed draws its own rows"
    assert first.max() > 500, "drawn from all rows, not the first ones"


def test_a_tasks_own_order_does_not_depend_on_its_company() -> None:
    """A row of the mixture is comparable to the single task: the same rows in the same order."""
    shares = {"a": Share(10, 4, 20), "b": Share(10, 3)}
    alone = [items.tolist() for _, items in order({"a": 40}, shares, seed=3)]
    mixed = [items.tolist() for task, items in order({"a": 40, "b": 30}, shares, seed=3) if task == "a"]
    assert sorted(mixed) == sorted(alone)


def test_a_mixture_is_proportional_all_along() -> None:
    sizes, shares = {"big": 3000, "small": 1000}, {"big": Share(300, 10), "small": Share(100, 10)}
    names = [task for task, _ in order(sizes, shares, seed=0)]
    assert Counter(names) == {"big": 300, "small": 100}
    for quarter in range(4):
        part = names[100 * quarter : 100 * (quarter + 1)]
        assert part.count("small") == pytest.approx(25, abs=12)


def test_streams_of_random_numbers_are_independent() -> None:
    draws = [generator(*key).integers(0, 2**62) for key in ((0, "a"), (0, "b"), (1, "a"), (0, "a", "b"), (-1, "a"))]
    assert len(set(draws)) == len(draws)
    assert generator(0, "a").integers(0, 2**62) == draws[0]


@pytest.mark.parametrize("name", ["mnli", "hellaswag", "squad", "udpos"])
def test_a_packed_batch_holds_its_items_end_to_end(name: str) -> None:
    made = tiny.encoded(TASKS[name], 6, seed=0)
    items = np.array([4, 0, 5])
    batch = collate(made, items)
    sequences = [item * made.group + member for item in items for member in range(made.group)]
    parts = [made.tokens[made.offsets[s] : made.offsets[s + 1]] for s in sequences]

    assert batch.tokens.tolist() == [token for part in parts for token in part]
    assert batch.positions.tolist() == [place for part in parts for place in range(len(part))]
    assert batch.lengths.tolist() == [len(part) for part in parts]
    assert batch.group == made.group
    for field, values in made.fields.items():
        if field == "tags":
            expected = np.concatenate([values[made.offsets[s] : made.offsets[s + 1]] for s in sequences])
        else:
            expected = values[items]
        assert batch.fields[field].tolist() == expected.tolist()
    assert {tensor.dtype for tensor in (batch.tokens, batch.positions, *batch.fields.values())} == {torch.int64}


def test_a_batch_moves_whole() -> None:
    batch = collate(tiny.encoded(TASKS["squad"], 2, seed=0), np.arange(2)).to(torch.device("meta"))
    tensors = (batch.tokens, batch.positions, batch.lengths, *batch.fields.values())
    assert {tensor.device.type for tensor in tensors} == {"meta"}


def concatenated(parts: list[Batch]) -> Batch:
    """The batch that parts were made of."""
    fields = {name: torch.cat([part.fields[name] for part in parts]) for name in parts[0].fields}
    tokens, lengths = (torch.cat([getattr(part, name) for part in parts]) for name in ("tokens", "lengths"))
    return packed(tokens, lengths, fields, parts[0].group)


def same(one: Batch, other: Batch) -> bool:
    names = ("tokens", "positions", "sequence", "lengths")
    plain = all(torch.equal(getattr(one, name), getattr(other, name)) for name in names)
    fields = all(torch.equal(values, other.fields[name]) for name, values in one.fields.items())
    return (
        plain
        and fields
        and (one.longest, one.group, set(one.fields)) == (other.longest, other.group, set(other.fields))
    )


@pytest.mark.parametrize("task", [TASKS[name] for name in PARTED], ids=lambda task: task.name)
@given(items=st.integers(1, 9), seed=st.integers(0, 3), budget=st.integers(1, 150))
def test_parts_hold_every_item_once_within_the_budget(task: Task, items: int, seed: int, budget: int) -> None:
    batch = collate(tiny.encoded(task, items, seed), np.arange(items))
    parts = split(batch, budget)
    assert same(concatenated(parts), batch)
    assert all(len(part.tokens) <= budget or len(part.lengths) == part.group for part in parts)
    for one, other in pairwise(parts):
        assert len(one.tokens) + int(other.lengths[: other.group].sum()) > budget, "as full as their order allows"


@given(items=st.integers(1, 9), seed=st.integers(0, 3), count=st.integers(1, 12))
def test_shares_hold_every_item_once_and_are_equal_to_one(items: int, seed: int, count: int) -> None:
    batch = collate(tiny.encoded(TASKS["hellaswag"], items, seed), np.arange(items))
    shares = shared(batch, count)
    assert same(concatenated(shares), batch)
    sizes = [len(share.lengths) // share.group for share in shares]
    assert len(sizes) == min(count, items)
    assert max(sizes) - min(sizes) <= 1


def test_no_budget_is_the_batch_itself() -> None:
    batch = collate(tiny.encoded(TASKS["mnli"], 3, 0), np.arange(3))
    assert split(batch, None) == [batch]


@given(items=st.lists(st.integers(0, 8), min_size=1, unique=True), seed=st.integers(0, 3))
def test_by_length_ranks_the_same_items_from_long_to_short(items: list[int], seed: int) -> None:
    made = tiny.encoded(TASKS["hellaswag"], 9, seed)
    ranked = by_length(made, np.array(items))
    assert sorted(ranked) == sorted(items)
    lengths = made.item_lengths[ranked].tolist()
    assert lengths == sorted(lengths, reverse=True)
