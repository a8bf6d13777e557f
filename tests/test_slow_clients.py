"""Clients that hold on: others are answered all the same."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
import requests

from passport_service.openapi import EXAMPLE

from .servers import serving, until


@pytest.fixture(scope="module")
def alone():
    with serving(PASSPORT_WORKERS="1") as (_, address):
        yield address


def connections(address, count, said=b""):
    """Open connections on which so much has been said."""
    stack = ExitStack()
    place = urlsplit(address)
    for _ in range(count):
        made = stack.enter_context(socket.create_connection((place.hostname, place.port)))
        if said:
            made.sendall(said)
    return stack


def answered(address):
    return requests.post(f"{address}/v1/decisions", json=EXAMPLE, timeout=60).status_code == 200


def test_connections_that_say_nothing_hold_nobody_up(alone):
    with connections(alone, 50):
        time.sleep(0.2)
        began = time.monotonic()
        assert answered(alone)
        assert time.monotonic() - began < 30  # gunicorn alone waits five seconds for each of them, four at a time


@pytest.mark.parametrize(
    "said",
    [
        b"POST /v1/decisions HTTP/1.1\r\nHost: x\r\n",
        b"POST /v1/decisions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
    ],
)
def test_heads_and_bodies_that_never_end_are_ended(alone, said):
    with connections(alone, 2, said) as stack:
        assert stack is not None
        until(lambda: answered(alone), 90)


def test_two_requests_in_one_are_not_smuggled(alone):
    place = urlsplit(alone)
    for head in (
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Content-Length: +5\r\n",
    ):
        with socket.create_connection((place.hostname, place.port), timeout=15) as made:
            made.sendall(b"POST /v1/decisions HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n0\r\n\r\nGET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            found = made.recv(65536)
        assert found.split(b" ")[1] in (b"400", b"501"), (head, found)
        assert b"ok" not in found.rpartition(b"\r\n\r\n")[2]


def test_heads_beyond_bounds_are_refused(alone):
    for headers in ({"X-Long": "x" * 9000}, {f"X-{number}": "1" for number in range(80)}):
        assert requests.get(f"{alone}/livez", headers=headers, timeout=30).status_code in (400, 431)
    assert requests.get(f"{alone}/livez?{'x' * 5000}", timeout=30).status_code in (400, 414)
