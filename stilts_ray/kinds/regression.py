"""Sentence-pair regression: two texts, and a number that grades the relation between them.

The pair is one sequence. RobertaClassificationHead with a single output predicts the number; the loss is the mean squared
error. The score is GLUE's of STS-B (Wang et al. 2019): the mean of Pearson's and Spearman's correlation.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from stilts_ray.data.batches import Batch
from stilts_ray.data.encoded import Encoded, TokenizationConfig, encode_pairs
from stilts_ray.kinds.classification import SequenceClassificationHead, label_count, parameter_names
from stilts_ray.kinds.spec import KindSpec, Objective, Scoring, one_term_per_item
from stilts_ray.metrics.scores import Scores
from stilts_ray.models.hf_folders import TransformersHead
from stilts_ray.models.inference import gathered
from stilts_ray.models.model import Model
from stilts_ray.tasks.base import Kind, Task
from stilts_ray.tasks.examples import GradedPair


def encode(task: Task, examples: Sequence[GradedPair], tokenizer: Any, tokenization: TokenizationConfig) -> Encoded:
    """One sequence per pair. "label" [items], float32: the grade."""
    grades = np.array([example.grade for example in examples], dtype=np.float32)
    return encode_pairs([(e.first, e.second) for e in examples], tokenizer, tokenization, label=grades)


def squared_errors(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    """The squared error of each item, not rounded to bf16: [items]."""
    grades = batch.fields["label"]
    precise = torch.promote_types(logits.dtype, grades.dtype)
    return F.mse_loss(logits[:, 0].to(precise), grades.to(precise), reduction="none")


def predict(model: Model, task: Task, examples: Sequence[GradedPair], encoded: Encoded, max_answer: int) -> list[float]:
    """The grade of each pair."""
    items, (grades,) = gathered(model, encoded, lambda batch: (model(task.name, batch)[:, 0].float(),))
    ordered: list[float] = grades[np.argsort(items)].tolist()
    return ordered


def metrics(task: Task, examples: Sequence[GradedPair], predictions: Sequence[float], language: str) -> Scores:
    """Pearson's and Spearman's correlation, in -100 to 100, and their mean. Constant predictions, which have no correlation,
    score 0; predictions that are not numbers score nan. Raises ValueError if the lengths differ."""
    # scipy.stats takes a second to import, which only this kind needs.
    from scipy.stats import pearsonr, spearmanr

    gold = [example.grade for example in examples]
    if len(gold) != len(predictions):
        raise ValueError(f"{len(predictions)} predictions for {len(gold)} examples")
    if len(set(predictions)) == 1 or len(set(gold)) == 1:
        return {"score": 0.0, "pearson": 0.0, "spearman": 0.0}
    with warnings.catch_warnings():
        # scipy warns of predictions that hardly differ.
        warnings.simplefilter("ignore")
        pearson, spearman = (100.0 * float(rule(gold, predictions).statistic) for rule in (pearsonr, spearmanr))
    return {"score": (pearson + spearman) / 2, "pearson": pearson, "spearman": spearman}


REGRESSION: KindSpec[GradedPair, float] = KindSpec(
    kind=Kind.REGRESSION,
    encode=encode,
    objective=Objective(
        head=lambda encoder, task: SequenceClassificationHead(encoder.config, outputs=1),
        loss_terms=squared_errors,
        count=label_count,
        item_losses=one_term_per_item,
    ),
    scoring=Scoring(metrics=metrics, rule="mean-of-pearson-and-spearman", predict=predict),
    transformers=TransformersHead(
        "ForSequenceClassification",
        parameter_names,
        lambda task: {"id2label": {0: "LABEL_0"}, "label2id": {"LABEL_0": 0}, "problem_type": "regression"},
    ),
)
