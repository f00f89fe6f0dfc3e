"""Tasks as data: where a task's rows come from, how a row becomes an example, and what is predicted.

A task's kind determines its head, its loss and, unless the task names another, its metric.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from stilts_ray.tasks.examples import Example

Row = Mapping[str, Any]
"""A row with the hub's columns; class labels are already mapped from integers to names."""

_SPLIT = re.compile(r"([^\[\]]+)(?:\[(\d*):(\d*)\])?")


def parse_split(split: str) -> tuple[str, slice]:
    """A split's file and the slice of its rows, from `train`, `train[:1000]` or `train[1000:]` (the notation of
    `datasets`). Raises ValueError for percentages, negative bounds and steps."""
    found = _SPLIT.fullmatch(split)
    if found is None:
        raise ValueError(f"split {split!r} is neither a name nor a slice of one, as train[:1000]")
    name, *bounds = found.groups()
    return name, slice(*(int(bound) if bound else None for bound in bounds))


class Kind(StrEnum):
    """What is predicted. `stilts_ray.kinds` describes what that means for training and scoring."""

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
"""Kinds evaluated by the similarity of sentence embeddings from one layer; they train no head."""


class Repair(StrEnum):
    """Repair rules for known flaws of published rows (`stilts_ray.data.repairs`). No rule drops a row of a test set."""

    BLANK_FOR_NULL = "blank_for_null"
    """Reads null as an empty text: CSV and pandas turn empty text into null."""
    DISTINCT_IDS = "distinct_ids"
    """Appends a number to a repeated id in a dev or test set: predictions are keyed by id."""
    REALIGN_ANSWER = "realign_answer"
    """Moves an answer whose text is not at its offset to its nearest occurrence in the context. An answer without occurrence
    is dropped from training, with its row if that has no other; in a test set it stays, since scores compare texts."""
    DROP_UNANSWERED = "drop_unanswered"
    """Drops a question without answer from training where the task requires one; in a test set the empty answer is correct."""
    DROP_BLANK = "drop_blank"
    """Drops a row with an empty text from training; in a test set it is kept as it is."""


