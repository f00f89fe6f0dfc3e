"""An exported model, loaded by transformers alone, has the logits of ours."""

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from stilts_ray.data.batches import collate
from stilts_ray.errors import RequestError
from stilts_ray.kinds import KINDS, masked_lm, model_for, save_model
from stilts_ray.models import hf_folders
from stilts_ray.models import model as models
from stilts_ray.tasks import TASKS, Kind
from tests import architectures, tiny

CONFIGS = architectures.PACKED | architectures.PADDED
OWN_HEADS = ("bert", "camembert", "roberta", "xlm-roberta", "xlm-roberta-xl")
"""Architectures of whose heads all are ours."""
SAME_LAYER = ("albert", "deberta-v2", "distilbert", "mpnet", "rembert")
"""Architectures whose heads for tags and for spans are a layer, as ours are."""
TASK = {
    Kind.SEQUENCE_CLASSIFICATION: "mnli",
    Kind.REGRESSION: "stsb",
    Kind.CHOICE: "hellaswag",
    Kind.SPAN: "squad",
    Kind.SPAN_OR_NONE: "squad_v2",
    Kind.TAGGING: "udpos",
}


def suffix(kind: Kind) -> str:
    form = KINDS[kind].transformers
    assert form is not None
    return form.suffix


def test_every_class_is_tested() -> None:
    assert {*TASK, Kind.TEXT} == {kind for kind, spec in KINDS.items() if spec.transformers}


@pytest.mark.parametrize(
    "family, kind",
    [
        *((family, kind) for family in OWN_HEADS for kind in TASK),
        *((family, kind) for family in SAME_LAYER for kind in (Kind.SPAN, Kind.TAGGING)),
    ],
)
def test_logits_are_equal(family: str, kind: Kind, tmp_path: Path) -> None:
    task = TASKS[TASK[kind]]
    model = model_for(models.new_encoder(CONFIGS[family](), 0), [task], 0).eval()
    tiny.roughen(model, 1)
    loader = save_model(model, task, tmp_path / "out")
    theirs = getattr(transformers, loader).from_pretrained(tmp_path / "out").eval()
    assert theirs.config.architectures == [type(theirs).__name__]
    assert type(theirs).__name__.endswith(suffix(kind))
    assert (theirs.config.num_labels, theirs.config.problem_type) == (1, "regression") or kind is not Kind.REGRESSION
    if task.labels:
        assert [theirs.config.id2label[place] for place in range(len(task.labels))] == list(task.labels)

    encoded = tiny.encoded(task, 4, seed=2)
    batch = collate(encoded, np.arange(encoded.items))
    ours = model(task.name, batch)
    ids, mask = tiny.padded(encoded)
    real = mask.bool()
    match kind:
        case Kind.SEQUENCE_CLASSIFICATION | Kind.REGRESSION:
            expected = theirs(ids, attention_mask=mask).logits
        case Kind.CHOICE:
            shape = (encoded.items, encoded.group, -1)
            expected = theirs(ids.view(shape), attention_mask=mask.view(shape)).logits
        case Kind.TAGGING:
            expected = theirs(ids, attention_mask=mask).logits[real]
        case _:
            output = theirs(ids, attention_mask=mask)
            expected = torch.stack([output.start_logits[real], output.end_logits[real]], dim=-1)
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("family", [name for name in CONFIGS if name != "mbart"])
def test_an_encoder_without_a_head_is_exported(family: str, tmp_path: Path) -> None:
    encoder = models.new_encoder(CONFIGS[family](), 0)
    tiny.roughen(encoder, 1)
    loader = hf_folders.save_encoder(encoder, tmp_path / "out")
    theirs, report = getattr(transformers, loader).from_pretrained(
        tmp_path / "out", output_loading_info=True, attn_implementation="eager"
    )
    assert all("pooler" in name for name in report["missing_keys"])
    assert not report["unexpected_keys"]
    encoded = tiny.sequences(3, np.random.default_rng(0))
    ids, mask = tiny.padded(encoded)
    expected = theirs.eval()(ids, attention_mask=mask).last_hidden_state[mask.bool()]
    again = hf_folders.load_encoder(str(tmp_path / "out"))
    ours = models.Model(again, {}).eval().states(collate(encoded, np.arange(3)))[-1]
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4)


def test_the_encoder_of_a_model_that_has_no_class_for_it_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="transformers has no class for the encoder of a mbart alone"):
        hf_folders.save_encoder(models.new_encoder(CONFIGS["mbart"](), 0), tmp_path)


def test_a_head_that_is_not_transformers_own_is_one_line(tmp_path: Path) -> None:
    model = model_for(models.new_encoder(CONFIGS["deberta-v2"](), 0), [TASKS["mnli"]], 0)
    with pytest.raises(
        RequestError, match=r"DebertaV2ForSequenceClassification has another head .* the encoder alone can be"
    ):
        save_model(model, TASKS["mnli"], tmp_path)


def test_a_folder_with_other_weights_is_refused(tmp_path: Path) -> None:
    """transformers alone would initialise them at random."""
    hf_folders.save_encoder(models.new_encoder(tiny.config(), 0), tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    save_file({f"other.{name}": tensor for name, tensor in weights.items()}, tmp_path / "model.safetensors")
    with pytest.raises(
        RequestError, match=rf"encoder .*: {len(weights)} of its weights are missing, such as embeddings\."
    ):
        hf_folders.load_encoder(str(tmp_path))


def test_a_model_without_a_transformers_class_is_refused_in_one_line(tmp_path: Path) -> None:
    model = model_for(models.new_encoder(CONFIGS["mt5"](), 0), [TASKS["mnli"]], 0)
    with pytest.raises(RequestError, match="no class for a mt5 encoder with a head for pair classification"):
        save_model(model, TASKS["mnli"], tmp_path / "out")
    with pytest.raises(RequestError, match="a mt5 encoder has no masked-language-model head"):
        masked_lm.load_head(model.encoder, tmp_path, 0)
