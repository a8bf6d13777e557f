"""Other law while the service runs: taken when it is whole, refused loudly when it is not, and no request lost."""

from __future__ import annotations

import shutil
import signal

import orjson
import pytest
import requests

from passport_service.openapi import EXAMPLE

from .load import Load
from .servers import serving, until
from .shipped import CONFIG

DATED = EXAMPLE | {"as_of": "2026-12-01"}
FILE = "rulebooks/us/requirements_crime.yaml"


@pytest.fixture
def law(tmp_path):
    """A copy of the law that a test may change."""
    shutil.copytree(CONFIG, tmp_path / "config")
    return tmp_path / "config"


def ready(address):
    return requests.get(f"{address}/readyz", timeout=10).json()


def amended(law):
    """Adds a sentence to one paraphrase."""
    before, says, after = (law / FILE).read_text().partition("says: >-\n")
    (law / FILE).write_text(before + says + after.replace(".\n", ", as amended.\n", 1))


def test_amended_law_is_taken_on_hangup_and_bad_law_is_refused_and_no_request_is_lost(law):
    with serving(law, PASSPORT_WATCH="0") as (process, address), Load(address, [(orjson.dumps(DATED), None)], pause=0.005) as load:
        before = ready(address)
        amended(law)
        process.send_signal(signal.SIGHUP)
        after = until(lambda: (found := ready(address))["rulebooks"]["US"] != before["rulebooks"]["US"] and found, 90)
        assert after["rulebooks"]["GB"] == before["rulebooks"]["GB"] and after["failed_reload"] is None

        (law / FILE).write_text((law / FILE).read_text().replace("applies_when:", "applies_wenn:", 1))
        process.send_signal(signal.SIGHUP)
        failed = until(lambda: (found := ready(address))["failed_reload"] and found, 90)
        assert failed["rulebooks"] == after["rulebooks"]
        assert failed["failed_reload"]["mistakes"] >= 1 and FILE in failed["failed_reload"]["first"][0]
        assert any("does not load" in line for line in process.said)
    assert load.wrong == [] and len(load.seconds) > 50


def test_law_whose_worked_cases_fail_is_refused(law):
    with serving(law, PASSPORT_WATCH="0", PASSPORT_WORKERS="1") as (process, address):
        before = ready(address)
        path = next((law / "rulebooks/us/cases").glob("exemptions.yaml"))
        path.write_text(path.read_text().replace("status: checks_required", "status: clear", 1))
        process.send_signal(signal.SIGHUP)
        failed = until(lambda: (found := ready(address))["failed_reload"] and found, 90)
        assert failed["rulebooks"] == before["rulebooks"] and "case " in failed["failed_reload"]["first"][0]


def test_a_changed_directory_is_noticed(law):
    with serving(law, PASSPORT_WATCH="1", PASSPORT_WORKERS="1") as (_, address):
        before = ready(address)["rulebooks"]["US"]
        amended(law)
        until(lambda: ready(address)["rulebooks"]["US"] != before, 90, "nobody noticed")
