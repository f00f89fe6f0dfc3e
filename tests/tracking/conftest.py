"""One database serves all tests; each has its own experiment."""

import zlib

import pytest

from stilts_ray import tracking
from stilts_ray.plan.build import Plan
from stilts_ray.store.store import Store
from tests.report import fakes


@pytest.fixture(scope="session")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database of its own, in a folder whose name has characters that URIs escape."""
    store = Store(str(tmp_path_factory.mktemp("my runs #1")))
    return tracking.default_uri(store)


@pytest.fixture
def plan(request: pytest.FixtureRequest) -> Plan:
    return fakes.small(name=f"sweep-{zlib.crc32(request.node.name.encode())}")
