"""Every split is generated once for all tests of the generated data sets."""

import pytest

from stilts_ray.mini import build
from tests.mini.generated import rows_of


@pytest.fixture(autouse=True)
def generated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `build` writes are the rows that the tests read. Of each test, not of the folder: such a fixture would still be in
    force in tests of other folders that run between its own."""
    monkeypatch.setattr(build, "rows", rows_of)
