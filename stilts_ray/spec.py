"""What a user asks for: a `Sweep` and its parts.

Everything here is a frozen value, checked when it is made; an unknown field is an error. What can change a number belongs
here and is part of a step's identity. What cannot (machines, storage, concurrency) is a `Runtime` and is not.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(gt=0)]
LearningRate = Annotated[float, Field(gt=0, lt=1)]
# Lists are welcome where tuples are kept; everything else is strict.
Names = Annotated[tuple[str, ...], Field(strict=False)]


def _each_once(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) != len(values):
        raise ValueError(f"an entry stands there twice: {', '.join(values)}")
    return values


Languages = Annotated[Names, Field(min_length=1), AfterValidator(_each_once)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Title = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=60)]


class Spec(BaseModel):
    """A frozen, strict value."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Optimizer(Spec):
    """AdamW with a linear schedule; the defaults are jiant's."""

    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """Decoupled; never applied to biases and layer norms."""
    warmup: Share = 0.1
    """Share of all steps over which the learning rate rises linearly; after it, it falls linearly to zero."""
    clip: Annotated[float, Field(gt=0)] = 1.0
    """Largest norm of the gradient."""
    beta1: Annotated[float, Field(ge=0, lt=1)] = 0.9
    beta2: Annotated[float, Field(ge=0, lt=1)] = 0.999
    epsilon: Annotated[float, Field(gt=0)] = 1e-8


class Recipe(Spec):
    """How one task is trained and read."""

    epochs: Positive = 3
    batch_size: Positive = 32
    """Examples a step (windows for span QA)."""
    max_length: Annotated[int, Field(ge=8)] = 256
    """Tokens a sequence, special tokens included. Longer ones are windowed (QA), split (tagging) or truncated."""
    stride: Annotated[int, Field(ge=0)] = 128
    """Tokens that two windows of one long text share (span QA)."""
    max_answer_length: Positive = 30
    """Tokens an answer (span QA)."""
    train_rows: Positive | None = None
    """Use this many items of the training split (windows of span QA, else rows), drawn once by the run's seed; None: all."""
    dev_rows: Positive | None = 500
    """Use the first this many rows of the dev split for selection; None: all."""
    evaluations: Positive = 4
    """Dev evaluations a run, evenly spaced, the last one at its end; of a mixture, the most that a recipe of it asks for."""
    optimizer: Optimizer = Optimizer()


class LogUniform(Spec):
    """Learning rates searched between two bounds by Optuna's TPE sampler."""

    low: LearningRate
    high: LearningRate
    trials: Positive

    @model_validator(mode="after")
    def _ordered(self) -> "LogUniform":
        if self.low >= self.high:
            raise ValueError(f"low ({self.low}) must be below high ({self.high})")
        return self


class Search(Spec):
    """How a study finds its learning rate: on the dev split of the source language, with the first seed."""

    learning_rates: Annotated[tuple[LearningRate, ...], Field(strict=False, min_length=1)] | LogUniform = (1e-5,)
    """A list tries each value once."""
    parallel: Positive = 8
    """Trials proposed together. The next ones are proposed when all of these have ended, so that what is proposed
    depends on results alone, never on which machine was faster."""
    keep: Share = 0.5
    """Successive halving: at each dev evaluation a trial goes on only if it is within the best share `keep` of the
    trials of earlier rounds at the same point. 1 stops nothing; the first round always runs to its end."""

    @property
    def trials(self) -> int:
        """Trials of the search, without the replications over seeds."""
        return self.learning_rates.trials if isinstance(self.learning_rates, LogUniform) else len(self.learning_rates)


class Retrieval(Spec):
    """How a sentence becomes a vector: the mean of one layer's states over all its tokens."""

    layer: Annotated[int, Field(ge=0)] | None = None
    """Index into hidden_states, 0 being the embeddings. None: 14 of 24, scaled to the encoder's depth."""


class Shape(Spec):
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


class Pretrained(Spec):
    """An encoder that exists: a hub id, a folder that `from_pretrained` loads, or 'mini', the packaged one."""

    source: str
    revision: str | None = None
    """Commit of the hub repository."""


class Pretraining(Spec):
    """An encoder made by masked-language-model training on the raw text of the sweep's data."""

    languages: Languages
    texts: Annotated[dict[str, Share], Field(min_length=1)] = {"mlm_text": 1.0}
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


class Untrained(Spec):
    """Configuration and tokenizer of another encoder with random weights: the control for what pretraining brings."""

    like: str
    seed: Seed = 0


class Encoder(Spec):
    """Phase 1. The name is for tables; identity comes from `start`."""

    name: Title
    start: Pretrained | Pretraining | Untrained


