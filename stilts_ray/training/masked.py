"""Masked-language-model pretraining: the tokenizer, batches by token count, masking, and held-out metrics."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from torch.nn import functional as F
from transformers import PreTrainedTokenizerFast

from stilts_ray.data.batches import Batch, Items, by_tokens, collate, generator
from stilts_ray.data.encoded import Encoded
from stilts_ray.errors import RequestError
from stilts_ray.models.model import Model

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
MASK = "<mask>"
HEAD = "mlm_text"
"""Name of the head in pretraining: that of the task."""


@dataclass(frozen=True)
class Masking:
    """Which tokens are predicted: `share` of those whose ids are in `ordinary`. mask: id of the mask token."""

    share: float
    mask: int
    ordinary: Items

    @classmethod
    def of(cls, tokenizer: Any, share: float) -> "Masking":
        """Every token of a tokenizer except the special ones is ordinary. Raises RequestError if it has no mask token."""
        if tokenizer.mask_token_id is None:
            raise RequestError(f"tokenizer {tokenizer.name_or_path} has no mask token; masked training needs one")
        ordinary = np.setdiff1d(np.arange(len(tokenizer)), tokenizer.all_special_ids)
        return cls(share, int(tokenizer.mask_token_id), ordinary)


def make_tokenizer(texts: Iterable[str], kind: Literal["bpe", "unigram"], vocabulary: int) -> PreTrainedTokenizerFast:
    """Trains a tokenizer in XLM-R's format: NFKC, words marked by a leading "▁", `<s> A </s>` and `<s> A </s></s> B </s>`."""
    specials = [*SPECIAL, MASK]
    if kind == "bpe":
        tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
        trainer: Any = trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=specials, show_progress=False)
    else:
        tokenizer = Tokenizer(models.Unigram())
        trainer = trainers.UnigramTrainer(
            vocab_size=vocabulary, special_tokens=specials, unk_token="<unk>", show_progress=False
        )
    tokenizer.normalizer = normalizers.NFKC()
    # Punctuation is split off, as in XLM-R's SentencePiece model, so that token and answer boundaries coincide.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation(behavior="isolated")]
    )
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return as_transformers(tokenizer)


def as_transformers(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    """A tokenizer trained by `make_tokenizer`, wrapped for transformers."""
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        cls_token="<s>",
        sep_token="</s>",
        mask_token=MASK,
    )


def token_batches(
    lengths: Items, sources: Sequence[tuple[Items, float]], budget: int, tokens: int, seed: int
) -> list[Items]:
    """Batches of about `budget` tokens, `tokens` in all. Each source (indices of its sequences) contributes its share of the
    tokens, over as many epochs as that takes, each reshuffled; then all sources are shuffled together."""
    draw = generator(seed, "masked")
    chosen = [_sample(lengths, source, share * tokens, draw) for source, share in sources if share > 0]
    mixed = draw.permutation(np.concatenate(chosen))
    ends = np.cumsum(lengths[mixed])
    parts = np.split(mixed, np.searchsorted(ends, np.arange(budget, ends[-1], budget), side="right"))
    # A text longer than the budget leaves empty parts.
    return [part for part in parts if len(part)]


def _sample(lengths: Items, source: Items, tokens: float, draw: np.random.Generator) -> Items:
    """Sequences of a source, epoch after epoch, until they have `tokens` tokens."""
    epochs = math.ceil(tokens / lengths[source].sum())
    sequences = np.concatenate([draw.permutation(source) for _ in range(epochs)])
    enough: Items = sequences[: np.searchsorted(np.cumsum(lengths[sequences]), tokens) + 1]
    return enough


def masked_batch(encoded: Encoded, items: Items, masking: Masking, seed: int) -> Batch:
    """A batch in which a share of the ordinary tokens is to be predicted, masked by BERT's rule (80% mask token, 10% random
    token, 10% unchanged).

    fields: "masked" [predicted], positions in the batch; "target" [predicted], the original tokens.
    """
    batch, draw = collate(encoded, items), generator(seed, "mask")
    ordinary = np.flatnonzero(np.isin(batch.tokens.numpy(), masking.ordinary))
    chosen = np.sort(draw.choice(ordinary, max(1, round(masking.share * len(ordinary))), replace=False))
    tokens, target = batch.tokens.clone(), batch.tokens[torch.from_numpy(chosen)]
    action = draw.random(len(chosen))
    tokens[torch.from_numpy(chosen[action < 0.8])] = masking.mask
    replaced = chosen[(action >= 0.8) & (action < 0.9)]
    drawn = masking.ordinary[draw.integers(0, len(masking.ordinary), len(replaced))]
    tokens[torch.from_numpy(replaced)] = torch.from_numpy(drawn)
    return replace(batch, tokens=tokens, fields={"masked": torch.from_numpy(chosen), "target": target})


def held_out(model: Model, encoded: Encoded, masking: Masking, budget: int) -> dict[str, float]:
    """Loss and accuracy (0-100, also as "score") on the masked tokens of held-out texts. Every call draws the same masks."""
    loss, right, count = 0.0, 0, 0
    for number, items in enumerate(by_tokens(encoded.item_lengths, budget)):
        batch = masked_batch(encoded, items, masking, number).to(model.device)
        logits, target = model(HEAD, batch), batch.fields["target"]
        loss += F.cross_entropy(logits, target, reduction="sum").item()
        right += int((logits.argmax(-1) == target).sum())
        count += len(target)
    accuracy = 100.0 * right / count
    return {"score": accuracy, "accuracy": accuracy, "held_out_loss": loss / count}
