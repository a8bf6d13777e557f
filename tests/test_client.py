"""The client against a real gunicorn, and against servers that refuse, break off and babble."""

from __future__ import annotations

import datetime as dt
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from passport_service.access import new_key
from passport_service.client import Client, Decision, RefusedError, UnreachableError, UnreadableError, with_facts
from passport_service.openapi import EXAMPLE

from .patience import PATIENCE, until
from .servers import free_port, serving
from .shipped import NOW, SHIPPED

DATED = EXAMPLE | {"as_of": "2026-12-01"}


@pytest.fixture
def client(server):
    with Client(server) as found:
        yield found


# -- against the service ----------------------------------------------------------------------------------------------


def test_a_decision_is_the_one_that_the_service_gives(client):
    decision = client.decide(DATED)
    assert decision.body == SHIPPED.decide(DATED, NOW).body
    assert (decision.status, decision.routes) == ("checks_required", ["US-R03"])
    assert decision.checks and decision.missing and decision.summary and decision.id.startswith("pd_")
    assert "why" not in client.decide(DATED, "summary").checks[0]


def test_a_decision_is_neither_true_nor_false(client):
    with pytest.raises(TypeError, match="compare its status"):
        bool(client.decide(DATED))


def test_a_decision_lapses_on_the_day_that_it_names():
    decision = Decision({"valid_until": "2027-01-18"})
    assert [decision.lapsed(dt.date(2027, 1, day)) for day in (17, 18, 19)] == [False, True, True]
    assert not Decision({"valid_until": None}).lapsed(dt.date(2999, 1, 1))


def test_what_is_wrong_with_a_proposal_is_told_with_its_pointer(client):
    with pytest.raises(RefusedError) as found:
        client.decide({"host": "US", "clinet": {}})
    error = found.value
    assert (error.status, error.name, error.line) == (422, "invalid-proposal", None)
    assert [(problem.pointer, problem.did_you_mean) for problem in error.problems] == [("/clinet", "client")]
    assert error.request_id and "/clinet: unknown field" in str(error)


def test_a_batch_answers_each_proposal_in_its_place(client):
    proposals = ({"host": "US"} if number % 3 else {"host": "UK"} for number in range(200))
    found = list(client.decide_all(proposals, "summary", together=64))
    assert len(found) == 200
    for number, answer in enumerate(found):
        if number % 3:
            assert isinstance(answer, Decision) and answer.status == "undetermined"
        else:
            assert isinstance(answer, RefusedError) and (answer.status, answer.line) == (422, number + 1)


def test_a_batch_reads_no_more_proposals_than_it_sends_and_may_be_left(client):
    read = []

    def proposals():
        while True:  # without end
            read.append(1)
            yield {"host": "GB"}

    answers = client.decide_all(proposals(), "summary", together=10)
    assert next(answers).status == "undetermined" and len(read) == 10
    answers.close()
    assert client.decide({"host": "GB"}).status == "undetermined"


def test_an_empty_batch_asks_nothing(client):
    assert list(client.decide_all([])) == []


def test_several_laws_are_compared_side_by_side(client):
    found = client.compare(DATED, [{"scenario": "reciprocity"}, {"as_of": "2027-10-11"}])
    assert len(found["columns"]) == 3