class MaskedShare(Spec):
    """Masked-language-model training as a part of a mixture."""

    share: Annotated[float, Field(gt=0, lt=1)]
    """Of the mixture's batches."""
    languages: Languages
    texts: str = "mlm_text"
    """The raw text; its recipe says how long and how many sequences a batch has."""
    mask: Annotated[float, Field(gt=0, lt=1)] = 0.15
    """Share of tokens to predict: of these 80% become <mask>, 10% a random token, 10% stay (BERT's rule)."""


class Mixture(Spec):
    """Tasks that are trained together, from one encoder with a head for each."""

    tasks: Names
    languages: Names = ()
    """Of the training data, all rows together; (): the source language. Selection is on its dev data in any case."""
    cap: Positive | None = None
    """Examples of a task that count for how often it is drawn."""
    temperature: Annotated[float, Field(ge=1)] = 1.0
    """A task has batches in proportion to (its epochs over at most `cap` examples) ** (1 / temperature): with equal recipes
    jiant's min(examples, cap) ** (1 / temperature)."""
    masked: MaskedShare | None = None
    band: Annotated[tuple[Share, Share], Field(strict=False)] | None = None
    """Of a single task's training rows this part alone, as shares of them in order of difficulty: (0, 1/3) is the easiest
    third. A row is as difficult as its loss under the run of the same seed that trained on all of them: the plain study of
    the task on the same encoder, at the learning rate chosen there. Each class is ranked for itself, so that a band has the
    classes of the whole. Rows are the items that `Recipe.train_rows` counts, and where it caps them those that this run drew.
    """
    name: Title | None = None
    """How it reads in tables; None: as its parts do."""

    @model_validator(mode="after")
    def _consistent(self) -> "Mixture":
        for what, values in (("a task", self.tasks), ("a language", self.languages)):
            if len(set(values)) != len(values):
                raise ValueError(f"intermediates has {what} twice in a mixture: {values}")
        if not self.tasks and (self.languages or self.masked):
            raise ValueError("a mixture without tasks is the baseline and takes no languages and no masked share")
        if len(self.tasks) < 2 and (self.cap or self.temperature > 1):
            raise ValueError(f"cap and temperature are for several tasks: {self.tasks}")
        if self.band and len(self.tasks) != 1:
            raise ValueError(f"a band is of the rows of a single task, not of {self.tasks}")
        if self.band and self.band[0] >= self.band[1]:
            raise ValueError(f"band {self.band} must rise, as (0, 1/3) does")
        return self

    @property
    def parts(self) -> tuple[str, ...]:
        """How it reads in tables and paths: each task, the masked share, cap and temperature; () for the baseline."""
        if self.name:
            return (self.name,)
        options = [f"cap{self.cap}"] * bool(self.cap) + [f"T{self.temperature:g}"] * (self.temperature > 1)
        masked = [f"mlm{self.masked.share:g}{_where(self.masked.languages)}"] if self.masked else []
        band = "[{:.0%}-{:.0%}]".format(*self.band).replace("%-", "-") if self.band else ""
        return (*(f"{task}{_where(self.languages)}{band}" for task in self.tasks), *masked, *options)

    @property
    def trained(self) -> tuple[str, ...]:
        """All that is trained: the tasks, and the masked share's texts."""
        return (*self.tasks, self.masked.texts) if self.masked else self.tasks

    @property
    def unbanded(self) -> "Mixture":
        """What ranks the rows of a band: its task in its languages, and nothing else."""
        return Mixture(tasks=self.tasks, languages=self.languages)

    def part(self, rows: int) -> slice:
        """Where in so many rows, from the easiest to the hardest, the band lies; bands that meet share no row."""
        low, high = self.band or (0.0, 1.0)
        return slice(round(low * rows), round(high * rows))

    def batches(self, sizes: Mapping[str, int], recipes: Mapping[str, Recipe]) -> dict[str, int]:
        """Batches of each of `trained` in a run. sizes: examples of each task.

        Together the tasks have as many as their epochs over at most `cap` examples take; temperature moves some of them
        from the large to the small ones.
        """
        own = {}
        for name in self.tasks:
            rows = min(sizes[name], recipes[name].train_rows or sizes[name], self.cap or sizes[name])
            own[name] = recipes[name].epochs * math.ceil(rows / recipes[name].batch_size)
        found = _apportioned(own, self.temperature) if self.temperature > 1 else own
        if self.masked:
            share = self.masked.share
            found[self.masked.texts] = max(1, round(sum(own.values()) * share / (1 - share)))
        return found


def _where(languages: tuple[str, ...]) -> str:
    """'', '@de', '@de_fr_ru', or '@15languages'."""
    return f"@{'_'.join(languages) if len(languages) <= 3 else f'{len(languages)}languages'}" if languages else ""


