"""The built wheel, installed in an empty folder, has all that the commands need."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def pip(*words: str) -> None:
    done = subprocess.run([sys.executable, "-m", "pip", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing is left in the working tree."""
    copy, to = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for folder in ("stilts_ray", "sweeps"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, copy)
    pip("wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(to), str(copy))
    (built,) = to.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the installed wheel; what it depends on is the tests' own."""
    folder = tmp_path_factory.mktemp("site")
    pip("install", "--quiet", "--no-deps", "--target", str(folder), str(wheel))
    return folder


def stilts(site: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command in a folder, by the installed script."""
    environment = {**os.environ, "PYTHONPATH": str(site)}
    script = [sys.executable, str(site / "bin" / "stilts"), *words]
    return subprocess.run(script, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


def test_a_wheel_has_the_sweeps_the_encoder_and_the_marker_of_types(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"stilts_ray/sweeps/{path.name}" for path in (ROOT / "sweeps").glob("*.py")} <= names
    assert {"stilts_ray/py.typed", "stilts_ray/mini/encoder/model.safetensors"} <= names
    assert {name.split("/")[0] for name in names if not name.split("/")[0].endswith(".dist-info")} == {"stilts_ray"}


def test_shipped_sweeps_are_found_by_name_in_an_empty_folder(site: Path, tmp_path: Path) -> None:
    planned = stilts(site, tmp_path, "plan", "quickstart", "--json")
    assert planned.returncode == 0, planned.stderr
    assert json.loads(planned.stdout)["sweep"] == "quickstart"
    wrong = stilts(site, tmp_path, "plan", "first_gpu:mimi")
    assert wrong.returncode == 2
    assert f"{site}/stilts_ray/sweeps/first_gpu.py: has no function mimi()" in wrong.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.ray
def test_a_new_sweep_file_runs(site: Path, tmp_path: Path) -> None:
    assert stilts(site, tmp_path, "new", "first").returncode == 0
    file = tmp_path / "first.py"
    text = file.read_text()
    smaller = {
        '["xnli", "udpos"]': '["udpos"],\n        languages={"udpos": ["qab"]}',
        "epochs=2": "epochs=1",
        "train_examples=800": "train_examples=32",
        "dev_examples=200": "dev_examples=16",
        "[5e-4, 1e-3]": "[1e-3]",
        "seeds=[0, 1]": "seeds=[0]",
    }
    for whole, part in smaller.items():
        assert whole in text
        text = text.replace(whole, part)
    file.write_text(text)
    done = stilts(site, tmp_path, "run", "first.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ran 8 jobs" in done.stdout
    assert (tmp_path / "runs" / "reports" / "first" / "report.md").is_file()
