"""Clients that hold on: others are answered all the same."""

from __future__ import annotations

import http.client
import json
import select
import socket
import time
from contextlib import ExitStack, closing, contextmanager, suppress
from urllib.parse import urlsplit

import pytest
import requests

from passport_service.openapi import EXAMPLE

from .load import Load
from .patience import A_MOMENT, PATIENCE, until
from .servers import serving, state_of, workers_of


@pytest.fixture(scope="module")
def alone():
    with serving(PASSPORT_WORKERS="1") as (_, address):
        yield address


@contextmanager
def connections(address, count, said=b""):
    """Open connections on which so much has been said."""
    place = urlsplit(address)
    with ExitStack() as stack:
        made = [stack.enter_context(socket.create_connection((place.hostname, place.port))) for _ in range(count)]
        for connection in made:
            connection.sendall(said)
        yield made


def is_open(connection):
    """Whether the other side has not closed."""
    connection.setblocking(False)
    try:
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


def read_to_the_end(connection):
    """Whatever comes, until the other side closes."""
    connection.settimeout(PATIENCE)
    with suppress(ConnectionError):
        while connection.recv(65536):
            pass


def answered(address):
    return requests.post(f"{address}/v1/decisions", json=EXAMPLE, timeout=PATIENCE).status_code == 200


def test_connections_that_say_nothing_hold_nobody_up(alone):
    """An answer comes while all of them are still there: nobody has waited for them to end."""

    def answered_meanwhile():
        with connections(alone, 50) as made:
            assert answered(alone)
            return all(is_open(connection) for connection in made)

    until(answered_meanwhile)


@pytest.mark.parametrize(
    "said",
    [
        b"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\n",
        b"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
    ],
)
def test_heads_and_bodies_that_never_end_are_ended(alone, said):
    with connections(alone, 2, said) as made:
        assert answered(alone)
        for connection in made:
            read_to_the_end(connection)


def request_named(name):
    body = b'{"host": "US"}'
    head = b"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-Request-Id: %s\r\nContent-Length: %d\r\n\r\n"
    return head % (name.encode(), len(body)) + body


def names(connection, count):
    """The requests that so many replies on one connection say they are to, in the order in which they come."""
    stream, found = connection.makefile("rb"), []
    for _ in range(count):
        assert stream.readline().startswith(b"HTTP/1.1 200")
        headers = http.client.parse_headers(stream)
        assert json.loads(stream.read(int(headers["Content-Length"])))["host"] == "US"
        found.append(headers["X-Request-Id"])
    return found


def test_each_of_many_kept_connections_gets_its_own_answers(alone):
    place = urlsplit(alone)
    with ExitStack() as stack:
        made = [stack.enter_context(socket.create_connection((place.hostname, place.port), timeout=PATIENCE)) for _ in range(12)]
        for turn in range(6):
            for number, connection in enumerate(made):
                connection.sendall(request_named(f"{number}-{turn}"))
            for number, connection in enumerate(made):
                assert names(connection, 1) == [f"{number}-{turn}"]
            time.sleep(A_MOMENT * (turn % 2))  # sometimes long enough for the lead to let go of them


def test_requests_sent_one_behind_the_other_are_answered_in_order(alone):
    place = urlsplit(alone)
    with socket.create_connection((place.hostname, place.port), timeout=PATIENCE) as made:
        made.sendall(b"".join(request_named(str(number)) for number in range(8)))
        assert names(made, 8) == [str(number) for number in range(8)]


def test_callers_who_ask_again_and_again_do_not_keep_a_new_one_waiting(alone):
    with Load(alone, [(b'{"host": "US"}', None)], callers=3) as load:
        until(lambda: len(load.seconds) > 50)
        for _ in range(20):
            assert requests.get(f"{alone}/livez", timeout=PATIENCE).ok  # each on a connection of its own
    assert load.wrong == []


def test_clients_who_do_not_read_their_answers_hold_nobody_up(alone):
    place = urlsplit(alone)
    with ExitStack() as stack:
        for _ in range(3):
            made = stack.enter_context(socket.socket())
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            made.connect((place.hostname, place.port))
            made.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200)
            assert select.select([made], [], [], PATIENCE)[0]  # an answer has begun to come, and nobody reads it
        assert answered(alone)


def test_kept_connections_are_shared_out_among_workers():
    with serving(PASSPORT_WORKERS="2") as (process, address), ExitStack() as stack:
        workers = until(lambda: len(found := workers_of(process.pid)) == 2 and found)
        before = [state_of(worker)[2] for worker in workers]
        place = urlsplit(address)

        def shared():
            """One more, and whether each worker has some: which one takes it is chance, and all of them going to one is none."""
            made = stack.enter_context(closing(http.client.HTTPConnection(place.hostname, place.port, timeout=PATIENCE)))
            made.request("GET", "/livez")
            assert made.getresponse().read()
            return min(state_of(worker)[2] - had for worker, had in zip(workers, before, strict=True)) >= 2

        until(shared, "one worker has nearly all of them")


def test_two_requests_in_one_are_not_smuggled(alone):
    place = urlsplit(alone)
    for head in (
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Content-Length: +5\r\n",
    ):
        with socket.create_connection((place.hostname, place.port), timeout=PATIENCE) as made:
            made.sendall(
                b"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n0\r\n\r\nGET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
            )
            found = made.recv(65536)
        assert found.split(b" ")[1] in (b"400", b"501"), (head, found)
        assert b"ok" not in found.rpartition(b"\r\n\r\n")[2]


def test_heads_beyond_bounds_are_refused(alone):
    for headers in ({"X-Long": "x" * 9000}, {f"X-{number}": "1" for number in range(80)}):
        assert requests.get(f"{alone}/livez", headers=headers, timeout=PATIENCE).status_code in (400, 431)
    assert requests.get(f"{alone}/livez?{'x' * 5000}", timeout=PATIENCE).status_code in (400, 414)
