"""Training with a pruned vocabulary ends with the weights of training with the full one."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import BertConfig, T5Config, XLMRobertaXLConfig

from stilts_ray.config import Optimizer
from stilts_ray.data.batches import Share, collate, order
from stilts_ray.data.encoded import Encoded
from stilts_ray.kinds import model_for
from stilts_ray.models import model as models
from stilts_ray.models import vocabulary, weights
from stilts_ray.models.families import word_embeddings
from stilts_ray.models.model import Model
from stilts_ray.models.vocabulary import PrunedEmbedding, prune_embeddings
from stilts_ray.store.store import Store
from stilts_ray.tasks import TASKS
from stilts_ray.training.checkpoint import Checkpoints
from stilts_ray.training.loop import train
from stilts_ray.training.training_run import TrainingRun
from tests import tiny

STEPS, ITEMS = 50, 12
TOKENS = np.arange(tiny.FIRST_ORDINARY, 30)
"""The active tokens."""
MIXTURE = ("mnli", "udpos", "squad")


def data(names: tuple[str, ...] = MIXTURE, tokens: Any = TOKENS) -> dict[str, Encoded]:
    """Random examples of these tokens."""
    encoded = {name: tiny.encoded(TASKS[name], ITEMS, seed=number) for number, name in enumerate(names)}
    return {
        name: replace(each, tokens=tokens[each.tokens % len(tokens)].astype(np.int32)) for name, each in encoded.items()
    }


def trained(
    model: Model, store: Store, optimizer: Optimizer, examples: dict[str, Encoded], rate: float = 3e-3
) -> Model:
    run = TrainingRun(
        order=order(
            dict.fromkeys(examples, ITEMS), {name: Share(-(-STEPS // len(examples)), 4) for name in examples}, seed=1
        )[:STEPS],
        make_batch=lambda step, name, items: collate(examples[name], items),
        kinds={name: TASKS[name].kind for name in examples},
        evaluate=lambda model: {"score": 1.0},
        evaluations=1,
        learning_rate=rate,
        optimizer=optimizer,
        seed=3,
    )
    assert train(model, run, Checkpoints(store, "trial/run", 1e9)).end == "finished"
    return model


def fresh(config: Any = None) -> Model:
    encoder = models.new_encoder(config or tiny.config(dropout=0.1), seed=5)
    return model_for(encoder, [TASKS[name] for name in MIXTURE], seed=5)


def completed(active: Model, before: Model, path: Path) -> dict[str, torch.Tensor]:
    """The weights of a run: its file, loaded into the model before the run."""
    weights.save_weights(active, path)
    weights.load_weights(before, path)
    return before.state_dict()


CLIPPED, NOT_CLIPPED = 0.1, 1e9
CONFIGS: dict[str, Any] = {
    "xlm-roberta": lambda: tiny.config(dropout=0.1),
    "bert": lambda: BertConfig(
        vocab_size=tiny.VOCABULARY, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24
    ),
    "xlm-roberta-xl": lambda: XLMRobertaXLConfig(
        vocab_size=tiny.VOCABULARY, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24
    ),
    "t5": lambda: T5Config(vocab_size=tiny.VOCABULARY, d_model=16, d_kv=8, num_layers=1, num_heads=2, d_ff=16),
}


@pytest.mark.parametrize(
    "family, clip, weight_decay",
    [
        *[(family, CLIPPED, 0.1) for family in CONFIGS],
        *[("xlm-roberta", clip, decay) for clip, decay in ((CLIPPED, 0.0), (NOT_CLIPPED, 0.0), (NOT_CLIPPED, 0.1))],
    ],
)
def test_after_fifty_steps_the_weights_are_those_of_dense_adamw(
    family: str, clip: float, weight_decay: float, store: Store, tmp_path: Path
) -> None:
    optimizer = Optimizer(weight_decay=weight_decay, clip=clip)
    dense = trained(fresh(CONFIGS[family]()), store, optimizer, data()).state_dict()
    model = fresh(CONFIGS[family]())
    prune_embeddings(model, data().values())
    trained(model, store, optimizer, data())
    before = fresh(CONFIGS[family]())
    initial = word_embeddings(before.encoder).detach().clone()
    ours = completed(model, before, tmp_path / "w.safetensors")
    assert set(ours) == set(dense)
    for name, expected in dense.items():
        torch.testing.assert_close(
            ours[name], expected, rtol=0, atol=1e-6, msg=lambda text, name=name: f"{name}: {text}"
        )
    table = word_embeddings(before.encoder)
    unused = np.setdiff1d(np.arange(tiny.VOCABULARY), TOKENS)
    moved = (table - initial).abs().amax(1)
    assert moved[TOKENS].min() > 1e-4
    assert (moved[unused].max() > 1e-5) == (weight_decay > 0), "unused rows are only decayed"


def test_only_active_rows_are_trained_and_saved(store: Store, tmp_path: Path) -> None:
    model = fresh()
    prune_embeddings(model, data().values())
    embedding = model.encoder.get_input_embeddings()
    assert isinstance(embedding, PrunedEmbedding)
    assert embedding.rows.tolist() == TOKENS.tolist()
    assert embedding.weight.shape == (len(TOKENS), 16)
    weights.save_weights(model, tmp_path / "active.safetensors")
    weights.save_weights(fresh(), tmp_path / "dense.safetensors")
    saved = (tiny.VOCABULARY - len(TOKENS)) * 16 * 4
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("dense", "active")]
    # The ids of the active rows and the decay factor take some bytes.
    assert sizes[0] - sizes[1] == pytest.approx(saved, abs=len(TOKENS) * 8 + 500)


def test_a_pruned_token_is_an_error_and_not_another_tokens_vector() -> None:
    model = fresh().eval()
    prune_embeddings(model, data().values())
    pruned = tiny.encoded(TASKS["mnli"], 2, seed=0)
    with pytest.raises(IndexError):
        model("mnli", collate(replace(pruned, tokens=np.full_like(pruned.tokens, 50)), np.arange(2)))


def test_logits_are_bit_identical() -> None:
    model = fresh().eval()
    batch = collate(data()["mnli"], np.arange(ITEMS))
    before = model("mnli", batch)
    prune_embeddings(model, data().values())
    assert torch.equal(model("mnli", batch), before)


def test_a_masked_language_model_keeps_the_full_vocabulary() -> None:
    model = tiny.with_masked_head(models.new_encoder(tiny.config(), 0), 0)
    prune_embeddings(model, data().values())
    assert isinstance(model.encoder.get_input_embeddings(), torch.nn.Embedding)


def test_two_runs_in_a_row_update_the_active_rows_of_both(store: Store, tmp_path: Path) -> None:
    """Two consecutive runs with overlapping pruned vocabularies equal two dense runs."""
    # The gradient of a bias before a softmax is only rounding error; with a tiny epsilon AdamW makes full steps of it.
    spec, first, second = Optimizer(weight_decay=0.1, epsilon=1e-3), data(), data(tokens=np.arange(20, 45))
    dense = trained(trained(fresh(), store, spec, first), store, spec, second).state_dict()

    one = fresh()
    prune_embeddings(one, first.values())
    trained(one, store, spec, first)
    weights.save_weights(one, tmp_path / "one.safetensors")
    two = fresh()
    weights.load_weights(two, tmp_path / "one.safetensors")
    prune_embeddings(two, second.values())
    trained(two, store, spec, second)
    weights.save_weights(two, tmp_path / "two.safetensors", parent="trial/one")

    assert weights.parent_trial(tmp_path / "one.safetensors") is None
    assert weights.parent_trial(tmp_path / "two.safetensors") == "trial/one"
    loaded = fresh()
    weights.load_embeddings(loaded.encoder, tmp_path / "one.safetensors")
    weights.load_weights(loaded, tmp_path / "two.safetensors")
    for name, expected in dense.items():
        torch.testing.assert_close(loaded.state_dict()[name], expected, rtol=0, atol=1e-6)


def test_the_full_embeddings_are_the_decayed_ones_with_the_active_rows_replaced() -> None:
    table = torch.arange(8.0).view(4, 2)
    restored = vocabulary.full_embeddings(
        table, torch.tensor([[9.0, 9.0]]), torch.tensor([2]), torch.tensor(0.5, dtype=torch.float64)
    )
    assert restored.tolist() == [[0, 0.5], [1, 1.5], [9, 9], [3, 3.5]]
    assert restored.dtype == torch.float32
