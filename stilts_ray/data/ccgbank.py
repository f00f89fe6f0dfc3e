r"""Converts CCGbank (LDC2005T13; licensed, hence not on the hub) to the two files that the task `ccg` reads.

    python -m stilts_ray.data.ccgbank SRC DST

writes DST/ccg/default/train.parquet and validation.parquet; `stilts run ... --data-dir DST` finds them. SRC is one of

- the corpus: sections as folders of .auto files, anywhere below SRC (in LDC's copy, data/AUTO/02/wsj_0200.auto). A derivation
  follows the line with its id; its leaves are (<L category tag tag word predicate-argument category>) (LDC's AUTO.readme).
  Sections 02 to 21 are training data, section 00 is dev: the standard split, as in NLP-progress.
- train.tsv and validation.tsv, one sentence per line: words and categories, each separated by spaces, with a tab between the
  two. tags_to_id.json next to them, category -> number from 0, gives the label order; it is optional. This is jiant's format
  (jiant/tasks/lib/ccg.py).

Words are kept as they are (brackets are -LRB- and the like). A malformed line is an error with file and line.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from datasets import ClassLabel, Dataset, Features, List, Value, disable_progress_bars

from stilts_ray import tasks
from stilts_ray.errors import RequestError, first_line
from stilts_ray.tasks.examples import Tagged

SECTIONS = {"train": tuple(f"{number:02}" for number in range(2, 22)), "validation": ("00",)}
"""The standard split; section 23, the test set, is not read."""

_NODE = re.compile(r"\(<L (?P<category>\S+) \S+ \S+ (?P<word>\S+) \S+>\)\s*|(?P<opens>\(<T [^<>]+>\s*)|\)\s*")


def derivation(line: str) -> Tagged:
    """The words and categories of a derivation's leaves. Raises ValueError if the line is not one complete tree."""
    leaves, depth, at = [], 0, 0
    while at < len(line):
        node = _NODE.match(line, at)
        if node is None:
            raise ValueError(f"no node of a derivation at character {at}: {line[at : at + 30]!r}")
        if at and depth == 0:
            raise ValueError(f"the tree ends at character {at}, before the line does")
        if node["word"]:
            leaves.append((node["word"], node["category"]))
        else:
            depth += 1 if node["opens"] else -1
        at = node.end()
    if depth != 0:
        raise ValueError(f"the tree is not closed; missing brackets: {depth}")
    words, categories = zip(*leaves, strict=True) if leaves else ((), ())
    return Tagged(words, categories)


def tab_separated(line: str) -> Tagged:
    """The words and categories of a line in jiant's format. Raises ValueError for any other line."""
    sides = line.split("\t")
    if len(sides) != 2:
        raise ValueError(f"{len(sides) - 1} tabs instead of one between words and categories")
    return Tagged(tuple(sides[0].split()), tuple(sides[1].split()))


def read_auto(path: Path) -> list[Tagged]:
    """The sentences of an .auto file. Raises RequestError with the number of the first malformed line."""
    lines = list(_lines(path))
    for place, (number, line) in enumerate(lines):
        if line.startswith("ID=") != (place % 2 == 0):
            wanted = "a derivation" if place % 2 else "a sentence's id (ID=...)"
            raise RequestError(f"{path}:{number}: expected {wanted}, not {line[:30]!r}")
    if len(lines) % 2:
        raise RequestError(f"{path}:{lines[-1][0]}: no derivation follows")
    return [_parsed(derivation, path, number, line) for number, line in lines[1::2]]


def read_tab_separated(path: Path) -> list[Tagged]:
    """The sentences of a file in jiant's format. Raises RequestError with the number of the first malformed line."""
    return [_parsed(tab_separated, path, number, line) for number, line in _lines(path)]


