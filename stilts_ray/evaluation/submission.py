"""Predictions and labels in XTREME's submission tree, `TASK/test-LANGUAGE.SUFFIX`: reading, writing and scoring.

| tasks | suffix | predictions | labels, if they look different |
| --- | --- | --- | --- |
| xnli, pawsx | tsv | a label a line | |
| xcopa | jsonl | an object a line, {"label": 0 or 1} | other keys may stand there |
| udpos, panx | tsv | a tag a line, an empty line between sentences | |
| xquad, mlqa, tydiqa | json | {question: answer} | SQuAD's json |
| bucc2018 | tsv | a pair of ids a line, foreign and English, a tab between them | |
| tatoeba | tsv | for each English sentence a line with the index of its translation | |
| mewslix, lareqa | json | {question: [at most 20 candidates, best first]} | {question: [right ones]} |

Source: google-research/xtreme, README.md and evaluate.py, commit 838c13b. lareqa, which that does not read, looks as
mewslix does: the questions of a file are those of its language, the candidates those of all languages. Files are UTF-8.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any, TypeVar

from stilts_ray.errors import RequestError
from stilts_ray.evaluation import answers, formats
from stilts_ray.evaluation.metrics import Scores, accuracy, map_at_20, set_f1, tagging
from stilts_ray.tasks import benchmarks
from stilts_ray.tasks.nli import LABELS
from stilts_ray.tasks.paraphrase import PAWSX
from stilts_ray.tasks.tagging import NER, UPOS

T = TypeVar("T")

Document = dict[str, Any]
"""{"benchmark", "tasks": {name: task}, "overall"}; a task is {"average", "metrics": {metric: mean}, "languages": {code:
{metric: value}}}.

Values are in 0-100. "overall" is None unless every task of the benchmark is there.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How the files of a task are written, and by which rule they are scored.

    predictions, labels: text of a file -> values (`stilts_ray.evaluation.formats`). text: predictions -> text of a
    file; label_text: labels -> text, where that is another. score: labels, predictions, language -> metrics. They raise
    ValueError for what is wrong.
    """

    suffix: str
    predictions: Callable[[str], Any]
    labels: Callable[[str], Any]
    text: Callable[[Any], str]
    label_text: Callable[[Any], str] | None = None
    score: Callable[[Any, Any, str], Scores]


def path_of(folder: Path, task: str, language: str) -> Path:
    """Where a file stands in a tree."""
    return folder / task / f"test-{language}.{FORMS[task].suffix}"


def score_tree(predictions: Path, labels: Path, benchmark: str) -> Document:
    """Scores a tree of predictions against a tree of labels.

    A task without a folder of predictions is not scored. A task with one needs the files of all of its languages in
    both trees, as in evaluate.py; other files and folders are not looked at. Raises RequestError naming the file, with
    its line or key, for what is missing or malformed.
    """
    tasks = benchmarks.languages(benchmark)
    for folder in (predictions, labels):
        if not folder.is_dir():
            raise RequestError(f"{folder} is not a folder")
    there = [task for task in tasks if (predictions / task).is_dir()]
    if not there:
        raise RequestError(f"{predictions} has no task of {benchmark}; folders of tasks: {', '.join(tasks)}")
    scored = {task: score_task(predictions, labels, task, tasks[task]) for task in there}
    averages = {task: result["average"] for task, result in scored.items()}
    return {"benchmark": benchmark, "tasks": scored, "overall": benchmarks.overall(benchmark, averages)}


def score_task(predictions: Path, labels: Path, task: str, languages: Sequence[str]) -> dict[str, Any]:
    """A task's part of the document. Raises RequestError as `score_tree`."""
    for name, folder in (("predictions", predictions), ("labels", labels)):
        for language in languages:
            path = path_of(folder, task, language)
            if not path.is_file():
                raise RequestError(f"no {name} {path}; {task} is scored in all of its {len(languages)} languages")
    scores = {language: score_file(predictions, labels, task, language) for language in languages}
    metrics = {name: mean(values[name] for values in scores.values()) for name in scores[languages[0]]}
    return {
        "average": benchmarks.task_average(task, list(scores.values())),
        "metrics": metrics,
        "languages": scores,
    }


def score_file(predictions: Path, labels: Path, task: str, language: str) -> Scores:
    """The metrics of a task in one language. Raises RequestError as `score_tree`."""
    form, path = FORMS[task], path_of(predictions, task, language)
    gold = read(path_of(labels, task, language), form.labels)
    if not gold:
        raise RequestError(f"{path_of(labels, task, language)}: there is no label in it")
    found = read(path, form.predictions)
    scores = _at(path, lambda: form.score(gold, found, language))
    return {name: value for name, value in scores.items() if name != "score"}


