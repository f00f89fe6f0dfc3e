"""What masked-language-model training needs besides the loop: a tokenizer, batches by token count, masks."""

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
"""The task of whose name the head is, where masked training is all there is."""


@dataclass(frozen=True)
class Masking:
    """What is masked: `share` of the ordinary tokens, whose ids are `ordinary`; `mask` is the id that stands for them."""

    share: float
    mask: int
    ordinary: Items

    @classmethod
    def of(cls, tokenizer: Any, share: float) -> "Masking":
        """All tokens but the special ones of a tokenizer. Raises RequestError if it has no mask token."""
        if tokenizer.mask_token_id is None:
            raise RequestError(f"tokenizer {tokenizer.name_or_path} has no mask token; masked training needs one")
        ordinary = np.setdiff1d(np.arange(len(tokenizer)), tokenizer.all_special_ids)
        return cls(share, int(tokenizer.mask_token_id), ordinary)


def make_tokenizer(texts: Iterable[str], kind: Literal["bpe", "unigram"], vocabulary: int) -> PreTrainedTokenizerFast:
    """A tokenizer of XLM-R's form: NFKC, words marked by a leading "▁", `<s> A </s>` and `<s> A </s></s> B </s>`."""
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
    # Punctuation stands alone, as in XLM-R's sentencepiece model, so that an answer's last token ends where it ends.
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
    """A tokenizer of `make_tokenizer` as transformers has it."""
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
    """Batches of about `budget` tokens, `tokens` in all: of each source (indices of its sequences) its share of them, in as
    many passes as that takes, each shuffled anew; all sources are then shuffled together."""
    draw = generator(seed, "masked")
    chosen = [_passes(lengths, source, share * tokens, draw) for source, share in sources if share > 0]
    mixed = draw.permutation(np.concatenate(chosen))
    ends = np.cumsum(lengths[mixed])
    parts = np.split(mixed, np.searchsorted(ends, np.arange(budget, ends[-1], budget), side="right"))
    # A text longer than the budget leaves parts without any.
    return [part for part in parts if len(part)]


def _passes(lengths: Items, source: Items, tokens: float, draw: np.random.Generator) -> Items:
    """Sequences of a source, pass after pass, until they hold so many tokens."""
    passes = math.ceil(tokens / lengths[source].sum())
    sequences = np.concatenate([draw.permutation(source) for _ in range(passes)])
    enough: Items = sequences[: np.searchsorted(np.cumsum(lengths[sequences]), tokens) + 1]
    return enough


def masked_batch(encoded: Encoded, items: Items, masking: Masking, seed: int) -> Batch:
    """A batch with a share of its ordinary tokens to predict, masked by BERT's rule (80% mask, 10% random, 10% kept).

    fields: "masked" [predicted] places, "target" [predicted] tokens.
    """
    batch, draw = collate(encoded, items), generator(seed, "mask")
    ordinary = np.flatnonzero(np.isin(batch.tokens.numpy(), masking.ordinary))
    chosen = np.sort(draw.choice(ordinary, max(1, round(masking.share * len(ordinary))), replace=False))
    tokens, target = batch.tokens.clone(), batch.tokens[torch.from_numpy(chosen)]
    what = draw.random(len(chosen))
    tokens[torch.from_numpy(chosen[what < 0.8])] = masking.mask
    swapped = chosen[(what >= 0.8) & (what < 0.9)]
    drawn = masking.ordinary[draw.integers(0, len(masking.ordinary), len(swapped))]
    tokens[torch.from_numpy(swapped)] = torch.from_numpy(drawn)
    return replace(batch, tokens=tokens, fields={"masked": torch.from_numpy(chosen), "target": target})


def held_out(model: Model, encoded: Encoded, masking: Masking, budget: int) -> dict[str, float]:
    """Loss and accuracy (0-100, also as "score") on masked tokens of held-out texts, with the same masks each time."""
    loss, right, count = 0.0, 0, 0
    for number, items in enumerate(by_tokens(encoded.item_lengths, budget)):
        batch = masked_batch(encoded, items, masking, number).to(model.device)
        logits, target = model(HEAD, batch), batch.fields["target"]
        loss += F.cross_entropy(logits, target, reduction="sum").item()
        right += int((logits.argmax(-1) == target).sum())
        count += len(target)
    accuracy = 100.0 * right / count
    return {"score": accuracy, "accuracy": accuracy, "held_out_loss": loss / count}
