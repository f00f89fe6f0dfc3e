"""A packed batch gives the logits and gradients of transformers' own padded models, for every head."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from stilts_ray.data.batches import Batch, collate
from stilts_ray.data.encoded import Encoded
from stilts_ray.kinds import KINDS, model_for, objective_of
from stilts_ray.models import model as models
from stilts_ray.models.model import Model
from stilts_ray.tasks import TASKS, Kind, Task
from stilts_ray.training.masked import masked_batch
from tests import tiny
from tests.kinds.samples import SAMPLES, SEPARABLE

TASK: dict[Kind, Task] = {kind: sample.task for kind, sample in SAMPLES.items()}


def reference_name(kind: Kind, name: str) -> str:
    """What transformers calls a parameter of ours."""
    if name.startswith("encoder."):
        return f"roberta.{name.removeprefix('encoder.')}"
    inner = name.split(".", 2)[2]
    ours, theirs = next(pair for pair in SAMPLES[kind].names.items() if inner.startswith(pair[0]))
    return theirs + inner.removeprefix(ours)


def reference_model(kind: Kind, model: Model) -> Any:
    """transformers' model for the kind, with eager attention and the weights of ours."""
    config = tiny.config()
    config.num_labels = SAMPLES[kind].outputs(TASK[kind])
    config._attn_implementation = "eager"
    reference = SAMPLES[kind].reference(config)
    weights = {reference_name(kind, name): tensor for name, tensor in model.state_dict().items()}
    missing, unexpected = reference.load_state_dict(weights, strict=False)
    assert not unexpected
    assert {name for name in missing if "decoder" not in name} <= {"roberta.embeddings.position_ids"}
    reference.tie_weights()
    return reference.eval()


