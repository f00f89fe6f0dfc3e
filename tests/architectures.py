"""Tiny configurations of the architectures that people use as encoders, each with its own kinds of layers."""

from collections.abc import Callable
from typing import Any

import transformers
from transformers import PretrainedConfig

from tests import tiny

BERT: dict[str, Any] = {
    "vocab_size": tiny.VOCABULARY, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 24, "max_position_embeddings": 42, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
    "pad_token_id": 0,
}  # fmt: skip
ROBERTA = {**BERT, "pad_token_id": 1}
T5: dict[str, Any] = {
    "vocab_size": tiny.VOCABULARY, "d_model": 16, "d_kv": 8, "num_layers": 2, "num_heads": 2, "d_ff": 24,
    "relative_attention_num_buckets": 8, "relative_attention_max_distance": 10, "dropout_rate": 0.0,
}  # fmt: skip


def _of(name: str, **settings: Any) -> Callable[[], PretrainedConfig]:
    return lambda: getattr(transformers, f"{name}Config")(**settings)


PACKED: dict[str, Callable[[], PretrainedConfig]] = {
    "bert": _of("Bert", **BERT),
    "camembert": _of("Camembert", **ROBERTA),
    "distilbert": _of(
        "DistilBert", vocab_size=tiny.VOCABULARY, dim=16, n_layers=2, n_heads=2, hidden_dim=24,
        max_position_embeddings=42, dropout=0.0, attention_dropout=0.0,
    ),
    # Its embeddings are narrower than its layers.
    "electra": _of("Electra", **BERT, embedding_size=8),
    # Fewer heads for keys and values than for queries.
    "eurobert": _of("EuroBert", **{**BERT, "num_attention_heads": 4, "num_key_value_heads": 2, "pad_token_id": 1}),
    # mmBERT's: global and windowed layers in turn, of other rotations; the windows are shorter than the tests' sequences.
    "modernbert": _of(
        "ModernBert", **{**BERT, "num_hidden_layers": 4}, local_attention=8, global_attn_every_n_layers=2,
        embedding_dropout=0.0, mlp_dropout=0.0, attention_dropout=0.0, bos_token_id=2, eos_token_id=3, cls_token_id=2,
        sep_token_id=3,
    ),
    "mt5": _of("MT5", **T5),
    "roberta": _of("Roberta", **ROBERTA),
    "t5": _of("T5", **T5),
    "xlm-roberta": tiny.config,
    "xlm-roberta-xl": _of("XLMRobertaXL", **ROBERTA),
}  # fmt: skip
"""By `model_type`."""

PADDED: dict[str, Callable[[], PretrainedConfig]] = {
    "albert": _of("Albert", **BERT, embedding_size=8),
    "deberta": _of("Deberta", **BERT, relative_attention=True, pos_att_type=["p2c", "c2p"], position_biased_input=False),
    # mDeBERTa-v3's attention, disentangled.
    "deberta-v2": _of(
        "DebertaV2", **BERT, relative_attention=True, position_buckets=8, norm_rel_ebd="layer_norm", share_att_key=True,
        pos_att_type=["p2c", "c2p"], position_biased_input=False, type_vocab_size=0,
    ),
    "ernie": _of("Ernie", **BERT),
    # A causal model: each token attends to those before it, as it was pretrained.
    "gpt2": _of(
        "GPT2", vocab_size=tiny.VOCABULARY, n_embd=16, n_layer=2, n_head=2, n_positions=42, resid_pdrop=0.0,
        embd_pdrop=0.0, attn_pdrop=0.0,
    ),
    "jina_embeddings_v3": _of("JinaEmbeddingsV3", **ROBERTA),
    # An encoder-decoder whose embeddings are scaled.
    "mbart": _of(
        "MBart", vocab_size=tiny.VOCABULARY, d_model=16, encoder_layers=2, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=24, decoder_ffn_dim=24, max_position_embeddings=42, dropout=0.0,
        attention_dropout=0.0, activation_dropout=0.0, scale_embedding=True,
    ),
    "mpnet": _of("MPNet", **ROBERTA),
    "nomic_bert": _of("NomicBert", **BERT),
    # Its input embeddings are narrower than its layers.
    "rembert": _of("RemBert", **BERT, input_embedding_size=8, output_embedding_size=12),
    "roberta-prelayernorm": _of("RobertaPreLayerNorm", **ROBERTA),
    "umt5": _of("UMT5", **T5),
    "xlm": _of(
        "XLM", vocab_size=tiny.VOCABULARY, emb_dim=16, n_layers=2, n_heads=2, max_position_embeddings=42, dropout=0.0,
        attention_dropout=0.0,
    ),
    # One adapter for all languages: the batch does not say a sequence's.
    "xmod": _of("Xmod", **ROBERTA, languages=["en_XX"], default_language="en_XX"),
}  # fmt: skip
"""Some of those that run through their own attention, by `model_type`."""
