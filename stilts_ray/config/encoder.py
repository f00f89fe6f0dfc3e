"""The encoder that a sweep starts from: one that exists, one to be pretrained, or one of random weights."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from stilts_ray.config.training import Optimizer
from stilts_ray.config.values import Languages, LearningRate, Positive, Seed, Share, Spec, Title


class Shape(Spec, tag="shape"):
    """Size of an XLM-R made from nothing."""

    layers: Positive
    hidden: Positive
    heads: Positive
    feed_forward: Positive
    positions: Positive = 256
    dropout: Share = 0.1
    """In fine-tuning; masked-LM training itself runs without."""

    @model_validator(mode="after")
    def _divisible(self) -> "Shape":
        if self.hidden % self.heads:
            raise ValueError(f"hidden ({self.hidden}) must be a multiple of heads ({self.heads})")
        return self


class Pretrained(Spec, tag="pretrained"):
    """An encoder that exists: a hub id, a folder that `from_pretrained` loads, or 'mini', the packaged one."""

    source: str
    revision: str | None = None
    """Commit of the hub repository."""


class Pretraining(Spec, tag="pretraining"):
    """An encoder made by masked-language-model training on the raw text of the sweep's data."""

    languages: Languages
    texts: dict[str, Share] = Field(default_factory=lambda: {"mlm_text": 1.0}, min_length=1)
    """Raw text to train on, and each one's share of the tokens."""
    tokenizer: Literal["bpe", "unigram"] = "bpe"
    vocabulary: Annotated[int, Field(ge=100)]
    shape: Shape
    tokens: Positive
    """Training tokens in all, padding-free."""
    batch_tokens: Positive = 4096
    max_length: Annotated[int, Field(ge=8)] = 64
    learning_rate: LearningRate = 3e-3
    mask: Share = 0.15
    """Share of tokens to predict: of these 80% become <mask>, 10% a random token, 10% stay (BERT's rule)."""
    optimizer: Optimizer = Optimizer(beta2=0.98, epsilon=1e-6)
    seed: Seed = 0

    @model_validator(mode="after")
    def _whole(self) -> "Pretraining":
        if abs(sum(self.texts.values()) - 1) > 1e-6:
            raise ValueError(f"the shares of texts sum to {sum(self.texts.values()):g}, not to 1: {self.texts}")
        return self

    @model_validator(mode="after")
    def _fits(self) -> "Pretraining":
        if self.max_length > self.shape.positions:
            raise ValueError(
                f"max_length ({self.max_length}) is more than the shape's {self.shape.positions} positions"
            )
        return self


class Untrained(Spec, tag="untrained"):
    """Configuration and tokenizer of another encoder with random weights: the control for what pretraining brings."""

    like: str
    seed: Seed = 0


class Encoder(Spec, tag="encoder"):
    """Phase 1. The name is for tables; identity comes from `weights`."""

    name: Title
    weights: Pretrained | Pretraining | Untrained
