"""What the tests of heads and losses know of each trained kind: a task, random fields, and transformers' own model beside
ours."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F
from transformers import (
    XLMRobertaForMaskedLM,
    XLMRobertaForMultipleChoice,
    XLMRobertaForQuestionAnswering,
    XLMRobertaForSequenceClassification,
    XLMRobertaForTokenClassification,
    XLMRobertaModel,
)

from stilts_ray.data.batches import Batch
from stilts_ray.data.encoded import IGNORE, Encoded, Values
from stilts_ray.tasks import TASKS, Kind, Task

Padded = tuple[torch.Tensor, torch.Tensor]
"""(ids, mask), each [sequences, longest]."""

Logits = tuple[torch.Tensor, torch.Tensor]
"""transformers' logits in our layout, and the mean loss computed from its padded logits."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """task: one of the kind. fields: random values of what head and loss read, in the order in which they are drawn. group:
    sequences per item. reference: transformers' class. names: of our head's parameters -> of transformers', by prefix. logits:
    the reference's. outputs: logits of the reference's head."""

    task: Task
    fields: Callable[[np.random.Generator, Task, Encoded], dict[str, Values]] = lambda draw, task, made: {}
    group: Callable[[Task], int] = lambda task: 1
    reference: type[Any]
    names: Mapping[str, str]
    logits: Callable[[Any, Padded, Encoded, Batch], Logits]
    outputs: Callable[[Task], int] = lambda task: max(1, len(task.labels))


class DualEncoder(torch.nn.Module):
    """transformers' encoder with its own pooler; it has no class for two sides."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.roberta = XLMRobertaModel(config)
        self.logit_scale = torch.nn.Parameter(torch.ones(1))

    def tie_weights(self) -> None:
        """Nothing is tied."""

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        pooled = F.normalize(self.roberta(ids, attention_mask=mask).pooler_output, dim=-1)
        return torch.einsum("qh,ch->qc", pooled[0::2], pooled[1::2]) * self.logit_scale


def _classes(reference: Any, padded: Padded, made: Encoded, batch: Batch) -> Logits:
    logits = reference(padded[0], attention_mask=padded[1]).logits
    return logits, F.cross_entropy(logits, batch.fields["label"])


def _grades(reference: Any, padded: Padded, made: Encoded, batch: Batch) -> Logits:
    logits = reference(padded[0], attention_mask=padded[1]).logits
    return logits, F.mse_loss(logits.squeeze(-1), batch.fields["label"].to(logits.dtype))


def _choices(reference: Any, padded: Padded, made: Encoded, batch: Batch) -> Logits:
    ids, mask = (each.view(made.items, made.group, -1) for each in padded)
    return _classes(reference, (ids, mask), made, batch)


def _spans(reference: Any, padded: Padded, made: Encoded, batch: Batch) -> Logits:
    output, real = reference(padded[0], attention_mask=padded[1]), padded[1].bool()
    starts, ends = (each.masked_fill(~real, -torch.inf) for each in (output.start_logits, output.end_logits))
    loss = (F.cross_entropy(starts, batch.fields["start"]) + F.cross_entropy(ends, batch.fields["end"])) / 2
    return torch.stack([starts[real], ends[real]], dim=-1), loss


def _tags(reference: Any, padded: Padded, made: Encoded, batch: Batch) -> Logits:
    logits = reference(padded[0], attention_mask=padded[1]).logits[padded[1].bool()]
    return logits, F.cross_entropy(logits, batch.fields["tags"], ignore_index=IGNORE)


def _two_sides(reference: Any, padded: Padded, made: Encoded, batch: Batch) -> Logits:
    logits = reference(*padded)
    return logits, F.cross_entropy(logits, torch.arange(made.items))


def _masked(reference: Any, padded: Padded, made: Encoded, batch: Batch) -> Logits:
    (ids, mask), real = padded, padded[1].bool()
    ids[real] = batch.tokens
    logits = reference(ids, attention_mask=mask).logits[real][batch.fields["masked"]]
    return logits, F.cross_entropy(logits, batch.fields["target"])


def _random_spans(draw: np.random.Generator, task: Task, made: Encoded) -> dict[str, Values]:
    ends = {name: (draw.random(made.items) * made.lengths).astype(np.int32) for name in ("start", "end")}
    return ends | {"example": np.arange(made.items, dtype=np.int32)}


def _random_tags(draw: np.random.Generator, task: Task, made: Encoded) -> dict[str, Values]:
    tags = draw.integers(0, len(task.labels), len(made.tokens))
    tags = np.where(draw.random(len(tags)) < 0.3, IGNORE, tags).astype(np.int32)
    tags[0] = 0
    return {"tags": tags, "example": np.arange(made.items, dtype=np.int32)}


def _spans_of(name: str) -> Sample:
    return Sample(
        task=TASKS[name],
        fields=_random_spans,
        reference=XLMRobertaForQuestionAnswering,
        names={"": ""},
        logits=_spans,
        outputs=lambda task: 2,
    )


SAMPLES: dict[Kind, Sample] = {
    Kind.SEQUENCE_CLASSIFICATION: Sample(
        task=TASKS["mnli"],
        fields=lambda draw, task, made: {"label": draw.integers(0, len(task.labels), made.items).astype(np.int32)},
        reference=XLMRobertaForSequenceClassification,
        names={"": "classifier."},
        logits=_classes,
    ),
    Kind.REGRESSION: Sample(
        task=TASKS["stsb"],
        fields=lambda draw, task, made: {"label": (5 * draw.random(made.items)).astype(np.float32)},
        reference=XLMRobertaForSequenceClassification,
        names={"": "classifier."},
        logits=_grades,
    ),
    Kind.CHOICE: Sample(
        task=TASKS["hellaswag"],
        fields=lambda draw, task, made: {"label": draw.integers(0, task.choices, made.items).astype(np.int32)},
        group=lambda task: task.choices,
        reference=XLMRobertaForMultipleChoice,
        names={"dense.": "roberta.pooler.dense.", "classifier.": "classifier."},
        logits=_choices,
    ),
    Kind.SPAN: _spans_of("squad"),
    Kind.SPAN_OR_NONE: _spans_of("squad_v2"),
    Kind.TAGGING: Sample(
        task=TASKS["udpos"],
        fields=_random_tags,
        reference=XLMRobertaForTokenClassification,
        names={"": ""},
        logits=_tags,
    ),
    Kind.DUAL: Sample(
        task=TASKS["squad_r"],
        group=lambda task: 2,
        reference=DualEncoder,
        names={"dense.": "roberta.pooler.dense.", "": ""},
        logits=_two_sides,
    ),
    Kind.TEXT: Sample(task=TASKS["mlm_text"], reference=XLMRobertaForMaskedLM, names={"": "lm_head."}, logits=_masked),
}
SEPARABLE = [kind for kind in SAMPLES if kind not in {Kind.DUAL, Kind.TEXT}]
"""Kinds whose items have losses of their own, without the one whose masks are drawn with the batch."""
