from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoModelForTextEncoding, ViTConfig, ViTModel

from stilts_ray.data.batches import collate
from stilts_ray.errors import RequestError
from stilts_ray.models import hf_folders as files
from stilts_ray.models import model as models
from stilts_ray.models import weights
from stilts_ray.models.attention import Buckets, Jagged, Layout, layout_of, packed_attention
from stilts_ray.models.families import FAMILIES, layers_of
from stilts_ray.models.model import Model
from stilts_ray.models.vocabulary import prune_embeddings
from stilts_ray.training.step import activation_checkpointing
from tests import architectures, tiny

ARCHITECTURES = architectures.PACKED | architectures.PADDED


def test_every_packed_architecture_is_compared() -> None:
    assert set(architectures.PACKED) == set(FAMILIES)
    assert not set(architectures.PADDED) & set(FAMILIES)


def reference_and_ours(architecture: str, seed: int) -> tuple[Any, Any]:
    """transformers' encoder with eager attention, and ours with its weights."""
    config = ARCHITECTURES[architecture]()
    if architecture in ("t5", "mt5"):
        reference = AutoModelForTextEncoding.from_config(config).encoder
    else:
        whole = AutoModel.from_config(config)
        reference = whole.get_encoder() if config.is_encoder_decoder else whole
    reference.set_attn_implementation("eager")
    tiny.roughen(reference, seed)
    encoder = models.new_encoder(ARCHITECTURES[architecture](), seed=0)
    weights = reference.state_dict()
    encoder.load_state_dict({name: weights[name] for name in encoder.state_dict()})
    return reference.eval(), encoder.eval()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("seed", range(3))
def test_states_of_every_layer_equal_the_padded_models(architecture: str, seed: int) -> None:
    """They differ in positions, in windows, in the number of heads of keys, in biases and in scales of embeddings."""
    reference, encoder = reference_and_ours(architecture, seed)
    encoded = tiny.sequences(6, np.random.default_rng(seed), longest=30)

    states = Model(encoder, {}).eval().states(collate(encoded, np.arange(encoded.items)))

    ids, mask = tiny.padded(encoded, reference.config.pad_token_id or 0)
    expected = reference(ids, attention_mask=mask, output_hidden_states=True).hidden_states
    assert len(states) == len(expected) == reference.config.num_hidden_layers + 1
    for ours, theirs in zip(states, expected, strict=True):
        torch.testing.assert_close(ours, theirs[mask.bool()], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_gradients_equal_the_padded_models(architecture: str) -> None:
    """In double precision, since some gradients (of key biases) are zero up to rounding; other architectures compute in float32
    in between."""
    reference, encoder = reference_and_ours(architecture, 5)
    tolerance = {"rtol": 1e-3, "atol": 1e-4}
    if architecture in ("bert", "roberta", "xlm-roberta", "xlm-roberta-xl", "mt5", "t5"):
        reference, encoder, tolerance = reference.double(), encoder.double(), {"rtol": 1e-6, "atol": 1e-9}
    encoded = tiny.sequences(6, np.random.default_rng(5), longest=30)
    batch = collate(encoded, np.arange(encoded.items))
    weights = torch.randn(int(batch.lengths.sum()), 16, generator=torch.Generator().manual_seed(0)).double()
    (Model(encoder, {}).states(batch)[-1] * weights).sum().backward()
    ids, mask = tiny.padded(encoded, reference.config.pad_token_id or 0)
    (reference(ids, attention_mask=mask).last_hidden_state[mask.bool()] * weights).sum().backward()
    theirs = dict(reference.named_parameters())
    for name, ours in encoder.named_parameters():
        torch.testing.assert_close(
            ours.grad, theirs[name].grad, **tolerance, msg=lambda text, name=name: f"{name}: {text}"
        )


def test_a_window_is_shorter_than_the_sequences_compared() -> None:
    reference, encoder = reference_and_ours("modernbert", 0)
    encoded = tiny.sequences(6, np.random.default_rng(0), longest=30)
    assert reference.config.sliding_window < encoded.lengths.max() - 1
    batch = collate(encoded, np.arange(6))
    near = Model(encoder, {}).states(batch)[-1]
    for layer in encoder.layers:
        layer.attn.sliding_window = None
    assert not torch.allclose(near, Model(encoder, {}).states(batch)[-1], atol=1e-3)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_encoder_is_loaded_from_its_folder(architecture: str, tmp_path: Path) -> None:
    config = ARCHITECTURES[architecture]()
    auto = AutoModelForTextEncoding if architecture in ("t5", "mt5") else AutoModel
    auto.from_config(config).save_pretrained(tmp_path)
    again = files.load_encoder(str(tmp_path))
    assert all(parameter.dtype is torch.float32 for parameter in again.parameters())
    weights.save_weights(again, tmp_path / "own.safetensors")
    fresh = models.new_encoder(again.config, seed=9)
    weights.load_weights(fresh, tmp_path / "own.safetensors")
    batch = collate(tiny.sequences(3, np.random.default_rng(0)), np.arange(3))
    ours, expected = (Model(encoder, {}).eval().states(batch)[-1] for encoder in (fresh, again))
    torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_pruned_vocabulary_changes_no_state(architecture: str) -> None:
    """Padding is no token of its own; embeddings that are scaled or projected stay so."""
    _, encoder = reference_and_ours(architecture, 3)
    encoded = tiny.sequences(6, np.random.default_rng(1))
    model, batch = Model(encoder, {}).eval(), collate(encoded, np.arange(6))
    before = model.states(batch)[-1]
    prune_embeddings(model, [encoded])
    assert torch.equal(model.states(batch)[-1], before)


@pytest.mark.parametrize("architecture", [name for name in ARCHITECTURES if name not in ("albert", "xlm")])
def test_recomputed_activations_change_no_gradient(architecture: str) -> None:
    """ALBERT's layers share their weights, so there is no list of them; XLM's keep the keys of their last call."""
    batch = collate(tiny.sequences(4, np.random.default_rng(1)), np.arange(4))
    gradients = []
    for recomputed in (False, True):
        _, encoder = reference_and_ours(architecture, 3)
        model = Model(encoder, {})
        assert len(layers_of(encoder)) == encoder.config.num_hidden_layers
        if recomputed:
            activation_checkpointing(model)
        model.states(batch)[-1].square().sum().backward()
        gradients.append({name: parameter.grad for name, parameter in encoder.named_parameters()})
    for name, expected in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], expected, msg=lambda text, name=name: f"{name}: {text}")


def test_a_model_that_is_no_encoder_of_texts_is_one_line(tmp_path: Path) -> None:
    config = ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, image_size=8, patch_size=4
    )
    ViTModel(config).save_pretrained(tmp_path)
    with pytest.raises(RequestError, match="a 'vit' has no word embeddings; it is no encoder of texts"):
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
    assert isinstance(layout_of(batch, gridded=False), Buckets)
