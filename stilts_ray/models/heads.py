"""One head per kind of task. Parameters have the names and shapes of transformers' own models, so that they load there."""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F
from transformers import PretrainedConfig

from stilts_ray.data.batches import Batch
from stilts_ray.data.encode import IGNORE
from stilts_ray.models.attention import Layout
from stilts_ray.models.families import dropout_of, family_of
from stilts_ray.tasks.base import Kind, Task


def _head_dropout(config: PretrainedConfig) -> float:
    own = getattr(config, "classifier_dropout", None)
    return dropout_of(config) if own is None else float(own)


class PairHead(nn.Module):
    """As RobertaClassificationHead: logits [items, labels] from the first token, or what else the family pools."""

    def __init__(self, config: PretrainedConfig, task: Task) -> None:
        super().__init__()
        self.pooled = family_of(config).pooled
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.dropout = nn.Dropout(_head_dropout(config))
        self.out_proj = nn.Linear(config.hidden_size, len(task.labels))

    def forward(self, states: torch.Tensor, batch: Batch) -> torch.Tensor:
        hidden = torch.tanh(self.dense(self.dropout(self.pooled(states, batch))))
        return self.out_proj(self.dropout(hidden))  # type: ignore[no-any-return]


class ChoiceHead(nn.Module):
    """As RobertaForMultipleChoice (pooler and classifier): logits [items, choices]."""

    def __init__(self, config: PretrainedConfig, task: Task) -> None:
        super().__init__()
        self.pooled = family_of(config).pooled
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.dropout = nn.Dropout(dropout_of(config))
        self.classifier = nn.Linear(config.hidden_size, 1)

    def forward(self, states: torch.Tensor, batch: Batch) -> torch.Tensor:
        pooled = torch.tanh(self.dense(self.pooled(states, batch)))
        return self.classifier(self.dropout(pooled)).view(-1, batch.group)  # type: ignore[no-any-return]


class SpanHead(nn.Module):
    """As RobertaForQuestionAnswering: logits [total, 2], start and end."""

    def __init__(self, config: PretrainedConfig, task: Task) -> None:
        super().__init__()
        self.qa_outputs = nn.Linear(config.hidden_size, 2)

    def forward(self, states: torch.Tensor, batch: Batch) -> torch.Tensor:
        return self.qa_outputs(states)  # type: ignore[no-any-return]


class TagHead(nn.Module):
    """As RobertaForTokenClassification: logits [total, labels]."""

    def __init__(self, config: PretrainedConfig, task: Task) -> None:
        super().__init__()
        self.dropout = nn.Dropout(_head_dropout(config))
        self.classifier = nn.Linear(config.hidden_size, len(task.labels))

    def forward(self, states: torch.Tensor, batch: Batch) -> torch.Tensor:
        return self.classifier(self.dropout(states))  # type: ignore[no-any-return]


class DualHead(nn.Module):
    """Logits [questions, candidates] of a batch whose items are (question, right candidate): their cosines, times a learnt
    scale. As in XTREME-R's LAReQA model (google-research/xtreme, third_party/bert.py): both sides go through one encoder
    and one pooler."""

    def __init__(self, config: PretrainedConfig, task: Task) -> None:
        super().__init__()
        self.pooled = family_of(config).pooled
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.logit_scale = nn.Parameter(torch.tensor(100.0))

    def vectors(self, states: torch.Tensor, batch: Batch) -> torch.Tensor:
        """What each sequence is compared by: [sequences, hidden], of length 1."""
        pooled = self.pooled(states, batch).to(self.dense.weight.dtype)
        # The scale makes much of small differences between cosines: from here on nothing is rounded to bf16.
        with torch.autocast(pooled.device.type, enabled=False):
            return F.normalize(torch.tanh(self.dense(pooled)), dim=-1)

    def forward(self, states: torch.Tensor, batch: Batch) -> torch.Tensor:
        vectors = self.vectors(states, batch)
        with torch.autocast(vectors.device.type, enabled=False):
            return vectors[0::2] @ vectors[1::2].T * self.logit_scale


class MaskedHead(nn.Module):
    """As RobertaLMHead: logits [masked, vocabulary], for masked positions only. The decoder's weight is the embedding."""

    def __init__(self, config: PretrainedConfig, embedding: nn.Parameter) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.layer_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        # In a list, so that the shared matrix is no parameter of the head.
        self._tied = [embedding]

    def forward(self, states: torch.Tensor, batch: Batch) -> torch.Tensor:
        masked = states[batch.fields["masked"]]
        hidden = self.layer_norm(F.gelu(self.dense(masked)))
        return F.linear(hidden, self._tied[0], self.bias)


