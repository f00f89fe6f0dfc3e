from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from stilts_ray.data.encoded import Encoded
from stilts_ray.kinds import mining
from stilts_ray.metrics.mining import Mined, mine
from stilts_ray.models import inference
from stilts_ray.models.model import Model
from stilts_ray.tasks.examples import Comparable
from tests import tiny
from tests.metrics.test_mining import corpora


@pytest.mark.parametrize("memory", [1, 10**9], ids=["a layer at a time", "all layers at once"])
def test_each_layer_mines_each_example_from_its_own_sentences(memory: int, monkeypatch: Any) -> None:
    encoder = tiny.model().encoder
    tiny.roughen(encoder, 0)
    model = Model(encoder, {}).eval()
    examples = [
        Comparable(corpora(3, 4, {(0, 0), (1, 1)}), corpora(5, 6, {(2, 2)})),
        Comparable(corpora(2, 2, {(0, 1)}), corpora(4, 3, {(3, 0)})),
    ]
    made = tiny.sequences(3 + 4 + 5 + 6 + 2 + 2 + 4 + 3, np.random.default_rng(1))
    monkeypatch.setattr(inference, "MEMORY", memory)
    with torch.inference_mode():
        layers = list(mining.mined(model, examples, made))
        states = inference.sentence_vectors(model, Encoded(made.tokens, made.offsets))
    assert len(layers) == len(states) == 3
    for result, state in zip(layers, states, strict=True):
        ends = np.cumsum([0, 3, 4, 5, 6, 2, 2, 4, 3])
        sides = [state[start:end] for start, end in pairwise(ends)]
        expected = [mine(examples[0], *sides[:4]), mine(examples[1], *sides[4:])]
        assert [mined.pairs for mined in result] == [mined.pairs for mined in expected]
        assert [m.threshold for m in result] == [pytest.approx(m.threshold, rel=1e-4) for m in expected]
        assert all(isinstance(mined, Mined) for mined in result)
