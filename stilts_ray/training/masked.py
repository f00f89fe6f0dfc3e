"""What masked-language-model training needs besides the loop: a tokenizer, batches by token count, masks."""

import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from torch.nn import functional as F
from transformers import PreTrainedTokenizerFast

from stilts_ray.data.batches import Batch, Items, by_tokens, collate, generator
from stilts_ray.data.encode import Encoded
from stilts_ray.models.model import Model

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
MASK = "<mask>"
IGNORED = 5
"""Ids below it are special tokens, never masked: XLM-R's four, and <mask>, which stands last there but fifth here."""


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


def masked_batch(encoded: Encoded, items: Items, share: float, mask: int, vocabulary: int, seed: int) -> Batch:
    """A batch with `share` of its ordinary tokens to predict, masked by BERT's rule (80% mask, 10% random, 10% kept).

    fields: "masked" [predicted] places, "target" [predicted] tokens.
    """
    batch, draw = collate(encoded, items), generator(seed, "mask")
    ordinary = np.flatnonzero(batch.tokens.numpy() >= IGNORED)
    chosen = np.sort(draw.choice(ordinary, max(1, round(share * len(ordinary))), replace=False))
    tokens, target = batch.tokens.clone(), batch.tokens[torch.from_numpy(chosen)]
    what = draw.random(len(chosen))
    tokens[torch.from_numpy(chosen[what < 0.8])] = mask
    swapped = chosen[(what >= 0.8) & (what < 0.9)]
    tokens[torch.from_numpy(swapped)] = torch.from_numpy(draw.integers(IGNORED, vocabulary, len(swapped)))
    fields = {"masked": torch.from_numpy(chosen), "target": target}
    return Batch(tokens, batch.positions, batch.lengths, fields)


def held_out(model: Model, encoded: Encoded, share: float, mask: int, budget: int) -> dict[str, float]:
    """Loss and accuracy (0-100, also as "score") on masked tokens of held-out texts, with the same masks each time."""
    loss, right, count = 0.0, 0, 0
    for number, items in enumerate(by_tokens(encoded.item_lengths, budget)):
        batch = masked_batch(encoded, items, share, mask, model.encoder.config.vocab_size, number).to(model.device)
        logits, target = model("mlm_text", batch), batch.fields["target"]
        loss += F.cross_entropy(logits, target, reduction="sum").item()
        right += int((logits.argmax(-1) == target).sum())
        count += len(target)
    accuracy = 100.0 * right / count
    return {"score": accuracy, "accuracy": accuracy, "held_out_loss": loss / count}