def _apportioned(batches: dict[str, int], temperature: float) -> dict[str, int]:
    """As many batches in all, in proportion to their number ** (1 / temperature), each rounded down and the rest given to
    the largest remainders."""
    weights = {name: count ** (1 / temperature) for name, count in batches.items()}
    whole = sum(batches.values())
    exact = {name: whole * weight / sum(weights.values()) for name, weight in weights.items()}
    found = {name: max(1, int(count)) for name, count in exact.items()}
    for name in sorted(exact, key=lambda name: found[name] - exact[name])[: max(0, whole - sum(found.values()))]:
        found[name] += 1
    return found


class Sweep(Spec):
    """The whole request: encoders x intermediates x targets, each with its learning rates and seeds."""

    name: Title
    encoders: Annotated[tuple[Encoder, ...], Field(strict=False, min_length=1)]
    intermediates: Annotated[tuple[Names | Mixture, ...], Field(strict=False)] = ((),)
    """One row each: () is the baseline, one name a single task, several a mixture; a `Mixture` says more."""
    targets: Names = ()
    data: Literal["hub", "mini", "mini-gradient"] = "hub"
    """Real data (from the hub, or from a folder in the hub's columns), or one of the packaged sets of generated languages."""
    languages: dict[str, Names] = {}
    """Restricts the test languages of a target."""
    recipe: Recipe = Recipe()
    recipes: dict[str, Recipe] = {}
    """Recipe of a trained task, where it differs from `recipe`."""
    search: Search = Search()
    seeds: Annotated[tuple[Seed, ...], Field(strict=False, min_length=1)] = (0,)
    """The first one searches; the chosen learning rate is then run with all of them and their scores are averaged.
    Run `s` of a target starts from run `s` of its intermediate study."""
    retrieval: Retrieval = Retrieval()

    @model_validator(mode="after")
    def _consistent(self) -> "Sweep":
        rows = tuple(mixture.parts for mixture in self.mixtures)
        # Two mixtures that differ but read alike could not be told apart in a table.
        each: dict[str, tuple[object, ...]] = {"intermediates": rows, "targets": self.targets, "seeds": self.seeds}
        for field, values in each.items():
            if len(set(values)) != len(values):
                raise ValueError(f"{field} has an entry twice: {values}")
        for task, codes in self.languages.items():
            if not codes or len(set(codes)) != len(codes):
                raise ValueError(f"languages of {task} must be at least one, and each once: {codes}")
        names = [encoder.name for encoder in self.encoders]
        if len(set(names)) != len(names):
            raise ValueError(f"two encoders have one name: {names}")
        if self.targets and not self.intermediates:
            raise ValueError("targets without intermediates: use ((),) for the baseline row alone")
        return self

    @property
    def mixtures(self) -> tuple[Mixture, ...]:
        """The intermediates, those given as mere names too, each with its tasks in alphabetical order."""
        rows = (row if isinstance(row, Mixture) else Mixture(tasks=row) for row in self.intermediates)
        return tuple(row.model_copy(update={"tasks": tuple(sorted(row.tasks))}) for row in rows)

    def recipe_of(self, task: str) -> Recipe:
        """The recipe with which `task` is trained in this sweep."""
        return self.recipes.get(task, self.recipe)


class Runtime(Spec):
    """Where and how fast, and therefore no part of any identity. On CPUs none of it changes a number, with one exception:
    several workers draw dropout and masks each for their part of a batch. GPUs add rounding of their own."""

    mlflow: str | None = None
    address: str | None = None
    gpus_per_trial: Share = 0.0
    """Of each process: a whole one, or a share that several trials fill."""
    workers_per_trial: Positive = 1
    max_concurrent: Positive | None = None
    checkpoint_seconds: Annotated[float, Field(ge=0)] = 60.0
    """Time between two checkpoints of a training run; work lost to a crash is at most this."""
    max_failures: Annotated[int, Field(ge=0)] = 3
    """How often a crashed trial is started again."""

    @model_validator(mode="after")
    def _whole_devices(self) -> "Runtime":
        if self.workers_per_trial > 1 and self.gpus_per_trial not in (0, 1):
            raise ValueError("gpus_per_trial must be 0 or 1 where several workers train one model")
        return self


def explain(error: Any) -> str:
    """One line for a pydantic ValidationError: where, what, and what would be right."""
    first = error.errors()[0]
    places = [error.title, ".".join(str(part) for part in first["loc"])]
    given = "" if first["type"] in {"missing", "value_error"} else f" (given: {first['input']!r})"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = f"{error.title} has no such field"
    return f"{': '.join(filter(None, places))}: {message}{given}"
