"""Predictions and labels in XTREME's submission tree, `TASK/test-LANGUAGE.SUFFIX`: reading, writing and scoring.

| tasks | suffix | predictions | labels, if different |
| --- | --- | --- | --- |
| xnli, pawsx | tsv | a label per line | |
| xcopa | jsonl | an object per line, {"label": 0 or 1} | other keys are allowed |
| udpos, panx | tsv | a tag per line, an empty line between sentences | |
| xquad, mlqa, tydiqa | json | {question: answer} | SQuAD's JSON |
| bucc2018 | tsv | a pair of ids per line, foreign and English, separated by a tab | |
| tatoeba | tsv | for each English sentence a line with the index of its translation | |
| mewslix, lareqa | json | {question: [at most 20 candidates, best first]} | {question: [right ones]} |

Source: google-research/xtreme, README.md and evaluate.py, commit 838c13b. lareqa, which evaluate.py does not read, has the
format of mewslix: the questions of a file are those of its language, the candidates those of all languages. Files are UTF-8.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any, TypeVar

from stilts_ray.errors import RequestError
from stilts_ray.kinds import kind_of
from stilts_ray.kinds.submission import SubmissionFormat
from stilts_ray.metrics.scores import Scores
from stilts_ray.tasks import TASKS, benchmarks

T = TypeVar("T")

Document = dict[str, Any]
"""{"benchmark", "tasks": {name: task}, "overall"}; a task is {"average", "metrics": {metric: mean}, "languages": {code:
{metric: value}}}.

Values are in 0-100. "overall" is None unless every task of the benchmark is there.
"""


def path_of(folder: Path, task: str, language: str) -> Path:
    """The path of a file in a tree."""
    return folder / task / f"test-{language}.{FORMATS[task].suffix}"


def score_tree(predictions: Path, labels: Path, benchmark: str) -> Document:
    """Scores a tree of predictions against a tree of labels.

    A task without a folder of predictions is not scored. A task with one needs the files of all of its languages in
    both trees, as in evaluate.py; other files and folders are ignored. Raises RequestError naming the file, with its line or
    key, for what is missing or malformed.
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
    form, path = FORMATS[task], path_of(predictions, task, language)
    gold = read(path_of(labels, task, language), form.labels)
    if not gold:
        raise RequestError(f"{path_of(labels, task, language)}: there is no label in it")
    found = read(path, form.predictions)
    scores = _at(path, lambda: form.score(gold, found, language))
    return {name: value for name, value in scores.items() if name != "score"}


def read(path: Path, parse: Callable[[str], T]) -> T:
    """The parsed content of a file. Raises RequestError naming the file."""
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
    """Writes a file of predictions, and returns its path.

    predictions, in the order of the examples: labels (xnli, pawsx), labels 0 or 1 (xcopa), sequences of tags (udpos,
    panx), pairs of ids (bucc2018), indices (tatoeba); by question: answers (xquad, mlqa, tydiqa), candidates (mewslix,
    lareqa). Raises RequestError, and writes nothing, if the file would not be parsed back to them.
    """
    form = FORMATS[task]
    return _write(
        path_of(folder, task, language), form.text(predictions), lambda text: form.text(form.predictions(text))
    )


def write_labels(folder: Path, task: str, language: str, labels: Any) -> Path:
    """Writes a file of gold labels, and returns its path. labels: as for `write_predictions`, but by question the lists of
    right answers or candidates. Raises RequestError as that does."""
    form = FORMATS[task]
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
    """Makes errors name the file."""
    try:
        return act()
    except ValueError as error:
        raise RequestError(f"{path}: {error}") from None


FORMATS: dict[str, SubmissionFormat] = {
    name: submission(TASKS[name])
    for name in benchmarks.AVERAGED
    if (submission := kind_of(TASKS[name]).submission) is not None
}
"""The tasks of all benchmarks."""