def read(path: Path, parse: Callable[[str], T]) -> T:
    """What a file holds. Raises RequestError naming the file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RequestError(f"{path}: cannot be read ({error.strerror})") from None
    return _at(path, lambda: parse(_decoded(content)))


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line}: not UTF-8") from None


def write_predictions(folder: Path, task: str, language: str, predictions: Any) -> Path:
    """Writes a file of a tree, and returns its path.

    predictions, in the order of the examples: labels (xnli, pawsx), labels 0 or 1 (xcopa), sequences of tags (udpos,
    panx), pairs of ids (bucc2018), indices (tatoeba); by question: answers (xquad, mlqa, tydiqa), candidates (mewslix,
    lareqa). Raises RequestError, and writes nothing, if the file would not be read as it is meant.
    """
    form = FORMS[task]
    return _write(
        path_of(folder, task, language), form.text(predictions), lambda text: form.text(form.predictions(text))
    )


def write_labels(folder: Path, task: str, language: str, labels: Any) -> Path:
    """Writes a file of right answers, and returns its path. labels: as for `write_predictions`, but by question the lists of
    right answers or candidates. Raises RequestError as that does."""
    form = FORMS[task]
    text = (form.label_text or form.text)(labels)
    return _write(path_of(folder, task, language), text, lambda text: (form.label_text or form.text)(form.labels(text)))


def _write(path: Path, text: str, again: Callable[[str], str]) -> Path:
    content, back = _at(path, lambda: (text.encode("utf-8"), again(text)))
    if back != text:
        raise RequestError(f"{path}: a prediction is empty, or has white space at an end or a line break in it")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _at(path: Path, act: Callable[[], T]) -> T:
    """Errors name the file."""
    try:
        return act()
    except ValueError as error:
        raise RequestError(f"{path}: {error}") from None


def _joined(lines: Iterable[object]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _document(predictions: Mapping[str, object]) -> str:
    return json.dumps(predictions, indent=1) + "\n"


def _squad(right: Mapping[str, Sequence[str]]) -> str:
    """SQuAD's json, as far as scoring reads it."""
    asked = [{"id": question, "answers": [{"text": text} for text in texts]} for question, texts in right.items()]
    return _document({"data": [{"paragraphs": [{"qas": asked}]}]})


def _accuracy(gold: Sequence[object], predicted: Sequence[object], _: str) -> Scores:
    return {"accuracy": accuracy(gold, predicted)}


def _labelled(known: tuple[str, ...]) -> Form:
    def parse(text: str) -> list[str]:
        return formats.labels(text, known)

    return Form(suffix="tsv", predictions=parse, labels=parse, text=_joined, score=_accuracy)


def _tagged(known: tuple[str, ...]) -> Form:
    def parse(text: str) -> list[list[str]]:
        return formats.sentences(text, known)

    return Form(
        suffix="tsv",
        predictions=parse,
        labels=parse,
        text=lambda sentences: "\n".join(_joined(tags) for tags in sentences),
        score=lambda gold, predicted, _: tagging(gold, predicted),
    )


def _answered(rule: str) -> Form:
    return Form(
        suffix="json",
        predictions=formats.answers,
        labels=formats.questions,
        text=_document,
        label_text=_squad,
        score=answers.RULES[rule],
    )


_CHOSEN = Form(
    suffix="jsonl",
    predictions=formats.choices,
    labels=formats.choices,
    text=lambda labels: _joined(json.dumps({"label": label}) for label in labels),
    score=_accuracy,
)
_MINED = Form(
    suffix="tsv",
    predictions=formats.pairs,
    labels=formats.pairs,
    text=lambda pairs: _joined("\t".join(pair) for pair in pairs),
    score=lambda gold, predicted, _: set_f1(set(gold), set(predicted)),
)
_FOUND = Form(suffix="tsv", predictions=formats.indices, labels=formats.indices, text=_joined, score=_accuracy)
_RANKED = Form(
    suffix="json",
    predictions=formats.rankings,
    labels=formats.right_candidates,
    text=_document,
    # Read, they are sets, which have no order and no json.
    label_text=lambda right: _document({question: sorted(names) for question, names in right.items()}),
    score=lambda gold, predicted, _: map_at_20(gold, predicted),
)

FORMS: dict[str, Form] = {
    "xnli": _labelled(LABELS),
    "pawsx": _labelled(PAWSX.labels),
    "xcopa": _CHOSEN,
    "udpos": _tagged(UPOS),
    "panx": _tagged(NER),
    "xquad": _answered("squad"),
    "mlqa": _answered("mlqa"),
    "tydiqa": _answered("squad"),
    "bucc2018": _MINED,
    "tatoeba": _FOUND,
    "mewslix": _RANKED,
    "lareqa": _RANKED,
}
"""The tasks of all benchmarks."""
