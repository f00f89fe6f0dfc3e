from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    BertConfig,
    BertModel,
    GPT2Config,
    MT5Config,
    MT5EncoderModel,
    RobertaConfig,
    RobertaModel,
    T5Config,
    T5EncoderModel,
    XLMRobertaModel,
    XLMRobertaXLConfig,
    XLMRobertaXLModel,
)

from stilts_ray.data.batches import collate
from stilts_ray.errors import RequestError
from stilts_ray.models import hf_folders as files
from stilts_ray.models import model as models
from stilts_ray.models import weights
from stilts_ray.models.attention import Buckets, Jagged, Layout, layout_of, packed_attention
from stilts_ray.models.families import FAMILIES
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
T5 = {
    "vocab_size": tiny.VOCABULARY, "d_model": 16, "d_kv": 8, "num_layers": 2, "num_heads": 2, "d_ff": 24,
    "relative_attention_num_buckets": 8, "relative_attention_max_distance": 10, "dropout_rate": 0.0,
}  # fmt: skip
REFERENCES: dict[str, Any] = {
    "bert": lambda: BertModel(BertConfig(**SHAPE), add_pooling_layer=False),
    "roberta": lambda: RobertaModel(RobertaConfig(**SHAPE), add_pooling_layer=False),
    "xlm-roberta": lambda: XLMRobertaModel(tiny.config(), add_pooling_layer=False),
    "xlm-roberta-xl": lambda: XLMRobertaXLModel(XLMRobertaXLConfig(**SHAPE), add_pooling_layer=False),
    "mt5": lambda: MT5EncoderModel(MT5Config(**T5)),
    "t5": lambda: T5EncoderModel(T5Config(**T5)),
}


def test_every_family_is_compared() -> None:
    assert set(REFERENCES) == set(FAMILIES)


def reference_and_ours(family: str, seed: int) -> tuple[Any, Any]:
    """transformers' model with eager attention, and our encoder with its weights."""
    reference = REFERENCES[family]()
    reference.set_attn_implementation("eager")
    tiny.roughen(reference, seed)
    config = type(reference.config).from_dict(reference.config.to_dict())
    encoder = models.new_encoder(config, seed=0)
    source = reference.encoder if FAMILIES[family].positions is False else reference
    encoder.load_state_dict(source.state_dict())
    return reference.eval(), encoder


@pytest.mark.parametrize("family", REFERENCES)
@pytest.mark.parametrize("seed", range(3))
def test_states_of_every_layer_equal_the_padded_models(family: str, seed: int) -> None:
    """The families differ in the first position id (BERT's is 0, RoBERTa's follows the padding index); T5 has none."""
    reference, encoder = reference_and_ours(family, seed)
    encoded = tiny.sequences(6, np.random.default_rng(seed), longest=30)

    states = Model(encoder, {}).eval().states(collate(encoded, np.arange(encoded.items)))

    ids, mask = tiny.padded(encoded)
    expected = reference(ids, attention_mask=mask, output_hidden_states=True).hidden_states
    assert len(states) == len(expected) == 3
    for ours, theirs in zip(states, expected, strict=True):
        torch.testing.assert_close(ours, theirs[mask.bool()], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("family", REFERENCES)
def test_gradients_equal_the_padded_models(family: str) -> None:
    """In double precision, since some gradients (of key biases) are zero up to rounding."""
    reference, encoder = (model.double() for model in reference_and_ours(family, 5))
    encoded = tiny.sequences(6, np.random.default_rng(5), longest=30)
    batch = collate(encoded, np.arange(encoded.items))
    weights = torch.randn(int(batch.lengths.sum()), 16, generator=torch.Generator().manual_seed(0)).double()
    (Model(encoder, {}).eval().states(batch)[-1] * weights).sum().backward()
    ids, mask = tiny.padded(encoded)
    (reference(ids, attention_mask=mask).last_hidden_state[mask.bool()] * weights).sum().backward()
    theirs = dict((reference.encoder if not FAMILIES[family].positions else reference).named_parameters())
    for name, ours in encoder.named_parameters():
        torch.testing.assert_close(ours.grad, theirs[name].grad, rtol=1e-6, atol=1e-9, msg=name)


@pytest.mark.parametrize("family", REFERENCES)
def test_every_family_is_loaded_from_its_folder(family: str, tmp_path: Path) -> None:
    reference, encoder = reference_and_ours(family, 1)
    reference.save_pretrained(tmp_path)
    again = files.load_encoder(str(tmp_path))
    assert again.state_dict().keys() == encoder.state_dict().keys()
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in encoder.state_dict().items())
    weights.save_weights(again, tmp_path / "own.safetensors")
    fresh = models.new_encoder(again.config, seed=9)
    weights.load_weights(fresh, tmp_path / "own.safetensors")
    batch = collate(tiny.sequences(3, np.random.default_rng(0)), np.arange(3))
    torch.testing.assert_close(Model(fresh, {}).eval().states(batch)[-1], Model(again, {}).eval().states(batch)[-1])


