import shutil
from pathlib import Path

import pytest


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, for this process and those that it starts."""
    monkeypatch.setenv("STILTS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def data(tmp_path: Path, data_dir: Path) -> Path:
    """A data folder of the test's own, which no other test has in memory."""
    return Path(shutil.copytree(data_dir, tmp_path / "data"))