def _parsed(make: Callable[[str], Tagged], path: Path, number: int, line: str) -> Tagged:
    try:
        return make(line)
    except ValueError as error:
        raise RequestError(f"{path}:{number}: {error}") from None


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbers, from 1, and contents of the non-empty lines."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"cannot read {path}: {first_line(error)}") from None
    # Not splitlines(), which also splits at characters that occur within words.
    numbered = enumerate((line.strip("\r ") for line in text.split("\n")), start=1)
    return ((number, line) for number, line in numbered if line)


def convert(source: Path, target: Path) -> dict[str, int]:
    """Writes the files of the task `ccg` below the data folder `target`; returns split -> number of sentences. Raises
    RequestError if `source` has neither format or a malformed line."""
    tables = {split: source / f"{split}.tsv" for split in SECTIONS}
    given: Mapping[str, int] = {}
    if all(path.is_file() for path in tables.values()):
        splits = {split: read_tab_separated(path) for split, path in tables.items()}
        given = _numbers(source / "tags_to_id.json")
    else:
        splits = {split: [s for path in files for s in read_auto(path)] for split, files in sections(source).items()}
    for split, sentences in splits.items():
        if not sentences:
            raise RequestError(f"{source}: no sentences for the split {split}")
    names = tag_names(splits.values(), given)
    folder = target / tasks.get("ccg").source.folder
    for split, sentences in splits.items():
        _write(sentences, names, folder / f"{split}.parquet")
    return {split: len(sentences) for split, sentences in splits.items()}


def sections(source: Path) -> dict[str, list[Path]]:
    """Split -> .auto files. Raises RequestError naming the missing sections."""
    files = sorted(source.rglob("*.auto"))
    missing = sorted({name for names in SECTIONS.values() for name in names} - {file.parent.name for file in files})
    if missing and files:
        raise RequestError(f"{source}: no .auto files of sections {', '.join(missing)}")
    if missing:
        raise RequestError(f"{source} holds neither train.tsv and validation.tsv nor sections of .auto files")
    return {split: [file for file in files if file.parent.name in names] for split, names in SECTIONS.items()}


def tag_names(splits: Iterable[Sequence[Tagged]], given: Mapping[str, int]) -> list[str]:
    """All categories in label order: by the given numbers, else alphabetically, with training categories before those that only
    dev has (and that are never learnt). Raises RequestError for a category without number, or wrong numbers."""
    if not given:
        return list(
            dict.fromkeys(tag for sentences in splits for tag in sorted({t for s in sentences for t in s.tags}))
        )
    if sorted(given.values()) != list(range(len(given))):
        raise RequestError(f"tags_to_id.json: the numbers of {len(given)} categories are not 0 to {len(given) - 1}")
    for tag in (tag for sentences in splits for sentence in sentences for tag in sentence.tags):
        if tag not in given:
            raise RequestError(f"tags_to_id.json has no category {tag!r}")
    return sorted(given, key=given.__getitem__)


def _numbers(path: Path) -> dict[str, int]:
    """Category -> number of tags_to_id.json; empty without the file."""
    if not path.is_file():
        return {}
    try:
        return {str(tag): int(number) for tag, number in json.loads(path.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise RequestError(f"{path}: not an object of categories and numbers: {first_line(error)}") from None


def _write(sentences: Sequence[Tagged], names: list[str], path: Path) -> None:
    features = Features({"tokens": List(Value("string")), "tags": List(ClassLabel(names=names))})
    columns = {"tokens": [list(s.words) for s in sentences], "tags": [list(s.tags) for s in sentences]}
    path.parent.mkdir(parents=True, exist_ok=True)
    Dataset.from_dict(columns, features=features).to_parquet(path)


def main() -> int:
    """Converts SRC to DST. Exit status 2 if SRC cannot be converted."""
    if len(sys.argv) != 3:
        print("usage: python -m stilts_ray.data.ccgbank SRC DST", file=sys.stderr)
        return 2
    disable_progress_bars()
    try:
        counts = convert(Path(sys.argv[1]), Path(sys.argv[2]))
    except RequestError as error:
        print(f"ccgbank: {error}", file=sys.stderr)
        return 2
    print(", ".join(f"{split}: {count} sentences" for split, count in counts.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
