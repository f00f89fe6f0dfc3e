"""What a task is: a named source of rows, how a row becomes an example, and what is predicted of it.

Head and loss follow from the kind, and so does the metric unless the task names another of the kind's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from stilts_ray.tasks.examples import Example

Row = Mapping[str, Any]
"""A row in the hub's columns; class labels already mapped from integers to their names."""


class Kind(StrEnum):
    """What is predicted. What that means for training and scoring is described in `stilts_ray.kinds`."""

    SEQUENCE_CLASSIFICATION = "pair classification"
    REGRESSION = "sentence-pair regression"
    CHOICE = "multiple choice"
    SPAN = "span QA"
    SPAN_OR_NONE = "span QA with unanswerable questions"
    TAGGING = "tagging"
    RETRIEVAL = "retrieval"
    MINING = "sentence mining"
    DUAL = "dual-encoder retrieval"
    CANDIDATES = "candidates of a retrieval"
    TEXT = "masked LM"


BY_VECTOR = frozenset({Kind.RETRIEVAL, Kind.MINING})
"""Kinds that compare the sentence vectors of a layer; nothing is trained for them."""


class Repair(StrEnum):
    """A known flaw of rows, by what is done about it (`stilts_ray.data.repairs`). Of a test set nothing is dropped."""

    BLANK_FOR_NULL = "blank_for_null"
    """Null where a text is read is taken for an empty one: CSV and pandas make null of it."""
    DISTINCT_IDS = "distinct_ids"
    """An id that an earlier row of a dev or test set has gets a number behind it: predictions are named by ids."""
    REALIGN_ANSWER = "realign_answer"
    """An answer that is not at its offset is taken from where it is, the place nearest to that. One that is nowhere in the
    context is left out of training, with its row if that has no other; of a test set it stays, as scores compare texts."""
    DROP_UNANSWERED = "drop_unanswered"
    """A question that has no answer, and must have one, is left out of training; in a test set an empty answer is right."""
    DROP_BLANK = "drop_blank"
    """A row with an empty text is left out of training; in a test set it is read as it is."""


COPIED = {Repair.BLANK_FOR_NULL: 0.01, Repair.DROP_BLANK: 0.01}
"""What may have happened to rows of any source, with the share of them above which it is no flaw but a wrong file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where rows are: `{}` in `config` and `folder` stands for a language's key.

    hub: repository id; None: no public one. config: its configuration. folder: path below a data folder.
    keys: language code -> key, where it is not the code itself. revision: a commit of the hub repository.
    branch: the branch of it whose newest commit is looked up, if not the main one.
    prefix: how the column `id` of a language's rows begins, where one configuration of the hub holds several languages.
    repairs: what is done about flaws of its rows, each with the greatest share of a file's rows that may need it.
    """

    folder: str
    hub: str | None = None
    config: str = "default"
    keys: Mapping[str, str] = field(default_factory=dict)
    revision: str | None = None
    branch: str | None = None
    prefix: str = ""
    repairs: Mapping[Repair, float] = field(default_factory=lambda: COPIED)

    @property
    def asked_for(self) -> str | None:
        """The commit or branch of the hub repository that is read; None: the main branch."""
        return self.revision or self.branch

    def path(self, language: str) -> str:
        """Folder of a language's files below a data folder."""
        return self.folder.format(self.keys.get(language, language))

    def hub_config(self, language: str) -> str:
        """Configuration of the hub repository for a language."""
        return self.config.format(self.keys.get(language, language))

    def id_prefix(self, language: str) -> str:
        """How the ids of a language's rows begin in that configuration."""
        return self.prefix.format(self.keys.get(language, language))


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One data set with its role.

    example: a pure function from a row to an example, or to None if the data set's own rule leaves the row out; raises
    KeyError for a missing column, ValueError for a bad value.
    labels: names of classes or tags, in the order of the head's outputs. labels_from: where the entry does not list
    them, the column of the training split whose feature type does (`stilts_ray.data.rows.labelled` fills them in).
    choices: alternatives of a multiple choice. answers: by whose rule the answers of span QA are compared, a name in
    `stilts_ray.metrics.answers.RULES`. metric: which of the kind's metrics is the score; None: the kind's own.
    train, dev, test: names of splits, several joined by "+"; a task without `train` is not trained on. A part of a split is
    named by its rows, `train[:1000]` or `train[1000:]`.
    also: tasks whose training rows are added to this one's, under its one head.
    languages: test languages; empty for a task that is only trained on.
    train_languages: those in which it has a training split, where there are others than the source language.
    machine_translated: whether its training rows in these others are translations by machine.
    train_on: the tasks that are trained for this target, one after the other, if it is not the task itself.
    candidates: the task whose test rows are ranked for this target's, where these do not bring their candidates along.
    train_size, tokens: published rows of the training split, and XLM-R tokens an example (measured on a sample of
    English rows); for estimates only.
    extends: the task whose larger variant this is, XTREME-R's of XTREME's.
    version: raised when code changes the meaning of the task's examples, features or scores.
    """

    name: str
    kind: Kind
    source: Source
    example: Callable[[Row], Example | None]
    labels: tuple[str, ...] = ()
    labels_from: str | None = None
    choices: int = 1
    answers: str = "squad"
    metric: str | None = None
    train: str | None = None
    dev: str | None = None
    test: str | None = None
    also: tuple["Task", ...] = ()
    languages: tuple[str, ...] = ()
    train_languages: tuple[str, ...] = ()
    machine_translated: bool = False
    train_on: tuple[str, ...] = ()
    candidates: str | None = None
    train_size: int = 0
    tokens: int = 0
    extends: str | None = None
    version: int = 1

    @property
    def training(self) -> tuple[str, ...]:
        """The tasks that are trained, one after the other, to be tested on this one: `train_on`, itself, or none."""
        return self.train_on or ((self.name,) if self.train else ())

    @property
    def trained(self) -> str | None:
        """The last of them, whose head predicts."""
        return self.training[-1] if self.training else None

    @property
    def form(self) -> str:
        """The task's folder in XTREME's submission tree: a variant has that of the task it extends."""
        return self.extends or self.name

    def parts(self, split: str) -> tuple[tuple["Task", str], ...]:
        """The splits whose rows, one after the other, are those of `split`, each with the task whose columns they are in."""
        own = tuple((self, name) for name in split.split("+"))
        added = (task for task in self.also if split == self.train)
        return own + tuple(part for task in added for part in task.parts(task.train or "train"))

    def identity(self) -> dict[str, Any]:
        """What of this entry can change a number, apart from the rows themselves; fields at their default are left out."""
        hashed = {field.name: getattr(self, field.name) for field in fields(self) if field.name in HASHED}
        defaults = {field.name: field.default for field in fields(self)}
        changed = {name: value for name, value in hashed.items() if value != defaults[name]}
        repairs = sorted(self.source.repairs)
        return {
            **changed,
            **({"repairs": repairs} if repairs != sorted(COPIED) else {}),
            **({"also": [task.identity() for task in self.also]} if self.also else {}),
        }


HASHED = frozenset(
    {"name", "kind", "labels", "choices", "answers", "metric", "train", "dev", "test", "candidates", "version"}
)
"""Fields of a task that belong to its identity as they are."""
