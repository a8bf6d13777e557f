"""What HTTP says of a kept decision: entity tags, freshness, where it came from; and many at once."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import re
from urllib.parse import urlsplit

import orjson
import pytest
import requests

from passport_service.openapi import EXAMPLE

from .patience import PATIENCE
from .servers import serving
from .shipped import NOW, SHIPPED

DECISIONS = "/v1/decisions"
BATCH = "/v1/decisions/batch"
DATED = EXAMPLE | {"as_of": "2026-12-01"}
NDJSON = {"Content-Type": "application/x-ndjson"}


def ask(server, body=DATED, **more):
    return requests.request(more.pop("method", "POST"), server + more.pop("path", DECISIONS), json=body, timeout=PATIENCE, **more)


@pytest.fixture(scope="module")
def alone():
    """The service with one worker, so that what one request left another finds."""
    with serving(PASSPORT_WORKERS="1") as (_, address):
        yield address


def test_the_second_asking_is_a_hit_with_the_same_bytes_and_headers(alone):
    body = DATED | {"as_of": "2026-12-02"}
    first, second = ask(alone, body), ask(alone, body)
    assert first.headers["Cache-Status"].startswith("passport; fwd=miss") and second.headers["Cache-Status"] == "passport; hit; detail=memory"
    assert first.content == second.content
    varies = {"Cache-Status", "Server-Timing", "X-Request-Id", "Date"}
    assert {name: value for name, value in first.headers.items() if name not in varies} == {
        name: value for name, value in second.headers.items() if name not in varies
    }
    assert first.headers["Content-Security-Policy"] and first.headers["X-Content-Type-Options"] == "nosniff"


def test_another_spelling_of_the_same_question_finds_the_same_answer(alone):
    ask(alone)
    spelt = json.dumps(dict(reversed(DATED.items())), indent=3)
    found = requests.post(alone + DECISIONS, data=spelt, headers={"Content-Type": "application/json; charset=utf-8"}, timeout=PATIENCE)
    assert found.headers["Cache-Status"] == "passport; hit; detail=memory" and found.content == ask(alone).content


@pytest.mark.parametrize("method", ["POST", "QUERY"])
def test_who_holds_the_answer_gets_no_second_copy(alone, method):
    etag = ask(alone, method=method).headers["ETag"]
    for tags in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        again = ask(alone, method=method, headers={"If-None-Match": tags})
        assert (again.status_code, again.content) == (304, b"") and again.headers["ETag"] == etag
    assert ask(alone, method=method, headers={"If-None-Match": '"other"'}).status_code == 200
    summary = ask(alone, method=method, path=DECISIONS + "?detail=summary", headers={"If-None-Match": etag})
    assert summary.status_code == 200 and summary.headers["ETag"] != etag


def test_a_decision_is_there_by_its_id_and_in_either_detail(alone):
    answer = ask(alone)
    found = requests.get(f"{alone}{DECISIONS}/{answer.json()['id']}", timeout=PATIENCE)
    assert found.content == answer.content and found.headers["ETag"] == answer.headers["ETag"]
    assert requests.get(found.url, headers={"If-None-Match": found.headers["ETag"]}, timeout=PATIENCE).status_code == 304
    summary = ask(alone, path=DECISIONS + "?detail=summary")
    assert requests.get(found.url + "?detail=summary", timeout=PATIENCE).content == summary.content


@pytest.mark.parametrize("id_", ["pd_" + "a" * 32, "pd_x", "nothing", "pd_" + "A" * 32, "%00"])
def test_a_decision_that_is_not_kept_says_to_ask_again(alone, id_):
    found = requests.get(f"{alone}{DECISIONS}/{id_}", timeout=PATIENCE)
    assert (found.status_code, found.json()["type"]) == (404, "/problems/not-kept")
    assert "POST" in found.json()["detail"] and "receipt" in found.json()["detail"]


def test_an_answer_says_how_long_it_may_be_reused_and_what_its_bytes_are(alone):
    found = ask(alone)
    assert re.fullmatch(r"private, max-age=([1-9]|[1-9]\d|[1-2]\d\d|300)", found.headers["Cache-Control"])
    digest = base64.b64encode(hashlib.sha256(found.content).digest()).decode()
    assert found.headers["Repr-Digest"] == f"sha-256=:{digest}:"
    assert found.headers["Vary"] == "Accept, Prefer"
    assert re.fullmatch(r"total;dur=\d+\.\d+", found.headers["Server-Timing"])


def test_an_answer_past_its_day_is_not_reused(alone):
    past = ask(alone, DATED | {"as_of": "2026-02-01"})
    assert past.json()["valid_until"] < "2026-11-22"
    assert past.headers["Cache-Control"] == "private, no-cache"
    assert ask(alone, DATED | {"as_of": "2026-02-01"}).headers["Cache-Status"] == "passport; fwd=miss"


def test_the_front_answers_nobody_whom_the_application_would_refuse(alone):
    ask(alone)
    body = json.dumps(DATED)
    for headers, status in (({"Content-Type": "text/plain"}, 415), ({"Content-Type": "application/json", "Accept": "text/html"}, 406)):
        assert requests.post(alone + DECISIONS, data=body, headers=headers, timeout=PATIENCE).status_code == status
    assert ask(alone, path=DECISIONS + "?detail=most").status_code == 400


def test_errors_are_never_kept(alone):
    for _ in range(2):
        found = ask(alone, {"host": "US", "clinet": {}})
        assert found.status_code == 422 and found.headers["Cache-Control"] == "no-store" and "Cache-Status" not in found.headers


# -- batches ----------------------------------------------------------------------------------------------------------


def test_a_batch_answers_each_line_in_its_place_with_the_bytes_of_a_single_answer(server):
    good, other = orjson.dumps(DATED), orjson.dumps({"host": "GB", "as_of": "2026-12-01"})
    lines = [
        good,
        b'{"host": "US", "clinet": {}}',
        other,
        b"{",
        b"",
        good,
        b"[]",
        b'{"host":"US","host":"GB"}',
        b"x" * 70_000,
        b'{"a":"\xff"}',
        other,
    ]
    found = requests.post(server + BATCH, data=b"\n".join(lines), headers=NDJSON, timeout=PATIENCE)
    assert found.status_code == 200 and found.headers["Content-Type"] == "application/x-ndjson"
    rows = found.content.split(b"\n")
    assert rows.pop() == b"" and len(rows) == 10  # a blank line asks nothing
    assert rows[0] == rows[4] == ask(server).content == SHIPPED.decide(DATED, NOW).bytes()
    assert rows[2] == rows[9] == SHIPPED.decide(orjson.loads(other), NOW).bytes()
    problems = [orjson.loads(rows[number]) for number in (1, 3, 5, 6, 7, 8)]
    assert [row["line"] for row in problems] == [2, 4, 7, 8, 9, 10]
    assert [row["type"].rpartition("/")[2] for row in problems] == [
        "invalid-proposal",
        "malformed",
        "invalid-proposal",
        "malformed",
        "too-large",
        "malformed",
    ]
    assert problems[0]["errors"][0]["did_you_mean"] == "client"


def test_lines_asked_a_moment_ago_are_answered_alike_in_their_places(alone):
    def answers(*lines, path=BATCH):
        return requests.post(alone + path, data=b"\n".join(lines), headers=NDJSON, timeout=PATIENCE).content.splitlines()

    known, other = orjson.dumps(EXAMPLE | {"as_of": "2026-12-03"}), orjson.dumps(EXAMPLE | {"as_of": "2026-12-04"})
    (first,) = answers(known)
    again = answers(known, b'{"host": 1}', other, known)
    assert [again[0], again[3]] == [first, first] and orjson.loads(again[2])["as_of"] == "2026-12-04"
    assert orjson.loads(again[1])["line"] == 2
    (summary,) = answers(known, path=f"{BATCH}?detail=summary")
    assert len(summary) < len(first) and answers(known) == [first]


def test_a_batch_may_be_in_summary(server):
    found = requests.post(server + BATCH + "?detail=summary", data=orjson.dumps(DATED), headers=NDJSON, timeout=PATIENCE)
    assert found.content == SHIPPED.decide(DATED, NOW).bytes("summary") + b"\n"


@pytest.mark.parametrize(("headers", "status"), [({"Content-Type": "application/json"}, 415), (NDJSON | {"Accept": "text/html"}, 406)])
def test_a_batch_of_another_type_is_refused(server, headers, status):
    assert requests.post(server + BATCH, data=b"{}\n", headers=headers, timeout=PATIENCE).status_code == status


def test_an_empty_batch_has_an_empty_answer(server):
    found = requests.post(server + BATCH, data=b"", headers=NDJSON, timeout=PATIENCE)
    assert (found.status_code, found.content) == (200, b"")


def test_answers_come_while_lines_are_still_being_sent(server):
    # `requests` reads nothing before it has sent everything, so this one speaks for itself. Gunicorn hands on what comes by the
    # kilobyte: the answer to a line comes with the next ones, not with the last.
    line = orjson.dumps(DATED) + b"\n"
    expected = SHIPPED.decide(DATED, NOW).bytes() + b"\n"
    connection = http.client.HTTPConnection(urlsplit(server).netloc, timeout=PATIENCE)
    connection.putrequest("POST", BATCH)
    connection.putheader("Content-Type", "application/x-ndjson")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    for _ in range(4):
        connection.send(f"{len(line):x}\r\n".encode() + line + b"\r\n")
    response = connection.getresponse()
    assert response.read(len(expected)) == expected  # and nobody has said yet that there are no more
    connection.send(f"{len(line):x}\r\n".encode() + line + b"\r\n0\r\n\r\n")
    assert response.read() == expected * 4
    connection.close()


def test_a_caller_who_sends_everything_before_reading_is_answered_too(alone):
    lines = (orjson.dumps(DATED) + b"\n" for _ in range(400))  # 400 answers are far more than any socket holds
    found = requests.post(alone + BATCH, data=lines, headers=NDJSON, timeout=PATIENCE)
    assert found.content == (SHIPPED.decide(DATED, NOW).bytes() + b"\n") * 400


def test_a_batch_beyond_the_limit_answers_what_it_read_and_says_so():
    with serving(PASSPORT_WORKERS="1", PASSPORT_MAX_BATCH="65536") as (_, address):
        line = orjson.dumps(DATED) + b"\n"
        found = requests.post(address + BATCH, data=line * 200, headers=NDJSON, timeout=PATIENCE).content.splitlines()
        assert len(found) < 200 and orjson.loads(found[-1])["type"] == "/problems/too-large"
        assert set(found[:-1]) <= {SHIPPED.decide(DATED, NOW).bytes()}


def test_a_caller_who_goes_away_leaves_the_service_well(alone):
    with requests.post(alone + BATCH, data=(orjson.dumps(DATED) + b"\n") * 200, headers=NDJSON, timeout=PATIENCE, stream=True) as found:
        next(found.iter_content(1000))
    assert ask(alone).status_code == 200


def memory(pid: int) -> int:
    """Resident bytes of a process."""
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * 4096


def test_twenty_thousand_lines_stream_in_constant_memory_with_a_bad_one_among_them():
    # Summaries of many different proposals and a memory cache of nothing: what is left is what the batch itself holds.
    with serving(PASSPORT_WORKERS="1", PASSPORT_MEMORY_CACHE="0") as (process, address):
        with open(f"/proc/{process.pid}/task/{process.pid}/children") as file:
            worker = int(file.read().split()[0])
        line, bad = b'{"host":"FR","as_of":"2026-12-01","client":{"kind":"bank","location":"%s"}}\n', b"what?\n"

        def lines():
            for number in range(20_000):
                yield bad if number == 10_000 else line % (b"DE", b"US", b"GB", b"JP")[number % 4 : number % 4 + 1][0]

        def run(count):
            peak, seen, wrong = 0, 0, []
            with requests.post(address + BATCH, data=lines(), headers=NDJSON, timeout=PATIENCE, stream=True) as found:
                for number, row in enumerate(found.iter_lines(chunk_size=65536)):
                    seen += 1
                    if b'"problem' in row or b'"/problems' in row:
                        wrong.append(number)
                    if number % 500 == 0:
                        peak = max(peak, memory(worker))
            assert (seen, wrong) == (count, [10_000])
            return peak

        first, second = run(20_000), run(20_000)
        print(f"peak {first / 2**20:.0f} MiB, then {second / 2**20:.0f} MiB")
        assert second - first < 8 * 2**20