def reference_logits(kind: Kind, reference: Any, made: Encoded, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """transformers' logits in our layout, and the mean loss computed from its padded logits."""
    return SAMPLES[kind].logits(reference, tiny.padded(made), made, batch)


@dataclass
class Both:
    """Logits and loss of our model and of transformers', and the gradients of the losses by our names."""

    logits: tuple[torch.Tensor, torch.Tensor]
    losses: tuple[torch.Tensor, torch.Tensor]
    gradients: dict[str, tuple[torch.Tensor, torch.Tensor]]


def both(kind: Kind, seed: int, items: int = 5, dtype: torch.dtype = torch.float32, longest: int = 14) -> Both:
    """Runs ours and transformers' on the same random batch with the same random weights."""
    task = TASK[kind]
    model = tiny.model(task)
    tiny.roughen(model, seed)
    made = tiny.encoded(task, items, seed, longest)
    everything = np.arange(made.items)
    batch = masked_batch(made, everything, tiny.masking(0.3), seed) if kind is Kind.TEXT else collate(made, everything)
    reference = reference_model(kind, model).to(dtype)
    model = model.to(dtype).eval()

    logits = model(task.name, batch)
    objective = objective_of(kind)
    mean = objective.loss(logits, batch) / objective.count(batch)
    mean.backward()
    expected, expected_loss = reference_logits(kind, reference, made, batch)
    expected_loss.backward()
    # The decoder's weight is the embedding; both names are looked for.
    theirs = dict(reference.named_parameters(remove_duplicate=False))
    gradients = {
        name: (parameter.grad, theirs[reference_name(kind, name)].grad) for name, parameter in model.named_parameters()
    }
    return Both((logits, expected), (mean, expected_loss), gradients)


def test_every_trained_kind_is_compared() -> None:
    assert {kind for kind, spec in KINDS.items() if spec.objective is not None} == set(SAMPLES)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", TASK, ids=lambda kind: kind.name)
def test_packed_equals_padded_in_logits_and_gradients(kind: Kind, seed: int) -> None:
    result = both(kind, seed)
    assert result.logits[0].std() > 0.05, "logits that differ, or the comparison says nothing"
    torch.testing.assert_close(*result.logits, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(*result.losses, rtol=1e-5, atol=1e-5)
    for name, (ours, theirs) in result.gradients.items():
        assert ours is not None, name
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5, msg=lambda text, name=name: f"{name}: {text}")


@pytest.mark.parametrize("kind", TASK, ids=lambda kind: kind.name)
def test_in_double_precision_nothing_but_rounding_is_left(kind: Kind) -> None:
    result = both(kind, seed=11, items=3, dtype=torch.float64)
    torch.testing.assert_close(*result.logits, rtol=1e-12, atol=1e-12)
    for ours, theirs in result.gradients.values():
        torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("kind", TASK, ids=lambda kind: kind.name)
def test_a_batch_without_ragged_ends_is_equal_too(kind: Kind) -> None:
    """All sequences of one length: the path without a mask."""
    result = both(kind, seed=3, longest=2)
    torch.testing.assert_close(*result.logits, rtol=1e-5, atol=1e-5)
    for ours, theirs in result.gradients.values():
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", TASK, ids=lambda kind: kind.name)
def test_every_parameter_is_trained(kind: Kind) -> None:
    gradients = both(kind, seed=5).gradients
    assert all(ours.abs().max() > 0 for ours, _ in gradients.values())


def test_span_loss_is_transformers_own_for_each_sequence_alone() -> None:
    """transformers lets padding take part in the softmax over positions; here there is none."""
    task = TASK[Kind.SPAN]
    model = tiny.model(task)
    tiny.roughen(model, 7)
    made = tiny.encoded(task, 4, 7)
    reference = reference_model(Kind.SPAN, model)
    for item in range(made.items):
        batch = collate(made, np.array([item]))
        total = objective_of(Kind.SPAN).loss(model(task.name, batch), batch)
        expected = reference(
            batch.tokens[None], start_positions=batch.fields["start"], end_positions=batch.fields["end"]
        ).loss
        assert objective_of(Kind.SPAN).count(batch) == 1
        torch.testing.assert_close(total, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", SEPARABLE, ids=lambda kind: kind.name)
def test_the_loss_of_a_batch_is_the_sum_over_its_parts(kind: Kind) -> None:
    """What makes accumulation and several devices exact: sums and counts add up."""
    task = TASK[kind]
    model, made = tiny.model(task), tiny.encoded(task, 6, 2)
    tiny.roughen(model, 2)

    def found(items: list[int]) -> tuple[float, int]:
        batch = collate(made, np.array(items))
        objective = objective_of(kind)
        return objective.loss(model(task.name, batch), batch).item(), objective.count(batch)

    whole, parts = found([0, 1, 2, 3, 4, 5]), [found([0, 3]), found([5, 1, 2, 4])]
    assert whole[0] == pytest.approx(sum(total for total, _ in parts), rel=1e-5)
    assert whole[1] == sum(count for _, count in parts)


def test_cosines_are_not_rounded_to_half_precision() -> None:
    task = TASK[Kind.DUAL]
    model, batch = tiny.model(task), collate(tiny.encoded(task, 6, 2), np.arange(6))
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        logits, vectors = model(task.name, batch), model.vectors(task.name, batch)
    assert logits.dtype == vectors.dtype == torch.float32
    torch.testing.assert_close(vectors.norm(dim=-1), torch.ones(12))
    torch.testing.assert_close(logits, 100 * vectors[0::2] @ vectors[1::2].T)


def test_the_order_of_a_batch_changes_no_logit() -> None:
    task = TASK[Kind.SEQUENCE_CLASSIFICATION]
    model, made = tiny.model(task), tiny.encoded(task, 5, 4)
    tiny.roughen(model, 4)
    order = np.array([3, 0, 4, 1, 2])
    straight = model(task.name, collate(made, np.arange(5)))
    torch.testing.assert_close(model(task.name, collate(made, order)), straight[order], rtol=1e-5, atol=1e-5)


def test_new_heads_begin_as_transformers_does_and_depend_on_the_seed_alone() -> None:
    mixture = [TASKS["mnli"], TASKS["squad"]]
    first = model_for(models.new_encoder(tiny.config(), 0), mixture, seed=3)
    # Another encoder, another order of tasks, some random numbers drawn before: the same heads.
    encoder = models.new_encoder(tiny.config(), 9)
    torch.rand(7)
    second = model_for(encoder, mixture[::-1], seed=3)
    other = model_for(models.new_encoder(tiny.config(), 0), mixture, seed=4)
    for name, tensor in first.heads.state_dict().items():
        assert torch.equal(tensor, second.heads.state_dict()[name])
        if name.endswith("bias"):
            assert not tensor.any()
        else:
            assert not torch.equal(tensor, other.heads.state_dict()[name])
            assert tensor.std() == pytest.approx(tiny.config().initializer_range, rel=0.5)


@pytest.mark.parametrize(
    "kind, place", [(Kind.SEQUENCE_CLASSIFICATION, "classifier.dropout"), (Kind.TAGGING, "dropout")]
)
@pytest.mark.parametrize("given, expected", [(None, 0.1), (0.0, 0.0), (0.3, 0.3)])
def test_dropout_before_the_classifier_is_transformers(
    kind: Kind, place: str, given: float | None, expected: float
) -> None:
    config = tiny.config(dropout=0.1)
    config.classifier_dropout = given
    head = model_for(models.new_encoder(config, 0), [TASK[kind]], 0).heads[TASK[kind].name]
    ours = [module.p for module in head.modules() if isinstance(module, torch.nn.Dropout)]
    assert ours == [dict(SAMPLES[kind].reference(config).named_modules())[place].p] == [expected]
