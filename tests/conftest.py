"""What all tests share: a folder of fixture rows, a tiny random encoder, a cache in pytest's own folder."""

import os
import sys

# Before huggingface_hub is imported: no test reaches for the network.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Images of containers often forbid bytecode files: each of the many processes that tests start would compile the package
# again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import settings

from stilts_ray.config import Shape
from stilts_ray.data import cache
from stilts_ray.kinds import save_model
from stilts_ray.models import model as models
from stilts_ray.store.store import Store
from stilts_ray.tasks import TASKS
from stilts_ray.training.masked import make_tokenizer
from tests import tiny
from tests.tasks import rows

sys.dont_write_bytecode = False
torch.set_num_threads(1)
settings.register_profile("stilts", deadline=None, derandomize=True, max_examples=50, database=None)
settings.load_profile("stilts")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest tests first, so that pytest-xdist's workers end together."""
    items.sort(key=lambda item: item.get_closest_marker("laboratory") is None)


@pytest.fixture(scope="session", autouse=True)
def cache_in_tmp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What the system keeps for this machine goes to a folder that the tests have to themselves; all workers share it."""
    with pytest.MonkeyPatch.context() as patch:
        own = tmp_path_factory.getbasetemp()
        folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "cache"
        folder.mkdir(exist_ok=True)
        patch.setenv("STILTS_CACHE", str(folder))
        yield folder


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """For tests on other rows or token sequences under the same identity: what they cache, in files and in memory, is for
    none but themselves."""
    monkeypatch.setenv("STILTS_CACHE", str(tmp_path / "cache"))
    cached = (cache._loaded, cache._encoded)
    for function in cached:
        function.cache_clear()
    yield
    for function in cached:
        function.cache_clear()


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fixture rows of all tasks, as a data folder."""
    root = tmp_path_factory.mktemp("data")
    for task, split, language in rows.splits():
        rows.write_split(task, split, language, root)
    return root


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny XLM-R with random weights and a tokenizer that knows the characters of all fixture rows."""
    folder = tmp_path_factory.mktemp("encoder")
    tokenizer = make_tokenizer(rows.texts(), "bpe", 500)
    shape = Shape(layers=2, hidden=32, heads=2, feed_forward=48, positions=128, dropout=0.1)
    config = models.xlm_roberta(shape, len(tokenizer))
    save_model(tiny.with_masked_head(models.new_encoder(config, seed=1), seed=1), TASKS["mlm_text"], folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tokenizer(tiny_encoder: Path) -> Any:
    """The tiny encoder's tokenizer, as the package loads it."""
    return cache.tokenizer_at(str(tiny_encoder))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(str(tmp_path / "store"))
