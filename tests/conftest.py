"""A real server for the tests that meet users; what holds for every test; and a last line that says what did not run, and why."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections import Counter
from zoneinfo import ZoneInfo

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import HealthCheck, Phase, settings

from .servers import BINARY, Redis, serving

# No example is too slow: others may use the machine as well, and speed is measured elsewhere (`make bench`).
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# For `make mutate`: the same examples each time, and none made smaller, since nobody reads how a mutant fails.
settings.register_profile("mutants", settings.get_profile("patient"), derandomize=True, database=None, phases=[Phase.explicit, Phase.generate])
settings.load_profile("patient")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NO_CHROMIUM = os.environ.get("NO_BROWSER") or "no Chromium is installed"  # `make test` tries to install one, and says why it could not
ZONES = [ZoneInfo(name) for name in ("UTC", "America/New_York", "Europe/London")]  # a law date that is not stated is the host's today


def pytest_collection_modifyitems(items):
    """While mutants are tried, named examples come before generated ones: they take milliseconds, and mostly suffice."""
    if settings.get_current_profile_name() == "mutants":
        items.sort(key=lambda item: (hasattr(item.obj, "hypothesis"), item.nodeid))
    for item in items:
        if CHROMIUM is None and "tests/browser" in item.path.as_posix():
            item.add_marker(pytest.mark.skip(reason=NO_CHROMIUM))


def days():
    return [dt.datetime.now(zone).date() for zone in ZONES]


def pytest_runtest_protocol(item, nextitem):
    """A test that fails while a day ends is tried again: what it asked before midnight and what it asked after are two questions."""
    before = days()
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    if days() != before and any(report.failed for report in reports):
        item._initrequest()
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    """After all else that pytest says, so that nobody overlooks it."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(config, "workerinput"):
        return
    why = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in reporter.stats.get("skipped", []))
    if why:
        told = "; ".join(f"{count} because {reason}" for reason, count in why.items())
        reporter.write_line(f"!!! NOT RUN: {told} !!!", red=True, bold=True)


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
