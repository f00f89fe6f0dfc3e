"""The encoder of a sweep: an existing checkpoint, one to be pretrained by the sweep, or randomly initialized weights."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from stilts_ray.config.training import Optimizer
from stilts_ray.config.values import Languages, LearningRate, Positive, Seed, Share, Spec, Title


class Shape(Spec, tag="shape"):
    """Architecture of an XLM-R that is pretrained from scratch."""

    layers: Positive
    hidden: Positive
    heads: Positive
    feed_forward: Positive
    positions: Positive = 256
    dropout: Share = 0.1
    """Dropout rate in fine-tuning. Pretraining uses none."""

    @model_validator(mode="after")
    def _divisible(self) -> "Shape":
        if self.hidden % self.heads:
            raise ValueError(f"hidden ({self.hidden}) must be a multiple of heads ({self.heads})")
        return self


class Pretrained(Spec, tag="pretrained"):
    """An existing encoder: a hub id, a folder that `from_pretrained` loads, or 'mini' for the packaged encoder."""

    source: str
    revision: str | None = None
    """Commit, branch or tag of the hub repository; None: the newest commit of its main branch."""


class Pretraining(Spec, tag="pretraining"):
    """An encoder pretrained by the sweep: masked language modelling on the raw text of its data source."""

    languages: Languages
    texts: dict[str, Share] = Field(default_factory=lambda: {"mlm_text": 1.0}, min_length=1)
    """Raw-text task -> its share of the training tokens. Shares sum to 1."""
    tokenizer: Literal["bpe", "unigram"] = "bpe"
    vocabulary: Annotated[int, Field(ge=100)]
    shape: Shape
    tokens: Positive
    """Total number of training tokens, padding not counted."""
    batch_tokens: Positive = 4096
    max_length: Annotated[int, Field(ge=8)] = 64
    learning_rate: LearningRate = 3e-3
    mask: Share = 0.15
    """Share of tokens to predict. Of these, 80% are replaced by <mask>, 10% by a random token, 10% are kept (BERT's rule)."""
    optimizer: Optimizer = Optimizer(beta2=0.98, epsilon=1e-6)
    seed: Seed = 0

    @model_validator(mode="after")
    def _whole(self) -> "Pretraining":
        if abs(sum(self.texts.values()) - 1) > 1e-6:
            raise ValueError(f"the shares of texts must sum to 1, not {sum(self.texts.values()):g}: {self.texts}")
        return self

    @model_validator(mode="after")
    def _fits(self) -> "Pretraining":
        if self.max_length > self.shape.positions:
            raise ValueError(f"max_length ({self.max_length}) exceeds the shape's {self.shape.positions} positions")
        return self


class Untrained(Spec, tag="untrained"):
    """Randomly initialized weights under the configuration and tokenizer of another encoder: a control without pretraining."""

    like: str
    seed: Seed = 0


class Encoder(Spec, tag="encoder"):
    """The encoder of a condition (phase 1 of STILTs). `name` labels it in tables; only `weights` enters its identity."""

    name: Title
    weights: Pretrained | Pretraining | Untrained
