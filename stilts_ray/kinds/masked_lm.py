"""Masked language modelling: raw text, of which masked tokens are predicted.

The head is RobertaLMHead's, with the word embeddings as its decoder; the loss is the mean cross-entropy over masked tokens.
Masks are drawn with the batches (`stilts_ray.training.masked`), and nothing is scored zero-shot.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from safetensors import safe_open
from torch import nn
from torch.nn import functional as F
from transformers import PretrainedConfig

from stilts_ray.data.batches import Batch
from stilts_ray.data.encoded import Encoded, TokenizationConfig, encode_texts
from stilts_ray.errors import RequestError
from stilts_ray.kinds.spec import KindSpec, Objective, mean_per_sequence
from stilts_ray.models.families import base_of
from stilts_ray.models.heads import Head, initialise
from stilts_ray.models.hf_folders import TransformersHead
from stilts_ray.tasks.base import Kind, Task
from stilts_ray.tasks.examples import Text


def encode(task: Task, examples: Sequence[Text], tokenizer: Any, tokenization: TokenizationConfig) -> Encoded:
    """One sequence per text, truncated."""
    return encode_texts([e.text for e in examples], tokenizer, tokenization)


class MaskedLMHead(Head):
    """As RobertaLMHead: logits [masked, vocabulary], of masked tokens only. The decoder's weight is the embeddings'."""

    whole_vocabulary: ClassVar[bool] = True

    def __init__(self, config: PretrainedConfig, embedding: nn.Embedding) -> None:
        """embedding: the word embeddings; sharding a model replaces their weight by another tensor."""
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.layer_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        # In a list, so that the shared matrix is not registered as a parameter of the head as well.
        self._tied = [embedding]

    def forward(self, states: torch.Tensor, batch: Batch) -> torch.Tensor:
        masked = states[batch.fields["masked"]]
        hidden = self.layer_norm(F.gelu(self.dense(masked)))
        return F.linear(hidden, self._tied[0].weight, self.bias)


WITH_HEAD = ("bert", "camembert", "roberta", "xlm-roberta", "xlm-roberta-xl")
"""Architectures whose masked-language-model head is this one, by `model_type`."""


def _new_head(encoder: Any) -> MaskedLMHead:
    """Raises RequestError if the architecture has no such head."""
    if encoder.config.model_type not in WITH_HEAD:
        raise RequestError(f"a {encoder.config.model_type} encoder has no masked-language-model head")
    return MaskedLMHead(encoder.config, encoder.get_input_embeddings())


def load_head(encoder: Any, folder: Path, seed: int) -> MaskedLMHead:
    """A head over the encoder's embeddings: the one in the encoder's folder if it holds one, else a fresh one.

    Raises RequestError if the architecture has none.
    """
    torch.manual_seed(seed)
    head = _new_head(encoder)
    initialise(head, encoder.config)
    ours = {theirs: name for name, theirs in parameter_names(base_of(encoder) or "").items()}
    found: dict[str, torch.Tensor] = {}
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, "pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118 -- safe_open has keys(), but is not iterable
                for theirs in filter(name.startswith, ours):
                    found[ours[theirs] + name.removeprefix(theirs)] = tensors.get_tensor(name).float()
    if found:
        head.load_state_dict(found)
    return head


def token_terms(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    """The cross-entropy of each masked token: [masked]."""
    return F.cross_entropy(logits, batch.fields["target"], reduction="none")


def item_losses(terms: torch.Tensor, batch: Batch) -> torch.Tensor:
    """The mean over the masked tokens of each text: [items]."""
    sequence = batch.sequence[batch.fields["masked"]]
    return mean_per_sequence(terms, torch.ones_like(terms), sequence, len(batch.lengths))


def parameter_names(base: str) -> Mapping[str, str]:
    """The head's layers in transformers' BERT and RoBERTa."""
    if base == "bert":
        return {
            "dense.": "cls.predictions.transform.dense.",
            "layer_norm.": "cls.predictions.transform.LayerNorm.",
            "bias": "cls.predictions.bias",
        }
    return {"dense.": "lm_head.dense.", "layer_norm.": "lm_head.layer_norm.", "bias": "lm_head.bias"}


MASKED_LM: KindSpec[Text, None] = KindSpec(
    kind=Kind.TEXT,
    encode=encode,
    objective=Objective(
        head=lambda encoder, task: _new_head(encoder),
        loss_terms=token_terms,
        count=lambda batch: len(batch.fields["target"]),
        item_losses=item_losses,
    ),
    transformers=TransformersHead("ForMaskedLM", parameter_names),
)
