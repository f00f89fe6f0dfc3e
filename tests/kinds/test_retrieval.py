from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel

from stilts_ray.data.batches import collate
from stilts_ray.data.encoded import Encoded
from stilts_ray.kinds import retrieval
from stilts_ray.metrics.nearest import nearest_by_cosine
from stilts_ray.models import hf_folders as files
from stilts_ray.models import inference
from stilts_ray.models import model as models
from stilts_ray.models.families import means
from stilts_ray.models.model import Model
from tests import tiny


@pytest.fixture(scope="module")
def model() -> Model:
    """A rough random encoder without heads."""
    encoder = models.new_encoder(tiny.config(), seed=0)
    tiny.roughen(encoder, 0)
    return Model(encoder, {}).eval()


def padded_means(model: Model, made: Encoded, folder: Path) -> torch.Tensor:
    """Means over real tokens of transformers' padded states: [layers + 1, sequences, hidden]."""
    files.save_encoder(model.encoder, folder)
    reference = AutoModel.from_pretrained(folder, add_pooling_layer=False).eval()
    ids, mask = tiny.padded(made)
    with torch.inference_mode():
        states = reference(ids, attention_mask=mask, output_hidden_states=True).hidden_states
    weight = mask[..., None] / mask.sum(1)[:, None, None]
    return torch.stack([(state * weight).sum(1) for state in states])


@pytest.mark.parametrize("seed", range(3))
def test_sentence_vectors_are_the_padded_means_of_every_layer(
    model: Model, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tiny.sequences(8, np.random.default_rng(seed))
    expected = padded_means(model, made, tmp_path)
    for budget in (10_000, 20):  # one batch, and several whose order is not that of the sentences
        monkeypatch.setitem(inference.BUDGETS, "cpu", budget)
        with torch.inference_mode():
            vectors = inference.sentence_vectors(model, made)
        torch.testing.assert_close(vectors, expected, rtol=1e-5, atol=1e-5)


def test_means_of_a_batch_by_hand() -> None:
    batch = collate(Encoded(np.arange(5, dtype=np.int32), np.array([0, 2, 5])), np.arange(2))
    states = torch.tensor([[1.0, 0.0], [3.0, 2.0], [1.0, 1.0], [2.0, 2.0], [6.0, 0.0]])
    assert means(states, batch).tolist() == [[2.0, 1.0], [3.0, 1.0]]


def test_nearest_is_by_cosine_not_by_length() -> None:
    queries = torch.tensor([[1.0, 0.0], [1.0, 1.0], [-3.0, 0.1]])
    index = torch.tensor([[0.0, 9.0], [0.1, 0.0], [50.0, 49.0], [-1.0, 0.0]])
    assert nearest_by_cosine(queries, index) == [1, 2, 3]


def test_english_sentences_look_for_foreign_ones(model: Model, tmp_path: Path) -> None:
    """Tatoeba's direction: for each English sentence the index of a foreign one. The other direction differs here."""
    made = tiny.sequences(16, np.random.default_rng(5), group=2)
    vectors = padded_means(model, Encoded(made.tokens, made.offsets), tmp_path)
    foreign, english = (torch.nn.functional.normalize(vectors[:, side::2], dim=-1) for side in (0, 1))
    expected = [(e @ f.T).argmax(1).tolist() for f, e in zip(foreign, english, strict=True)]
    reverse = [(f @ e.T).argmax(1).tolist() for f, e in zip(foreign, english, strict=True)]
    assert all(one != other for one, other in zip(expected, reverse, strict=True))
    with torch.inference_mode():
        assert list(retrieval.translations(model, [], made)) == expected


@pytest.mark.parametrize("depth, layer", [(24, 14), (12, 7), (6, 4), (2, 1), (1, 1)])
def test_default_layer_is_14_of_24_in_proportion(depth: int, layer: int) -> None:
    assert inference.default_layer(depth) == layer
