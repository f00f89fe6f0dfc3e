"""Sweep files are found by path, shipped ones by name."""

import os
from pathlib import Path

import pytest

from stilts_ray.config.sweep_file import load, named, shipped
from stilts_ray.errors import RequestError

SWEEPS = Path(__file__).resolve().parents[2] / "sweeps"


def test_shipped_sweeps_are_those_of_the_folder() -> None:
    assert shipped() == {path.stem: path for path in sorted(SWEEPS.glob("*.py"))}


@pytest.mark.parametrize("name", sorted(path.stem for path in SWEEPS.glob("*.py")))
def test_every_shipped_sweep_loads(name: str) -> None:
    load(*named(name))


@pytest.mark.parametrize(
    "argument, file, function",
    [
        ("quickstart", SWEEPS / "quickstart.py", "sweep"),
        ("paper:mini", SWEEPS / "paper.py", "mini"),
        ("mine.py", Path("mine.py"), "sweep"),
        ("some/mine.py:other", Path("some/mine.py"), "other"),
        ("some/quickstart", Path("some/quickstart"), "sweep"),
    ],
)
def test_paths_are_taken_as_they_are_and_names_looked_up(argument: str, file: Path, function: str) -> None:
    assert named(argument) == (file, function)


def test_a_file_comes_before_a_shipped_sweep_and_a_folder_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "paper").mkdir()
    assert named("paper") == (SWEEPS / "paper.py", "sweep")
    (tmp_path / "quickstart").touch()
    assert named("quickstart") == (Path("quickstart"), "sweep")
    assert named("quickstart:mini") == (Path("quickstart"), "mini")


def test_a_wrong_name_is_answered_with_the_nearest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_first.py").touch()
    for wrong, near in {
        "quickstrat": "quickstart",
        "paper_variant:mini": "paper_variants",
        "my_first": "my_first.py",
    }.items():
        with pytest.raises(RequestError, match=f"no sweep of that name ships; did you mean '{near}'") as raised:
            named(wrong)
        assert "\n" not in str(raised.value)


def test_an_edit_in_the_same_second_counts_and_nothing_is_left_beside_the_file(tmp_path: Path) -> None:
    """Python's own import keeps bytecode, by the second and the size of a file."""
    file = tmp_path / "mine.py"
    for name in ("one", "two"):
        file.write_text(
            "from stilts_ray import *\ndef sweep():\n    return Sweep("
            f"name={name!r}, data='mini', encoders=[Encoder(name='mini', weights=Pretrained(source='mini'))])"
        )
        os.utime(file, (1e9, 1e9))
        assert load(file).name == name
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]
