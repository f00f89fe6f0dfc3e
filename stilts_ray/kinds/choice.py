"""Multiple choice: a prompt, its possible continuations, and the index of the right one.

Each alternative is a sequence with the prompt before it; the alternatives of a prompt are one item. A score per sequence is
read from the pooled states, as in RobertaForMultipleChoice; the loss is cross-entropy over an item's scores, the metric
accuracy.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from transformers import PretrainedConfig

from stilts_ray.data.batches import Batch
from stilts_ray.data.encoded import Encoded, TokenizationConfig, encode_pairs
from stilts_ray.kinds.classification import best_classes, class_terms, constant, label_count
from stilts_ray.kinds.spec import KindSpec, Objective, Scoring, one_term_per_item
from stilts_ray.kinds.submission import SubmissionFormat, accuracy_of_lines
from stilts_ray.metrics import formats
from stilts_ray.metrics.scores import Scores, accuracy_scores
from stilts_ray.models.families import dropout_of, pooling_of
from stilts_ray.models.heads import Head
from stilts_ray.models.hf_folders import TransformersHead
from stilts_ray.models.model import Model
from stilts_ray.tasks.base import Kind, Task
from stilts_ray.tasks.examples import Choice


def encode(task: Task, examples: Sequence[Choice], tokenizer: Any, tokenization: TokenizationConfig) -> Encoded:
    """One sequence per alternative, `task.choices` sequences per item. "label" [items]: the index of the right alternative."""
    pairs = [(example.prompt, choice) for example in examples for choice in example.choices]
    return encode_pairs(pairs, tokenizer, tokenization, task.choices, label=[example.label for example in examples])


class ChoiceHead(Head):
    """As RobertaForMultipleChoice (pooler and classifier): logits [items, choices]."""

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__()
        self.pooled = pooling_of(config)
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.dropout = nn.Dropout(dropout_of(config))
        self.classifier = nn.Linear(config.hidden_size, 1)

    def forward(self, states: torch.Tensor, batch: Batch) -> torch.Tensor:
        pooled = torch.tanh(self.dense(self.pooled(states, batch)))
        return self.classifier(self.dropout(pooled)).view(-1, batch.group)  # type: ignore[no-any-return]


def predict(model: Model, task: Task, examples: Sequence[Choice], encoded: Encoded, max_answer: int) -> list[int]:
    """The index of the best alternative of each example."""
    return best_classes(model, task, encoded)


def metrics(task: Task, examples: Sequence[Choice], predictions: Sequence[int], language: str) -> Scores:
    """Accuracy."""
    return accuracy_scores([example.label for example in examples], predictions)


def submission(task: Task) -> SubmissionFormat:
    """A JSON object per line, {"label": 0 or 1}."""
    return SubmissionFormat(
        suffix="jsonl",
        predictions=formats.choices,
        labels=formats.choices,
        text=lambda labels: formats.lines(json.dumps({"label": label}) for label in labels),
        score=accuracy_of_lines,
        gold=lambda examples, language, pool: [example.label for example in examples],
    )


def parameter_names(base: str) -> Mapping[str, str]:
    """The pooler belongs to the encoder in transformers."""
    return {"dense.": f"{base}.pooler.dense.", "": ""}


CHOICE: KindSpec[Choice, int] = KindSpec(
    kind=Kind.CHOICE,
    encode=encode,
    objective=Objective(
        head=lambda encoder, task: ChoiceHead(encoder.config),
        loss_terms=class_terms,
        count=label_count,
        item_losses=one_term_per_item,
    ),
    scoring=Scoring(metrics=metrics, rule="accuracy", predict=predict, constant=constant),
    transformers=TransformersHead("ForMultipleChoice", parameter_names),
    submission=submission,
)