def test_other_resources_are_read_by_their_path(client):
    assert client.get("/v1/facts")["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    with pytest.raises(RefusedError) as found:
        client.get("/v1/requirements/US-XX-99")
    assert (found.value.status, found.value.name) == (404, "not-found")


def test_an_answer_that_is_no_longer_kept_is_refused_in_words(client):
    with pytest.raises(RefusedError) as found:
        client.decision("pd_x?y=1#z")
    assert (found.value.status, found.value.name) == (404, "not-kept")


def test_threads_share_a_client(client):
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(client.decide(DATED).id)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert answers == [answers[0]] * 8


def test_the_key_goes_with_every_request_and_only_a_good_one_is_answered(tmp_path):
    key, kept = new_key("desk", ["decide"])
    (tmp_path / "keys").write_text(kept.line() + "\n")
    with serving(PASSPORT_API_KEYS_FILE=str(tmp_path / "keys")) as (_, address):
        with Client(address, key) as client:
            assert client.decide(DATED).status == "checks_required"
            assert [answer.status for answer in client.decide_all([DATED] * 3)] == ["checks_required"] * 3
            with pytest.raises(RefusedError) as found:
                client.get("/v1/facts")
            assert (found.value.status, found.value.name) == (403, "forbidden")
        with Client(address) as client, pytest.raises(RefusedError) as found:
            client.decide(DATED)
        assert (found.value.status, found.value.name) == (401, "unauthorized")


def test_a_batch_goes_on_when_its_worker_is_killed(tmp_path):
    # Killing a worker breaks the connection in the middle; a new one takes the rest.
    with serving(PASSPORT_WORKERS="1") as (process, address), Client(address) as client:
        found = []
        for answer in client.decide_all((DATED | {"as_of": f"2026-12-{1 + number % 28:02}"} for number in range(300)), "full"):
            found.append(answer.body["as_of"])
            if len(found) in (70, 150):
                for worker in _children(process.pid):
                    os.kill(worker, signal.SIGKILL)
    assert found == [f"2026-12-{1 + number % 28:02}" for number in range(300)]


def _children(pid: int) -> list[int]:
    return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


# -- against servers that refuse and break ---------------------------------------------------------------------------------

GOOD = json.dumps({"id": "pd_x", "status": "clear", "valid_until": None}).encode()


@contextmanager
def speaking(*answers):
    """A server that gives these answers in turn. Shapes: (address, seen); each answer (status, headers, body), or None to hang up."""
    left, seen = list(answers), []

    class Speaker(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append((time.monotonic(), body, dict(self.headers)))
            answer = left.pop(0)
            if answer is None:
                self.close_connection = True
                return
            status, headers, content = answer
            (self.send_response_only if "Date" in headers else self.send_response)(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
            # What was promised and does not come: the connection ends, so that nobody has to wait for a time-out.
            self.close_connection |= int(headers.get("Content-Length", 0)) > len(content)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Speaker) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", seen
        finally:
            server.shutdown()
            thread.join(PATIENCE)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_refusal_for_now_is_asked_again(status):
    with speaking((status, {}, b"{}"), (200, {}, GOOD)) as (address, seen), Client(address) as client:
        assert client.decide({}).status == "clear"
    assert len(seen) == 2 and seen[0][1] == seen[1][1]


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 413, 422, 500])
def test_any_other_refusal_is_final(status):
    with speaking((status, {"Location": "/elsewhere"}, b"{}")) as (address, seen), Client(address) as client, pytest.raises(RefusedError) as found:
        client.decide({})
    assert found.value.status == status and len(seen) == 1


def test_the_wait_that_the_service_asks_for_is_kept():
    date = {"Date": "Mon, 23 Nov 2026 12:00:00 GMT", "Retry-After": "Mon, 23 Nov 2026 12:00:01 GMT"}
    with (
        speaking((429, {"Retry-After": "1"}, b"{}"), (503, date, b"{}"), (200, {}, GOOD)) as (address, seen),
        Client(address) as client,
    ):
        client.decide({})
    times = [when for when, _, _ in seen]
    assert all(later - earlier >= 1.0 for earlier, later in zip(times, times[1:], strict=False))


def test_a_wait_beyond_our_patience_is_not_begun():
    refused = []
    with speaking((429, {"Retry-After": "7200"}, b"{}")) as (address, seen), Client(address, patience=3600) as client:

        def ask():
            with pytest.raises(RefusedError) as found:
                client.decide({})
            refused.append(found.value.status)

        thread = threading.Thread(target=ask)
        thread.start()
        thread.join(PATIENCE)  # less than either of them
    assert refused == [429] and len(seen) == 1


