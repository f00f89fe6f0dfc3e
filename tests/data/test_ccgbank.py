"""CCGbank's two forms, from hand-written sentences."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from stilts_ray import tasks
from stilts_ray.data import ccgbank, rows
from stilts_ray.data.sources import FolderSource
from stilts_ray.errors import RequestError

BAKER = (
    r"(<T S[dcl] 0 2> (<T S[dcl] 1 2> (<T NP 1 2> (<L NP[nb]/N DT DT The NP[nb]_2/N_2>) (<L N NN NN baker N>) ) "
    r"(<T S[dcl]\NP 0 2> (<L (S[dcl]\NP)/NP VBZ VBZ sells (S[dcl]\NP_1)/NP_2>) "
    r"(<T NP 0 1> (<L N NN NN bread N>) ) ) ) (<L . . . . .>) )"
)
SLEEPS = r"(<T S[dcl] 1 2> (<T NP 0 1> (<L N NNP NNP Anna N>) ) (<L S[dcl]\NP VBZ VBZ sleeps S[dcl]\NP_1>) )"
LEAF = "(<L N NN NN Yes N>)"
CATEGORIES = ("NP[nb]/N", "N", r"(S[dcl]\NP)/NP", "N", ".")


def auto(*derivations: str) -> str:
    """An .auto file."""
    return "".join(f"ID=wsj_0001.{n} PARSER=GOLD NUMPARSE=1\n{d}\n" for n, d in enumerate(derivations, start=1))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A folder with every section; the dev section has a category that training does not have."""
    root = tmp_path / "corpus"
    for number in range(25):
        folder = root / "data" / "AUTO" / f"{number:02}"
        folder.mkdir(parents=True)
        (folder / f"wsj_{number:02}00.auto").write_text(auto(SLEEPS if number in (0, 23) else BAKER))
    (root / "data/AUTO/02/wsj_0201.auto").write_text(auto(LEAF, BAKER))
    return root


def test_the_leaves_of_a_derivation_are_its_words() -> None:
    read = ccgbank.derivation(BAKER)
    assert (read.words, read.tags) == (("The", "baker", "sells", "bread", "."), CATEGORIES)
    assert ccgbank.derivation(LEAF).words == ("Yes",)
    # Brackets of the text, and signs that the form itself uses.
    odd = r"(<T NP 0 2> (<L LRB -LRB- -LRB- -LRB- LRB>) (<L (N\N)/N : : >) (N\N)/N>) )"
    assert ccgbank.derivation(odd).words == ("-LRB-", ">)")


TREES = {
    BAKER[:-2]: "is not closed; missing brackets: 1",
    f"{BAKER} )": "the tree ends at character",
    f"{LEAF} {LEAF}": "the tree ends at character",
    "(<T NP 0 0> )": "no words",
    "(<T NP 0 1> (<L N NN NN Anna>) )": "no node of a derivation at character 12: '(<L N NN NN Anna>) )'",
    BAKER.replace("(<L N NN NN bread N>)", "bread"): "no node of a derivation at character",
    "Anna sleeps": "no node of a derivation at character 0: 'Anna sleeps'",
}


@pytest.mark.parametrize("line", TREES)
def test_what_is_not_a_tree_is_refused_with_file_and_line(line: str, tmp_path: Path) -> None:
    file = tmp_path / "wsj_0001.auto"
    file.write_text(auto(SLEEPS, line))
    with pytest.raises(RequestError) as caught:
        ccgbank.read_auto(file)
    assert str(caught.value).startswith(f"{file}:4: ")
    assert TREES[line] in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text, line, said",
    [
        (f"{SLEEPS}\n", 1, "expected a sentence's id (ID=...)"),
        (f"ID=a\n\n{SLEEPS}\n{SLEEPS}\n", 4, "expected a sentence's id (ID=...)"),
        (f"ID=a\nID=b\n{SLEEPS}\n", 2, "expected a derivation, not 'ID=b'"),
        (f"ID=a\n{SLEEPS}\nID=b\n", 3, "no derivation follows"),
    ],
)
def test_names_and_derivations_alternate(text: str, line: int, said: str, tmp_path: Path) -> None:
    file = tmp_path / "wsj_0001.auto"
    file.write_text(text)
    with pytest.raises(RequestError) as caught:
        ccgbank.read_auto(file)
    assert str(caught.value).startswith(f"{file}:{line}: {said}")


