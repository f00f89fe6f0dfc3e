"""Sequence-pair classification: two texts, and the class of the relation between them.

The pair is one sequence. A classifier reads what the encoder's family pools (the first token), as RobertaClassificationHead
does; the loss is cross-entropy, the metric accuracy.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from transformers import PretrainedConfig

from stilts_ray.data.batches import Batch
from stilts_ray.data.encoded import Encoded, TokenizationConfig, encode_pairs
from stilts_ray.kinds.spec import KindSpec, Objective, Scoring, one_term_per_item
from stilts_ray.kinds.submission import SubmissionFormat, accuracy_of_lines
from stilts_ray.metrics import formats
from stilts_ray.metrics.scores import Scores, accuracy_scores, binary_f1
from stilts_ray.models.families import pooling_of
from stilts_ray.models.heads import Head, classifier_dropout
from stilts_ray.models.hf_folders import TransformersHead
from stilts_ray.models.inference import gathered
from stilts_ray.models.model import Model
from stilts_ray.tasks.base import Kind, Task
from stilts_ray.tasks.examples import Pair


def encode(task: Task, examples: Sequence[Pair], tokenizer: Any, tokenization: TokenizationConfig) -> Encoded:
    """One sequence per pair. "label" [items]: the index of the class among the task's labels."""
    labels = [task.labels.index(example.label) for example in examples]
    return encode_pairs([(e.first, e.second) for e in examples], tokenizer, tokenization, label=labels)


class SequenceClassificationHead(Head):
    """As RobertaClassificationHead: logits [items, outputs] from the pooled states."""

    def __init__(self, config: PretrainedConfig, outputs: int) -> None:
        super().__init__()
        self.pooled = pooling_of(config)
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.dropout = nn.Dropout(classifier_dropout(config))
        self.out_proj = nn.Linear(config.hidden_size, outputs)

    def forward(self, states: torch.Tensor, batch: Batch) -> torch.Tensor:
        hidden = torch.tanh(self.dense(self.dropout(self.pooled(states, batch))))
        return self.out_proj(self.dropout(hidden))  # type: ignore[no-any-return]


def class_terms(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    """The cross-entropy of each item: [items]."""
    return F.cross_entropy(logits, batch.fields["label"], reduction="none")


def label_count(batch: Batch) -> int:
    """The number of labels in a batch."""
    return len(batch.fields["label"])


def best_classes(model: Model, task: Task, encoded: Encoded) -> list[int]:
    """The index of the largest logit of each item."""
    items, (best,) = gathered(model, encoded, lambda batch: (model(task.name, batch).argmax(-1),))
    classes: list[int] = best[np.argsort(items)].tolist()
    return classes


def predict(model: Model, task: Task, examples: Sequence[Pair], encoded: Encoded, max_answer: int) -> list[str]:
    """The name of the most probable class of each pair."""
    return [task.labels[label] for label in best_classes(model, task, encoded)]


def metrics(task: Task, examples: Sequence[Pair], predictions: Sequence[str], language: str) -> Scores:
    """Accuracy; of two classes also F1 of the second, and the mean of both, GLUE's score of QQP."""
    gold = [example.label for example in examples]
    scores = accuracy_scores(gold, predictions)
    if len(task.labels) != 2:
        return scores
    f1 = binary_f1(gold, predictions, task.labels[1])
    return {**scores, "f1": f1, "acc_and_f1": (scores["accuracy"] + f1) / 2}


def constant(task: Task, examples: Sequence[Any]) -> Iterable[list[Any]]:
    """Each gold label, for all examples."""
    return ([label] * len(examples) for label in {example.label for example in examples})


def submission(task: Task) -> SubmissionFormat:
    """A label per line."""

    def parse(text: str) -> list[str]:
        return formats.labels(text, task.labels)

    return SubmissionFormat(
        suffix="tsv",
        predictions=parse,
        labels=parse,
        text=formats.lines,
        score=accuracy_of_lines,
        gold=lambda examples, language, pool: [example.label for example in examples],
    )


def parameter_names(base: str) -> Mapping[str, str]:
    """BERT's pooler belongs to the encoder there; RoBERTa's classifier has both layers."""
    return {"dense.": "bert.pooler.dense.", "out_proj.": "classifier."} if base == "bert" else {"": "classifier."}


CLASSIFICATION: KindSpec[Pair, str] = KindSpec(
    kind=Kind.SEQUENCE_CLASSIFICATION,
    encode=encode,
    objective=Objective(
        head=lambda encoder, task: SequenceClassificationHead(encoder.config, len(task.labels)),
        loss_terms=class_terms,
        count=label_count,
        item_losses=one_term_per_item,
        # Otherwise a quantile would be one class rather than another before it is easy or difficult.
        strata=lambda encoded: encoded.fields["label"],
    ),
    scoring=Scoring(metrics=metrics, rule="accuracy", predict=predict, constant=constant),
    transformers=TransformersHead("ForSequenceClassification", parameter_names),
    submission=submission,
)