def test_an_unknown_architecture_is_one_line(tmp_path: Path) -> None:
    GPT2Config(n_layer=1, n_embd=8, n_head=2).save_pretrained(tmp_path)
    with pytest.raises(RequestError, match=r"architecture 'gpt2' is not supported \(supported: bert, "):
        files.load_encoder(str(tmp_path))


def test_segments_are_passed_to_the_encoder_if_there_are_any() -> None:
    reference, encoder = reference_and_ours("bert", 2)
    encoded = tiny.sequences(4, np.random.default_rng(2))
    encoded.fields["segments"] = np.random.default_rng(3).integers(0, 2, len(encoded.tokens)).astype(np.int32)
    batch = collate(encoded, np.arange(4))
    ids, mask = tiny.padded(encoded)
    segments = torch.zeros_like(ids)
    segments[mask.bool()] = batch.fields["segments"]
    expected = reference(ids, attention_mask=mask, token_type_ids=segments).last_hidden_state[mask.bool()]
    torch.testing.assert_close(Model(encoder, {}).eval().states(batch)[-1], expected, rtol=1e-4, atol=1e-4)


def test_a_sequence_does_not_attend_to_its_neighbours() -> None:
    encoder = models.new_encoder(tiny.config(), seed=0)
    tiny.roughen(encoder, 0)
    encoded = tiny.sequences(4, np.random.default_rng(1))
    model = Model(encoder, {}).eval()
    together = model.states(collate(encoded, np.arange(4)))[-1]
    alone = [model.states(collate(encoded, np.array([item])))[-1] for item in range(4)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("lengths", [[3], [1, 1], [4, 4, 4], [2, 5, 1], [7, 1, 3, 7]])
def test_the_layout_pads_and_unpads_every_token_once(lengths: list[int]) -> None:
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    encoded = tiny.sequences(1, np.random.default_rng(0))
    encoded = type(encoded)(np.arange(offsets[-1], dtype=np.int32), offsets)
    batch = collate(encoded, np.arange(len(lengths)))
    layout = Layout.of(batch)

    grid = layout.pad(batch.tokens.float(), fill=-1.0)
    assert grid.shape == (len(lengths), max(lengths))
    for row, length in enumerate(lengths):
        assert grid[row, :length].tolist() == list(range(offsets[row], offsets[row] + length))
        assert (grid[row, length:] == -1).all()
    assert torch.equal(layout.unpad(grid), batch.tokens.float())
    if layout.mask is None:
        assert len(set(lengths)) == 1
    else:
        assert torch.equal(layout.mask[:, 0, 0], grid >= 0)


@pytest.mark.parametrize("lengths", [[3], [4, 4, 4], [2, 5, 1], [7, 1, 3, 7], [16, 4, 15, 8, 2, 11], [9, 8, 3, 3]])
def test_buckets_hold_every_token_once_and_restore_its_place(lengths: list[int]) -> None:
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    encoded = tiny.sequences(1, np.random.default_rng(0))
    batch = collate(type(encoded)(np.arange(offsets[-1], dtype=np.int32), offsets), np.arange(len(lengths)))
    buckets = Buckets.of(batch)
    ordered = batch.tokens if buckets.order is None else batch.tokens[buckets.order]
    assert (buckets.order is None) == (buckets.inverse is None) == (sorted(lengths, reverse=True) == lengths)
    assert buckets.inverse is None or torch.equal(ordered[buckets.inverse], batch.tokens)
    for tokens, layout in zip(ordered.split(buckets.sizes), buckets.grids, strict=True):
        assert layout.longest <= len(tokens) / layout.rows / 0.75
        grid = layout.pad(tokens.float(), fill=-1.0)
        assert torch.equal(layout.unpad(grid), tokens.float())
        assert all((np.diff([cell for cell in row if cell >= 0]) == 1).all() for row in grid.tolist())


@pytest.mark.parametrize("lengths", [[3], [4, 4, 4], [2, 5, 1], [16, 4, 15, 8, 2, 11]])
def test_jagged_and_padded_attention_are_equal(lengths: list[int]) -> None:
    """The layout used on a GPU, its outputs and its gradients."""
    draw = torch.Generator().manual_seed(len(lengths))
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    encoded = tiny.sequences(1, np.random.default_rng(0))
    batch = collate(type(encoded)(np.arange(offsets[-1], dtype=np.int32), offsets), np.arange(len(lengths)))
    results = []
    parts = [torch.randn(1, 2, int(offsets[-1]), 8, generator=draw).requires_grad_() for _ in range(3)]
    for layout in (Buckets.of(batch), Jagged.of(batch)):
        output, _ = packed_attention(torch.nn.Module(), *parts, None, layout=layout)
        results.append((output, *torch.autograd.grad(output.square().sum(), parts)))
    for padded, jagged in zip(*results, strict=True):
        torch.testing.assert_close(jagged, padded, rtol=1e-5, atol=1e-5)


def by_sequence(offsets: Any, *parts: Any) -> Iterator[list[Any]]:
    """The tensors of each sequence: [heads, tokens, dim]."""
    for begin, end in pairwise(offsets.tolist()):
        yield [part[begin:end].transpose(0, 1).float() for part in parts]


def flash(q: Any, k: Any, v: Any, offsets: Any, _: Any, longest: int, *rest: Any, scale: float) -> Any:
    """A stand-in for FlashAttention's variable-length kernel, with its signature: the output, and state for the backward."""
    assert offsets.dtype == torch.int32, "the kernel's type"
    assert longest == int(offsets.diff().max())
    outputs = [((q @ k.mT) * scale).softmax(-1) @ v for q, k, v in by_sequence(offsets, q, k, v)]
    return torch.cat([part.transpose(0, 1) for part in outputs]).to(q.dtype), *(q.new_zeros(()) for _ in range(4))


def flash_back(given: Any, q: Any, k: Any, v: Any, _: Any, __: Any, offsets: Any, *rest: Any, scale: float) -> Any:
    """The gradients of attention: a softmax between two matrix products."""
    gradients = []
    for dy, q, k, v in by_sequence(offsets, given, q, k, v):  # noqa: B020
        share = ((q @ k.mT) * scale).softmax(-1)
        inner = share * (dy @ v.mT - (dy * (share @ v)).sum(-1, keepdim=True)) * scale
        gradients.append((inner @ k, inner.mT @ q, share.mT @ dy))
    return tuple(
        torch.cat([part.transpose(0, 1) for part in parts]).to(given.dtype) for parts in zip(*gradients, strict=True)
    )


def test_the_variable_length_kernel_is_called_with_its_signature() -> None:
    """The signature is that of torch.nn.attention.varlen, with dropout. Without a GPU, the kernel itself is not tested."""
    library = torch.library.Library("aten", "IMPL")
    try:
        library.impl("_flash_attention_forward", flash, "CPU")
        library.impl("_flash_attention_backward", flash_back, "CPU")
        draw, lengths = torch.Generator().manual_seed(0), [16, 15, 11, 8, 4, 2]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        encoded = type(tiny.sequences(1, np.random.default_rng(0)))(np.arange(offsets[-1], dtype=np.int32), offsets)
        batch = collate(encoded, np.arange(len(lengths)))
        parts = [torch.randn(1, 2, sum(lengths), 8, generator=draw).bfloat16().requires_grad_() for _ in range(3)]
        results = []
        for layout in (Buckets.of(batch), replace(Jagged.of(batch), flash=True)):
            output, _ = packed_attention(torch.nn.Module(), *parts, None, scaling=0.3, layout=layout)
            results.append((output, *torch.autograd.grad(output.float().square().sum(), parts)))
        for padded, jagged in zip(*results, strict=True):
            torch.testing.assert_close(jagged, padded, rtol=0.05, atol=0.05)
    finally:
        library._destroy()


def test_a_cpu_uses_padded_grids() -> None:
    batch = collate(tiny.sequences(3, np.random.default_rng(0)), np.arange(3))
    assert isinstance(layout_of(batch, biased=False), Buckets)
