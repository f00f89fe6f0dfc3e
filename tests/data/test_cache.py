import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import ClassLabel, Features, List

from stilts_ray.data import cache
from stilts_ray.data.encoded import Encoded, TokenizationConfig
from stilts_ray.data.rows import load, with_labels
from stilts_ray.data.sources import FolderSource
from stilts_ray.errors import RequestError
from stilts_ray.kinds import kind_of
from stilts_ray.kinds.splits import encoded_split
from stilts_ray.tasks import TASKS
from tests.by_kind import encode
from tests.tasks.rows import FIXTURES, write

READING = TokenizationConfig(48, 12)


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("tokens/*.safetensors"))


def equal(one: Encoded, other: Encoded) -> bool:
    arrays = [{"tokens": e.tokens, "offsets": e.offsets, **e.fields} for e in (one, other)]
    same = arrays[0].keys() == arrays[1].keys() and one.group == other.group
    return same and all(np.array_equal(array, arrays[1][name]) for name, array in arrays[0].items())


@pytest.mark.parametrize("name", TASKS)
def test_what_comes_from_the_cache_is_what_was_encoded(
    name: str, own_cache: Path, data: Path, tiny_encoder: Path, tokenizer: Any
) -> None:
    task, language = TASKS[name], next(iter(FIXTURES[name].rows))
    split = task.train or task.test or ""
    place = (FolderSource(data), task, split, language)
    expected = encode(with_labels(FolderSource(data), task), load(*place), tokenizer, READING)
    assert equal(encoded_split(*place, str(tiny_encoder), READING), expected)
    assert len(files(own_cache)) == 1
    # Another process has nothing in memory.
    cache._encoded.cache_clear()
    before = files(own_cache)[0].stat().st_mtime_ns
    assert equal(encoded_split(*place, str(tiny_encoder), READING), expected)
    assert files(own_cache)[0].stat().st_mtime_ns == before
    assert cache.examples(*place) == load(*place)


def test_other_rows_readings_and_tokenizers_have_files_of_their_own(
    own_cache: Path, data: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    task = TASKS["mnli"]

    def make(root: Path, tokenizer: Path, reading: TokenizationConfig) -> int:
        encoded_split(FolderSource(root), task, "train", "en", str(tokenizer), reading)
        return len(files(own_cache))

    assert make(data, tiny_encoder, READING) == 1
    assert make(data, tiny_encoder, TokenizationConfig(32, 12)) == 2
    # The same tokenizer and the same rows elsewhere are the same file.
    elsewhere = Path(shutil.copytree(tiny_encoder, tmp_path / "encoder"))
    moved = Path(shutil.copytree(data, tmp_path / "moved"))
    assert make(moved, elsewhere, READING) == 2

    other = Path(shutil.copytree(tiny_encoder, tmp_path / "other"))
    text = (other / "tokenizer.json").read_text()
    (other / "tokenizer.json").write_text(text.replace("NFKC", "NFKD"))
    assert make(data, other, READING) == 3
    changed = Path(shutil.copytree(data, tmp_path / "changed"))
    fixture = FIXTURES["mnli"]
    write(fixture.features, fixture.rows["en"][:-1], changed / "glue/mnli/train.parquet")
    assert make(changed, tiny_encoder, READING) == 4


def test_other_labels_of_the_training_split_give_dev_sequences_of_their_own(
    own_cache: Path, data: Path, tiny_encoder: Path
) -> None:
    """The dev file stays the same, but its tags get other numbers."""
    place, fixture = (FolderSource(data), TASKS["ccg"], "validation", "en", str(tiny_encoder), READING), FIXTURES["ccg"]
    before = encoded_split(*place).fields["tags"].tolist()
    names = fixture.features["tags"].feature.names[::-1]
    features = Features({**fixture.features, "tags": List(ClassLabel(names=names))})
    write(features, fixture.rows["en"], data / "ccg/default/train.parquet")
    cache._encoded.cache_clear()
    after = encoded_split(*place).fields["tags"].tolist()
    assert [len(names) - 1 - tag for tag in before if tag >= 0] == [tag for tag in after if tag >= 0]
    assert len(files(own_cache)) == 2


def test_a_damaged_file_is_one_line_that_says_what_to_do(own_cache: Path, data: Path, tiny_encoder: Path) -> None:
    place = (FolderSource(data), TASKS["udpos"], "train", "en", str(tiny_encoder), READING)
    encoded_split(*place)
    cache._encoded.cache_clear()
    files(own_cache)[0].write_bytes(b"\x00" * 20)
    with pytest.raises(RequestError, match=r"is damaged .*delete it") as caught:
        encoded_split(*place)
    assert "\n" not in str(caught.value)


def test_a_folder_without_a_tokenizer_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="has no tokenizer; it is one of") as caught:
        cache.tokenizer_at(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_another_encoder_or_version_of_it_has_a_file_of_its_own(
    own_cache: Path, data: Path, tiny_encoder: Path
) -> None:
    place = (FolderSource(data), TASKS["mnli"], "train", "en", str(tiny_encoder), READING)
    spec = kind_of(TASKS["mnli"])
    first = cache.encoded(*place, cache.Encoding(spec.encode, 1))
    second = cache.encoded(
        *place, cache.Encoding(lambda task, examples, *rest: spec.encode(task, examples[:2], *rest), 2)
    )
    assert (second.items, len(files(own_cache))) == (2, 2)
    assert equal(cache.encoded(*place, cache.Encoding(spec.encode, 1)), first)
