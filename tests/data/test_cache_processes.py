"""The cache under several processes: made once, whole or not there."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from stilts_ray.data import cache
from stilts_ray.data.encoded import Encoded, TokenizationConfig
from stilts_ray.data.sources import FolderSource
from stilts_ray.kinds.splits import encoded_split
from stilts_ray.tasks import TASKS

READING = TokenizationConfig(48, 12)

WRITER = """
import os, sys, time
from pathlib import Path
from stilts_ray.data import cache
from stilts_ray.data.encoded import TokenizationConfig
from stilts_ray.data.sources import FolderSource
from stilts_ray.kinds import kind_of
from stilts_ray.tasks import TASKS

save_file, task = cache.save_file, TASKS["squad"]
data, tokenizer, made, pace = sys.argv[1:]

def counted(*arguments):
    with open(made, "a") as file:
        file.write("made\\n")
    while pace == "together" and len(list(begun.iterdir())) < 2:
        time.sleep(0.01)
    return kind_of(task).encode(*arguments)

def broken_off(arrays, path):
    save_file(arrays, path)
    path.write_bytes(path.read_bytes()[:-100])
    Path(made).with_suffix(".half").touch()
    time.sleep(600)

begun = Path(made).parent / "begun"
begun.mkdir(exist_ok=True)
(begun / str(os.getpid())).touch()
if pace == "broken_off":
    cache.save_file = broken_off
place = (FolderSource(Path(data)), task, "train", "en", tokenizer, TokenizationConfig(48, 12))
found = cache.encoded(*place, cache.Encoding(counted))
print(int(found.tokens.sum()), len(found.tokens), int(found.fields["stop"].sum()))
"""
"""A process that reads SQuAD's training rows through the cache, and notes when it encodes them: of two that read together,
not before the other one has begun."""


def start(data: Path, tokenizer: Path, made: Path, pace: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(data), str(tokenizer), str(made), pace]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})


def read(data: Path, tokenizer: Path) -> Encoded:
    return encoded_split(FolderSource(data), TASKS["squad"], "train", "en", str(tokenizer), READING)


def summed(found: Encoded) -> str:
    return f"{found.tokens.sum()} {len(found.tokens)} {found.fields['stop'].sum()}"


def test_processes_that_begin_together_make_it_once(own_cache: Path, data: Path, tiny_encoder: Path) -> None:
    made = data / "made.txt"
    processes = [start(data, tiny_encoder, made, "together") for _ in range(2)]
    outputs = [process.communicate(timeout=240)[0].strip() for process in processes]
    assert made.read_text().splitlines() == ["made"]
    assert set(outputs) == {summed(read(data, tiny_encoder))}
    assert len(list(own_cache.glob("tokens/*.safetensors"))) == 1


def test_a_killed_writer_leaves_nothing_that_is_read_and_who_waited_makes_it(
    own_cache: Path, data: Path, tiny_encoder: Path
) -> None:
    made = data / "made.txt"
    writer = start(data, tiny_encoder, made, "broken_off")
    deadline = time.monotonic() + 240
    while not made.with_suffix(".half").exists():
        assert writer.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert [path.suffix for path in own_cache.glob("tokens/*") if path.suffix != ".lock"] == [".part"]
    found: list[Encoded] = []
    reader = threading.Thread(target=lambda: found.append(read(data, tiny_encoder)), daemon=True)
    reader.start()
    reader.join(0.5)
    assert reader.is_alive(), "it waits for the writer"
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    reader.join(240)
    assert len(found[0].tokens) == found[0].offsets[-1] > 0
    assert [path.suffix for path in own_cache.glob("tokens/*") if path.suffix != ".lock"] == [".safetensors"]
    cache._encoded.cache_clear()
    again = read(data, tiny_encoder)
    assert np.array_equal(again.tokens, found[0].tokens)
    assert all(np.array_equal(values, found[0].fields[name]) for name, values in again.fields.items())


def test_a_reader_waits_for_no_lock_where_the_file_is_there(own_cache: Path, data: Path, tiny_encoder: Path) -> None:
    from filelock import FileLock

    before = read(data, tiny_encoder)
    (file,) = own_cache.glob("tokens/*.safetensors")
    cache._encoded.cache_clear()
    with FileLock(f"{file}.lock"):
        assert np.array_equal(read(data, tiny_encoder).tokens, before.tokens)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="the kernel does not say what is mapped")
def test_what_is_read_are_pages_of_the_file(own_cache: Path, data: Path, tiny_encoder: Path) -> None:
    found = read(data, tiny_encoder)
    (file,) = own_cache.glob("tokens/*.safetensors")
    spans = [
        line.split()[0].split("-") for line in Path("/proc/self/maps").read_text().splitlines() if str(file) in line
    ]
    for array in (found.tokens, found.offsets, *found.fields.values()):
        address = array.__array_interface__["data"][0]
        assert any(int(low, 16) <= address < int(high, 16) for low, high in spans)