COPIED = {Repair.BLANK_FOR_NULL: 0.01, Repair.DROP_BLANK: 0.01}
"""Repairs that rows of any source may need, each with the share of rows above which the file must be a wrong one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Location of a task's rows. `{}` in `config`, `folder` and `prefix` stands for a language's key.

    hub: id of the hub repository; None: there is no public one.
    config: configuration of the hub repository.
    folder: path below a local data folder.
    keys: language code -> key, where the key is not the code itself.
    revision: pinned commit of the hub repository.
    branch: branch whose newest commit is used; None: the main branch.
    prefix: prefix of a language's values in column `id`, where one hub configuration holds several languages.
    repairs: rule -> maximum share of a file's rows that may need it.
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
    def requested_revision(self) -> str | None:
        """Commit or branch of the hub repository to read; None: the main branch."""
        return self.revision or self.branch

    def path(self, language: str) -> str:
        """Path of a language's files below a data folder."""
        return self.folder.format(self.keys.get(language, language))

    def hub_config(self, language: str) -> str:
        """A language's configuration of the hub repository."""
        return self.config.format(self.keys.get(language, language))

    def id_prefix(self, language: str) -> str:
        """Prefix of the ids of a language's rows in that configuration."""
        return self.prefix.format(self.keys.get(language, language))


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A data set in its role as intermediate task, target task, or both.

    name: unique name, as in sweeps and `stilts_ray.tasks.TASKS`.
    kind: what is predicted.
    source: where the rows come from.
    example: pure function from a row to an example, or to None if the data set's own rule excludes the row. Raises KeyError
        for a missing column, ValueError for an invalid value.
    labels: names of classes or tags, in the order of the head's outputs.
    labels_from: column of the training split whose feature type lists the labels, where the entry does not
        (`stilts_ray.data.rows.with_labels` fills them in).
    choices: number of alternatives in multiple choice.
    answers: rule that compares answers in span QA, a key of `stilts_ray.metrics.answers.RULES`.
    metric: which of the kind's metrics is the score; None: the kind's default.
    train, dev, test: names of splits, several joined by "+", each a file or a slice of one (`train[:1000]`, `train[1000:]`).
        A task without `train` is not trained on.
    also: tasks whose training rows are added to this task's, under the same head.
    example: a pure function from a row to an example, or to None if the data set's own rule leaves the row out; raises
    KeyError for a missing column, ValueError for a bad value.
    labels: names of classes or tags, in the order of the head's outputs. labels_from: where the entry does not list
    them, the column of the training split whose feature type does (`stilts_ray.data.rows.with_labels` fills them in).
    choices: alternatives of a multiple choice. answers: by whose rule the answers of span QA are compared, a name in
    `stilts_ray.metrics.answers.RULES`. metric: which of the kind's metrics is the score; None: the kind's own.
    train, dev, test: names of splits, several joined by "+"; a task without `train` is not trained on. A part of a split is
    named by its rows, `train[:1000]` or `train[1000:]`.
    also: tasks whose training rows are added to this one's, under its one head.
    languages: test languages; empty for a task that is only trained on.
    train_languages: languages with a training split, if there are others than the source language.
    machine_translated: whether the training rows in other languages are machine-translated.
    train_on: tasks trained in sequence for this target, if not the task itself.
    candidates: task whose test rows are the candidates to rank, where the target's rows do not include them.
    rows: file of a split -> published number of rows, in every language or by language. Sources, unless the entry names
        another: dataset_infos.json of the hub's data sets (of their last scripts); for XTREME's targets arXiv 2010.12821,
        table 11; for Mewsli-X google-research's mewsli-x.md.
    tokens: XLM-R tokens per example, measured on a sample of English rows, for estimates only; 0: not measured.
    extends: the XTREME task of which this is XTREME-R's larger variant.
    version: bumped when code changes the task's examples, features or scores.
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
    rows: Mapping[str, int | Mapping[str, int]] = field(default_factory=dict)
    tokens: int = 0
    extends: str | None = None
    version: int = 1

    @property
    def training(self) -> tuple[str, ...]:
        """Names of the tasks trained in sequence before evaluation on this one: `train_on`, itself, or none."""
        return self.train_on or ((self.name,) if self.train else ())

    @property
    def trained(self) -> str | None:
        """The last task of `training`, whose head predicts; None if nothing is trained."""
        return self.training[-1] if self.training else None

    @property
    def form(self) -> str:
        """The task's folder in XTREME's submission format; XTREME-R's variants use that of the task they extend."""
        return self.extends or self.name

    def parts(self, split: str) -> tuple[tuple["Task", str], ...]:
        """The splits that `split` concatenates, each with the task whose columns its rows have."""
        own = tuple((self, name) for name in split.split("+"))
        added = (task for task in self.also if split == self.train)
        return own + tuple(part for task in added for part in task.parts(task.train or "train"))

    def published_rows(self, split: str, language: str) -> int | None:
        """Published number of rows of a split, with those that `also` adds; None if unknown."""
        return _sum(part.own_rows(each, language) for part, each in self.parts(split))

    def own_rows(self, split: str, language: str) -> int | None:
        """Published number of rows of a split, without those that `also` adds; None if unknown."""
        return _sum(self._rows_of(*parse_split(each), language) for each in split.split("+"))

    def _rows_of(self, file: str, selected: slice, language: str) -> int | None:
        rows = self.rows.get(file)
        count = rows.get(language) if isinstance(rows, Mapping) else rows
        return None if count is None else len(range(count)[selected])

    @property
    def train_size(self) -> int:
        """Published number of its own English training rows, for estimates; 0 if unknown."""
        return (self.own_rows(self.train, "en") if self.train else None) or 0

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


def _sum(counts: Iterable[int | None]) -> int | None:
    """The sum; None if one of the counts is unknown."""
    known = list(counts)
    return None if None in known else sum(count for count in known if count is not None)


HASHED = frozenset(
    {"name", "kind", "labels", "choices", "answers", "metric", "train", "dev", "test", "candidates", "version"}
)
"""Fields of a task that belong to its identity as they are."""
