"""Every split is generated once for all tests of the generated data sets."""

from collections.abc import Iterator

import pytest

from stilts_ray.mini import build
from tests.mini.generated import rows_of


@pytest.fixture(scope="package", autouse=True)
def generated_once() -> Iterator[None]:
    """What `build` writes are the rows that the tests read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "rows", rows_of)
        yield
