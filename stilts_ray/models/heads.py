"""One head per kind of task. Parameters have the names and shapes of transformers' own models, so that they load there."""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F
from transformers import PretrainedConfig

from stilts_ray.data.batches import Batch
from stilts_ray.models.families import dropout_of, family_of
from stilts_ray.tasks.base import Kind, Task


def _head_dropout(config: PretrainedConfig) -> float:
    own = getattr(config, "classifier_dropout", None)
    return dropout_of(config) if own is None else float(own)


class SequenceClassificationHead(nn.Module):
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
        self.logit_scale = nn.Parameter(torch.tensor([100.0]))

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

    def __init__(self, config: PretrainedConfig, embedding: nn.Embedding) -> None:
        """embedding: the word embeddings; their weight is another tensor once the model is sharded."""
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.layer_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        # In a list, so that the shared matrix is no parameter of the head, too.
        self._tied = [embedding]

    def forward(self, states: torch.Tensor, batch: Batch) -> torch.Tensor:
        masked = states[batch.fields["masked"]]
        hidden = self.layer_norm(F.gelu(self.dense(masked)))
        return F.linear(hidden, self._tied[0].weight, self.bias)


HEADS: dict[Kind, Callable[[PretrainedConfig, Task], nn.Module]] = {
    Kind.SEQUENCE_CLASSIFICATION: SequenceClassificationHead,
    Kind.CHOICE: ChoiceHead,
    Kind.SPAN: SpanHead,
    Kind.SPAN_OR_NONE: SpanHead,
    Kind.TAGGING: TagHead,
    Kind.DUAL: DualHead,
}