def test_tries_come_to_an_end():
    with speaking(*[(503, {}, b"{}")] * 3) as (address, seen), Client(address, tries=3) as client, pytest.raises(RefusedError):
        client.decide({})
    assert len(seen) == 3


def test_a_connection_that_breaks_is_made_again():
    half = (200, {"Content-Length": str(len(GOOD) + 5)}, GOOD)
    with speaking(None, half, (200, {}, GOOD)) as (address, seen), Client(address) as client:
        assert client.decide({}).status == "clear"
    assert len(seen) == 3


def test_nobody_there_is_said():
    with Client(f"http://127.0.0.1:{free_port()}", tries=2) as client, pytest.raises(UnreachableError, match="no answer from 127.0.0.1"):
        client.decide({})


@pytest.mark.parametrize("page", [b"<html>sign in</html>", b"[]", b"", b'{"id":'])
def test_a_page_that_is_no_answer_is_never_taken_for_one(page):
    with speaking((200, {}, page)) as (address, _), Client(address) as client, pytest.raises(UnreadableError):
        client.decide({})


def test_a_refusal_by_something_in_between_is_told_with_its_status():
    with speaking((403, {}, b"<html>no</html>")) as (address, _), Client(address) as client, pytest.raises(RefusedError, match="403 Forbidden"):
        client.decide({})


def test_a_batch_is_taken_up_behind_the_last_whole_answer():
    row = GOOD + b"\n"
    broken = (200, {"Content-Length": "5000"}, row * 2 + b'{"id": "pd_')
    with speaking(broken, (429, {}, b"{}"), (200, {}, row * 3)) as (address, seen), Client(address) as client:
        found = list(client.decide_all({"number": number} for number in range(5)))
    assert [answer.status for answer in found] == ["clear"] * 5
    assert [[json.loads(line)["number"] for line in body.splitlines()] for _, body, _ in seen] == [[0, 1, 2, 3, 4], [2, 3, 4], [2, 3, 4]]


def waits(thread):
    """Whether a thread waits for an event."""
    frame = sys._current_frames().get(thread.ident)
    return frame is not None and frame.f_code.co_name == "wait" and frame.f_code.co_filename == threading.__file__


def test_closing_a_client_ends_its_waiting():
    with speaking((503, {"Retry-After": "3600"}, b"{}")) as (address, seen):
        client, ended = Client(address, patience=7200), []

        def ask():
            with pytest.raises(RefusedError):
                client.decide({})
            ended.append(True)

        thread = threading.Thread(target=ask)
        thread.start()
        until(lambda: seen and waits(thread))
        client.close()
        thread.join(PATIENCE)
    assert ended


# -- what is refused before anything is sent ------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["passport.example", "ftp://x", "https://", "https://user:word@x", "https://x/?y=1"])
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(ValueError, match="is no address"):
        Client(address)


def test_a_key_does_not_travel_unencrypted_unawares():
    with pytest.raises(ValueError, match="unencrypted"):
        Client("http://passport.example", "pk_x")
    for address in ("http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1", "https://passport.example"):
        Client(address, "pk_x").close()
    Client("http://passport.example", "pk_x", key_in_clear=True).close()


def test_facts_are_added_by_their_names_and_the_proposal_stays_as_it_is():
    proposal = {"host": "US", "client": {"kind": "bank"}}
    assert with_facts(proposal, {"client.location": "US", "staff.in_host": "none"}) == {
        "host": "US",
        "client": {"kind": "bank", "location": "US"},
        "staff": {"in_host": "none"},
    }
    assert proposal == {"host": "US", "client": {"kind": "bank"}}


def test_importing_the_client_loads_neither_the_framework_nor_the_law():
    code = "import sys, passport_service.client; print([name for name in sys.modules if name.partition('.')[0] in " + (
        "('flask', 'werkzeug', 'marshmallow', 'orjson', 'yaml', 'redis')] + [name for name in sys.modules if name.startswith('passport_service.')])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert found == "['passport_service.errors', 'passport_service.client']"
