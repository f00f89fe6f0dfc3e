from pathlib import Path

import pytest

from stilts_ray.data.hub import commits, encoder_folder
from stilts_ray.errors import RequestError


def test_a_folder_is_its_own_encoder_folder(tiny_encoder: Path) -> None:
    assert encoder_folder(str(tiny_encoder), None) == tiny_encoder


def test_an_encoder_out_of_reach_is_one_line() -> None:
    with pytest.raises(RequestError, match="encoder nobody/nothing: not a folder, and not to be had") as caught:
        encoder_folder("nobody/nothing", None)
    assert "\n" not in str(caught.value)


def test_a_commit_that_cannot_be_looked_up_is_one_line() -> None:
    with pytest.raises(RequestError, match="cannot look up the commit of nobody/nothing") as caught:
        commits(["nobody/nothing"], set())
    assert "\n" not in str(caught.value)
