from typing import Any

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel, RobertaConfig, RobertaModel, XLMRobertaModel

from stilts_ray.data.batches import collate
from stilts_ray.models import model as models
from stilts_ray.models.attention import Buckets, Layout
from stilts_ray.models.model import Model
from tests import tiny

SHAPE = {
    "vocab_size": tiny.VOCABULARY,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 42,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}
FAMILIES: dict[str, Any] = {
    "bert": lambda: BertModel(BertConfig(**SHAPE), add_pooling_layer=False),
    "roberta": lambda: RobertaModel(RobertaConfig(**SHAPE), add_pooling_layer=False),
    "xlm-roberta": lambda: XLMRobertaModel(tiny.config(), add_pooling_layer=False),
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seed", range(3))
def test_states_of_every_layer_equal_the_padded_models(family: str, seed: int) -> None:
    """The families differ in where positions begin: BERT at 0, RoBERTa after its padding index."""
    reference = FAMILIES[family]().eval()
    tiny.roughen(reference, seed)
    config = type(reference.config).from_dict(reference.config.to_dict())
    encoder = models.new_encoder(config, seed=0)
    encoder.load_state_dict(reference.state_dict())
    made = tiny.sequences(6, np.random.default_rng(seed))

    states = Model(encoder, {}).eval().states(collate(made, np.arange(made.items)))

    ids, mask = tiny.padded(made)
    expected = reference(ids, attention_mask=mask, output_hidden_states=True).hidden_states
    assert len(states) == len(expected) == 3
    for ours, theirs in zip(states, expected, strict=True):
        torch.testing.assert_close(ours, theirs[mask.bool()], rtol=1e-5, atol=1e-5)


def test_a_sequence_does_not_see_its_neighbours() -> None:
    encoder = models.new_encoder(tiny.config(), seed=0)
    tiny.roughen(encoder, 0)
    made = tiny.sequences(4, np.random.default_rng(1))
    model = Model(encoder, {}).eval()
    together = model.states(collate(made, np.arange(4)))[-1]
    alone = [model.states(collate(made, np.array([item])))[-1] for item in range(4)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("lengths", [[3], [1, 1], [4, 4, 4], [2, 5, 1], [7, 1, 3, 7]])
def test_layout_spreads_and_gathers_every_token_once(lengths: list[int]) -> None:
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    made = tiny.sequences(1, np.random.default_rng(0))
    made = type(made)(np.arange(offsets[-1], dtype=np.int32), offsets)
    batch = collate(made, np.arange(len(lengths)))
    layout = Layout.of(batch.lengths, batch.positions)

    grid = layout.spread(batch.tokens.float(), fill=-1.0)
    assert grid.shape == (len(lengths), max(lengths))
    for row, length in enumerate(lengths):
        assert grid[row, :length].tolist() == list(range(offsets[row], offsets[row] + length))
        assert (grid[row, length:] == -1).all()
    assert torch.equal(layout.gather(grid), batch.tokens.float())
    if layout.mask is None:
        assert len(set(lengths)) == 1
    else:
        assert torch.equal(layout.mask[:, 0, 0], grid >= 0)


@pytest.mark.parametrize("lengths", [[3], [4, 4, 4], [2, 5, 1], [7, 1, 3, 7], [16, 4, 15, 8, 2, 11]])
def test_buckets_hold_every_token_once_and_give_it_back_in_its_place(lengths: list[int]) -> None:
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    made = tiny.sequences(1, np.random.default_rng(0))
    batch = collate(type(made)(np.arange(offsets[-1], dtype=np.int32), offsets), np.arange(len(lengths)))
    buckets = Buckets.of(batch)
    laid = torch.cat([tokens for tokens, _ in buckets.parts])
    assert torch.equal(laid[buckets.back], batch.tokens)
    for tokens, layout in buckets.parts:
        assert layout.longest <= len(tokens) / layout.rows / 0.75
        grid = layout.spread(batch.tokens[tokens].float(), fill=-1.0)
        assert all((np.diff([cell for cell in row if cell >= 0]) == 1).all() for row in grid.tolist())