def test_the_task_reads_what_was_written_of_the_corpus(corpus: Path, tmp_path: Path) -> None:
    assert ccgbank.convert(corpus, tmp_path / "data") == {"train": 20 + 2, "validation": 1}
    data_source, task = FolderSource(tmp_path / "data"), tasks.get("ccg")
    # Training's by alphabet, then what only dev has.
    assert rows.with_labels(data_source, task).labels == (*sorted(set(CATEGORIES)), r"S[dcl]\NP")
    train = rows.load(data_source, task, "train", "en")
    assert [len(example.words) for example in train][:4] == [5, 1, 5, 5], "by section and file"
    (dev,) = rows.load(data_source, task, "validation", "en")
    assert (dev.words, dev.tags) == (("Anna", "sleeps"), ("N", r"S[dcl]\NP"))


def test_a_section_that_is_not_there_is_named(corpus: Path, tmp_path: Path) -> None:
    for number in ("03", "11"):
        (corpus / f"data/AUTO/{number}/wsj_{number}00.auto").unlink()
    with pytest.raises(RequestError, match=r"no \.auto files of sections 03, 11$"):
        ccgbank.convert(corpus, tmp_path / "data")
    with pytest.raises(RequestError, match=r"holds neither train\.tsv and validation\.tsv nor sections"):
        ccgbank.convert(tmp_path / "nowhere", tmp_path / "data")


def tables(folder: Path, **changes: str) -> Path:
    """A folder of jiant's form."""
    folder.mkdir()
    content = {"train": "The baker\tNP[nb]/N N\nAnna\tN\n", "validation": "Anna sleeps\tN S[dcl]\\NP\n", **changes}
    for split, text in content.items():
        (folder / f"{split}.tsv").write_text(text)
    return folder


def test_tab_separated_files_with_and_without_numbers(tmp_path: Path) -> None:
    source, target, task = tables(tmp_path / "jiant"), FolderSource(tmp_path / "data"), tasks.get("ccg")
    assert ccgbank.convert(source, target.root) == {"train": 2, "validation": 1}
    assert rows.with_labels(target, task).labels == ("N", "NP[nb]/N", "S[dcl]\\NP")
    before = [rows.load(target, task, split, "en") for split in ("train", "validation")]
    (source / "tags_to_id.json").write_text(json.dumps({"S[dcl]\\NP": "0", "NP": 1, "N": 3, "NP[nb]/N": 2}))
    ccgbank.convert(source, target.root)
    assert rows.with_labels(target, task).labels == ("S[dcl]\\NP", "NP", "NP[nb]/N", "N")
    assert [rows.load(target, task, split, "en") for split in ("train", "validation")] == before


@pytest.mark.parametrize(
    "text, said",
    [
        ("The baker\tNP[nb]/N\n", ":1: 2 words but 1 tags"),
        ("Anna\tN\nAnna N\n", ":2: 0 tabs instead of one"),
        ("Anna\tN\n\nAnna\tN\tN\n", ":3: 2 tabs instead of one"),
        ("\tN\n", ":1: 0 words but 1 tags"),
        ("", ": no sentences for the split train"),
    ],
)
def test_a_line_of_another_form_is_refused_with_file_and_line(text: str, said: str, tmp_path: Path) -> None:
    source = tables(tmp_path / "jiant", train=text)
    with pytest.raises(RequestError) as caught:
        ccgbank.convert(source, tmp_path / "data")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content, said",
    [
        ('{"N": 0, "NP[nb]/N": 2, "S[dcl]\\\\NP": 3}', "the numbers of 3 categories are not 0 to 2"),
        ('{"N": 0, "NP[nb]/N": 1}', r"has no category 'S[dcl]\\NP'"),
        ('["N"]', "not an object of categories and numbers"),
        ("{", "not an object of categories and numbers"),
    ],
)
def test_numbers_that_do_not_fit_are_one_line(content: str, said: str, tmp_path: Path) -> None:
    source = tables(tmp_path / "jiant")
    (source / "tags_to_id.json").write_text(content)
    with pytest.raises(RequestError) as caught:
        ccgbank.convert(source, tmp_path / "data")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_command(corpus: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "stilts_ray.data.ccgbank"]
    done = subprocess.run([*command, str(corpus), str(tmp_path / "data")], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "train: 22 sentences, validation: 1 sentences\n", "")
    wrong = subprocess.run([*command, str(tmp_path / "nowhere"), str(tmp_path)], capture_output=True, text=True)
    assert (wrong.returncode, wrong.stdout, wrong.stderr.count("\n")) == (2, "", 1)
    assert subprocess.run(command, capture_output=True).returncode == 2