HEADS: dict[Kind, Callable[[PretrainedConfig, Task], nn.Module]] = {
    Kind.PAIR: PairHead,
    Kind.CHOICE: ChoiceHead,
    Kind.SPAN: SpanHead,
    Kind.SPAN_OR_NONE: SpanHead,
    Kind.TAGGING: TagHead,
    Kind.DUAL: DualHead,
}


def _class_loss(logits: torch.Tensor, batch: Batch) -> tuple[torch.Tensor, int]:
    labels = batch.fields["label"]
    return F.cross_entropy(logits, labels, reduction="sum"), len(labels)


def _span_loss(logits: torch.Tensor, batch: Batch) -> tuple[torch.Tensor, int]:
    grid = Layout.of(batch.lengths, batch.positions).spread(logits, fill=float("-inf"))
    start = F.cross_entropy(grid[..., 0], batch.fields["start"], reduction="sum")
    end = F.cross_entropy(grid[..., 1], batch.fields["end"], reduction="sum")
    return (start + end) / 2, len(batch.lengths)


def _tag_loss(logits: torch.Tensor, batch: Batch) -> tuple[torch.Tensor, int]:
    tags = batch.fields["tags"]
    return F.cross_entropy(logits, tags, ignore_index=IGNORE, reduction="sum"), int((tags != IGNORE).sum())


def _in_batch_loss(logits: torch.Tensor, batch: Batch) -> tuple[torch.Tensor, int]:
    """The right candidate of each question among those of the whole batch; one that answers two questions is wrong for the
    other all the same, as in the published code."""
    return F.cross_entropy(logits, torch.arange(len(logits), device=logits.device), reduction="sum"), len(logits)


def _masked_loss(logits: torch.Tensor, batch: Batch) -> tuple[torch.Tensor, int]:
    targets = batch.fields["target"]
    return F.cross_entropy(logits, targets, reduction="sum"), len(targets)


LOSSES: dict[Kind, Callable[[torch.Tensor, Batch], tuple[torch.Tensor, int]]] = {
    Kind.PAIR: _class_loss,
    Kind.CHOICE: _class_loss,
    Kind.SPAN: _span_loss,
    Kind.SPAN_OR_NONE: _span_loss,
    Kind.TAGGING: _tag_loss,
    Kind.DUAL: _in_batch_loss,
    Kind.TEXT: _masked_loss,
}
"""Logits and batch -> (sum of losses, number of things predicted): the mean is taken over a whole batch, however many
devices share it."""

Loss = Callable[[torch.Tensor, Batch], torch.Tensor]


def _item_class_loss(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    return F.cross_entropy(logits, batch.fields["label"], reduction="none")


def _item_span_loss(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    grid = Layout.of(batch.lengths, batch.positions).spread(logits, fill=float("-inf"))
    start = F.cross_entropy(grid[..., 0], batch.fields["start"], reduction="none")
    return (start + F.cross_entropy(grid[..., 1], batch.fields["end"], reduction="none")) / 2


def _item_tag_loss(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    tags = batch.fields["tags"]
    losses = F.cross_entropy(logits, tags, ignore_index=IGNORE, reduction="none")
    sequence = torch.repeat_interleave(torch.arange(len(batch.lengths), device=tags.device), batch.lengths)
    sums, counts = (
        losses.new_zeros(len(batch.lengths)).index_add(0, sequence, values)
        for values in (losses, (tags != IGNORE).to(losses.dtype))
    )
    return sums / counts.clamp(min=1)


ITEM_LOSSES: dict[Kind, Loss] = {
    Kind.PAIR: _item_class_loss,
    Kind.CHOICE: _item_class_loss,
    Kind.SPAN: _item_span_loss,
    Kind.SPAN_OR_NONE: _item_span_loss,
    Kind.TAGGING: _item_tag_loss,
}
"""Logits and batch -> the mean loss of each item [items], for kinds in which an item has one of its own."""

INSEPARABLE = frozenset({Kind.DUAL})
"""Kinds in which the loss of an item depends on the others of its batch: devices cannot share one."""
