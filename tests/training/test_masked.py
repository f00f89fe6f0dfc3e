from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from stilts_ray.data.batches import collate
from stilts_ray.tasks import TASKS
from stilts_ray.training import masked
from tests import tiny
from tests.tasks import rows

MASK = 4


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_the_tokenizer_has_xlm_rs_format(kind: Any) -> None:
    # On so little text the Unigram trainer stays below the vocabulary size; BPE makes all merges there are.
    tokenizer = masked.make_tokenizer(list(rows.texts()), kind, 400)
    assert 100 < len(tokenizer) <= 400
    assert [tokenizer.convert_tokens_to_ids(name) for name in (*masked.SPECIAL, masked.MASK)] == [0, 1, 2, 3, 4]
    assert len(masked.SPECIAL) + 1 == tiny.FIRST_ORDINARY

    single, pair = tokenizer("The cat")["input_ids"], tokenizer("The cat", "sleeps")["input_ids"]
    cat, sleeps = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in ("The cat", "sleeps"))
    assert single == [0, *cat, 2]
    assert pair == [0, *cat, 2, 2, *sleeps, 2]
    assert tokenizer.convert_ids_to_tokens(cat)[0].startswith("▁")
    assert tokenizer.decode(cat) == "The cat"
    assert tokenizer("ﬁre")["input_ids"] == tokenizer("fire")["input_ids"], "NFKC"
    assert tokenizer.unk_token_id in tokenizer("☃")["input_ids"]


@given(
    lengths=st.lists(st.integers(2, 30), min_size=1, max_size=40),
    budget=st.integers(20, 80),
    epochs=st.integers(1, 3),
    seed=st.integers(0, 5),
)
def test_batches_by_tokens_see_every_text_once_an_epoch(
    lengths: list[int], budget: int, epochs: int, seed: int
) -> None:
    sizes = np.array(lengths)
    sources = [(np.arange(len(lengths)), 1.0)]
    batches = masked.token_batches(sizes, sources, budget, epochs * sum(lengths), seed)
    assert np.bincount(np.concatenate(batches)).tolist() == [epochs] * len(lengths)
    again = masked.token_batches(sizes, sources, budget, epochs * sum(lengths), seed)
    assert all(np.array_equal(one, other) for one, other in zip(batches, again, strict=True))


@given(lengths=st.lists(st.integers(2, 30), min_size=1, max_size=40), budget=st.integers(20, 80))
def test_batches_are_never_empty_nor_much_over_their_budget(lengths: list[int], budget: int) -> None:
    sizes = np.array(lengths)
    batches = masked.token_batches(sizes, [(np.arange(len(lengths)), 1.0)], budget, 2 * sum(lengths), 0)
    assert all(0 < sizes[items].sum() < budget + sizes.max() for items in batches)


def test_batches_end_at_the_number_of_tokens() -> None:
    sizes = np.full(50, 10)
    batches = masked.token_batches(sizes, [(np.arange(50), 1.0)], 40, 120, 0)
    seen = [int(sizes[items].sum()) for items in batches]
    assert sum(seen) >= 120 > sum(seen[:-1])


@given(share=st.floats(0, 1), tokens=st.integers(500, 3000))
def test_each_source_has_its_share_of_the_tokens(share: float, tokens: int) -> None:
    sizes = np.random.default_rng(0).integers(2, 30, 90)
    first, second = np.arange(20), np.arange(20, 90)
    batches = masked.token_batches(sizes, [(first, share), (second, 1 - share)], 100, tokens, 0)
    seen = np.concatenate(batches)
    assert sizes[seen[seen < 20]].sum() == pytest.approx(share * tokens, abs=30)
    assert sizes[seen[seen >= 20]].sum() == pytest.approx((1 - share) * tokens, abs=30)


def test_masking_follows_berts_rule() -> None:
    encoded = tiny.sequences(400, np.random.default_rng(0))
    encoded.tokens[encoded.offsets[:-1]] = 0
    items = np.arange(encoded.items)
    plain, batch = collate(encoded, items), masked.masked_batch(encoded, items, tiny.masking(0.15), 7)
    where, target = batch.fields["masked"], batch.fields["target"]
    ordinary = int((plain.tokens >= tiny.FIRST_ORDINARY).sum())

    assert len(where) == round(0.15 * ordinary)
    assert len(where.unique()) == len(where)
    assert torch.equal(plain.tokens[where], target)
    assert (target >= tiny.FIRST_ORDINARY).all(), "special tokens are not predicted"
    untouched = torch.ones_like(plain.tokens, dtype=torch.bool).index_fill(0, where, False)
    assert torch.equal(batch.tokens[untouched], plain.tokens[untouched])
    shown = batch.tokens[where]
    masks, unchanged = (shown == MASK).float().mean().item(), (shown == target).float().mean().item()
    assert masks == pytest.approx(0.8, abs=0.05)
    assert unchanged == pytest.approx(0.1, abs=0.04)
    assert (shown[shown != MASK] >= tiny.FIRST_ORDINARY).all()


def test_masks_depend_on_the_seed_alone() -> None:
    encoded, items = tiny.sequences(9, np.random.default_rng(0)), np.arange(9)
    first, again, other = (masked.masked_batch(encoded, items, tiny.masking(0.3), seed) for seed in (1, 1, 2))
    assert torch.equal(first.tokens, again.tokens)
    assert torch.equal(first.fields["masked"], again.fields["masked"])
    assert not torch.equal(first.fields["masked"], other.fields["masked"])


def test_held_out_metrics_are_means_over_all_masked_tokens_for_any_batches() -> None:
    model = tiny.model(TASKS["mlm_text"])
    tiny.roughen(model, 0)
    model.eval()
    encoded = tiny.sequences(12, np.random.default_rng(0))
    with torch.inference_mode():
        one = masked.held_out(model, encoded, tiny.masking(0.3), 10_000)
        again = masked.held_out(model, encoded, tiny.masking(0.3), 10_000)
        batch = masked.masked_batch(encoded, np.argsort(-encoded.lengths, kind="stable"), tiny.masking(0.3), 0)
        logits = model("mlm_text", batch)
    assert one == again
    assert one["score"] == one["accuracy"]
    expected = torch.nn.functional.cross_entropy(logits, batch.fields["target"]).item()
    assert one["held_out_loss"] == pytest.approx(expected, rel=1e-5)
    right = (logits.argmax(-1) == batch.fields["target"]).float().mean().item()
    assert one["accuracy"] == pytest.approx(100 * right, rel=1e-5)
