"""What operators see: request lines and numbers, and that neither holds a fact, an identifier or a key."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import orjson
import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from passport_service.access import new_key
from passport_service.logs import Lines, request_log
from passport_service.openapi import EXAMPLE

from .patience import PATIENCE, until
from .places import copy_of_the_law
from .servers import serving

KEY, MADE = new_key("desk", ["admin"])
SECRET = "a-secret-of-at-least-thirty-two-characters"
TELLING = EXAMPLE | {
    "as_of": "2026-12-01",
    "registration": EXAMPLE["registration"] | {"number": "122702"},
    "client": EXAMPLE["client"] | {"total_assets": {"amount": "40404040", "currency": "USD"}},
}
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def watched(tmp_path):
    """A guarded service whose request lines go to a file. Shapes: (address, lines)."""
    with open(tmp_path / "out", "wb") as out, serving(stdout=out, PASSPORT_API_KEYS=MADE.line(), PASSPORT_SECRETS=SECRET) as (process, address):
        yield address, lambda: [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()], process


def ask(address, body=TELLING, path="/v1/decisions", **headers):
    return requests.post(address + path, json=body, headers={"Authorization": f"Bearer {KEY}", **headers}, timeout=PATIENCE)


def numbers(address) -> dict[tuple, float]:
    text = requests.get(f"{address}/metrics", headers={"Authorization": f"Bearer {KEY}"}, timeout=PATIENCE).text
    return {(row.name, *sorted(row.labels.items())): row.value for family in text_string_to_metric_families(text) for row in family.samples}


def test_each_request_leaves_one_line_that_says_what_an_operator_needs(watched):
    address, lines, _ = watched
    answers = [ask(address, traceparent=TRACE, **{"X-Request-Id": f"r-{number}"}) for number in range(4)]
    rows = until(lambda: len(found := [row for row in lines() if row["request_id"].startswith("r-")]) == 4 and found)
    assert {row["decision"] for row in rows} == {answers[0].json()["id"]}
    assert {(row["status"], row["path"], row["method"], row["caller"], row["decision_status"]) for row in rows} == {
        (200, "/v1/decisions", "POST", "desk", "checks_required")
    }
    assert {row["trace_id"] for row in rows} == {TRACE.split("-")[1]} and answers[0].headers["traceparent"] == TRACE
    assert all(row["ms"] > 0 and row["cache"] in ("miss", "hit-memory") for row in rows)


def test_neither_lines_nor_numbers_hold_facts_identifiers_or_keys(watched):
    address, lines, process = watched
    ask(address)
    ask(address, TELLING | {"client": {"kind": "a-strange-client-40404040"}})
    requests.get(f"{address}/v1/facts?secret=40404040", headers={"Authorization": f"Bearer {KEY}"}, timeout=PATIENCE)
    requests.post(
        f"{address}/v1/decisions",
        data=b"40404040" * 3,
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"},
        timeout=PATIENCE,
    )
    text = requests.get(f"{address}/metrics", headers={"Authorization": f"Bearer {KEY}"}, timeout=PATIENCE).text
    until(lambda: len(lines()) >= 5)
    said = json.dumps(lines()) + text + "".join(process.said)
    for secret in ("40404040", "122702", KEY, MADE.digest, SECRET, "insurance_company"):
        assert secret not in said


def test_a_firm_may_be_marked_in_lines_without_being_named(tmp_path):
    with (
        open(tmp_path / "out", "wb") as out,
        serving(stdout=out, PASSPORT_LOG_IDENTIFIERS="hashed", PASSPORT_SECRETS=SECRET, PASSPORT_WORKERS="1") as (
            _,
            address,
        ),
    ):
        ask(address)
        ask(address, TELLING | {"as_of": "2026-12-02"})
        ask(address, TELLING | {"registration": {"home": "GB", "number": "999999"}})
        found = [json.loads(line).get("registration") for line in (tmp_path / "out").read_text().splitlines()]
        marks = [mark for mark in found if mark]
        assert len(marks) == 3 and marks[0] == marks[1] != marks[2] and "122702" not in str(found)


def test_numbers_of_all_workers_are_told_together(watched):
    address, _, _ = watched
    before = numbers(address)
    for number in range(12):
        ask(address, TELLING | {"as_of": f"2026-12-{number + 1:02}"})
    ask(address, {"host": "US", "as_of": "2026-12-01"})
    ask(address, {"clinet": {}})
    after = numbers(address)

    def grew(name, **labels):
        key = (name, *sorted(labels.items()))
        return after.get(key, 0) - before.get(key, 0)

    assert grew("passport_decisions_total", host="US", status="checks_required") == 12
    assert grew("passport_decisions_total", host="US", status="undetermined") == 1
    assert grew("passport_missing_facts_total", fact="transaction.activities") == 1
    assert grew("passport_http_requests_total", path="/v1/decisions", method="POST", status="422") == 1
    assert grew("passport_request_seconds_count", stage="total") >= 14
    assert after[("passport_review_overdue", ("host", "US"))] >= 0
    assert any(key[0] == "passport_rulebook_info" for key in after)


def test_a_made_up_path_or_method_is_no_label_of_its_own(watched):
    address, _, _ = watched
    requests.request("BREW", f"{address}/tea/40404040", headers={"Authorization": f"Bearer {KEY}"}, timeout=PATIENCE)
    labels = {dict(key[1:]).get("path") for key in numbers(address)} | {dict(key[1:]).get("method") for key in numbers(address)}
    assert "BREW" not in labels and not any("tea" in str(label) for label in labels)


def test_a_line_that_cannot_be_written_whole_is_lost_and_counted_and_the_next_begins_anew():
    written, lost = [], []

    def write(line):
        if len(written) == 1:
            written.append(line[:2])  # the rest found no room
            return 2
        if len(written) == 2 and len(lost) == 1:
            raise BlockingIOError
        written.append(line)
        return len(line)

    lines = Lines(write, lambda: lost.append(1))
    for line in (b"first", b"second", b"third", b"fourth", b"fifth"):
        lines.msg(line)
    assert (b"".join(written), len(lost)) == (b"first\nse\nfourth\nfifth\n", 2)


def test_a_line_of_a_request_is_json():
    written = []
    request_log(lambda: None, lambda line: written.append(line) or len(line)).info("request", status=200)
    (line,) = written
    assert orjson.loads(line)["status"] == 200 and line.endswith(b"\n")


def test_a_shadow_rulebook_is_compared_and_never_returned(tmp_path):
    path = copy_of_the_law(tmp_path / "config") / "rulebooks/us/requirements_crime.yaml"
    before, id_, after = path.read_text().partition("- id: US-FC-02")
    path.write_text(before + id_ + re.sub("applies_when: .*", "applies_when: never", after, count=1))
    with serving(PASSPORT_WORKERS="1", PASSPORT_SHADOW=str(tmp_path / "config"), PASSPORT_LOG_LEVEL="info") as (process, address):
        answered = requests.post(f"{address}/v1/decisions", json=TELLING, timeout=PATIENCE)
        requests.post(f"{address}/v1/decisions", json={"host": "FR", "as_of": "2026-12-01"}, timeout=PATIENCE)
        until(lambda: shadowed(address) == {"different": 1.0, "same": 1.0, "failed": 0.0, "passed_over": 0.0})
        assert any(answered.json()["id"] in line and "US-FC-02" in line for line in process.said)
        with serving(PASSPORT_WORKERS="1") as (_, other):
            assert requests.post(f"{other}/v1/decisions", json=TELLING, timeout=PATIENCE).content == answered.content


def shadowed(address):
    """How comparisons came out, with how many of each."""
    families = text_string_to_metric_families(requests.get(f"{address}/metrics", timeout=PATIENCE).text)
    return {row.labels["result"]: row.value for family in families for row in family.samples if row.name == "passport_shadow_total"}


def test_a_service_without_keys_on_an_open_address_refuses_to_start():
    command = [sys.executable, "-m", "passport_service.cli", "serve"]
    refused = subprocess.run(command, env={**os.environ, "HOST": "0.0.0.0"}, capture_output=True, text=True, timeout=PATIENCE)
    assert refused.returncode == 1 and "PASSPORT_OPEN=yes" in refused.stderr
