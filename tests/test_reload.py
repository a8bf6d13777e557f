"""Other law while the service runs: taken when it is whole, refused loudly when it is not, and no request lost."""

from __future__ import annotations

import signal
from pathlib import Path

import orjson
import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from passport_service.openapi import EXAMPLE

from .load import Load
from .patience import PATIENCE, until
from .places import copy_of_the_law
from .servers import BINARY, EMBEDDED, free_port, serving, state_of, workers_of
from .small_law import PROPOSAL, RULEBOOK, write
from .small_law import amended as amended_law
from .test_full_disks import privately

DATED = EXAMPLE | {"as_of": "2026-12-01"}
FILE = "rulebooks/us/requirements_crime.yaml"


@pytest.fixture
def law(tmp_path):
    """A copy of the law that a test may change."""
    return copy_of_the_law(tmp_path / "config")


def ready(address):
    return requests.get(f"{address}/readyz", timeout=PATIENCE).json()


def amended(law):
    """Adds a sentence to one paraphrase."""
    before, says, after = (law / FILE).read_text().partition("says: >-\n")
    (law / FILE).write_text(before + says + after.replace(".\n", ", as amended.\n", 1))


def test_amended_law_is_taken_on_hangup_and_bad_law_is_refused_and_no_request_is_lost(law):
    with serving(law, PASSPORT_WATCH="0") as (process, address), Load(address, [(orjson.dumps(DATED), None)], pause=0.005) as load:
        before = ready(address)
        amended(law)
        process.send_signal(signal.SIGHUP)
        after = until(lambda: (found := ready(address))["rulebooks"]["US"] != before["rulebooks"]["US"] and found)
        assert after["rulebooks"]["GB"] == before["rulebooks"]["GB"] and after["failed_reload"] is None

        (law / FILE).write_text((law / FILE).read_text().replace("applies_when:", "applies_wenn:", 1))
        process.send_signal(signal.SIGHUP)
        failed = until(lambda: (found := ready(address))["failed_reload"] and found)
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
        failed = until(lambda: (found := ready(address))["failed_reload"] and found)
        assert failed["rulebooks"] == before["rulebooks"] and "case " in failed["failed_reload"]["first"][0]


def test_a_changed_directory_is_noticed(law):
    with serving(law, PASSPORT_WATCH="1", PASSPORT_WORKERS="1") as (_, address):
        before = ready(address)["rulebooks"]["US"]
        amended(law)
        until(lambda: ready(address)["rulebooks"]["US"] != before, "nobody noticed")


def test_law_that_comes_again_and_again_leaves_nothing_behind(tmp_path):
    """Neither files nor descriptors nor threads, and of memory nothing that adds up; with everything turned on that a process may keep."""
    law, other, temporary = write(tmp_path / "law"), write(tmp_path / "other", amended_law(route=True)), tmp_path / "temporary"
    temporary.mkdir()
    settings = {"TMPDIR": str(temporary), "PASSPORT_WATCH": "0", "PASSPORT_SHADOW": str(other), "PASSPORT_OTEL": "yes"}
    settings |= {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}", "PASSPORT_REDIS_URL": EMBEDDED if BINARY else ""}
    with serving(law, before=privately("mount -t tmpfs tmpfs /dev/shm"), **settings) as (process, address):

        def left():
            """(files, bytes, descriptors and threads of the master, descriptors of its workers), and MB that the master holds."""
            places = [temporary, Path(f"/proc/{process.pid}/root/dev/shm")]
            files = [path.lstat() for place in places for path in place.rglob("*")]
            resident, _, descriptors, threads = state_of(process.pid)
            return (len(files), sum(file.st_size for file in files), descriptors, threads), resident

        workers = until(lambda: len(found := workers_of(process.pid)) == 2 and found)
        seen = []
        for turn in range(9):
            assert requests.post(f"{address}/v1/decisions", json=PROPOSAL, timeout=PATIENCE).ok
            text = RULEBOOK.replace("The small host", f"The small host, edition {turn % 3}")
            (law / "rulebooks/us/rulebook.yaml").write_text(text)
            process.send_signal(signal.SIGHUP)
            workers = until(lambda before=workers: len(found := workers_of(process.pid)) == 2 and not set(found) & set(before) and found)
            until(lambda turn=turn: sum(numbers(address, "passport_reloads_total")) == turn + 1)
            seen.append(left())
        assert len({counted for counted, _ in seen[3:]}) == 1
        assert seen[-1][1] - seen[3][1] < 1
        # And what was counted by workers that have ended is still there.
        assert sum(numbers(address, "passport_decisions_total")) == 9


def numbers(address, name):
    text = requests.get(f"{address}/metrics", timeout=PATIENCE).text
    return [row.value for family in text_string_to_metric_families(text) for row in family.samples if row.name == name]
