import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    AutoModel,
    AutoModelForMaskedLM,
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    XLMRobertaForMaskedLM,
)

from stilts_ray.data.batches import collate
from stilts_ray.data.encoded import Encoded
from stilts_ray.errors import RequestError
from stilts_ray.kinds import masked_lm, save_model
from stilts_ray.models import families
from stilts_ray.models import hf_folders as files
from stilts_ray.models import model as models
from stilts_ray.models.attention import NAME
from stilts_ray.models.model import Model
from stilts_ray.tasks import TASKS
from stilts_ray.training.masked import Masking, masked_batch
from tests import tiny


def test_saved_masked_lm_is_a_plain_transformers_folder(tmp_path: Path) -> None:
    model = tiny.model(TASKS["mlm_text"])
    tiny.roughen(model, 1)
    save_model(model, TASKS["mlm_text"], tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"config.json", "model.safetensors"}
    assert NAME not in (tmp_path / "config.json").read_text(), "nobody else knows this attention"

    loaded = AutoModelForMaskedLM.from_pretrained(tmp_path).eval()
    made = tiny.sequences(3, np.random.default_rng(0))
    batch = masked_batch(made, np.arange(3), tiny.masking(0.3), 0)
    ids, mask = tiny.padded(made)
    ids[mask.bool()] = batch.tokens
    expected = loaded(ids, attention_mask=mask).logits[mask.bool()][batch.fields["masked"]]
    torch.testing.assert_close(model.eval()("mlm_text", batch), expected, rtol=1e-5, atol=1e-5)


BERT = BertConfig(
    vocab_size=30, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
    max_position_embeddings=20,
)  # fmt: skip


@pytest.mark.parametrize("reference", [lambda: XLMRobertaForMaskedLM(tiny.config()), lambda: BertForMaskedLM(BERT)])
def test_the_masked_head_of_a_published_encoder_is_used(reference: Callable[[], Any], tmp_path: Path) -> None:
    whole = reference().eval()
    tiny.roughen(whole, 3)
    whole.save_pretrained(tmp_path)
    encoder = files.load_encoder(str(tmp_path))
    model = models.Model(encoder, {"mlm_text": masked_lm.load_head(encoder, tmp_path, seed=0)}).eval()
    made = tiny.sequences(3, np.random.default_rng(0))
    made.tokens[:] = 5 + made.tokens % 20
    batch = masked_batch(made, np.arange(3), Masking(0.3, 4, np.arange(5, 25)), 0)
    ids, mask = tiny.padded(made)
    ids[mask.bool()] = batch.tokens
    expected = whole(ids, attention_mask=mask).logits[mask.bool()][batch.fields["masked"]]
    torch.testing.assert_close(model("mlm_text", batch), expected, rtol=1e-4, atol=1e-4)


def test_an_encoder_without_a_masked_head_gets_a_fresh_one(tmp_path: Path) -> None:
    tiny.model().encoder.save_pretrained(tmp_path)
    encoder = files.load_encoder(str(tmp_path))
    one, again, other = (
        masked_lm.load_head(encoder, tmp_path, seed).state_dict()["dense.weight"] for seed in (0, 0, 1)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_an_encoder_folder_comes_back_with_the_same_weights(tiny_encoder: Path) -> None:
    encoder = files.load_encoder(str(tiny_encoder))
    expected = AutoModel.from_pretrained(tiny_encoder).state_dict()
    assert encoder.config._attn_implementation == NAME
    for name, tensor in encoder.state_dict().items():
        assert torch.equal(tensor, expected[name])
    assert AutoTokenizer.from_pretrained(tiny_encoder).mask_token == "<mask>"


def test_half_precision_files_are_loaded_in_full_precision(tmp_path: Path, tiny_encoder: Path) -> None:
    AutoModel.from_pretrained(tiny_encoder).half().save_pretrained(tmp_path)
    assert {p.dtype for p in files.load_encoder(str(tmp_path)).parameters()} == {torch.float32}


@pytest.mark.parametrize("content", [None, "{", '{"model_type": "no such model"}', '{"model_type": "xlm-roberta"}'])
def test_a_folder_that_does_not_load_is_one_line(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(RequestError, match="encoder") as caught:
        files.load_encoder(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_new_encoder_depends_on_its_seed_alone() -> None:
    first, again, other = (models.new_encoder(tiny.config(), seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_the_longest_input_fits_and_one_more_token_does_not() -> None:
    encoder = models.new_encoder(tiny.config(), seed=0)
    longest = families.longest_input(encoder)
    assert longest == 40
    fits, too_long = (Encoded(np.full(n, 7, dtype=np.int32), np.array([0, n])) for n in (longest, longest + 1))
    with torch.inference_mode():
        assert Model(encoder, {}).states(collate(fits, np.arange(1)))[-1].isfinite().all()
        with pytest.raises((IndexError, RuntimeError)):
            Model(encoder, {}).states(collate(too_long, np.arange(1)))


def test_shape_of_a_new_encoder_is_what_was_asked_for(tiny_encoder: Path) -> None:
    config = json.loads((tiny_encoder / "config.json").read_text())
    expected = {"num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 48}
    assert {name: config[name] for name in expected} == expected
    assert config["max_position_embeddings"] == 130
    assert config["hidden_dropout_prob"] == config.get("attention_probs_dropout_prob", 0.1) == 0.1
